from libc.stdint cimport int32_t, int64_t

from protocols.wmbus.structs cimport Rec, Tele

cdef bint expand_profile(Tele* t, int32_t index) noexcept nogil
cdef int32_t add_months(int32_t date, int months) noexcept nogil
cdef int64_t day_number(int32_t date) noexcept nogil
cdef int32_t date_of(int64_t number) noexcept nogil
