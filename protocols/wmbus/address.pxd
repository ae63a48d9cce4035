from libc.stdint cimport uint8_t, uint64_t


cdef class Address:
    cdef readonly str manufacturer
    cdef readonly str id
    cdef readonly int version
    cdef readonly int type
    cdef uint64_t packed

cdef uint64_t pack(const uint8_t* p) noexcept nogil
cdef Address address_of(const uint8_t* p)
cdef Address unpack(uint64_t packed)
cdef bytes maker_bytes(int code)
