from protocols.wmbus.driver_tables cimport Alarm, Label
from protocols.wmbus.structs cimport Tele

cdef void mark_unset(Tele* t, const Alarm* rule, const Label* values) noexcept nogil
