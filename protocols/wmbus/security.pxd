from libc.stdint cimport uint8_t

from protocols.wmbus.structs cimport Tele

cdef bint open_ell(Tele* t, const uint8_t* key, int size) noexcept nogil
cdef bint open_tpl(Tele* t, const uint8_t* key, int size) noexcept nogil
cdef void seal_of(Tele* t) noexcept nogil
cdef void seal_all(Tele* t) noexcept nogil
cdef bint plain_under_seal(Tele* t) noexcept nogil
