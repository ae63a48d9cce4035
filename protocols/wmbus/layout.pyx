"""Runs what driver files describe: proprietary layouts, seals and alarm bits, on C structs.

``families`` compiles the files to plain tuples; ``load`` copies those into arrays that never change
again. Everything a layout yields is a record like any other, so the rest of the decoder needs no
special case.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc
from libc.string cimport memcmp, memcpy, memset

from protocols.wmbus.codes cimport D_LAYOUT_TAG, D_WEAK_PROOF
from protocols.wmbus.crypto cimport cbc_decrypt
from protocols.wmbus.driver_tables cimport (
    ALARM_CODE,
    ALARM_QUANTITY,
    ANY,
    BLOCK_FRAME,
    BLOCK_MANUFACTURER,
    BLOCK_PAYLOAD,
    DAY_2000,
    OUT_ALARM,
    OUT_DATE,
    OUT_DATETIME,
    OUT_DATETIME_F,
    OUT_DATE_G,
    OUT_EPOCH,
    OUT_HOURS,
    OUT_LET,
    OUT_MONTHS,
    OUT_NUMBER,
    OUT_REAL,
    OUT_TEXT,
    UNSET_HEADER,
    Alarm,
    Driver,
    Item,
    Label,
    Layout,
    Match,
    Tag,
)
from protocols.wmbus.machine cimport NO_CODE, Machine, evaluate, holds, load_codes, start
from protocols.wmbus.profile cimport add_months, date_of, day_number
from protocols.wmbus.records cimport qualify
from protocols.wmbus.structs cimport (
    FLAG_HIDDEN,
    FLAG_INVALID,
    FLAG_SYNTHETIC,
    FLAG_TEXT_FORWARD,
    KIND_DATE,
    KIND_DATETIME,
    KIND_LABEL,
    KIND_NONE,
    KIND_NUMBER,
    KIND_TEXT,
    MODE_DRIVER,
    Rec,
    SEC_DECRYPTED,
    Tele,
    diag,
)
from protocols.wmbus.unset cimport mark_unset
from protocols.wmbus.values cimport days_of, read_instant, read_real, unsigned_of
from protocols.wmbus.vif cimport L_INVALID, L_UNSET

cdef Item* items = NULL
cdef Label* labels = NULL
cdef Tag* tags = NULL
cdef Layout* layouts = NULL
cdef Alarm* alarms = NULL
cdef Driver* drivers = NULL
cdef Match* matches = NULL
cdef int32_t* buckets = NULL
cdef enum:
    BUCKETS = 4096

cdef list names = [""]
cdef list driver_names = []
cdef list driver_alarms = []


cdef void* room(Py_ssize_t count, size_t size) except NULL:
    cdef void* memory = calloc(count + 1, size)
    if memory == NULL:
        raise MemoryError
    return memory


def load(compiled):
    """Take over the compiled driver files, once (a ``families.Compiled``)."""
    global items, labels, tags, layouts, alarms, drivers, matches, buckets
    global names, driver_names, driver_alarms
    if drivers != NULL:
        raise RuntimeError("drivers: already loaded")
    load_codes(compiled.codes, compiled.tables, compiled.headers)
    items = <Item*>room(len(compiled.items), sizeof(Item))
    labels = <Label*>room(len(compiled.labels), sizeof(Label))
    tags = <Tag*>room(len(compiled.tags), sizeof(Tag))
    layouts = <Layout*>room(len(compiled.layouts), sizeof(Layout))
    alarms = <Alarm*>room(len(compiled.alarms), sizeof(Alarm))
    drivers = <Driver*>room(len(compiled.drivers), sizeof(Driver))
    matches = <Match*>room(len(compiled.matches), sizeof(Match))
    buckets = <int32_t*>room(BUCKETS, sizeof(int32_t))
    names = compiled.names
    driver_names = [driver.name for driver in compiled.drivers]
    driver_alarms = [driver.alarm_names for driver in compiled.drivers]
    for i, item in enumerate(compiled.items):
        load_item(&items[<int>i], item)
    for i, (mask, value, name) in enumerate(compiled.labels):
        labels[<int>i] = Label(mask, value, name)
    for i, (first, last, size, first_item, n_items) in enumerate(compiled.tags):
        tags[<int>i] = Tag(first, last, size, first_item, n_items)
    for i, layout in enumerate(compiled.layouts):
        load_layout(&layouts[<int>i], layout)
    for i, alarm in enumerate(compiled.alarms):
        load_alarm(&alarms[<int>i], alarm)
    for i, driver in enumerate(compiled.drivers):
        load_driver(&drivers[<int>i], driver)
    load_matches(compiled.matches)


cdef void load_driver(Driver* to, object driver) except *:
    to.medium = driver.medium
    to.layouts, to.n_layouts = driver.layouts
    to.alarms, to.n_alarms = driver.alarms
    to.seal_at, to.seal_size, to.seal_access, to.seal_check = driver.seal


cdef void load_item(Item* to, object item) except *:
    to.kind = item.kind
    to.unit = item.unit
    to.function = item.function
    to.qualifier = item.qualifier
    to.hidden = item.hidden
    to.variable = item.variable
    to.name = item.name
    to.quantity = item.quantity
    to.exponent = item.exponent
    to.when = item.when
    to.valid = item.valid
    to.unset = item.unset
    to.n_operands = <uint8_t>len(item.operands)
    for i, code in enumerate(item.operands):
        to.operands[<int>i] = code
    to.num = item.num
    to.den = item.den
    to.storage = item.storage
    to.tariff = item.tariff
    to.subunit = item.subunit
    to.labels, to.n_labels = item.labels


cdef void load_layout(Layout* to, object layout) except *:
    cdef bytes header = layout.header
    to.block = layout.block
    to.header_size = <uint8_t>len(header)
    memcpy(to.header, <const uint8_t*>header, len(header))
    to.replaces = layout.replaces
    to.when = layout.when
    to.fits = layout.fits
    to.items, to.n_items = layout.items
    to.start = layout.start
    to.stop = layout.stop
    to.tags, to.n_tags = layout.tags


cdef void load_alarm(Alarm* to, object alarm) except *:
    cdef bytes header = alarm.header
    to.source = alarm.source
    to.header_size = <uint8_t>len(header)
    memcpy(to.header, <const uint8_t*>header, len(header))
    to.quantity = alarm.quantity
    to.code = alarm.code
    to.labels, to.n_labels = alarm.labels


cdef inline uint32_t bucket_of(uint32_t manufacturer, uint32_t version, uint32_t kind) noexcept nogil:
    return (manufacturer * 31 + version * 977 + kind * 7919) % BUCKETS


cdef void load_matches(object rows) except *:
    """Chains of matches by manufacturer, version and type; an earlier driver comes first in its chain."""
    cdef int32_t i, bucket
    for i in range(BUCKETS):
        buckets[i] = -1
    for i in range(<int32_t>len(rows) - 1, -1, -1):
        manufacturer, version, kind, ci_first, ci_last, driver = rows[i]
        bucket = <int32_t>bucket_of(manufacturer, version, kind)
        matches[i] = Match(manufacturer, version, kind, ci_first, ci_last, driver, buckets[bucket])
        buckets[bucket] = i


cdef int32_t probe(uint32_t manufacturer, uint32_t version, uint32_t kind, uint8_t ci) noexcept nogil:
    cdef int32_t i = buckets[bucket_of(manufacturer, version, kind)]
    while i >= 0:
        if (
            matches[i].manufacturer == manufacturer and matches[i].version == version and matches[i].type == kind
            and matches[i].ci_first <= ci <= matches[i].ci_last
        ):
            return matches[i].driver
        i = matches[i].next
    return -1


cdef int32_t find_driver(const Tele* t) noexcept nogil:
    """The driver of a meter by its manufacturer, version and type (exact before any), or -1."""
    cdef uint32_t manufacturer = (t.meter[0] | t.meter[1] << 8) & 0x7FFF
    cdef int32_t found
    if buckets == NULL or not t.has_meter:
        return -1
    found = probe(manufacturer, t.meter[6], t.meter[7], t.ci)
    if found < 0:
        found = probe(manufacturer, t.meter[6], ANY, t.ci)
    if found < 0:
        found = probe(manufacturer, ANY, t.meter[7], t.ci)
    if found < 0:
        found = probe(manufacturer, ANY, ANY, t.ci)
    return found


cdef int medium_of(const Tele* t) noexcept nogil:
    """The device type whose medium a telegram speaks of."""
    if t.driver >= 0 and drivers[t.driver].medium >= 0:
        return drivers[t.driver].medium
    return t.meter[7]


cdef bint point(Machine* m, Tele* t, const Layout* layout) noexcept nogil:
    """Aim a machine at a layout's block; False where the telegram has none."""
    cdef int32_t i, n
    cdef const Rec* r
    if layout.block == BLOCK_PAYLOAD:
        start(m, t, t.buf + t.payload, t.end - t.payload)
    elif layout.block == BLOCK_FRAME:
        start(m, t, t.buf, t.size)
    elif layout.block == BLOCK_MANUFACTURER:
        if t.mfct == 0:
            return False
        start(m, t, t.buf + t.mfct, t.mfct_size)
    else:
        for i in range(t.n_recs):
            r = &t.recs[i]
            n = r.data - r.head - (1 if r.coding == 0x0D else 0)
            if n == layout.header_size and memcmp(t.buf + r.head, layout.header, n) == 0:
                start(m, t, t.buf + r.data, r.size)
                return True
        return False
    return True


