from protocols.wmbus.structs cimport Tele

cdef void read_fixed(Tele* t) noexcept nogil
