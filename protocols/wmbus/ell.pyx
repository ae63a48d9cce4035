"""Extended link layer I to V (EN 13757-4:2019, 12.2): addresses, access number, session, payload CRC."""

from libc.stdint cimport int32_t
from libc.string cimport memcpy

from protocols.wmbus.codes cimport E_LAYER_SHORT
from protocols.wmbus.link cimport crc16
from protocols.wmbus.structs cimport Tele, fail, le16

# Parts of the variable layer V that its ECL byte announces.
cdef enum:
    ECL_DELAY = 0x01
    ECL_LEVEL = 0x02
    ECL_ADDRESS = 0x04
    ECL_SESSION = 0x08


cdef bint is_ell(int ci) noexcept nogil:
    return 0x8C <= ci <= 0x8F or ci == 0x86


cdef inline bint has_room(Tele* t, int32_t at, int32_t size) noexcept nogil:
    if at + size <= t.end:
        return True
    fail(t, E_LAYER_SHORT, t.ell, t.end - at)
    return False


cdef int32_t read_ell(Tele* t, int32_t at) noexcept nogil:
    """Read the layer whose CI field is at ``at``; the offset of the next CI field, or -1.

    Of layer V it is taken that CC and ACC come first, then the byte that announces delay, level, address and
    session in this order: no public telegram shows it. What follows is only read from a known CI field on, and a
    session's CRC proves where it starts.
    """
    cdef int ci = t.buf[at]
    cdef bint address = ci == 0x8E or ci == 0x8F
    cdef bint session = ci == 0x8D or ci == 0x8F
    t.ell = <unsigned char>ci
    t.ell_at = at
    at += 1
    if not has_room(t, at, 2):
        return -1
    t.ell_cc = t.buf[at]
    t.ell_acc = t.buf[at + 1]
    at += 2
    if ci == 0x86:
        if not has_room(t, at, 1):
            return -1
        address = (t.buf[at] & ECL_ADDRESS) != 0
        session = (t.buf[at] & ECL_SESSION) != 0
        at += 1 + (2 if t.buf[at] & ECL_DELAY else 0) + (1 if t.buf[at] & ECL_LEVEL else 0)
    if address:
        if not has_room(t, at, 8):
            return -1
        # The partner's address, not the meter's own.
        memcpy(t.ell_address, t.buf + at, 8)
        t.has_ell_address = True
        at += 8
    if session:
        if not has_room(t, at, 6):
            return -1
        memcpy(t.ell_sn, t.buf + at, 4)
        t.ell_security = t.ell_sn[3] >> 5
        t.ell_crc = at + 4
        at += 6
    return at


cdef bint ell_crc_holds(Tele* t) noexcept nogil:
    """Whether the payload CRC (low byte first) agrees with what follows it."""
    cdef int32_t at = t.ell_crc
    return crc16(t.buf + at + 2, t.end - at - 2) == le16(t.buf + at)
