from libc.stdint cimport int32_t, uint8_t

from protocols.wmbus.structs cimport Tele

cdef bint has_damaged_sync(const uint8_t* chips, int32_t size) noexcept nogil
cdef int air_form(const uint8_t* chips, int32_t size) noexcept nogil
cdef int32_t from_air(Tele* t, const uint8_t* chips, int32_t size, int form, uint8_t* out, int32_t room) noexcept nogil
