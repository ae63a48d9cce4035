from libc.stdint cimport uint8_t

from protocols.wmbus.structs cimport Tele

cdef int diehl_kind(Tele* t) noexcept nogil
cdef void turn_address(Tele* t) noexcept nogil
cdef bint open_prios(Tele* t, const uint8_t* key, int size, bint strict) noexcept nogil
cdef object default_keys(Tele* t)
