from libc.stdint cimport int64_t, uint8_t

from protocols.wmbus.structs cimport Rec, Tele

cdef struct FieldName:
    const char* text        # NULL where a record gets no field
    int size
    int64_t num
    int64_t den

cdef void next_telegram() noexcept
cdef const FieldName* field_name(const Tele* t, const Rec* r) except NULL
