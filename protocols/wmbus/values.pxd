from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from protocols.wmbus.structs cimport Rec

cdef void read_value(const uint8_t* buf, Rec* r) noexcept nogil
cdef int32_t date_g(const uint8_t* p, Rec* r) noexcept nogil
cdef int days_of(int year, int month) noexcept nogil
cdef bint bcd(const uint8_t* p, int size, bint big, int64_t* out) noexcept nogil
cdef int64_t signed_of(const uint8_t* p, int size, bint big) noexcept nogil
cdef uint64_t unsigned_of(const uint8_t* p, int size, bint big) noexcept nogil
cdef void read_instant(const uint8_t* p, Rec* r) noexcept nogil
cdef void read_real(const uint8_t* p, Rec* r) noexcept nogil
