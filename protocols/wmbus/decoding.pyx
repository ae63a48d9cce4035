"""``decode``: one frame through the pipeline, with the keys, formats and counters of its caller."""

from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from protocols.wmbus import families, known_formats, layout, naming
from protocols.wmbus.compiled import compiled
from protocols.wmbus.link import crc as signature_of
from protocols.wmbus.address cimport address_of, pack, unpack
from protocols.wmbus.codes cimport D_DEFAULT_KEY, D_KEY_LENGTH, D_REPLAY
from protocols.wmbus.compact cimport headers_of
from protocols.wmbus.keyring cimport Keyring, Slot, checked, from_digits, keys_of
from protocols.wmbus.link cimport crc16
from protocols.wmbus.pipeline cimport (
    begin,
    begin_body,
    give_format,
    go_without_key,
    offer,
    prepare,
    wait_for_format,
)
from protocols.wmbus.prios cimport default_keys
from protocols.wmbus.structs cimport (
    APP_FORMAT,
    APP_RECORDS,
    BUFFER,
    FORMAT_FULL,
    LINK_A,
    LINK_B,
    LINK_NONE,
    LINK_UNKNOWN,
    LINK_WIRED,
    MAX_RECORDS,
    MODE_PRIOS,
    Rec,
    STEP_DONE,
    STEP_FORMAT,
    Tele,
    diag,
)
from protocols.wmbus.telegram cimport Telegram

cdef dict FORMS = {
    "auto": LINK_UNKNOWN,
    "none": LINK_NONE,
    "A": LINK_A,
    "B": LINK_B,
    "wired": LINK_WIRED,
    "T1": 17,
    "C1A": 18,
    "C1B": 19,
    "S1": 20,
}


def load_drivers():
    """Take over the driver files that come with the decoder."""
    tables = compiled()
    families.register_formats(tables.formats, signature_of)
    layout.load(tables)
    for driver in tables.drivers:
        naming.RULES[driver.name] = driver.rules


load_drivers()


cdef int form_of(object link) except -1:
    form = FORMS.get(link)
    if form is None:
        raise ValueError(f"link: {link!r} is none of {', '.join(FORMS)}")
    return form


cdef bytes as_key(Tele* t, object key):
    """A key as bytes, or None with a diagnostic where its length fits nothing."""
    if isinstance(key, str):
        key = from_digits(key)
    if len(key) not in (8, 16):
        diag(t, D_KEY_LENGTH, <int>len(key), t.security_mode)
        return None
    return bytes(key)


cdef int try_keys(Tele* t, int step, object candidates, int* tried) except -2:
    """Offer keys until one fits; weakly proven content is first asked to be plausible as well."""
    cdef int before = step
    cdef bytes key
    keys = [key for key in [as_key(t, candidate) for candidate in candidates] if key is not None]
    tried[0] += <int>len(keys)
    for strict in (True, False):
        for key in keys:
            step = offer(t, <const uint8_t*>key, <int>len(key), strict)
            if step != before:
                return step
        if t.security_mode < MODE_PRIOS:
            break
    return step


cdef int unlock(Tele* t, int step, object keys) except -2:
    """Offer a telegram the keys its provider has, until it opens or none is left."""
    cdef int before, tried
    while STEP_DONE < step < STEP_FORMAT:
        before = step
        tried = 0
        step = unlock_for(t, step, keys, pack(t.meter), &tried)
        if step == before and pack(t.dll) != pack(t.meter) and not isinstance(keys, bytes):
            # A radio converter's own key may seal what it passes on.
            step = unlock_for(t, step, keys, pack(t.dll), &tried)
        if step == before:
            step = try_defaults(t, step, &tried)
        if step == before:
            return go_without_key(t, tried)
    return step


cdef int unlock_for(Tele* t, int step, object keys, uint64_t meter, int* tried) except -2:
    cdef const Slot* slot
    cdef int after
    if keys is None:
        return step
    if not isinstance(keys, Keyring):
        return try_keys(t, step, keys_of(keys, meter), tried)
    slot = (<Keyring>keys).find(meter)
    if slot != NULL:
        tried[0] += 1
        after = offer(t, slot.key, slot.size, True)
        if after != step:
            return after
    return try_keys(t, step, (<Keyring>keys).others(meter), tried)


cdef int try_defaults(Tele* t, int step, int* tried) except -2:
    cdef int after, none = 0
    published = default_keys(t)
    if not published:
        return step
    mode = t.security_mode
    after = try_keys(t, step, published, &none)
    if after != step:
        diag(t, D_DEFAULT_KEY, mode, 0)
    return after


cdef int complete(Tele* t, int step, object keys, object formats, object counters) except -2:
    """Everything a frame needs after ``begin``."""
    if STEP_DONE < step:
        step = unlock(t, step, keys)
    if step == STEP_FORMAT:
        step = with_format(t, formats)
    elif formats is not None and t.error == 0 and t.has_meter:
        learn(t, formats)
    if counters is not None and t.authentic and t.has_counter:
        watch(t, counters)
    return step


