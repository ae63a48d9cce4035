from protocols.wmbus.structs cimport Rec, Tele

cdef object error_of(const Tele* t)
cdef object unit_text(const Tele* t, const Rec* r)
cdef list diagnostics_of(const Tele* t)
