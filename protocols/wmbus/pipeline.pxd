from libc.stdint cimport int32_t, uint8_t

from protocols.wmbus.structs cimport Rec, Tele

cdef void prepare(Tele* t, uint8_t* buf, int32_t cap, Rec* recs, int32_t max_recs) noexcept nogil
cdef int begin(Tele* t, const uint8_t* frame, int32_t size, int form) noexcept nogil
cdef int begin_body(Tele* t) noexcept nogil
cdef int offer(Tele* t, const uint8_t* key, int size, bint strict) noexcept nogil
cdef int go_without_key(Tele* t, int keys_tried) noexcept nogil
cdef bint give_format(Tele* t, const uint8_t* headers, int32_t size) noexcept nogil
cdef int wait_for_format(Tele* t) noexcept nogil
