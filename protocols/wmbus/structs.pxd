# The C structures every layer of the decoder shares. One ``Tele`` is one telegram being read: it
# points at a buffer that its caller owns and holds offsets into it, so that a layer never copies and
# no Python object exists until somebody asks for one.

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    MAX_RECORDS = 512
    MAX_DIAGS = 12
    MAX_QUALIFIERS = 6
    # Bytes a telegram's buffer holds: the longest link frame (format A: 256 data bytes) with room for
    # the full frame that a compact one expands to.
    BUFFER = 4096
    # Bytes of the longest frame of any form on the air.
    FRAME_MAX = 300

cdef enum LinkFormat:
    LINK_UNKNOWN = 0
    LINK_NONE = 1
    LINK_A = 2
    LINK_B = 3
    LINK_WIRED = 4

cdef enum AirForm:
    AIR_NONE = 0
    AIR_T1 = 1
    AIR_C1A = 2
    AIR_C1B = 3
    AIR_S1 = 4

cdef enum CrcState:
    CRC_ABSENT = 0
    CRC_OK = 1
    CRC_BAD = 2

# What stands behind the transport layer's CI field.
cdef enum Application:
    APP_NONE = 0            # nothing, or nothing that can be read
    APP_RECORDS = 1         # DIF/VIF records
    APP_COMPACT = 2         # compact frame: values without their DIF/VIF
    APP_FORMAT = 3          # format frame: DIF/VIF without values
    APP_MANUFACTURER = 4    # the manufacturer's own layout
    APP_CONTROL = 5         # commands, acknowledgements, wired control frames
    APP_FIXED = 6           # wired fixed data structure (CI 73/77)
    APP_ERROR = 7           # application error report
    APP_ALARM = 8           # alarm status

cdef enum SecurityState:
    SEC_NONE = 0
    SEC_DECRYPTED = 1
    SEC_KEY_MISSING = 2
    SEC_KEY_WRONG = 3
    SEC_UNSUPPORTED = 4

cdef enum Proof:
    PROOF_NONE = 0
    PROOF_2F2F = 1
    PROOF_CRC = 2
    PROOF_MAC = 3
    PROOF_TAG = 4

cdef enum FormatState:
    FORMAT_FULL = 0
    FORMAT_KNOWN = 1
    FORMAT_WAITING = 2

# Security modes that the transport layer's field does not name.
cdef enum:
    MODE_ELL = 100
    MODE_PRIOS = 101
    MODE_REAL_DATA = 102
    MODE_DRIVER = 103       # a seal that a driver file describes

# What the pipeline needs next.
cdef enum Step:
    STEP_FAILED = -1
    STEP_DONE = 0
    STEP_KEY_ELL = 1
    STEP_KEY_TPL = 2
    STEP_FORMAT = 3         # a compact frame wants the headers behind its signature

cdef enum Kind:
    KIND_NONE = 0           # no data, or data that must not become a value
    KIND_NUMBER = 1         # mantissa * 10**exponent
    KIND_DATE = 2           # mantissa yyyymmdd
    KIND_DATETIME = 3       # mantissa yyyymmddhhmmss
    KIND_TIME = 4           # mantissa hhmmss
    KIND_TEXT = 5           # Latin-1, stored reversed
    KIND_BYTES = 6          # shown as hexadecimal
    KIND_DIGITS = 7         # an identification: digits with their leading zeros
    KIND_BIG = 8            # an unsigned integer of 64 bits, in the mantissa's bits
    KIND_LABEL = 9          # mantissa is an index into layout's names

cdef enum RecordFlag:
    FLAG_INVALID = 1        # the standard's code for "no valid value"
    FLAG_MANUFACTURER = 2   # behind a manufacturer escape (VIF 7F/FF)
    FLAG_UNKNOWN = 4        # a VIF that no table names
    FLAG_SUMMER = 8         # date type F/I: summer-time bit
    FLAG_PLAIN = 16         # unit given as text (VIF 7C/FC)
    FLAG_SYNTHETIC = 32     # made by a driver's layout or a profile
    FLAG_RECURRING = 64     # a date with "every day/month/year" parts
    FLAG_UNSIGNED = 128     # data type C instead of B
    FLAG_TEXT_FORWARD = 256  # text in reading order
    FLAG_BIG_ENDIAN = 512   # data sent with the most significant byte first (wired, CI 76/77)
    FLAG_HIDDEN = 1024      # only there for fields and alarms, not shown as a record

cdef struct Rec:
    int32_t head            # offset of the DIF
    int32_t vif             # offset of the VIF
    int32_t data            # offset of the data
    int32_t size            # its length in bytes
    uint8_t dif
    uint8_t coding          # low nibble of the DIF
    uint8_t lvar            # length byte of variable-length data
    uint8_t function        # 0 instantaneous, 1 maximum, 2 minimum, 3 error state
    uint8_t unit            # index into tables.UNITS
    uint8_t per             # index into tables.PER
    uint8_t kind
    uint8_t form            # how the VIF says its data is to be read (tables.FORMS)
    uint8_t n_qualifiers
    uint8_t qualifiers[MAX_QUALIFIERS]  # indices into tables.QUALIFIERS
    int16_t exponent
    uint16_t name           # index into layout's names where a layout made the record, else 0
    uint16_t quantity       # index into tables.QUANTITIES
    uint16_t flags
    uint16_t subunit
    uint32_t tariff
    uint32_t at_time        # hhmmss of a record with its own instant
    int32_t at_date         # yyyymmdd of it, 0 if none
    uint64_t storage
    int64_t mantissa