cdef int size_fits(Tele* t) noexcept nogil:
    """1 where a layout's block has a size of its kind, -1 where it has none of them, 0 if nobody says."""
    cdef Machine m
    cdef int32_t i
    cdef int found = 0
    cdef const Layout* layout
    t.driver = find_driver(t)
    if t.driver < 0:
        return 0
    for i in range(drivers[t.driver].n_layouts):
        layout = &layouts[drivers[t.driver].layouts + i]
        if layout.fits == NO_CODE or not point(&m, t, layout) or not holds(&m, layout.when):
            continue
        if holds(&m, layout.fits):
            return 1
        found = -1
    return found


cdef bint replaces_records(Tele* t) noexcept nogil:
    """Whether a layout of the telegram's driver stands where records would."""
    cdef Machine m
    cdef int32_t i
    cdef const Layout* layout
    if t.driver < 0:
        return False
    for i in range(drivers[t.driver].n_layouts):
        layout = &layouts[drivers[t.driver].layouts + i]
        if layout.replaces and point(&m, t, layout) and holds(&m, layout.when):
            return True
    return False


cdef bint is_sealed(Tele* t) noexcept nogil:
    """Whether the telegram's driver describes a seal and the payload is long enough for it."""
    if t.driver < 0 or drivers[t.driver].seal_at < 0:
        return False
    return t.payload + drivers[t.driver].seal_at + drivers[t.driver].seal_size <= t.end


