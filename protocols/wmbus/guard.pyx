"""Tells a frame without CRCs from a format B frame that one bit error has hit.

Both have a length that fits the L field, and both fail the CRC of format B. Where the CRC fails just as
one flipped bit would make it fail (one in 434 of sound frames without CRCs does by chance), the frame is read
both ways. As a frame without CRCs it counts only where that reading ends exactly where the bytes end, says
nothing that a meter would not say, and where the mended frame of format B does not end as well.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t
from libc.string cimport memcpy, memset

from protocols.wmbus.afl cimport read_afl
from protocols.wmbus.ell cimport is_ell, read_ell
from protocols.wmbus.layout cimport size_fits
from protocols.wmbus.link cimport crc16
from protocols.wmbus.nwl cimport read_nwl
from protocols.wmbus.prios cimport diehl_kind, turn_address
from protocols.wmbus.records cimport interpret, manufacturer_block, read_data, read_header
from protocols.wmbus.security cimport seal_of
from protocols.wmbus.structs cimport (
    APP_COMPACT,
    APP_RECORDS,
    FLAG_INVALID,
    FLAG_MANUFACTURER,
    FLAG_UNKNOWN,
    FRAME_MAX,
    KIND_DATE,
    KIND_DATETIME,
    KIND_NUMBER,
    LINK_NONE,
    MODE_PRIOS,
    Rec,
    Tele,
)
from protocols.wmbus.tpl cimport read_tpl
from protocols.wmbus.values cimport read_value, unsigned_of

cdef enum:
    B_FIRST = 126
    B_ONE_BLOCK = 128
    # The CRC's polynomial divides x**151 - 1: the register repeats after so many bits.
    PERIOD = 151
    NOT = -1
    OPAQUE = 0              # ends in bytes that nothing describes, or in what no meter would say
    TAIL = 1                # a seal, as announced, and bytes behind it that nothing describes
    FITS = 2                # described to the last byte
    BLOCKS = 3              # a whole number of encrypted blocks, as announced
    SEALED = 4              # the seal itself proves where the telegram ends
    DIF_MANUFACTURER = 0x0F
    DIF_MORE = 0x1F
    DIF_FILLER = 0x2F
    CODING_REAL = 5
    LAST_YEAR = 2099

# Which bit from the end, as the CRC register shows its flip; -1 where no single bit does.
cdef int16_t POSITION[65536]


cdef void build_table() noexcept:
    cdef int i
    cdef uint16_t value = 1
    for i in range(65536):
        POSITION[i] = NOT
    for i in range(PERIOD):
        POSITION[value] = <int16_t>i
        value = <uint16_t>((value << 1) ^ (0x3D65 if value & 0x8000 else 0))


build_table()


cdef inline uint16_t stored(const uint8_t* p) noexcept nogil:
    return <uint16_t>(p[0] << 8 | p[1])


cdef int ending(const uint8_t* frame, int32_t size) noexcept nogil:
    """How well a frame without CRCs ends where its bytes end."""
    cdef Tele t
    cdef uint8_t buf[FRAME_MAX]
    cdef int32_t at = 10
    memset(&t, 0, sizeof(Tele))
    memcpy(buf, frame, size)
    t.buf = buf
    t.cap = FRAME_MAX
    t.size = t.end = size
    t.link = LINK_NONE
    t.c_field = buf[1]
    t.has_meter = True
    memcpy(t.dll, buf + 2, 8)
    memcpy(t.meter, t.dll, 8)
    if diehl_kind(&t):
        turn_address(&t)
        if diehl_kind(&t) == MODE_PRIOS:
            read_tpl(&t, 10)
            return size_ending(&t)
    while at < t.end:
        if is_ell(buf[at]):
            at = read_ell(&t, at)
            if at >= 0 and t.ell_crc:
                return SEALED
        elif buf[at] == 0x90 and not t.afl:
            at = read_afl(&t, at)
        elif buf[at] == 0x81 and not t.nwl:
            at = read_nwl(&t, at)
        else:
            break
        if at < 0:
            return NOT
    if at >= t.end:
        return NOT
    read_tpl(&t, at)
    if t.error:
        return NOT
    return payload_ending(&t)


cdef int payload_ending(Tele* t) noexcept nogil:
    if t.header and t.mode >= 16:
        return size_ending(t)
    if t.app == APP_COMPACT or t.mode == 10:
        return SEALED
    if t.header and t.mode in (2, 3, 5, 7):
        t.n_diags = 0
        seal_of(t)
        if t.n_diags:
            return NOT
        if t.sealed:
            return rest_ending(t, t.sealed_at + t.sealed)
    if t.app == APP_RECORDS and reads_well(t.buf, t.payload, t.end) and not ends_opaque(t):
        return FITS
    return size_ending(t)


cdef int size_ending(Tele* t) noexcept nogil:
    """What the meter's driver says of its block's size."""
    cdef int found = size_fits(t)
    return FITS if found > 0 else found


cdef int rest_ending(Tele* t, int32_t at) noexcept nogil:
    """How well what stands open behind a seal ends."""
    if at == t.end:
        return BLOCKS
    if t.buf[at] == DIF_MANUFACTURER or t.buf[at] == DIF_MORE:
        return FITS
    # Four bytes may be two CRCs that somebody left there.
    return FITS if t.end - at > 4 and reads_well(t.buf, at, t.end) else TAIL


cdef bint ends_opaque(Tele* t) noexcept nogil:
    """Whether the records give way to a block of the manufacturer's, which takes any length."""
    cdef int32_t at = manufacturer_block(t.buf, t.payload, t.end)
    if at < 0:
        return False
    t.mfct = at
    t.mfct_size = t.end - at
    return True