cdef struct Diag:
    uint8_t code            # index into messages.DIAGNOSTICS
    int32_t a
    int32_t b

cdef struct Tele:
    # the caller's buffer: the frame without CRCs, later with its contents decrypted in place
    uint8_t* buf
    int32_t cap
    int32_t size
    int32_t received        # bytes that came in
    int32_t used            # bytes of the buffer in use, with what was expanded behind the frame

    # link layer
    uint8_t link
    uint8_t air             # over-the-air form it came in (AirForm), 0 if none
    uint8_t crc
    uint8_t c_field
    uint8_t wired_address
    uint16_t symbol_errors
    int32_t body            # offset of the first CI field
    int32_t end             # offset behind the last byte of the body
    int32_t extra           # bytes that came in behind the end the L field gives

    # addresses in link-layer order: M, M, id, id, id, id, version, type
    uint8_t dll[8]
    uint8_t meter[8]
    bint has_meter

    # extended link layer
    uint8_t ell             # its CI field, 0 if absent
    uint8_t ell_cc
    uint8_t ell_acc
    uint8_t ell_security
    uint8_t ell_sn[4]
    uint8_t ell_address[8]
    bint has_ell_address
    int32_t ell_at          # offset of its CI field
    int32_t ell_crc         # offset of the payload CRC, where the encrypted part starts; 0 if none

    # network layer
    uint8_t nwl
    int32_t nwl_at
    int32_t nwl_end

    # authentication and fragmentation layer
    bint afl
    bint afl_more
    uint8_t afl_fragment
    uint8_t afl_mcl
    uint8_t afl_mac_size
    uint16_t afl_fc
    uint16_t afl_ki
    uint16_t afl_length
    bint has_counter
    uint32_t counter        # message counter of the AFL or of mode 10
    int32_t afl_at
    int32_t afl_mac         # offset of the MAC
    int32_t afl_end

    # transport layer
    uint8_t ci
    uint8_t header          # 0 none, 1 short, 2 long
    uint8_t acc
    uint8_t sts
    uint8_t mode
    uint8_t kdf
    uint8_t tag_size
    bint has_acc
    bint has_sts
    uint16_t cfg
    uint16_t cfg_ext
    int32_t tpl_at          # offset of its CI field
    int32_t cfg_at
    int32_t payload         # offset of the first application byte
    int32_t sealed          # how many bytes from there on are encrypted
    int32_t sealed_at       # where they start

    # driver
    int32_t driver          # index into layout's drivers, -1 for none
    uint64_t alarms         # bits of the driver's alarm names

    # verdict
    uint8_t app
    uint8_t security        # SecurityState
    uint8_t security_mode   # 0-31 of the transport layer, or MODE_ELL, MODE_PRIOS, MODE_REAL_DATA
    uint8_t proof
    uint8_t format
    uint8_t step
    bint authentic          # a MAC or tag agreed
    bint incomplete         # a fragment of a message, or a compact frame of unknown format
    uint8_t error           # index into messages.ERRORS, 0 if none
    int32_t error_a
    int32_t error_b
    uint8_t n_diags
    Diag diags[MAX_DIAGS]

    # application layer
    Rec* recs
    int32_t n_recs
    int32_t max_recs
    int32_t walked          # offset where reading records stopped
    int32_t mfct            # offset of the manufacturer's block behind DIF 0F/1F
    int32_t mfct_size
    bint more_follows       # DIF 1F
    uint16_t signature      # compact and format frames
    uint16_t full_crc
    int32_t bare            # compact frame: its values; format frame: its headers
    int32_t bare_size


cdef inline void fail(Tele* t, int code, int a, int b) noexcept nogil:
    t.error = <uint8_t>code
    t.error_a = a
    t.error_b = b
    t.step = 255


cdef inline void diag(Tele* t, int code, int a, int b) noexcept nogil:
    if t.n_diags < MAX_DIAGS:
        t.diags[t.n_diags].code = <uint8_t>code
        t.diags[t.n_diags].a = a
        t.diags[t.n_diags].b = b
        t.n_diags += 1


cdef inline uint16_t le16(const uint8_t* p) noexcept nogil:
    return <uint16_t>(p[0] | (p[1] << 8))


cdef inline uint32_t le32(const uint8_t* p) noexcept nogil:
    return (<uint32_t>p[0]) | ((<uint32_t>p[1]) << 8) | ((<uint32_t>p[2]) << 16) | ((<uint32_t>p[3]) << 24)
