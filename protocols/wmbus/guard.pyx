"""Tells a frame without CRCs from a format B frame that one bit error has hit.

Both have a length that fits the L field, and both fail the CRC of format B. Where the CRC fails just as
one flipped bit would make it fail (one in 434 of sound frames without CRCs does by chance), the frame is read
both ways, and the reading whose structure ends exactly where the bytes end is taken.
"""

from libc.stdint cimport int16_t, int32_t, uint8_t, uint16_t
from libc.string cimport memcpy, memset

from protocols.wmbus.afl cimport read_afl
from protocols.wmbus.ell cimport is_ell, read_ell
from protocols.wmbus.layout cimport size_fits
from protocols.wmbus.link cimport crc16
from protocols.wmbus.nwl cimport read_nwl
from protocols.wmbus.prios cimport diehl_kind, turn_address
from protocols.wmbus.records cimport manufacturer_block, walks_clean
from protocols.wmbus.security cimport seal_of
from protocols.wmbus.structs cimport (
    APP_COMPACT,
    APP_RECORDS,
    FRAME_MAX,
    LINK_NONE,
    MODE_PRIOS,
    Tele,
)
from protocols.wmbus.tpl cimport read_tpl

cdef enum:
    B_FIRST = 126
    B_ONE_BLOCK = 128
    # The CRC's polynomial divides x**151 - 1: the register repeats after so many bits.
    PERIOD = 151
    NOT = -1
    OPAQUE = 0              # ends in bytes that nothing describes
    FITS = 1
    BLOCKS = 2              # a whole number of encrypted blocks, as announced
    SEALED = 3              # the seal itself proves where the telegram ends

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
            return size_fits(&t)
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
    cdef int32_t rest
    if t.app == APP_COMPACT or t.mode == 10:
        return SEALED
    if t.header and t.mode in (2, 3, 5, 7):
        t.n_diags = 0
        seal_of(t)
        if t.n_diags:
            return NOT
        rest = t.end - t.sealed_at - t.sealed
        if t.sealed and rest == 0:
            return BLOCKS
        if t.sealed:
            # Four bytes may be two CRCs that somebody left there.
            return FITS if rest > 4 and walks_clean(t.buf, t.end - rest, t.end) else OPAQUE
    if t.app == APP_RECORDS and walks_clean(t.buf, t.payload, t.end) and not ends_opaque(t):
        return FITS
    return size_fits(t)


cdef bint ends_opaque(Tele* t) noexcept nogil:
    """Whether the records give way to a block of the manufacturer's, which takes any length."""
    cdef int32_t at = manufacturer_block(t.buf, t.payload, t.end)
    if at < 0:
        return False
    t.mfct = at
    t.mfct_size = t.end - at
    return True


cdef bint is_damaged_b(const uint8_t* frame, int32_t size) noexcept nogil:
    """Whether a frame whose length fits but whose CRCs fail is format B with one bit flipped."""
    cdef uint8_t mended[B_ONE_BLOCK + 1]
    cdef int bit, how, best = NOT
    if size > B_ONE_BLOCK:
        if size < B_ONE_BLOCK + 3:
            return False
        return crc16(frame, B_FIRST) == stored(frame + B_FIRST) or (
            crc16(frame + B_ONE_BLOCK, size - B_ONE_BLOCK - 2) == stored(frame + size - 2)
        )
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
            best = how if how < SEALED else FITS
        mended[size - 1 - bit // 8] ^= 1 << (bit % 8)
        bit += PERIOD
    return not is_better(ending(frame, size), best)


cdef inline bint is_better(int plain, int mended) noexcept nogil:
    """Whether a frame reads better as one without CRCs than as a mended one of format B."""
    return plain > mended or plain == SEALED
