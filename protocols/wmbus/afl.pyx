"""Authentication and fragmentation layer (EN 13757-7:2018, 6; OMS volume 2, 6.3)."""

from libc.stdint cimport int32_t, uint8_t

from protocols.wmbus.codes cimport E_AFL_LENGTH, E_LAYER_SHORT
from protocols.wmbus.structs cimport Tele, fail, le16, le32

cdef enum:
    FC_MORE = 0x4000
    FC_CONTROL = 0x2000
    FC_LENGTH = 0x1000
    FC_COUNTER = 0x0800
    FC_MAC = 0x0400
    FC_KEY = 0x0200


cdef int mac_size(int mcl) noexcept nogil:
    """Bytes of the MAC for its kind in the message control field."""
    cdef int kind = mcl & 0x0F
    if kind == 3:
        return 2
    if kind == 4:
        return 4
    if kind == 5:
        return 8
    if kind == 6 or kind == 8:
        return 12
    if kind == 7:
        return 16
    return 0


cdef int32_t read_afl(Tele* t, int32_t at) noexcept nogil:
    """Read the layer whose CI field is at ``at``; the offset of the next CI field, or -1.

    The order behind the fragmentation control field is: message control, key information, counter,
    message length, MAC. A fragment that does not start a message carries only what its own control
    field announces.
    """
    cdef int32_t end
    t.afl = True
    t.afl_at = at
    if at + 4 > t.end:
        fail(t, E_LAYER_SHORT, 0x90, t.end - at)
        return -1
    end = at + 2 + t.buf[at + 1]
    t.afl_fc = le16(t.buf + at + 2)
    t.afl_fragment = <uint8_t>(t.afl_fc & 0xFF)
    t.afl_more = (t.afl_fc & FC_MORE) != 0
    at += 4
    if end > t.end or end < at:
        fail(t, E_AFL_LENGTH, t.buf[at - 3], t.end - at)
        return -1
    if t.afl_fc & FC_CONTROL and at < end:
        t.afl_mcl = t.buf[at]
        at += 1
    if t.afl_fc & FC_KEY and at + 2 <= end:
        t.afl_ki = le16(t.buf + at)
        at += 2
    if t.afl_fc & FC_COUNTER and at + 4 <= end:
        t.counter = le32(t.buf + at)
        t.has_counter = True
        at += 4
    if t.afl_fc & FC_LENGTH and at + 2 <= end:
        t.afl_length = le16(t.buf + at)
        at += 2
    if t.afl_fc & FC_MAC:
        t.afl_mac = at
        t.afl_mac_size = <uint8_t>(end - at)
        if mac_size(t.afl_mcl) and mac_size(t.afl_mcl) <= end - at:
            t.afl_mac_size = <uint8_t>mac_size(t.afl_mcl)
        if t.afl_mac_size > 16:
            t.afl_mac_size = 16
    t.afl_end = end
    return end
