from libc.stdint cimport int32_t

from protocols.wmbus.structs cimport Tele

cdef int32_t read_ell(Tele* t, int32_t at) noexcept nogil
cdef bint is_ell(int ci) noexcept nogil
cdef bint ell_crc_holds(Tele* t) noexcept nogil
