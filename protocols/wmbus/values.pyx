"""Values behind record headers: integers, BCD, floats, dates, texts (EN 13757-3:2018, annex A).

A value is an integer mantissa and a decimal exponent until somebody asks to see it. What the standard
codes as "no valid value" and what a record gives in its error state is flagged and never a number.
"""

from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport atoi, strtof
from libc.string cimport memcpy

from protocols.wmbus.structs cimport (
    FLAG_BIG_ENDIAN,
    FLAG_INVALID,
    FLAG_MANUFACTURER,
    FLAG_RECURRING,
    FLAG_SUMMER,
    FLAG_UNKNOWN,
    FLAG_UNSIGNED,
    KIND_BIG,
    KIND_BYTES,
    KIND_DATE,
    KIND_DATETIME,
    KIND_DIGITS,
    KIND_NONE,
    KIND_NUMBER,
    KIND_TEXT,
    KIND_TIME,
    Rec,
)
from protocols.wmbus.vif cimport IS_TIME, L_INVALID, L_RECURRING, L_SUMMER

from protocols.wmbus import tables

cdef enum:
    F_NUMBER = 0
    F_DATE = 1
    F_DATETIME = 2
    F_IDENTIFICATION = 3
    F_BITS = 4
    F_VERSION = 5
    F_BYTES = 6
    F_UNSIGNED = 7
    CODING_REAL = 5
    CODING_LVAR = 0x0D
    ERROR_STATE = 3
    # Year 127 of date types means "every year", month 15 "every month", day 0 "every day".
    EVERY_YEAR = 127
    EVERY_MONTH = 15

assert tables.FORMS.index("unsigned") == F_UNSIGNED


cdef uint64_t unsigned_of(const uint8_t* p, int size, bint big) noexcept nogil:
    cdef uint64_t value = 0
    cdef int i
    if big:
        for i in range(size):
            value = value << 8 | p[i]
    else:
        for i in range(size - 1, -1, -1):
            value = value << 8 | p[i]
    return value


cdef int64_t signed_of(const uint8_t* p, int size, bint big) noexcept nogil:
    """Two's complement of 1 to 8 bytes."""
    cdef int shift = 64 - 8 * size
    return (<int64_t>(unsigned_of(p, size, big) << shift)) >> shift


cdef bint bcd(const uint8_t* p, int size, bint big, int64_t* out) noexcept nogil:
    """BCD of up to 9 bytes; a top digit F is a minus sign, any other A-F makes it invalid."""
    cdef int64_t value = 0
    cdef int i, low, high
    cdef bint negative = False
    for i in range(size):
        low = p[i if big else size - 1 - i]
        high = low >> 4
        low &= 0x0F
        if i == 0 and high == 0x0F:
            negative = True
            high = 0
        if high > 9 or low > 9:
            return False
        value = value * 100 + high * 10 + low
    out[0] = -value if negative else value
    return True


cdef inline void invalid(Rec* r) noexcept nogil:
    r.kind = KIND_NONE
    r.flags |= FLAG_INVALID
    note(r, L_INVALID)


cdef inline void note(Rec* r, int qualifier) noexcept nogil:
    if r.n_qualifiers < 6:
        r.qualifiers[r.n_qualifiers] = <uint8_t>qualifier
        r.n_qualifiers += 1


cdef void read_value(const uint8_t* buf, Rec* r) noexcept nogil:
    """Fill kind, mantissa and flags of a record from its data."""
    cdef const uint8_t* p = buf + r.data
    if r.function == ERROR_STATE and r.form == F_NUMBER and not IS_TIME[r.unit]:
        # How long an error lasted is a value; what was measured meanwhile is not.
        r.kind = KIND_NONE
        return
    if r.size == 0:
        r.kind = KIND_NONE
    elif r.form == F_DATE or r.form == F_DATETIME:
        read_instant(p, r)
    elif r.coding == CODING_LVAR:
        read_variable(p, r)
    elif r.coding >= 9:
        read_bcd(p, r)
    elif r.coding == CODING_REAL:
        read_real(p, r)
    elif r.form == F_BYTES:
        r.kind = KIND_BYTES
    else:
        read_integer(p, r)


cdef void read_integer(const uint8_t* p, Rec* r) noexcept nogil:
    cdef bint big = (r.flags & FLAG_BIG_ENDIAN) != 0
    cdef uint64_t value = unsigned_of(p, r.size, big)
    r.kind = KIND_NUMBER
    if r.form == F_NUMBER and not r.flags & FLAG_UNSIGNED:
        # Data type B: the most negative value stands for "invalid" where the standard rules.
        if value == (<uint64_t>1) << (8 * r.size - 1) and not r.flags & (FLAG_MANUFACTURER | FLAG_UNKNOWN):
            invalid(r)
        else:
            r.mantissa = signed_of(p, r.size, big)
    elif value >> 63:
        r.kind = KIND_BIG
        r.mantissa = <int64_t>value
    else:
        r.mantissa = <int64_t>value


cdef void read_bcd(const uint8_t* p, Rec* r) noexcept nogil:
    r.kind = KIND_NUMBER
    if r.form == F_IDENTIFICATION or r.form == F_VERSION:
        r.kind = KIND_DIGITS
    elif not bcd(p, r.size, (r.flags & FLAG_BIG_ENDIAN) != 0, &r.mantissa):
        invalid(r)


