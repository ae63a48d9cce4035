"""Compact profiles: one record whose data are equally spaced values (EN 13757-3:2018, annex F).

The base time and base value are the records with the same storage number; the values follow at one
spacing after the other (or before it, in an inverse profile) and get the following storage numbers.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from protocols.wmbus.records cimport data_size
from protocols.wmbus.structs cimport (
    FLAG_HIDDEN,
    FLAG_INVALID,
    FLAG_SYNTHETIC,
    FLAG_UNSIGNED,
    KIND_DATE,
    KIND_DATETIME,
    KIND_NONE,
    Rec,
    Tele,
)
from protocols.wmbus.values cimport days_of, read_value
from protocols.wmbus.vif cimport L_DECREMENT, L_DIFFERENCE, L_INCREMENT, L_INVALID, Q_DATE, Q_DATETIME

from protocols.wmbus import tables

cdef enum:
    LVAR = 0x0D
    HALF_MONTH = 253
    MONTH = 254
    MODE_ABSOLUTE = 0
    MODE_INCREMENT = 1
    MODE_DECREMENT = 2
    UNIT_DAYS = 3

cdef uint8_t Q_INVERSE = tables.QUALIFIERS.index("inverse_compact_profile")
cdef uint8_t Q_PROFILE = tables.QUALIFIERS.index("compact_profile")
cdef uint8_t Q_REGISTERS = tables.QUALIFIERS.index("compact_profile_registers")
cdef int[4] SECONDS
SECONDS[:] = [1, 60, 3600, 86400]


cdef int64_t day_number(int32_t date) noexcept nogil:
    """Days since 1970-01-01 of yyyymmdd (Gregorian)."""
    cdef int64_t year = date // 10000, month = date // 100 % 100, day = date % 100, era, of_era
    # Counted from 1 March of the year 0, in eras of 400 years.
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    day += (153 * ((month + 9) % 12) + 2) // 5
    return era * 146097 + 365 * of_era + of_era // 4 - of_era // 100 + day - 719469


cdef int32_t date_of(int64_t number) noexcept nogil:
    """yyyymmdd of a day number."""
    cdef int64_t days = number + 719468, era = days // 146097, of_era, year, of_year, month
    of_era = days - era * 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    year += era * 400 + (1 if month >= 10 else 0)
    return <int32_t>(
        year * 10000 + (month + 3 if month < 10 else month - 9) * 100 + of_year - (153 * month + 2) // 5 + 1
    )


cdef int32_t add_months(int32_t date, int months) noexcept nogil:
    """The same day some months on; a month's last day stays a last day."""
    cdef int year = date // 10000, month = date // 100 % 100, day = date % 100
    cdef bint last = day == days_of(year, month)
    cdef int index = year * 12 + month - 1 + months
    year, month = index // 12, index % 12 + 1
    if last or day > days_of(year, month):
        day = days_of(year, month)
    return year * 10000 + month * 100 + day


cdef const Rec* base_time(Tele* t, const Rec* r) noexcept nogil:
    """The plain date or time record of the same storage number, or NULL."""
    cdef int i
    cdef const Rec* other
    for i in range(t.n_recs):
        other = &t.recs[i]
        if other.storage == r.storage and (other.quantity == Q_DATE or other.quantity == Q_DATETIME):
            if (other.kind == KIND_DATE or other.kind == KIND_DATETIME) and not other.flags & FLAG_SYNTHETIC:
                return other
    return NULL


