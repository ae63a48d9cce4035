from libc.stdint cimport int32_t, uint8_t, uint16_t

from protocols.wmbus.structs cimport Tele

cdef bint read_compact(Tele* t) noexcept nogil
cdef bint read_format(Tele* t) noexcept nogil
cdef bint expand(Tele* t, const uint8_t* headers, int32_t size) noexcept nogil
cdef int32_t headers_of(const Tele* t, uint8_t* out, int32_t room) noexcept nogil
