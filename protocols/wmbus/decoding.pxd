from libc.stdint cimport int32_t, uint8_t

from protocols.wmbus.structs cimport Tele

cdef int unlock(Tele* t, int step, object keys) except -2
cdef int form_of(object link) except -1
cdef int complete(Tele* t, int step, object keys, object formats, object counters) except -2
