"""The field name of each record, worked out once in Python and then found by its header bytes in C."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc
from libc.string cimport memcmp, memcpy, memset

from protocols.wmbus.layout cimport driver_name
from protocols.wmbus.structs cimport FLAG_SYNTHETIC, MAX_QUALIFIERS, Rec, Tele
from protocols.wmbus.telegram cimport record_over

from protocols.wmbus import naming

cdef enum:
    SLOTS = 16384
    # With so many names all are forgotten before the next telegram: nobody may fill our memory with
    # headers. One telegram has at most MAX_RECORDS more.
    MOST = 12000
    # Only a unit sent as text makes a longer header, and such a record has no name.
    LONGEST = 40

ctypedef struct Slot:
    uint8_t used
    uint8_t size
    int32_t driver
    uint8_t key[LONGEST]
    FieldName field

cdef Slot* slots = <Slot*>calloc(SLOTS, sizeof(Slot))
cdef int taken = 0
cdef FieldName nameless
# Keeps the texts that the slots point at.
cdef dict texts = {}

nameless.text = NULL


cdef int key_of(const Tele* t, const Rec* r, uint8_t* key) noexcept nogil:
    """What tells a record's name: its header, or for a value that has none everything it means."""
    cdef int n
    if not r.flags & FLAG_SYNTHETIC:
        n = r.data - r.head - (1 if r.coding == 0x0D else 0)
        if n > LONGEST:
            return 0
        memcpy(key, t.buf + r.head, n)
        return n
    memset(key, 0, LONGEST)
    # No header starts with DIF 0F, so this cannot be taken for one.
    key[0] = 0x0F
    key[1], key[2], key[3] = r.unit, r.per, r.function
    memcpy(key + 4, &r.name, 2)
    memcpy(key + 6, &r.quantity, 2)
    memcpy(key + 8, &r.subunit, 2)
    memcpy(key + 10, &r.tariff, 4)
    memcpy(key + 14, &r.storage, 8)
    key[22] = r.n_qualifiers
    memcpy(key + 23, r.qualifiers, MAX_QUALIFIERS)
    return 23 + MAX_QUALIFIERS


cdef inline uint32_t spread(int32_t driver, const uint8_t* key, int n) noexcept nogil:
    cdef uint64_t h = <uint64_t>14695981039346656037U ^ <uint64_t>(driver + 1)
    cdef int i
    for i in range(n):
        h = (h ^ key[i]) * <uint64_t>1099511628211
    return <uint32_t>((h ^ (h >> 32)) % SLOTS)


cdef void next_telegram() noexcept:
    """Names found from now on last until this is called again."""
    global taken
    if taken >= MOST:
        memset(slots, 0, SLOTS * sizeof(Slot))
        texts.clear()
        taken = 0


cdef const FieldName* field_name(const Tele* t, const Rec* r) except NULL:
    """A record's field; its text is NULL where it gets none. It lasts for the telegram."""
    global taken
    cdef uint8_t key[LONGEST]
    cdef int n = key_of(t, r, key)
    cdef uint32_t at
    cdef Slot* slot
    if n == 0:
        return &nameless
    at = spread(t.driver, key, n)
    while slots[at].used:
        slot = &slots[at]
        if slot.size == n and slot.driver == t.driver and memcmp(slot.key, key, n) == 0:
            return &slot.field
        at = (at + 1) % SLOTS
    slot = &slots[at]
    work_out(t, r, &slot.field)
    slot.size = <uint8_t>n
    slot.driver = t.driver
    memcpy(slot.key, key, n)
    slot.used = 1
    taken += 1
    return &slot.field


cdef int work_out(const Tele* t, const Rec* r, FieldName* to) except -1:
    cdef bytes text
    field = naming.field_of(record_over(t, r), driver_name(t.driver))
    to.text = NULL
    if field is None:
        return 0
    text = texts.setdefault(field.name, field.name.encode())
    to.text = PyBytes_AS_STRING(text)
    to.size = <int>PyBytes_GET_SIZE(text)
    to.num = field.num
    to.den = field.den
    return 0