cdef void set_instant(Rec* r, const Rec* base, int steps, int unit, int spacing) noexcept nogil:
    """The instant that lies ``steps`` spacings after the base (before it if negative)."""
    cdef int32_t date = <int32_t>base.mantissa
    cdef int64_t clock = 0, moment
    if base.kind == KIND_DATETIME:
        date = <int32_t>(base.mantissa // 1000000)
        clock = base.mantissa % 1000000
    if date // 10000 == 0 or date // 100 % 100 == 0 or date % 100 == 0:
        return
    if unit == UNIT_DAYS and spacing == MONTH:
        r.at_date = add_months(date, steps)
    elif unit == UNIT_DAYS and spacing == HALF_MONTH:
        r.at_date = half_months(date, steps)
    else:
        moment = day_number(date) * 86400 + clock // 10000 * 3600 + clock // 100 % 100 * 60 + clock % 100
        moment += <int64_t>steps * spacing * SECONDS[unit]
        r.at_date = date_of(moment // 86400 if moment >= 0 else (moment - 86399) // 86400)
        moment -= day_number(r.at_date) * 86400
        clock = moment // 3600 * 10000 + moment // 60 % 60 * 100 + moment % 60
    r.at_time = <unsigned int>clock


cdef int32_t half_months(int32_t date, int steps) noexcept nogil:
    """Half months: the 1st and the 16th, or the 15th and the last day."""
    cdef int day = date % 100, halves
    cdef bint late = day >= 16
    cdef bint ends = day == 15 or day == days_of(date // 10000, date // 100 % 100)
    halves = steps + (1 if late else 0)
    date = add_months(date // 100 * 100 + 1, halves // 2 if halves >= 0 else -((1 - halves) // 2))
    if ends:
        return date // 100 * 100 + (15 if halves % 2 == 0 else days_of(date // 10000, date // 100 % 100))
    return date + (15 if halves % 2 else 0)


cdef int kind_of(const Rec* r) noexcept nogil:
    """1 for a profile that runs forward, -1 for an inverse one, 0 for none."""
    cdef int i
    if r.coding != LVAR or r.size < 2:
        return 0
    for i in range(r.n_qualifiers):
        if r.qualifiers[i] == Q_INVERSE:
            return -1
        if r.qualifiers[i] == Q_PROFILE or r.qualifiers[i] == Q_REGISTERS:
            return 1
    return 0


cdef bint expand_profile(Tele* t, int32_t index) noexcept nogil:
    """Append the values of a profile record as records of their own; False if it is none."""
    cdef Rec* r = t.recs + index
    cdef int direction = kind_of(r), mode, unit, spacing, step = 0
    cdef int32_t size, at = r.data + 2
    cdef const Rec* base
    cdef Rec* value
    if direction == 0:
        return False
    mode = t.buf[r.data] >> 6
    unit = (t.buf[r.data] >> 4) & 3
    spacing = t.buf[r.data + 1]
    size = data_size(t.buf[r.data] & 0x0F, 0)
    r.kind = KIND_NONE
    r.flags |= FLAG_HIDDEN
    if size <= 0 or (t.buf[r.data] & 0x0F) == LVAR:
        return True
    base = base_time(t, r)
    while at + size <= r.data + r.size and t.n_recs < t.max_recs:
        step += 1
        value = t.recs + t.n_recs
        element(t, r, value, at, size, mode)
        value.storage = r.storage + step
        if base != NULL:
            set_instant(value, base, direction * step, unit, spacing)
        t.n_recs += 1
        at += size
    return True


cdef void element(Tele* t, const Rec* r, Rec* value, int32_t at, int32_t size, int mode) noexcept nogil:
    """One value of a profile."""
    cdef int i
    cdef bint blank = True
    memcpy(value, r, sizeof(Rec))
    value.n_qualifiers = 0
    for i in range(r.n_qualifiers):
        if r.qualifiers[i] not in (Q_INVERSE, Q_PROFILE, Q_REGISTERS):
            value.qualifiers[value.n_qualifiers] = r.qualifiers[i]
            value.n_qualifiers += 1
    value.flags = (value.flags | FLAG_SYNTHETIC) & ~FLAG_HIDDEN
    value.coding = t.buf[r.data] & 0x0F
    value.data = at
    value.size = size
    value.head = value.vif = at
    if mode != MODE_ABSOLUTE and value.n_qualifiers < 6:
        value.qualifiers[value.n_qualifiers] = (
            L_INCREMENT if mode == MODE_INCREMENT else L_DECREMENT if mode == MODE_DECREMENT else L_DIFFERENCE
        )
        value.n_qualifiers += 1
    if mode == MODE_INCREMENT or mode == MODE_DECREMENT:
        value.flags |= FLAG_UNSIGNED
    for i in range(size):
        if t.buf[at + i] != 0xFF:
            blank = False
    if blank and mode != 3:
        value.kind = KIND_NONE
        value.flags |= FLAG_INVALID
        if value.n_qualifiers < 6:
            value.qualifiers[value.n_qualifiers] = L_INVALID
            value.n_qualifiers += 1
    else:
        read_value(t.buf, value)
