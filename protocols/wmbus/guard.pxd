from libc.stdint cimport int32_t, uint8_t

cdef bint reads_well(const uint8_t* buf, int32_t at, int32_t end) noexcept nogil
cdef bint is_damaged_b(const uint8_t* frame, int32_t size) noexcept nogil
