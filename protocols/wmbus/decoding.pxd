from libc.stdint cimport int32_t, uint8_t

from protocols.wmbus.structs cimport Rec, Tele


cdef class Workspace:
    cdef Tele t
    cdef Rec* records
    cdef uint8_t* buffer
    cdef void clear(self) noexcept

cdef int unlock(Tele* t, int step, object keys) except -2
cdef int form_of(object link) except -1
cdef int complete(Tele* t, int step, object keys, object formats, object counters) except -2
cdef void read(
    Tele* t, const uint8_t[::1] view, int form, object keys, object formats, object counters, object fragments
) except *
