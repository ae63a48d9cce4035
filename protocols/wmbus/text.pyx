"""Values as text: exact decimals, ISO 8601 dates, letters, digits.

Each function writes ASCII or UTF-8 at ``out`` and returns how many bytes it wrote.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memmove, memset

from protocols.wmbus.structs cimport (
    FLAG_BIG_ENDIAN,
    FLAG_TEXT_FORWARD,
    KIND_BIG,
    KIND_BYTES,
    KIND_DATE,
    KIND_DATETIME,
    KIND_DIGITS,
    KIND_NUMBER,
    KIND_TEXT,
    KIND_TIME,
    Rec,
)

cdef const char* HEX = b"0123456789ABCDEF"


cdef int write_unsigned(unsigned long long value, char* out) noexcept nogil:
    cdef char digits[20]
    cdef int n = 0, i
    while True:
        digits[n] = <char>(48 + value % 10)
        value = value // 10
        n += 1
        if value == 0:
            break
    for i in range(n):
        out[i] = digits[n - 1 - i]
    return n


cdef int write_decimal(int64_t mantissa, int exponent, char* out) noexcept nogil:
    """``mantissa * 10**exponent`` without an exponent; zeros behind the point show the resolution."""
    cdef int sign = 0, n, point
    cdef unsigned long long value = <unsigned long long>mantissa
    if mantissa < 0:
        out[0] = 45
        sign = 1
        value = -value
    n = write_unsigned(value, out + sign)
    if exponent >= 0:
        if value == 0:
            return sign + n
        memset(out + sign + n, 48, exponent)
        return sign + n + exponent
    point = n + exponent
    if point > 0:
        memmove(out + sign + point + 1, out + sign + point, -exponent)
        out[sign + point] = 46
        return sign + n + 1
    memmove(out + sign + 2 - point, out + sign, n)
    memset(out + sign, 48, 2 - point)
    out[sign + 1] = 46
    return sign + 2 - point + n


cdef inline void two(int value, char* out) noexcept nogil:
    out[0] = <char>(48 + value // 10)
    out[1] = <char>(48 + value % 10)


cdef int write_date(int code, char* out) noexcept nogil:
    """yyyymmdd as ISO 8601; a date of every year has two dashes for its year."""
    cdef int year = code // 10000, n = 0
    if year == 0:
        out[0] = 45
        n = 1
    else:
        two(year // 100, out)
        two(year % 100, out + 2)
        n = 4
    out[n] = 45
    two(code // 100 % 100, out + n + 1)
    out[n + 3] = 45
    two(code % 100, out + n + 4)
    return n + 6


cdef int write_clock(int code, char* out) noexcept nogil:
    two(code // 10000, out)
    out[2] = 58
    two(code // 100 % 100, out + 3)
    out[5] = 58
    two(code % 100, out + 6)
    return 8


cdef int write_instant(const Rec* r, char* out) noexcept nogil:
    cdef int n
    if r.kind == KIND_DATE:
        return write_date(<int>r.mantissa, out)
    if r.kind == KIND_TIME:
        return write_clock(<int>r.mantissa, out)
    n = write_date(<int>(r.mantissa // 1000000), out)
    out[n] = 84
    return n + 1 + write_clock(<int>(r.mantissa % 1000000), out + n + 1)


cdef int write_letters(const uint8_t* p, int size, bint forward, char* out) noexcept nogil:
    """Latin-1, sent last letter first, as UTF-8; NUL bytes are padding."""
    cdef int i, n = 0
    cdef uint8_t letter
    for i in range(size):
        letter = p[i] if forward else p[size - 1 - i]
        if letter == 0:
            continue
        if letter < 0x80:
            out[n] = <char>letter
            n += 1
        else:
            out[n] = <char>(0xC0 | (letter >> 6))
            out[n + 1] = <char>(0x80 | (letter & 0x3F))
            n += 2
    return n


cdef int write_digits(const uint8_t* p, int size, bint forward, char* out) noexcept nogil:
    cdef int i
    cdef uint8_t byte
    for i in range(size):
        byte = p[i] if forward else p[size - 1 - i]
        out[2 * i] = HEX[byte >> 4]
        out[2 * i + 1] = HEX[byte & 0x0F]
    return 2 * size


cdef int write_value(const uint8_t* buf, const Rec* r, char* out) noexcept nogil:
    """A record's value; 0 bytes where it has none. ``out`` has VALUE_ROOM bytes."""
    cdef bint big = (r.flags & FLAG_BIG_ENDIAN) != 0
    if r.kind == KIND_NUMBER:
        return write_decimal(r.mantissa, r.exponent, out)
    if r.kind == KIND_DATE or r.kind == KIND_DATETIME or r.kind == KIND_TIME:
        return write_instant(r, out)
    if r.kind == KIND_TEXT:
        return write_letters(buf + r.data, r.size, (r.flags & FLAG_TEXT_FORWARD) != 0, out)
    if r.kind == KIND_DIGITS:
        return write_digits(buf + r.data, r.size, big, out)
    if r.kind == KIND_BYTES:
        out[0] = 48
        out[1] = 120
        return 2 + write_digits(buf + r.data, r.size, True, out + 2)
    if r.kind == KIND_BIG:
        return write_unsigned(<unsigned long long>r.mantissa, out)
    return 0
