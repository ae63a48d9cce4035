from libc.stdint cimport int32_t, uint8_t

from protocols.wmbus.structs cimport Rec, Tele

cdef void walk(Tele* t, int32_t at, int32_t end) noexcept nogil
cdef int32_t read_header(const uint8_t* buf, int32_t at, int32_t end, Rec* r) noexcept nogil
cdef int32_t read_data(const uint8_t* buf, int32_t at, int32_t end, Rec* r) noexcept nogil
cdef void interpret(const uint8_t* buf, Rec* r) noexcept nogil
cdef int32_t data_size(int coding, int lvar) noexcept nogil
cdef void qualify(Rec* r, int qualifier) noexcept nogil
cdef bint walks_clean(const uint8_t* buf, int32_t at, int32_t end) noexcept nogil
cdef int32_t manufacturer_block(const uint8_t* buf, int32_t at, int32_t end) noexcept nogil
