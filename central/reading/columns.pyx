# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""From the bytes of a batch's items to rows of PostgreSQL's binary COPY, without a Python object for each telegram.

``scan`` reads the msgpack array of items once into a table. What is not a plain telegram (a visit, an event, a sealed
telegram, one with alarms or with a clock that was not set, text beyond ASCII) keeps its bytes and is left to the typed
messages; nothing is judged here that they would judge otherwise. ``Columns.emit`` then writes the rows of the plain
ones, once the register has said which meters are known.
"""

from libc.stdint cimport INT64_MAX, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

import numpy as np

cdef extern from *:
    """
    static inline uint16_t sgc_be16(uint16_t v) { return __builtin_bswap16(v); }
    static inline uint32_t sgc_be32(uint32_t v) { return __builtin_bswap32(v); }
    static inline uint64_t sgc_be64(uint64_t v) { return __builtin_bswap64(v); }
    """
    uint16_t sgc_be16(uint16_t) noexcept nogil
    uint32_t sgc_be32(uint32_t) noexcept nogil
    uint64_t sgc_be64(uint64_t) noexcept nogil

cdef enum:
    MOST_DEPTH = 1_000_000
    NO_TEXT = -1
    NONE16 = -32769
    FIELDS = 15
    TELEGRAM_FIELDS = 20
    # Bytes of a telegram's row beside its texts and its frame: counts, lengths and numbers.
    ROW_BYTES = 2 + 20 * 4 + 4 + 5 * 8 + 8 + 2 * 2 + 8 + 8 + 1

cdef int64_t MOST_LITRES = 10**15
cdef int64_t MOST_MILLIS = 10**14


cdef struct Slice:
    uint32_t start
    int32_t length


cdef struct Item:
    int64_t id
    int64_t at_ms
    int64_t mono_ns
    int64_t litres
    int32_t address
    int32_t receiver
    int32_t rssi
    int32_t access_no
    Slice frame
    Slice mode
    Slice crc
    Slice state
    Slice proof
    uint32_t due
    int32_t dues


cdef struct Cursor:
    const uint8_t* at
    const uint8_t* end
    const uint8_t* base
    bint odd


cdef inline uint64_t big(const uint8_t* at, int size) noexcept nogil:
    cdef uint64_t value = 0
    cdef int place
    for place in range(size):
        value = value << 8 | at[place]
    return value


cdef inline int take(Cursor* c) noexcept nogil:
    """The next byte, or -1 with the cursor marked."""
    if c.at >= c.end:
        c.odd = True
        return -1
    c.at += 1
    return (c.at - 1)[0]


cdef inline uint64_t take_big(Cursor* c, int size) noexcept nogil:
    if c.end - c.at < size:
        c.odd = True
        return 0
    c.at += size
    return big(c.at - size, size)


cdef int64_t integer(Cursor* c) noexcept nogil:
    """An integer that fits 64 bits with its sign."""
    cdef int kind = take(c)
    cdef uint64_t value
    cdef int size
    if kind < 0:
        return 0
    if kind < 0x80:
        return kind
    if kind >= 0xE0:
        return kind - 256
    if 0xCC <= kind <= 0xCF:
        value = take_big(c, 1 << (kind - 0xCC))
        if value > <uint64_t>INT64_MAX:
            c.odd = True
        return <int64_t>value
    if 0xD0 <= kind <= 0xD3:
        size = 1 << (kind - 0xD0)
        value = take_big(c, size)
        if size < 8 and value >> (8 * size - 1):
            return <int64_t>value - (<int64_t>1 << (8 * size))
        return <int64_t>value
    c.odd = True
    return 0


cdef int64_t integer_or(Cursor* c, int64_t nothing) noexcept nogil:
    if c.at < c.end and c.at[0] == 0xC0:
        c.at += 1
        return nothing
    return integer(c)


cdef int32_t array(Cursor* c) noexcept nogil:
    cdef int kind = take(c)
    if 0x90 <= kind <= 0x9F:
        return kind - 0x90
    if kind == 0xDC:
        return <int32_t>take_big(c, 2)
    c.odd = True
    return 0


cdef Slice text(Cursor* c) noexcept nogil:
    """A string of ASCII characters without NUL."""
    cdef Slice found
    cdef int kind = take(c)
    cdef uint64_t length = 0
    cdef const uint8_t* at
    found.start, found.length = 0, 0
    if 0xA0 <= kind <= 0xBF:
        length = kind - 0xA0
    elif kind == 0xD9:
        length = take_big(c, 1)
    else:
        c.odd = True
    if <uint64_t>(c.end - c.at) < length:
        c.odd = True
    if c.odd:
        return found
    found.start, found.length = <uint32_t>(c.at - c.base), <int32_t>length
    at = c.at
    c.at += length
    while at < c.at:
        if at[0] == 0 or at[0] >= 0x80:
            c.odd = True
        at += 1
    return found


cdef Slice text_or_none(Cursor* c) noexcept nogil:
    cdef Slice found
    if c.at < c.end and c.at[0] == 0xC0:
        c.at += 1
        found.start, found.length = 0, NO_TEXT
        return found
    return text(c)


cdef Slice binary(Cursor* c) noexcept nogil:
    cdef Slice found
    cdef int kind = take(c)
    cdef uint64_t length = 0
    found.start, found.length = 0, 0
    if kind == 0xC4:
        length = take_big(c, 1)
    elif kind == 0xC5:
        length = take_big(c, 2)
    else:
        c.odd = True
    if c.odd or <uint64_t>(c.end - c.at) < length:
        c.odd = True
        return found
    found.start, found.length = <uint32_t>(c.at - c.base), <int32_t>length
    c.at += length
    return found


cdef bint skip(Cursor* c) noexcept nogil:
    """Pass one value of any kind; False where the bytes are no value."""
    cdef int64_t waiting = 1
    cdef int kind
    cdef uint64_t length
    while waiting:
        waiting -= 1
        kind = take(c)
        length = 0
        if kind < 0 or kind == 0xC1:
            return False
        if kind < 0x80 or kind >= 0xE0 or kind == 0xC0 or kind == 0xC2 or kind == 0xC3:
            continue
        if kind < 0x90:
            waiting += 2 * (kind - 0x80)
        elif kind < 0xA0:
            waiting += kind - 0x90
        elif kind < 0xC0:
            length = kind - 0xA0
        elif kind <= 0xC6:
            length = take_big(c, 1 << (kind - 0xC4))
        elif kind <= 0xC9:
            length = take_big(c, 1 << (kind - 0xC7)) + 1
        elif kind <= 0xCB:
            length = 4 << (kind - 0xCA)
        elif kind <= 0xCF:
            length = 1 << (kind - 0xCC)
        elif kind <= 0xD3:
            length = 1 << (kind - 0xD0)
        elif kind <= 0xD8:
            length = (1 << (kind - 0xD4)) + 1
        elif kind <= 0xDB:
            length = take_big(c, 1 << (kind - 0xD9))
        elif kind <= 0xDD:
            waiting += <int64_t>take_big(c, 2 << (kind - 0xDC))
        else:
            waiting += 2 * <int64_t>take_big(c, 2 << (kind - 0xDE))
        if c.odd or waiting > MOST_DEPTH or <uint64_t>(c.end - c.at) < length:
            return False
        c.at += length
    return True


cdef inline bint equals(const uint8_t* base, Slice found, const char* word, int32_t length) noexcept nogil:
    cdef int32_t place
    if found.length != length:
        return False
    for place in range(length):
        if base[found.start + place] != <uint8_t>word[place]:
            return False
    return True


cdef bint is_sealed(const uint8_t* base, Slice state) noexcept nogil:
    return (
        equals(base, state, b"key_missing", 11)
        or equals(base, state, b"key_wrong", 9)
        or equals(base, state, b"unsupported", 11)
    )


cdef class Columns:
    """The items of one batch. ``addresses`` are those of its plain telegrams, ``others`` (place, bytes) the rest."""

    cdef bytes _raw
    cdef Item* _items
    cdef int64_t[:, ::1] _dues
    cdef uint32_t _due_count
    cdef readonly int count
    cdef int _places
    cdef int32_t* _place
    cdef readonly list addresses
    cdef readonly list receivers
    cdef readonly list others
    cdef dict _seen
    cdef dict _heard

    def __cinit__(self):
        self._items = NULL
        self._place = NULL

    def __dealloc__(self):
        free(self._items)
        free(self._place)

    def __len__(self):
        return self._places

    cdef int _read(self, bytes raw) except -1:
        cdef Cursor c
        cdef int32_t place
        cdef const uint8_t* start
        cdef Cursor one
        self._raw = raw
        self.addresses, self.receivers, self.others = [], [], []
        self._seen, self._heard = {}, {}
        c.base = c.at = <const uint8_t*>PyBytes_AS_STRING(raw)
        c.end, c.odd = c.at + len(raw), False
        self._places = array(&c)
        if c.odd:
            return False
        self._items = <Item*>malloc(max(1, self._places) * sizeof(Item))
        self._place = <int32_t*>malloc(max(1, self._places) * sizeof(int32_t))
        self._dues = np.empty((max(16, 2 * self._places), 2), np.int64)
        if self._items == NULL or self._place == NULL:
            raise MemoryError("batch.items: no memory for their table")
        for place in range(self._places):
            start = c.at
            if not skip(&c):
                return False
            one = c
            one.at, one.end = start, c.at
            if self._telegram(&one, &self._items[self.count]):
                self._place[self.count] = place
                self.count += 1
            else:
                self.others.append((place, raw[start - c.base:c.at - c.base]))
        return c.at == c.end

    cdef int _telegram(self, Cursor* c, Item* item) except -1:
        """Read one item as a plain telegram; False where it is not one."""
        cdef int32_t fields = array(c)
        cdef int32_t stamp
        cdef Slice address, receiver
        if fields < 9 or fields > FIELDS + 1 or c.odd or not equals(c.base, text(c), b"t", 1):
            return False
        item.id = integer(c)
        stamp = array(c)
        item.at_ms = integer(c)
        item.mono_ns = integer(c)
        # A clock that was not set is put right by the batch's own; a stamp of another length is another version's.
        if c.odd or stamp != 3 or take(c) != 0xC3 or not 0 <= item.at_ms <= MOST_MILLIS:
            return False
        item.frame = binary(c)
        item.mode = text(c)
        item.rssi = self._small(c)
        receiver = text(c)
        item.crc = text(c)
        item.state = text(c)
        address.length = NO_TEXT
        item.access_no, item.litres, item.dues, item.due = NONE16, -1, 0, self._due_count
        item.proof.length = NO_TEXT
        if fields > 9:
            address = text_or_none(c)
        if fields > 10:
            item.access_no = self._small(c)
        if fields > 11:
            item.litres = integer_or(c, -1)
            if item.litres < -1 or item.litres > MOST_LITRES or (item.litres == -1 and (c.at - 1)[0] != 0xC0):
                return False
        if fields > 12 and not self._due(c, item):
            return False
        if fields > 13 and array(c) != 0:
            return False
        if fields > 14:
            text_or_none(c)
        if fields > 15:
            item.proof = text_or_none(c)
        if c.odd or c.at != c.end or is_sealed(c.base, item.state):
            return False
        item.receiver = self._known(self.receivers, self._heard, c.base, receiver)
        item.address = NO_TEXT
        if address.length != NO_TEXT:
            item.address = self._known(self.addresses, self._seen, c.base, address)
        self._due_count += item.dues
        return True

    cdef int32_t _small(self, Cursor* c) noexcept:
        cdef int64_t value = integer_or(c, NONE16)
        if not NONE16 <= value <= 32767:
            c.odd = True
            return NONE16
        return <int32_t>value

    cdef int _due(self, Cursor* c, Item* item) except -1:
        cdef int32_t pairs = array(c), pair
        cdef int64_t day, litres
        if c.odd or c.end - c.at < pairs:
            return False
        if self._due_count + pairs > <uint32_t>self._dues.shape[0]:
            grown = np.empty((2 * (self._due_count + pairs), 2), np.int64)
            grown[:self._due_count] = np.asarray(self._dues)[:self._due_count]
            self._dues = grown
        for pair in range(pairs):
            if array(c) != 2:
                return False
            day, litres = integer(c), integer(c)
            if c.odd or not 0 <= litres <= MOST_LITRES or not 0 <= day < 2_000_000:
                return False
            self._dues[self._due_count + pair, 0] = day
            self._dues[self._due_count + pair, 1] = litres
        item.dues = pairs
        return True

    cdef int32_t _known(self, list names, dict places, const uint8_t* base, Slice found) except -2:
        """The place of a text among those seen so far."""
        key = PyBytes_FromStringAndSize(<const char*>base + found.start, found.length)
        place = places.get(key)
        if place is None:
            place = places[key] = len(names)
            names.append(key.decode("ascii"))
        return place

    def spans(self):
        """First and last instant at which each of ``receivers`` heard something, UTC epoch ms: (receivers, 2)."""
        found = np.empty((len(self.receivers), 2), np.int64)
        found[:, 0], found[:, 1] = INT64_MAX, -1
        cdef int64_t[:, ::1] span = found
        cdef int place
        cdef Item* item
        for place in range(self.count):
            item = &self._items[place]
            span[item.receiver, 0] = min(span[item.receiver, 0], item.at_ms)
            span[item.receiver, 1] = max(span[item.receiver, 1], item.at_ms)
        return found

    def emit(self, int32_t utility_id, int64_t batch_id, int64_t first_id, meters, moduli, int64_t latest_ms):
        """The rows of the plain telegrams.

        ``meters`` and ``moduli`` follow ``addresses``: id (0 where it is not registered) and capacity of each meter.
        Returns the telegrams' rows; their instants; the indices that are valid as columns (at_ms, meter, litres,
        telegram); and those that somebody must look at: (due day or -1, address, litres, at_ms, telegram).
        """
        cdef const int64_t[::1] meter = meters, modulus = moduli
        cdef int64_t[:, ::1] last = np.full((max(1, len(self.addresses)), 2), -1, np.int64)
        read = np.empty((self.count, 4), np.int64)
        instants = np.empty(self.count, np.int64)
        cdef int64_t[:, ::1] reading = read
        cdef int64_t[::1] instant = instants
        cdef int place, readings = 0
        cdef int32_t pair
        cdef int64_t row_id, known, day, litres
        cdef Item* item
        cdef bytes rows = PyBytes_FromStringAndSize(NULL, self._row_bytes())
        cdef uint8_t* start = <uint8_t*>PyBytes_AS_STRING(rows)
        cdef uint8_t* out = start
        odd = []
        for place in range(self.count):
            item = &self._items[place]
            row_id = first_id + self._place[place]
            known = meter[item.address] if item.address >= 0 else 0
            out = self._row(out, item, utility_id, batch_id, row_id, known)
            instant[place] = item.at_ms
            if not known:
                continue
            if item.litres >= 0:
                if item.at_ms <= latest_ms and item.litres < modulus[item.address]:
                    reading[readings, 0], reading[readings, 1] = item.at_ms, known
                    reading[readings, 2], reading[readings, 3] = item.litres, row_id
                    readings += 1
                else:
                    odd.append((-1, item.address, item.litres, item.at_ms, row_id))
            for pair in range(item.dues):
                day, litres = self._dues[item.due + pair, 0], self._dues[item.due + pair, 1]
                # Every telegram of a month repeats it; only what the last one did not say is asked about.
                if last[item.address, 0] != day or last[item.address, 1] != litres:
                    last[item.address, 0], last[item.address, 1] = day, litres
                    odd.append((day, item.address, litres, item.at_ms, row_id))
        return rows[:out - start], instants, read[:readings], odd

    cdef Py_ssize_t _row_bytes(self):
        cdef Py_ssize_t total = 1
        cdef int place
        cdef Item* item
        for place in range(self.count):
            item = &self._items[place]
            total += ROW_BYTES + item.frame.length + item.mode.length + item.crc.length + item.state.length
            total += max(0, item.proof.length) + len(<str>self.receivers[item.receiver])
            if item.address >= 0:
                total += len(<str>self.addresses[item.address])
        return total

    cdef uint8_t* _row(
        self, uint8_t* out, Item* item, int32_t utility_id, int64_t batch_id, int64_t row_id, int64_t meter_id
    ) except NULL:
        """One row in the order of ``rows.TELEGRAM_COLUMNS``."""
        cdef const uint8_t* base = <const uint8_t*>PyBytes_AS_STRING(self._raw)
        out = put16(out, TELEGRAM_FIELDS)
        out = put32(put32(out, 4), <uint32_t>utility_id)
        out = field64(out, item.at_ms)
        out = field64(out, row_id)
        out = field64(out, batch_id)
        out = field64(out, item.id)
        out = field64(out, meter_id) if meter_id else nothing(out)
        out = name(out, <str>self.addresses[item.address]) if item.address >= 0 else nothing(out)
        out = part(out, base, item.frame)
        out = part(out, base, item.mode)
        out = field16(out, item.rssi)
        out = name(out, <str>self.receivers[item.receiver])
        out = part(out, base, item.crc)
        out = part(out, base, item.state)
        out = part(out, base, item.proof)
        out = field16(out, item.access_no)
        out = field64(out, item.litres) if item.litres >= 0 else nothing(out)
        out = put32(out, 0)
        out = field64(out, item.mono_ns)
        out = put32(out, 1)
        out[0] = 1
        return nothing(out + 1)


cdef inline uint8_t* put16(uint8_t* out, uint16_t value) noexcept nogil:
    cdef uint16_t turned = sgc_be16(value)
    memcpy(out, &turned, 2)
    return out + 2


cdef inline uint8_t* put32(uint8_t* out, uint32_t value) noexcept nogil:
    cdef uint32_t turned = sgc_be32(value)
    memcpy(out, &turned, 4)
    return out + 4


cdef inline uint8_t* nothing(uint8_t* out) noexcept nogil:
    return put32(out, <uint32_t>-1)


cdef inline uint8_t* field64(uint8_t* out, int64_t value) noexcept nogil:
    cdef uint64_t turned = sgc_be64(<uint64_t>value)
    out = put32(out, 8)
    memcpy(out, &turned, 8)
    return out + 8


cdef inline uint8_t* field16(uint8_t* out, int32_t value) noexcept nogil:
    if value == NONE16:
        return nothing(out)
    return put16(put32(out, 2), <uint16_t><int16_t>value)


cdef inline uint8_t* part(uint8_t* out, const uint8_t* base, Slice found) noexcept nogil:
    if found.length == NO_TEXT:
        return nothing(out)
    out = put32(out, <uint32_t>found.length)
    memcpy(out, base + found.start, found.length)
    return out + found.length


cdef inline uint8_t* name(uint8_t* out, str text_of) except NULL:
    cdef bytes raw = text_of.encode("ascii")
    out = put32(out, <uint32_t>len(raw))
    memcpy(out, PyBytes_AS_STRING(raw), len(raw))
    return out + len(raw)


def scan(bytes raw not None):
    """The items of a batch from their msgpack array, or None where these bytes are not one."""
    cdef Columns found = Columns()
    return found if found._read(raw) else None
