"""The registers that matter most: main volume, main energy, the meter's clock."""

from libc.stdint cimport int64_t, uint8_t

from protocols.wmbus.structs cimport KIND_DATETIME, KIND_NUMBER, Rec, Tele
from protocols.wmbus.vif cimport L_FORWARD, L_SUMMER, Q_DATETIME, Q_ENERGY, Q_VOLUME

from protocols.wmbus import tables

# Power of ten from a unit to litres or watt-hours; NONE where there is none.
cdef enum:
    NONE = 99

cdef int[256] TO_LITRES
cdef int[256] TO_WATT_HOURS
for _index in range(256):
    TO_LITRES[<int>_index] = TO_WATT_HOURS[<int>_index] = NONE
TO_LITRES[<int>tables.UNITS.index("m3")] = 3
TO_LITRES[<int>tables.UNITS.index("l")] = 0
TO_WATT_HOURS[<int>tables.UNITS.index("kWh")] = 3
TO_WATT_HOURS[<int>tables.UNITS.index("Wh")] = 0


cdef bint is_main(const Rec* r) noexcept nogil:
    """Whether a record is a plain main register: no tariff, subunit or qualifier, a current value."""
    if r.function or r.tariff or r.subunit or r.per:
        return False
    return r.n_qualifiers == 0 or (r.n_qualifiers == 1 and r.qualifiers[0] == L_FORWARD)


cdef bint whole(const Rec* r, int shift, int64_t* out) noexcept nogil:
    """The floor of a record's value times ten to a power."""
    cdef int64_t value = r.mantissa, factor = 1
    if shift == NONE or r.kind != KIND_NUMBER:
        return False
    shift += r.exponent
    if shift < -18 or shift > 18:
        return False
    while shift > 0:
        if value > <int64_t>900000000000000000 or value < <int64_t>-900000000000000000:
            return False
        value *= 10
        shift -= 1
    while shift < 0:
        factor *= 10
        shift += 1
    out[0] = value // factor
    if value % factor != 0 and value < 0:
        out[0] -= 1
    return True


cdef bint litres_of(const Rec* r, int64_t* out) noexcept nogil:
    """Whole litres of a volume record (floor), or False where it has no metric value."""
    return whole(r, TO_LITRES[r.unit], out)


cdef bint main_volume(const Tele* t, int64_t* out) noexcept nogil:
    """The current main volume index in whole litres, or False."""
    cdef int i
    cdef const Rec* r
    for i in range(t.n_recs):
        r = &t.recs[i]
        if r.quantity == Q_VOLUME and r.storage == 0 and is_main(r):
            return litres_of(r, out)
    return False


cdef bint main_energy(const Tele* t, int64_t* out) noexcept nogil:
    """The current main energy index in whole watt-hours, or False."""
    cdef int i
    cdef const Rec* r
    cdef int64_t joules
    for i in range(t.n_recs):
        r = &t.recs[i]
        if r.quantity != Q_ENERGY or r.storage or not is_main(r):
            continue
        if TO_WATT_HOURS[r.unit] != NONE:
            return whole(r, TO_WATT_HOURS[r.unit], out)
        if r.unit == U_MEGAJOULE and whole(r, 6, &joules) and joules >= 0:
            out[0] = joules // 3600
            return True
        return False
    return False


cdef inline bint is_full(int date) noexcept nogil:
    """Whether a date has a year, a month and a day, none of them "every"."""
    return date // 10000 > 0 and date // 100 % 100 > 0 and date % 100 > 0


cdef bint meter_clock(const Tele* t, int64_t* out) noexcept nogil:
    """The meter's own clock as yyyymmddhhmmss, or False where it sends none with a full date."""
    cdef int i
    cdef const Rec* r
    for i in range(t.n_recs):
        r = &t.recs[i]
        if r.quantity != Q_DATETIME or r.kind != KIND_DATETIME or r.storage or r.function or r.tariff or r.subunit:
            continue
        if r.n_qualifiers == 0 or (r.n_qualifiers == 1 and r.qualifiers[0] == L_SUMMER):
            out[0] = r.mantissa
            return is_full(<int>(r.mantissa // 1000000))
    return False


cdef uint8_t U_MEGAJOULE = tables.UNITS.index("MJ")
