from libc.stdint cimport int32_t

from protocols.wmbus.structs cimport Tele

cdef int header_of(int ci, bint wired) noexcept nogil
cdef int application_of(int ci, bint wired) noexcept nogil
cdef void read_tpl(Tele* t, int32_t at) noexcept nogil
