"""The VIF tables of ``tables`` as C arrays, filled once at import."""

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset

from protocols.wmbus import tables

cdef Vif PRIMARY[128]
cdef Vif FB[128]
cdef Vif FD[128]
cdef Vif FD_FD[128]
cdef uint8_t QUALIFIER[128]
cdef uint8_t QUALIFIER_FC[128]
cdef uint8_t DIVISOR[128]
cdef uint8_t IS_TIME[256]


cdef void fill(Vif* table, object rows):
    cdef int first, count, i, exponent
    memset(table, 0, 128 * sizeof(Vif))
    for first, count, quantity, unit, exponent, form in rows:
        for i in range(count):
            table[first + i].quantity = tables.QUANTITIES.index(quantity)
            table[first + i].unit = tables.UNITS.index(unit)
            table[first + i].exponent = exponent + i
            table[first + i].form = form


cdef void fill_names(uint8_t* table, object codes, object names):
    memset(table, 0, 128)
    for code, name in codes.items():
        table[<int>code] = names.index(name)


fill(PRIMARY, tables.PRIMARY)
fill(FB, tables.FB)
fill(FD, tables.FD)
fill(FD_FD, tables.FD_FD)
fill_names(QUALIFIER, tables.COMBINABLE, tables.QUALIFIERS)
fill_names(QUALIFIER_FC, tables.COMBINABLE_FC, tables.QUALIFIERS)
fill_names(DIVISOR, tables.PER_CODES, tables.PER)
for _index, _unit in enumerate(tables.UNITS):
    IS_TIME[<int>_index] = _unit in ("s", "min", "h", "d", "month", "y")

cdef uint16_t Q_UNKNOWN = tables.QUANTITIES.index("unknown")
cdef uint16_t Q_MANUFACTURER = tables.QUANTITIES.index("manufacturer")
cdef uint16_t Q_VOLUME = tables.QUANTITIES.index("volume")
cdef uint16_t Q_ENERGY = tables.QUANTITIES.index("energy")
cdef uint16_t Q_DATE = tables.QUANTITIES.index("date")
cdef uint16_t Q_DATETIME = tables.QUANTITIES.index("datetime")
cdef uint8_t L_INVALID = tables.QUALIFIERS.index("invalid")
cdef uint8_t L_SUMMER = tables.QUALIFIERS.index("summer_time")
cdef uint8_t L_RECURRING = tables.QUALIFIERS.index("recurring")
cdef uint8_t L_INCREMENT = tables.QUALIFIERS.index("increment")
cdef uint8_t L_DECREMENT = tables.QUALIFIERS.index("decrement")
cdef uint8_t L_DIFFERENCE = tables.QUALIFIERS.index("difference")
cdef uint8_t L_MANUFACTURER = tables.QUALIFIERS.index("manufacturer_specific")
cdef uint8_t L_UNKNOWN = tables.QUALIFIERS.index("unknown_vif")
cdef uint8_t L_FORWARD = tables.QUALIFIERS.index("forward")
cdef uint8_t L_BACKWARD = tables.QUALIFIERS.index("backward")
cdef uint8_t L_UNSET = tables.QUALIFIERS.index("unset")
