from libc.stdint cimport int64_t, uint8_t

from protocols.wmbus.structs cimport Rec

cdef enum:
    # Room one value's text may take: 255 letters of Latin-1 as UTF-8, or 2 * 255 hexadecimal digits.
    VALUE_ROOM = 640

cdef int write_value(const uint8_t* buf, const Rec* r, char* out) noexcept nogil
cdef int write_decimal(int64_t mantissa, int exponent, char* out) noexcept nogil
cdef int write_unsigned(unsigned long long value, char* out) noexcept nogil
cdef int write_instant(const Rec* r, char* out) noexcept nogil
cdef int write_date(int code, char* out) noexcept nogil
cdef int write_clock(int code, char* out) noexcept nogil
