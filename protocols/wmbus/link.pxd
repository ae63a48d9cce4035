from libc.stdint cimport int32_t, uint8_t, uint16_t

from protocols.wmbus.structs cimport Tele

cdef uint16_t crc16(const uint8_t* data, int32_t size) noexcept nogil
cdef uint16_t crc16_go_on(uint16_t state, const uint8_t* data, int32_t size) noexcept nogil
cdef int32_t size_a(int32_t length) noexcept nogil
cdef void read_link(Tele* t, const uint8_t* frame, int32_t size, int form) noexcept nogil
