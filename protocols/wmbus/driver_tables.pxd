# The tables that driver files are compiled to, as layouts run them.

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

cdef enum:
    # Blocks a layout reads from.
    BLOCK_PAYLOAD = 0
    BLOCK_MANUFACTURER = 1
    BLOCK_RECORD = 2
    BLOCK_FRAME = 3
    # What an item yields.
    OUT_LET = 0
    OUT_NUMBER = 1
    OUT_DATE = 2            # year, month, day
    OUT_DATETIME = 3        # year, month, day, hour, minute, second
    OUT_DATE_G = 4          # offset of data type G
    OUT_DATETIME_F = 5      # offset of data type F
    OUT_EPOCH = 6           # seconds since 2000-01-01
    OUT_MONTHS = 7          # a date's variable, months to add
    OUT_HOURS = 8           # an instant's variable, hours to add
    OUT_REAL = 9            # offset of an IEEE float
    OUT_TEXT = 10           # offset, length
    OUT_LABEL = 11          # a value with a name
    OUT_ALARM = 12          # a value whose bits are alarms
    # What an alarm rule looks at.
    ALARM_HEADER = 0
    ALARM_QUANTITY = 1
    ALARM_CODE = 2
    # The same table says which numbers stand for none.
    UNSET_HEADER = 3
    UNSET_QUANTITY = 4
    ANY = 0x100
    DAY_2000 = 10957

ctypedef struct Item:
    uint8_t kind
    uint8_t n_operands
    uint8_t unit
    uint8_t function
    uint8_t qualifier
    bint hidden
    int16_t variable        # where its raw value is kept, -1 for nowhere
    uint16_t name
    uint16_t quantity
    int16_t exponent
    int32_t when            # code that must not be zero
    int32_t valid           # code that tells a value from "no value"
    int32_t unset           # code that tells a placeholder, shown but flagged
    int32_t operands[6]
    int64_t num
    int64_t den
    uint32_t storage
    uint32_t tariff
    uint32_t subunit
    int32_t labels          # first of its labels or alarm bits
    int32_t n_labels

ctypedef struct Label:
    int64_t mask            # of an alarm: which bits; of a label: all
    int64_t value           # what they must be
    uint16_t name           # index into names, or the alarm's bit

ctypedef struct Tag:
    uint8_t first
    uint8_t last
    int32_t size            # code: bytes behind the tag
    int32_t items
    int32_t n_items

ctypedef struct Layout:
    uint8_t block
    uint8_t header_size
    uint8_t header[16]
    bint replaces
    int32_t when
    int32_t fits            # code: whether the block has one of its kind's sizes, NO_CODE if unknown
    int32_t items
    int32_t n_items
    int32_t start           # code: where the tag list starts, NO_CODE without one
    int32_t stop            # code of a tag that ends it, NO_CODE for none
    int32_t tags
    int32_t n_tags

ctypedef struct Alarm:
    uint8_t source
    uint8_t header_size
    uint8_t header[16]
    uint16_t quantity
    int32_t code
    int32_t labels
    int32_t n_labels

ctypedef struct Driver:
    int16_t medium          # device type to speak of instead, -1 to keep it
    int32_t layouts
    int32_t n_layouts
    int32_t alarms
    int32_t n_alarms
    int32_t seal_at         # offset in the payload, -1 without a seal
    int32_t seal_size
    int32_t seal_access     # offset of the access number for the vector
    int32_t seal_check      # code that must hold on the opened payload

ctypedef struct Match:
    uint32_t manufacturer   # 16 bits; ANY << 16 is never one
    uint16_t version
    uint16_t type
    uint8_t ci_first
    uint8_t ci_last
    int32_t driver
    int32_t next
