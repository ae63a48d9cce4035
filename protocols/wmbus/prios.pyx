"""Diehl's PRIOS and "real data" telegrams: address order and the published shift register.

The register (32 bits, taps 1, 2, 11 and 31) is seeded with a key folded to 32 bits and with header
bytes. It hides content but keeps no secret: Diehl's default keys are public.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcpy

from protocols.wmbus.codes cimport D_WEAK_PROOF
from protocols.wmbus.records cimport walks_clean
from protocols.wmbus.structs cimport (
    BUFFER,
    MODE_PRIOS,
    MODE_REAL_DATA,
    SEC_DECRYPTED,
    Tele,
    diag,
    le32,
)

cdef enum:
    DME = 0x11A5
    EWT = 0x16F4
    HYD = 0x2324
    SAP = 0x4C30
    SPL = 0x4E0C
    HIDDEN = 15             # offset of the first hidden byte
    PROOF_BYTE = 0x4B
    CHECK_MASK = 0xEF

cdef tuple DEFAULT_KEYS = (bytes.fromhex("39BC8A10E66D83F8"), bytes.fromhex("51728910E66D83F8"))


cdef inline uint32_t be32(const uint8_t* p) noexcept nogil:
    return <uint32_t>p[0] << 24 | <uint32_t>p[1] << 16 | <uint32_t>p[2] << 8 | p[3]


cdef int diehl_kind(Tele* t) noexcept nogil:
    """MODE_PRIOS or MODE_REAL_DATA where a frame of Diehl's makers is one, else 0."""
    cdef int maker = t.dll[0] | t.dll[1] << 8
    cdef int ci
    if maker not in (DME, EWT, HYD, SAP, SPL) or t.size <= HIDDEN:
        return 0
    ci = t.buf[10]
    if t.c_field != 0x44 and t.c_field != 0x46:
        return 0
    if 0xA0 <= ci <= 0xA7 or (0xB1 <= ci <= 0xB3 and maker != SAP):
        return MODE_PRIOS
    if ci == 0x71 or (ci == 0x7A and t.buf[14] & 0x10):
        return MODE_REAL_DATA
    return 0


cdef void turn_address(Tele* t) noexcept nogil:
    """Their identification stands behind version and type (not SAP's, which spills over instead)."""
    if (t.dll[0] | t.dll[1] << 8) != SAP:
        memcpy(t.meter + 2, t.dll + 4, 4)


cdef bint open_prios(Tele* t, const uint8_t* key, int size, bint strict) noexcept nogil:
    """Uncover everything from byte 15 on.

    The only proof is one fixed byte, or a checksum of seven bits with clean records. One wrong key in
    256 passes the fixed byte, so ``strict`` also asks for a plausible index: below 100,000 m3 and not
    below the one of the last due date.
    """
    cdef uint8_t plain[BUFFER]
    cdef uint32_t state, new
    cdef uint8_t total = 0
    cdef int32_t i, _, n = t.end - HIDDEN
    if (size != 8 and size != 16) or n < 1:
        return False
    state = be32(key) ^ be32(key + 4) ^ be32(t.buf + 2) ^ be32(t.buf + 6) ^ be32(t.buf + 10)
    for i in range(n):
        for _ in range(8):
            new = (state >> 1 ^ state >> 2 ^ state >> 11 ^ state >> 31) & 1
            state = state << 1 | new
        plain[i] = t.buf[HIDDEN + i] ^ <uint8_t>(state & 0xFF)
        total = <uint8_t>(total + plain[i])
    if t.security_mode == MODE_PRIOS:
        if plain[0] != PROOF_BYTE or (strict and not plausible(plain, n)):
            return False
    elif (total & CHECK_MASK) != (t.buf[14] & CHECK_MASK) or not walks_clean(plain, 0, n):
        return False
    memcpy(t.buf + HIDDEN, plain, n)
    t.security = SEC_DECRYPTED
    diag(t, D_WEAK_PROOF, t.security_mode, 0)
    return True


cdef inline bint plausible(const uint8_t* plain, int32_t n) noexcept nogil:
    if n < 5 or le32(plain + 1) >= 100000000:
        return False
    return n < 9 or le32(plain + 5) <= le32(plain + 1)


cdef object default_keys(Tele* t):
    """The maker's published keys that fit this telegram, to be tried last."""
    if t.security_mode == MODE_PRIOS or t.security_mode == MODE_REAL_DATA:
        return DEFAULT_KEYS
    if t.security_mode == 5 and (t.dll[0] | t.dll[1] << 8) in (DME, EWT, HYD, SPL):
        return tuple([key + key for key in DEFAULT_KEYS])
    return ()
