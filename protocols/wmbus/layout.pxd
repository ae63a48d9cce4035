from libc.stdint cimport int32_t, uint8_t

from protocols.wmbus.structs cimport Tele

cdef int32_t find_driver(const Tele* t) noexcept nogil
cdef bint replaces_records(Tele* t) noexcept nogil
cdef bint is_sealed(Tele* t) noexcept nogil
cdef bint open_seal(Tele* t, const uint8_t* key, int size) noexcept nogil
cdef void run_layouts(Tele* t) noexcept nogil
cdef int size_fits(Tele* t) noexcept nogil
cdef int medium_of(const Tele* t) noexcept nogil
cdef object driver_name(int32_t index)
cdef object name_of(int index)
cdef object alarm_names(const Tele* t)
