"""Transport layer: short, long and no header, status, configuration field (EN 13757-7:2018, 7)."""

from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcpy

from protocols.wmbus.codes cimport D_UNKNOWN_CI, E_LAYER_SHORT
from protocols.wmbus.structs cimport (
    APP_ALARM,
    APP_COMPACT,
    APP_CONTROL,
    APP_ERROR,
    APP_FIXED,
    APP_FORMAT,
    APP_MANUFACTURER,
    APP_NONE,
    APP_RECORDS,
    LINK_WIRED,
    Tele,
    diag,
    fail,
    le16,
    le32,
)

cdef enum:
    NO_HEADER = 0
    SHORT_HEADER = 1
    LONG_HEADER = 2

# What each CI field announces: low nibble the header, high nibble the application.
cdef uint8_t CI_TABLE[256]


cdef void note(object codes, int header, int app):
    for code in codes:
        CI_TABLE[<int>code] = <uint8_t>(app << 4 | header)


note(range(256), NO_HEADER, APP_NONE)
note((0x50, 0x51, 0x52, 0x54, 0x66), NO_HEADER, APP_CONTROL)
note((0x53, 0x55, 0x5B, 0x5C, 0x5F, 0x60, 0x64, 0x68, 0x6C, 0x6D, 0x7C, 0x7E, 0x80, 0x8B), LONG_HEADER, APP_CONTROL)
note((0x5A, 0x61, 0x65, 0x67, 0x7D, 0x7F, 0x8A), SHORT_HEADER, APP_CONTROL)
note((0x69,), NO_HEADER, APP_FORMAT)
note((0x6A,), SHORT_HEADER, APP_FORMAT)
note((0x6B,), LONG_HEADER, APP_FORMAT)
note((0x6E,), SHORT_HEADER, APP_ERROR)
note((0x6F,), LONG_HEADER, APP_ERROR)
note((0x70,), NO_HEADER, APP_ERROR)
note((0x71,), NO_HEADER, APP_ALARM)
note((0x74,), SHORT_HEADER, APP_ALARM)
note((0x75,), LONG_HEADER, APP_ALARM)
note((0x72, 0x76), LONG_HEADER, APP_RECORDS)
note((0x7A,), SHORT_HEADER, APP_RECORDS)
note((0x78,), NO_HEADER, APP_RECORDS)
note((0x73,), LONG_HEADER, APP_COMPACT)
note((0x7B,), SHORT_HEADER, APP_COMPACT)
note((0x79,), NO_HEADER, APP_COMPACT)
note(range(0xA0, 0xB8), NO_HEADER, APP_MANUFACTURER)
note(range(0xB8, 0xC0), NO_HEADER, APP_CONTROL)
note(range(0xC0, 0xC8), NO_HEADER, APP_CONTROL)
note(range(0x82, 0x86), NO_HEADER, APP_CONTROL)


cdef int header_of(int ci, bint wired) noexcept nogil:
    if wired and (ci == 0x73 or ci == 0x77):
        return NO_HEADER
    return CI_TABLE[ci] & 0x0F


cdef int application_of(int ci, bint wired) noexcept nogil:
    if wired and (ci == 0x73 or ci == 0x77):
        return APP_FIXED
    return CI_TABLE[ci] >> 4


cdef void read_tpl(Tele* t, int32_t at) noexcept nogil:
    """Read the header whose CI field is at ``at`` and say where the application's bytes are."""
    cdef bint wired = t.link == LINK_WIRED
    t.ci = t.buf[at]
    t.tpl_at = at
    t.header = <uint8_t>header_of(t.ci, wired)
    t.app = <uint8_t>application_of(t.ci, wired)
    at += 1
    if t.app == APP_NONE:
        t.incomplete = True
        diag(t, D_UNKNOWN_CI, t.ci, 0)
    if t.header == LONG_HEADER:
        at = read_long(t, at)
    if at >= 0 and t.header != NO_HEADER:
        at = read_short(t, at)
    if at < 0:
        fail(t, E_LAYER_SHORT, t.ci, t.end - t.tpl_at)
        return
    t.payload = at
    t.sealed_at = at


cdef int32_t read_long(Tele* t, int32_t at) noexcept nogil:
    """The meter's address: identification first, then manufacturer (M), version and type."""
    cdef const uint8_t* p = t.buf + at
    cdef int i
    if at + 8 > t.end:
        return -1
    if t.ci == 0x76:
        # Mode 2: every multi-byte field comes with its most significant byte first.
        for i in range(4):
            t.meter[2 + i] = p[3 - i]
        t.meter[0] = p[5]
        t.meter[1] = p[4]
    else:
        memcpy(t.meter + 2, p, 4)
        memcpy(t.meter, p + 4, 2)
    memcpy(t.meter + 6, p + 6, 2)
    t.has_meter = True
    return at + 8


cdef int32_t read_short(Tele* t, int32_t at) noexcept nogil:
    if at + 4 > t.end:
        return -1
    t.acc = t.buf[at]
    t.sts = t.buf[at + 1]
    t.has_acc = t.has_sts = True
    t.cfg_at = at + 2
    t.cfg = le16(t.buf + at + 2)
    if t.ci == 0x76:
        t.cfg = <unsigned short>(t.buf[at + 2] << 8 | t.buf[at + 3])
    t.mode = (t.cfg >> 8) & 0x1F
    at += 4
    if t.mode == 7 or t.mode == 13:
        return read_extension(t, at, 1)
    if t.mode in (8, 9, 10):
        return read_extension(t, at, 2)
    return at


cdef int32_t read_extension(Tele* t, int32_t at, int size) noexcept nogil:
    """Configuration field extension; mode 10 carries its message counter behind it."""
    if at + size > t.end:
        return -1
    t.cfg_ext = t.buf[at] if size == 1 else le16(t.buf + at)
    t.kdf = (t.cfg_ext >> 4) & 3
    at += size
    if t.mode == 10:
        if at + 4 > t.end:
            return -1
        t.counter = le32(t.buf + at)
        t.has_counter = True
        at += 4
    return at
