"""Over-the-air forms: 3-of-6 (mode T), NRZ (mode C), Manchester (mode S), from their sync word on.

EN 13757-4:2019, 6 to 8 and table 10. Symbols that no code word stands for are counted: a CRC alone would
let one telegram in 65,536 with invented bits pass.
"""

from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from protocols.wmbus.codes cimport E_LENGTH, E_SHORT, E_SYMBOLS
from protocols.wmbus.link cimport size_a
from protocols.wmbus.structs cimport AIR_C1A, AIR_C1B, AIR_NONE, AIR_S1, AIR_T1, CRC_BAD, Tele, fail

cdef enum:
    SYMBOL_ERROR = 0xFF

# Nibble of each 6-bit symbol; each has three ones.
cdef uint8_t NIBBLES[64]
cdef uint8_t[16] CODES
CODES[:] = [0x16, 0x0D, 0x0E, 0x0B, 0x1C, 0x19, 0x1A, 0x13, 0x2C, 0x25, 0x26, 0x23, 0x34, 0x31, 0x32, 0x29]


cdef void build_table() noexcept:
    cdef int i
    memset(NIBBLES, SYMBOL_ERROR, 64)
    for i in range(16):
        NIBBLES[CODES[i]] = <uint8_t>i


build_table()


cdef int air_form(const uint8_t* chips, int32_t size) noexcept nogil:
    """The form that a sync word announces, or AIR_NONE."""
    if size < 4 or chips[0] != 0x54:
        return AIR_NONE
    if chips[1] == 0x76 and chips[2] == 0x96:
        return AIR_S1
    if chips[1] != 0x3D:
        return AIR_NONE
    if chips[2] == 0x54 and chips[3] == 0xCD:
        return AIR_C1A
    if chips[2] == 0x54 and chips[3] == 0x3D:
        return AIR_C1B
    return AIR_T1


cdef inline int distance(const uint8_t* chips, uint32_t word) noexcept nogil:
    """In how many bits four bytes differ from a word."""
    cdef uint32_t other = <uint32_t>chips[0] << 24 | <uint32_t>chips[1] << 16 | <uint32_t>chips[2] << 8 | chips[3]
    cdef int n = 0
    other ^= word
    while other:
        other &= other - 1
        n += 1
    return n


cdef bint has_damaged_sync(const uint8_t* chips, int32_t size) noexcept nogil:
    """Whether a frame starts one bit beside a sync word of mode C: no frame of any other form does."""
    return size >= 4 and (distance(chips, <uint32_t>0x543D54CD) == 1 or distance(chips, <uint32_t>0x543D543D) == 1)


cdef inline int symbol(const uint8_t* chips, int32_t index) noexcept nogil:
    """The index-th group of six chips."""
    cdef int32_t bit = 6 * index
    cdef int32_t at = bit >> 3
    cdef int shift = 10 - (bit & 7)
    return ((chips[at] << 8 | (chips[at + 1] if shift < 8 else 0)) >> shift) & 0x3F


cdef int32_t from_3_of_6(const uint8_t* chips, int32_t size, uint8_t* out, int32_t n, int* errors) noexcept nogil:
    """Decode ``n`` bytes, or as many as there are; a bad symbol counts as an error and as nibble 0."""
    cdef int32_t i
    cdef uint8_t high, low
    if 12 * n > 8 * size:
        n = 8 * size // 12
    for i in range(n):
        high = NIBBLES[symbol(chips, 2 * i)]
        low = NIBBLES[symbol(chips, 2 * i + 1)]
        if high == SYMBOL_ERROR:
            errors[0] += 1
            high = 0
        if low == SYMBOL_ERROR:
            errors[0] += 1
            low = 0
        out[i] = <uint8_t>(high << 4 | low)
    return n


cdef int32_t from_manchester(const uint8_t* chips, int32_t size, uint8_t* out, int32_t n, int* errors) noexcept nogil:
    """Decode ``n`` bytes, or as many as there are: chips 01 are a one, 10 a zero, others an error."""
    cdef int32_t i
    cdef int bit, pair, word, byte
    if 2 * n > size:
        n = size // 2
    for i in range(n):
        word = chips[2 * i] << 8 | chips[2 * i + 1]
        byte = 0
        for bit in range(7, -1, -1):
            pair = (word >> (2 * bit)) & 3
            if pair == 1:
                byte |= 1 << bit
            elif pair != 2:
                errors[0] += 1
        out[i] = <uint8_t>byte
    return n


cdef int32_t from_air(Tele* t, const uint8_t* chips, int32_t size, int form, uint8_t* out, int32_t room) noexcept nogil:
    """The link frame (format A, or B for C1-B) behind a sync word; its size, or -1 with ``t.error``."""
    cdef int32_t whole, n
    cdef int errors = 0
    cdef uint8_t length
    t.air = <uint8_t>form
    t.crc = CRC_BAD
    if form == AIR_C1A or form == AIR_C1B:
        length = chips[4] if size > 4 else 0
        whole = size_a(length) if form == AIR_C1A else length + 1
        if length < 9 or size - 4 < whole or whole > room:
            fail(t, E_LENGTH, length, size - 4)
            return -1
        memcpy(out, chips + 4, whole)
        return whole
    if form == AIR_T1:
        n = from_3_of_6(chips + 2, size - 2, &length, 1, &errors)
    else:
        n = from_manchester(chips + 3, size - 3, &length, 1, &errors)
    if n < 1 or errors or length < 9:
        fail(t, E_SYMBOLS if errors else E_SHORT, errors if errors else (length if n else 0), 2)
        t.symbol_errors = <unsigned short>errors
        return -1
    whole = size_a(length)
    if form == AIR_T1:
        n = from_3_of_6(chips + 2, size - 2, out, whole, &errors)
    else:
        n = from_manchester(chips + 3, size - 3, out, whole, &errors)
    t.symbol_errors = <unsigned short>errors
    if n < whole:
        fail(t, E_LENGTH, length, n)
    elif errors:
        fail(t, E_SYMBOLS, errors, 2 * whole)
    else:
        return whole
    return -1