cdef bint open_seal(Tele* t, const uint8_t* key, int size) noexcept nogil:
    """AES-CBC with the address and eight times an access number; what opens must look right."""
    cdef const Driver* driver = &drivers[t.driver]
    cdef uint8_t iv[16]
    cdef uint8_t kept[256]
    cdef uint8_t* sealed = t.buf + t.payload + driver.seal_at
    cdef Machine m
    if size != 16 or driver.seal_size > 256:
        return False
    memcpy(iv, t.dll, 8)
    memset(iv + 8, t.buf[t.payload + driver.seal_access], 8)
    memcpy(kept, sealed, driver.seal_size)
    if not cbc_decrypt(key, iv, kept, driver.seal_size, sealed):
        return False
    start(&m, t, t.buf + t.payload, t.end - t.payload)
    if not holds(&m, driver.seal_check):
        memcpy(sealed, kept, driver.seal_size)
        return False
    t.security = SEC_DECRYPTED
    diag(t, D_WEAK_PROOF, MODE_DRIVER, 0)
    return True


cdef void run_layouts(Tele* t) noexcept nogil:
    """Make records of everything the telegram's driver describes, and note its alarms."""
    cdef Machine m
    cdef int32_t i
    cdef const Layout* layout
    cdef const Driver* driver
    if t.driver < 0:
        return
    driver = &drivers[t.driver]
    for i in range(driver.n_layouts):
        layout = &layouts[driver.layouts + i]
        if point(&m, t, layout) and holds(&m, layout.when):
            run_items(&m, t, layout.items, layout.n_items)
            if layout.start != NO_CODE:
                run_tags(&m, t, layout)
    for i in range(driver.alarms, driver.alarms + driver.n_alarms):
        if alarms[i].source >= UNSET_HEADER:
            mark_unset(t, &alarms[i], &labels[alarms[i].labels])
        else:
            run_alarm(t, &alarms[i])


cdef void run_items(Machine* m, Tele* t, int32_t first, int32_t count) noexcept nogil:
    cdef int32_t i
    for i in range(first, first + count):
        if holds(m, items[i].when):
            run_item(m, t, &items[i])


cdef void run_tags(Machine* m, Tele* t, const Layout* layout) noexcept nogil:
    """Go through a list of tags, each followed by as many bytes as its kind has."""
    cdef int64_t at = 0, size = 0
    cdef int32_t i, found
    cdef int64_t stop = -1
    if not evaluate(m, layout.start, &at):
        return
    if layout.stop != NO_CODE and not evaluate(m, layout.stop, &stop):
        return
    while 0 <= at < m.size and m.block[at] != stop:
        found = -1
        for i in range(layout.tags, layout.tags + layout.n_tags):
            if tags[i].first <= m.block[at] <= tags[i].last:
                found = i
                break
        m.at = <int32_t>at + 1
        if found < 0:
            diag(t, D_LAYOUT_TAG, m.block[at], <int32_t>(m.block - t.buf + at))
            return
        if not evaluate(m, tags[found].size, &size) or size < 0 or at + 1 + size > m.size:
            return
        run_items(m, t, tags[found].items, tags[found].n_items)
        at += 1 + size


