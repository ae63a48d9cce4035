"""The fixed data structure of old wired meters (CI 73 and 77; EN 1434-3:1997, 6.2)."""

from libc.stdint cimport uint8_t
from libc.string cimport memset

from protocols.wmbus.codes cimport E_LAYER_SHORT
from protocols.wmbus.structs cimport (
    FLAG_BIG_ENDIAN,
    FLAG_SYNTHETIC,
    KIND_NONE,
    Rec,
    Tele,
    fail,
)
from protocols.wmbus.values cimport read_value
from protocols.wmbus.vif cimport Vif

from protocols.wmbus import tables

cdef enum:
    SIZE = 16               # id 4, access number, status, medium and units 2, two counters of 4
    CODING_BINARY = 4
    CODING_BCD = 0x0C
    HISTORIC = 0x3E         # "same unit as the first counter, but a stored value"
    STATUS_BINARY = 0x01
    STATUS_STORED = 0x02

cdef Vif UNITS[64]
# The old structure's medium codes as device types of today's header.
cdef uint8_t[16] MEDIA
MEDIA[:] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 3, 4, 6, 7, 8, 15]


cdef void fill():
    memset(UNITS, 0, sizeof(UNITS))
    for first, count, quantity, unit, exponent, form in tables.FIXED:
        for i in range(count):
            UNITS[<int>(first + i)].quantity = tables.QUANTITIES.index(quantity)
            UNITS[<int>(first + i)].unit = tables.UNITS.index(unit)
            UNITS[<int>(first + i)].exponent = exponent + i
            UNITS[<int>(first + i)].form = form


fill()


cdef void read_fixed(Tele* t) noexcept nogil:
    """Identification, access number, status and the two counters."""
    cdef const uint8_t* p = t.buf + t.payload
    cdef bint big = t.ci == 0x77
    cdef int i, first, second
    if t.end - t.payload < SIZE:
        fail(t, E_LAYER_SHORT, t.ci, t.end - t.payload)
        return
    memset(t.meter, 0, 8)
    for i in range(4):
        t.meter[2 + i] = p[3 - i] if big else p[i]
    t.acc = p[4]
    t.sts = p[5]
    t.has_acc = True
    first, second = p[6], p[7]
    t.meter[7] = MEDIA[(first >> 6) | ((second >> 6) << 2)]
    t.has_meter = True
    counter(t, 0, first & 0x3F, (p[5] & STATUS_STORED) != 0, big)
    if second & 0x3F == HISTORIC:
        counter(t, 1, first & 0x3F, True, big)
    else:
        counter(t, 1, second & 0x3F, (p[5] & STATUS_STORED) != 0, big)
    t.walked = t.payload + SIZE


cdef void counter(Tele* t, int index, int unit, bint stored, bint big) noexcept nogil:
    cdef Rec* r = t.recs + t.n_recs
    cdef Vif* vif = &UNITS[unit]
    memset(r, 0, sizeof(Rec))
    r.head = r.vif = t.payload + 6 + index
    r.data = t.payload + 8 + 4 * index
    r.size = 4
    r.flags = FLAG_SYNTHETIC | (FLAG_BIG_ENDIAN if big else 0)
    r.coding = CODING_BINARY if t.sts & STATUS_BINARY else CODING_BCD
    r.storage = 1 if stored else 0
    r.quantity = vif.quantity
    r.unit = vif.unit
    r.exponent = vif.exponent
    r.form = vif.form
    if unit < 2:
        r.kind = KIND_NONE
    else:
        read_value(t.buf, r)
    t.n_recs += 1