cdef int with_format(Tele* t, object formats) except -2:
    """Read a compact frame with the format its meter's kind has sent, else with a published one."""
    cdef bytes headers
    meter = address_of(t.meter)
    candidates = list(known_formats.find(t.signature))
    if formats is not None:
        learned = formats.find(meter.manufacturer, meter.type, t.signature)
        if learned is not None:
            candidates.insert(0, learned)
    for headers in candidates:
        if give_format(t, <const uint8_t*>headers, <int32_t>len(headers)):
            return STEP_DONE
    return wait_for_format(t)


cdef inline bint is_full_frame(const Tele* t) noexcept:
    """Whether a telegram was records to its end, so that their headers make a format."""
    return (
        t.app == APP_RECORDS
        and t.format == FORMAT_FULL
        and t.n_recs > 0
        and t.mfct == 0
        and t.walked == t.end - t.tag_size
    )


cdef void learn(Tele* t, object formats) except *:
    """Remember the headers of a full frame or of a format frame."""
    cdef uint8_t headers[BUFFER]
    cdef int32_t size
    if t.app == APP_FORMAT and t.bare_size:
        size = t.bare_size
        memcpy(headers, t.buf + t.bare, size)
    elif is_full_frame(t):
        size = headers_of(t, headers, BUFFER)
    else:
        return
    signature = crc16(headers, size)
    meter = address_of(t.meter)
    if size and formats.find(meter.manufacturer, meter.type, signature) != headers[:size]:
        formats.learn(meter.manufacturer, meter.type, signature, headers[:size])


cdef void watch(Tele* t, object counters) except *:
    """Report a message counter that is not above the last one."""
    meter = address_of(t.meter)
    last = counters.last(meter)
    if not counters.see(meter, t.counter):
        diag(t, D_REPLAY, <int32_t>t.counter, <int32_t>last)


cdef int join(Tele* t, object fragments, object keys, object formats, object counters) except -2:
    """Put a fragment to the others of its message and read that, once it is whole."""
    cdef bytes message
    cdef int32_t at = t.afl_end, size
    whole = fragments.add(
        int(unpack(pack(t.meter))),
        t.afl_fragment,
        bool(t.afl_more),
        t.afl_fc,
        t.buf[t.afl_at + 4 : at],
        t.buf[at : t.end],
    )
    if whole is None:
        return STEP_DONE
    message = t.buf[:10] + whole
    size = <int32_t>len(message)
    link, crc, air, received = t.link, t.crc, t.air, t.received
    if size > t.cap // 2:
        return STEP_DONE
    prepare(t, t.buf, t.cap, t.recs, t.max_recs)
    memcpy(t.buf, <const uint8_t*>message, size)
    t.link, t.crc, t.air, t.received = link, crc, air, received
    t.c_field = t.buf[1]
    t.size = t.end = size
    t.body = 10
    t.has_meter = True
    memcpy(t.dll, t.buf + 2, 8)
    memcpy(t.meter, t.dll, 8)
    return complete(t, begin_body(t), keys, formats, counters)


cdef class Workspace:
    """Memory that telegrams are read in, one after the other; what is kept of one is copied out."""

    def __cinit__(self):
        self.records = <Rec*>malloc(MAX_RECORDS * sizeof(Rec))
        self.buffer = <uint8_t*>malloc(BUFFER)
        if self.records == NULL or self.buffer == NULL:
            raise MemoryError
        self.clear()

    def __dealloc__(self):
        free(self.records)
        free(self.buffer)

    cdef void clear(self) noexcept:
        prepare(&self.t, self.buffer, BUFFER, self.records, MAX_RECORDS)


cdef Workspace idle = Workspace()


def decode(frame, keys=None, *, formats=None, counters=None, fragments=None, link="auto"):
    """Decode one telegram; see ``help(protocols.wmbus)``."""
    global idle
    cdef const uint8_t[::1] view = frame
    cdef int form = form_of(link)
    cdef Telegram telegram = Telegram.__new__(Telegram)
    cdef Workspace space
    if isinstance(keys, str):
        keys = checked(keys)
    # A key provider that decodes telegrams itself finds no idle workspace and makes its own.
    space = idle if idle is not None else Workspace()
    idle = None
    space.clear()
    try:
        read(&space.t, view, form, keys, formats, counters, fragments)
        telegram.keep(&space.t)
    finally:
        idle = space
    return telegram


cdef void read(
    Tele* t, const uint8_t[::1] view, int form, object keys, object formats, object counters, object fragments
) except *:
    cdef const uint8_t* p = &view[0] if view.shape[0] else NULL
    cdef int step = begin(t, p, <int32_t>min(view.shape[0], 1 << 20), form)
    step = complete(t, step, keys, formats, counters)
    if t.incomplete and t.afl and fragments is not None and t.tpl_at == 0:
        join(t, fragments, keys, formats, counters)