cdef Rec* record(Machine* m, Tele* t, const Item* item) noexcept nogil:
    """A new record for an item, or NULL where there is no room."""
    cdef Rec* r
    if t.n_recs >= t.max_recs:
        return NULL
    r = &t.recs[t.n_recs]
    memset(r, 0, sizeof(Rec))
    r.head = r.vif = r.data = <int32_t>(m.block - t.buf) + (m.low if m.high > m.low else 0)
    r.size = m.high - m.low if m.high > m.low else 0
    r.flags = FLAG_SYNTHETIC | (FLAG_HIDDEN if item.hidden else 0)
    r.name = item.name
    r.quantity = item.quantity
    r.unit = item.unit
    r.function = item.function
    r.exponent = item.exponent
    r.storage = item.storage
    r.tariff = item.tariff
    r.subunit = <uint16_t>item.subunit
    qualify(r, item.qualifier)
    t.n_recs += 1
    return r


cdef void run_item(Machine* m, Tele* t, const Item* item) noexcept nogil:
    cdef int64_t values[6]
    cdef int32_t i
    cdef bint defined = True, valid
    cdef Rec* r
    m.low, m.high = m.size, 0
    for i in range(item.n_operands):
        values[i] = 0
        if not evaluate(m, item.operands[i], &values[i]):
            defined = False
    if not defined:
        return
    if item.kind == OUT_LET:
        keep(m, item, values[0])
        return
    if item.kind == OUT_ALARM:
        note_alarms(t, values[0], item.labels, item.n_labels)
        return
    valid = holds(m, item.valid)
    r = record(m, t, item)
    if r == NULL:
        return
    if not valid or not fill(m, t, item, values, r):
        r.kind = KIND_NONE
        r.flags |= FLAG_INVALID
        qualify(r, L_INVALID)
    else:
        keep(m, item, values[0] if item.kind == OUT_NUMBER else r.mantissa)
        if item.unset != NO_CODE and holds(m, item.unset):
            qualify(r, L_UNSET)


cdef inline void keep(Machine* m, const Item* item, int64_t value) noexcept nogil:
    if item.variable >= 0:
        m.variables[item.variable] = value
        m.known[item.variable] = True


cdef bint fill(Machine* m, Tele* t, const Item* item, const int64_t* values, Rec* r) noexcept nogil:
    """Give a record its value; False where that is no valid one."""
    cdef int32_t i
    if item.kind == OUT_NUMBER:
        r.kind = KIND_NUMBER
        return scaled(values[0], item.num, item.den, &r.mantissa)
    if item.kind == OUT_DATE or item.kind == OUT_DATETIME:
        return civil(values, item.n_operands, r)
    if item.kind == OUT_DATE_G or item.kind == OUT_DATETIME_F or item.kind == OUT_REAL:
        return standard(m, t, item.kind, values[0], r)
    if item.kind == OUT_EPOCH:
        return moment(DAY_2000 * <int64_t>86400 + values[0], r)
    if item.kind == OUT_MONTHS:
        return months_on(values[0], values[1], r)
    if item.kind == OUT_HOURS:
        return hours_on(values[0], values[1], r)
    if item.kind == OUT_TEXT:
        if values[0] < 0 or values[1] < 0 or values[1] > 255 or values[0] + values[1] > m.size:
            return False
        r.kind = KIND_TEXT
        r.flags |= FLAG_TEXT_FORWARD
        r.data = <int32_t>(m.block - t.buf + values[0])
        r.size = <int32_t>values[1]
        return True
    for i in range(item.labels, item.labels + item.n_labels):
        if values[0] & labels[i].mask == labels[i].value:
            r.kind = KIND_LABEL
            r.mantissa = labels[i].name
            return True
    return False