cdef void read_real(const uint8_t* p, Rec* r) noexcept nogil:
    """IEEE single precision: the shortest decimal that reads back as the same float is its value."""
    cdef uint32_t bits = <uint32_t>unsigned_of(p, 4, (r.flags & FLAG_BIG_ENDIAN) != 0)
    cdef float value
    cdef char shown[24]
    cdef int precision
    memcpy(&value, &bits, 4)
    if not isfinite(value):
        invalid(r)
        return
    for precision in range(9):
        snprintf(shown, 24, b"%.*e", precision, <double>value)
        if strtof(shown, NULL) == value:
            break
    take_scientific(shown, r)


cdef void take_scientific(const char* shown, Rec* r) noexcept nogil:
    """Mantissa and exponent of a number written as -d.ddde-dd."""
    cdef int64_t mantissa = 0
    cdef int i = 1 if shown[0] == 45 else 0, decimals = 0
    cdef bint behind = False
    while shown[i] != 101:
        if shown[i] < 48:
            behind = True
        else:
            mantissa = mantissa * 10 + shown[i] - 48
            decimals += behind
        i += 1
    r.kind = KIND_NUMBER
    r.mantissa = -mantissa if shown[0] == 45 else mantissa
    if mantissa:
        r.exponent += atoi(shown + i + 1) - decimals


cdef void read_variable(const uint8_t* p, Rec* r) noexcept nogil:
    """Variable length: text, signed BCD, or a binary number."""
    if r.lvar < 0xC0:
        r.kind = KIND_TEXT
    elif r.lvar < 0xE0:
        r.kind = KIND_NUMBER
        if r.size > 9 or not bcd(p, r.size, (r.flags & FLAG_BIG_ENDIAN) != 0, &r.mantissa):
            invalid(r)
        elif r.lvar >= 0xD0:
            r.mantissa = -r.mantissa
    elif r.form == F_NUMBER and r.size <= 8 and not r.flags & (FLAG_MANUFACTURER | FLAG_UNKNOWN):
        read_integer(p, r)
    else:
        r.kind = KIND_BYTES


cdef int days_of(int year, int month) noexcept nogil:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


cdef inline int century(int year, int hundreds) noexcept nogil:
    """Full year of a two-digit one: 0-80 are 2000-2080 unless the hundred-year bits say otherwise."""
    if hundreds:
        return 1900 + 100 * hundreds + year
    return 2000 + year if year <= 80 else 1900 + year


cdef int32_t day_code(uint8_t low, uint8_t high, int hundreds, Rec* r) noexcept nogil:
    """yyyymmdd of the two bytes all date types share, or -1; year 0 stands for "every year"."""
    cdef int day = low & 0x1F, month = high & 0x0F, year = (low >> 5) | ((high >> 4) << 3)
    if low == 0xFF and high == 0xFF:
        return -1
    if year == EVERY_YEAR:
        year = 0
        r.flags |= FLAG_RECURRING
    elif year > 99:
        return -1
    else:
        year = century(year, hundreds)
    if month == EVERY_MONTH:
        month = 0
    if month > 12 or day > days_of(year if year else 2000, month if month else 1):
        return -1
    if month == 0 or day == 0:
        r.flags |= FLAG_RECURRING
    return year * 10000 + month * 100 + day


cdef int32_t date_g(const uint8_t* p, Rec* r) noexcept nogil:
    """Data type G (two bytes) as yyyymmdd, or -1."""
    return day_code(p[0], p[1], 0, r)


cdef void read_instant(const uint8_t* p, Rec* r) noexcept nogil:
    """Dates and times by their length: G (2), J (3), F (4), I (6)."""
    cdef int32_t day = -1, clock = -1
    cdef uint8_t turned[6]
    cdef int i
    if r.flags & FLAG_BIG_ENDIAN and r.size <= 6:
        for i in range(r.size):
            turned[i] = p[r.size - 1 - i]
        p = turned
    if r.coding == CODING_LVAR or r.coding >= 9:
        r.kind = KIND_BYTES
        return
    if r.size == 2:
        day = date_g(p, r)
        finish(r, day, 0, KIND_DATE)
    elif r.size == 3:
        clock = clock_code(p[2] & 0x1F, p[1] & 0x3F, p[0] & 0x3F)
        finish(r, 0, clock, KIND_TIME)
    elif r.size == 4:
        if not p[0] & 0x80:
            day = day_code(p[2], p[3], (p[1] >> 5) & 3, r)
            clock = clock_code(p[1] & 0x1F, p[0] & 0x3F, 0)
        if p[1] & 0x80:
            r.flags |= FLAG_SUMMER
        finish(r, day, clock, KIND_DATETIME)
    elif r.size == 6:
        if not p[1] & 0x80:
            day = day_code(p[3], p[4], 0, r)
            clock = clock_code(p[2] & 0x1F, p[1] & 0x3F, p[0] & 0x3F)
        if p[0] & 0x40:
            r.flags |= FLAG_SUMMER
        finish(r, day, clock, KIND_DATETIME)
    else:
        r.kind = KIND_BYTES


cdef inline int32_t clock_code(int hour, int minute, int second) noexcept nogil:
    if hour > 23 or minute > 59 or second > 59:
        return -1
    return hour * 10000 + minute * 100 + second


cdef void finish(Rec* r, int32_t day, int32_t clock, int kind) noexcept nogil:
    if day < 0 or clock < 0:
        r.flags &= ~(FLAG_RECURRING | FLAG_SUMMER)
        invalid(r)
        return
    r.kind = <uint8_t>kind
    if r.flags & FLAG_RECURRING:
        note(r, L_RECURRING)
    if r.flags & FLAG_SUMMER:
        note(r, L_SUMMER)
    if kind == KIND_DATETIME:
        r.mantissa = <int64_t>day * 1000000 + clock
    elif kind == KIND_TIME:
        r.mantissa = clock
    else:
        r.mantissa = day
