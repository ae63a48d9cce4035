from libc.stdint cimport int32_t, uint8_t

cdef bint is_damaged_b(const uint8_t* frame, int32_t size) noexcept nogil