cdef bint scaled(int64_t value, int64_t num, int64_t den, int64_t* out) noexcept nogil:
    """``value * num / den``, rounded half away from zero."""
    cdef int64_t product = value * num
    if num != 0 and product // num != value:
        return False
    if den == 1:
        out[0] = product
    elif product >= 0:
        out[0] = (product + den // 2) // den
    else:
        out[0] = -((-product + den // 2) // den)
    return True


cdef bint civil(const int64_t* values, int count, Rec* r) noexcept nogil:
    cdef int64_t year = values[0], month = values[1], day = values[2], clock = 0
    if year < 1 or year > 9999 or month < 1 or month > 12 or day < 1 or day > days_of(<int>year, <int>month):
        return False
    r.kind = KIND_DATE
    r.mantissa = year * 10000 + month * 100 + day
    if count > 3:
        if not 0 <= values[3] <= 23 or not 0 <= values[4] <= 59 or (count > 5 and not 0 <= values[5] <= 59):
            return False
        clock = values[3] * 10000 + values[4] * 100 + (values[5] if count > 5 else 0)
        r.kind = KIND_DATETIME
        r.mantissa = r.mantissa * 1000000 + clock
    return True


cdef bint standard(Machine* m, Tele* t, int kind, int64_t at, Rec* r) noexcept nogil:
    """A standard data type at an offset of the block."""
    cdef int size = 2 if kind == OUT_DATE_G else 4
    if at < 0:
        at += m.size
    if at < 0 or at + size > m.size:
        return False
    r.data = r.head = r.vif = <int32_t>(m.block - t.buf + at)
    r.size = size
    if kind == OUT_REAL:
        read_real(m.block + at, r)
    else:
        read_instant(m.block + at, r)
    return r.kind != KIND_NONE


cdef bint moment(int64_t seconds, Rec* r) noexcept nogil:
    """Seconds since 1970 as date and time."""
    cdef int64_t rest
    if seconds < 0 or seconds > <int64_t>253402300799:
        return False
    rest = seconds % 86400
    r.kind = KIND_DATETIME
    r.mantissa = <int64_t>date_of(seconds // 86400) * 1000000 + rest // 3600 * 10000 + rest // 60 % 60 * 100 + rest % 60
    return True


cdef inline bint is_full(int64_t date) noexcept nogil:
    return date // 10000 > 0 and date // 100 % 100 > 0 and date % 100 > 0


cdef bint months_on(int64_t date, int64_t months, Rec* r) noexcept nogil:
    if date > 99999999:
        date //= 1000000
    if not is_full(date) or months < -1200 or months > 1200:
        return False
    r.kind = KIND_DATE
    r.mantissa = add_months(<int32_t>date, <int>months)
    return True


cdef bint hours_on(int64_t instant, int64_t hours, Rec* r) noexcept nogil:
    cdef int64_t date = instant // 1000000, clock = instant % 1000000
    if not is_full(date) or hours < -1000000 or hours > 1000000:
        return False
    clock = clock // 10000 * 3600 + clock // 100 % 100 * 60 + clock % 100
    return moment(day_number(<int32_t>date) * 86400 + clock + hours * 3600, r)


cdef void note_alarms(Tele* t, int64_t value, int32_t first, int32_t count) noexcept nogil:
    cdef int32_t i
    for i in range(first, first + count):
        if value & labels[i].mask == labels[i].value:
            t.alarms |= <uint64_t>1 << labels[i].name


cdef void run_alarm(Tele* t, const Alarm* alarm) noexcept nogil:
    """Look for the record an alarm rule speaks of, or evaluate its expression."""
    cdef Machine m
    cdef int64_t value = 0
    cdef int32_t i, n
    cdef const Rec* r
    if alarm.source == ALARM_CODE:
        start(&m, t, t.buf + t.payload, t.end - t.payload)
        if t.tpl_at and evaluate(&m, alarm.code, &value):
            note_alarms(t, value, alarm.labels, alarm.n_labels)
        return
    for i in range(t.n_recs):
        r = &t.recs[i]
        if r.flags & FLAG_SYNTHETIC or r.size > 8:
            continue
        n = r.data - r.head - (1 if r.coding == 0x0D else 0)
        if alarm.source == ALARM_QUANTITY:
            if r.quantity != alarm.quantity or r.function != 0 or r.storage != 0:
                continue
        elif n != alarm.header_size or memcmp(t.buf + r.head, alarm.header, n) != 0:
            continue
        note_alarms(t, <int64_t>unsigned_of(t.buf + r.data, r.size, False), alarm.labels, alarm.n_labels)


cdef object driver_name(int32_t index):
    return driver_names[index] if index >= 0 else None


cdef object name_of(int index):
    return names[index]


cdef object alarm_names(const Tele* t):
    """Names of the driver's alarms that are set."""
    cdef int i = 0
    cdef uint64_t bits = t.alarms
    found = []
    if t.driver < 0:
        return found
    own = driver_alarms[t.driver]
    while bits:
        if bits & 1:
            found.append(own[i])
        bits >>= 1
        i += 1
    return found
