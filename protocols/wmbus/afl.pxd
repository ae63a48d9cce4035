from libc.stdint cimport int32_t

from protocols.wmbus.structs cimport Tele

cdef int32_t read_afl(Tele* t, int32_t at) noexcept nogil