cdef bint reads_well(const uint8_t* buf, int32_t at, int32_t end) noexcept nogil:
    """Whether bytes are records and filler to the last one, with nothing among them that chance would write."""
    cdef Rec r
    cdef int n = 0
    while at < end:
        if buf[at] == DIF_FILLER:
            at += 1
            continue
        if buf[at] == DIF_MANUFACTURER or buf[at] == DIF_MORE:
            break
        at = read_header(buf, at, end, &r)
        if at >= 0:
            at = read_data(buf, at, end, &r)
        if at < 0:
            return False
        interpret(buf, &r)
        read_value(buf, &r)
        if not is_likely(buf, &r):
            return False
        n += 1
    return n > 0


cdef bint is_likely(const uint8_t* buf, const Rec* r) noexcept nogil:
    """Whether a meter would send such a record: known, and neither an odd date nor a number that fills its field."""
    cdef int64_t limit
    if r.flags & FLAG_UNKNOWN:
        return False
    if r.flags & FLAG_INVALID:
        return is_invalid_on_purpose(buf + r.data, r.size)
    if r.kind == KIND_DATE:
        return r.per == 0 and r.mantissa // 10000 <= LAST_YEAR
    if r.kind == KIND_DATETIME:
        return r.per == 0 and r.mantissa // 1000000 // 10000 <= LAST_YEAR
    if r.kind != KIND_NUMBER or r.size < 3 or r.mantissa == 0 or r.flags & FLAG_MANUFACTURER:
        return True
    if r.coding == CODING_REAL:
        # The exponent of a float between 1e-8 and 1e11.
        return 100 <= ((unsigned_of(buf + r.data, 4, False) >> 23) & 0xFF) <= 165
    limit = (<int64_t>1) << (8 * r.size - 3)
    return r.coding >= 9 or r.form or -limit <= r.mantissa < limit


cdef bint is_invalid_on_purpose(const uint8_t* data, int32_t size) noexcept nogil:
    """Whether the bytes of an invalid value are all alike, but for a top byte 80: chance writes others."""
    cdef int32_t i
    for i in range(1, size):
        if data[i] != data[0] and not (i == size - 1 and data[0] == 0 and data[i] == 0x80):
            return False
    return True


cdef bint is_damaged_b(const uint8_t* frame, int32_t size) noexcept nogil:
    """Whether a frame whose length fits but whose CRCs fail is format B with one bit flipped."""
    cdef uint8_t mended[B_ONE_BLOCK + 1]
    cdef uint16_t first, second
    cdef int bit, how, best = NOT
    if size > B_ONE_BLOCK:
        if size < B_ONE_BLOCK + 3:
            return False
        first = crc16(frame, B_FIRST) ^ stored(frame + B_FIRST)
        second = crc16(frame + B_ONE_BLOCK, size - B_ONE_BLOCK - 2) ^ stored(frame + size - 2)
        return (first == 0 and POSITION[second] >= 0) or (second == 0 and POSITION[first] >= 0)
    bit = POSITION[crc16(frame, size - 2) ^ stored(frame + size - 2)]
    if bit < 0:
        return False
    # Flips that lie a whole period apart look alike to the CRC: any of them may be the one.
    memcpy(mended, frame, size)
    while bit < 8 * size:
        mended[size - 1 - bit // 8] ^= 1 << (bit % 8)
        how = ending(mended, size - 2) if mended[0] == frame[0] else NOT
        # A seal proves nothing about the end of a frame that is not the one that came.
        if best < how:
            best = how if how < SEALED else TAIL
        mended[size - 1 - bit // 8] ^= 1 << (bit % 8)
        bit += PERIOD
    return not is_better(ending(frame, size), best)


cdef inline bint is_better(int plain, int mended) noexcept nogil:
    """Whether a frame reads better as one without CRCs than as a mended one of format B."""
    if plain == SEALED or mended == NOT:
        return plain > NOT
    return mended == OPAQUE and plain >= FITS or mended == TAIL and plain == BLOCKS
