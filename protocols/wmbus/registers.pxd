from libc.stdint cimport int64_t

from protocols.wmbus.structs cimport Rec, Tele

cdef bint is_main(const Rec* r) noexcept nogil
cdef bint litres_of(const Rec* r, int64_t* out) noexcept nogil
cdef bint main_volume(const Tele* t, int64_t* out) noexcept nogil
cdef bint main_energy(const Tele* t, int64_t* out) noexcept nogil
cdef bint meter_clock(const Tele* t, int64_t* out) noexcept nogil
