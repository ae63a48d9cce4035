"""Every layer of the decoder by itself, over memory that ends where its bytes end.

Only the build of ``make fuzz`` has this module. Each function takes any bytes and returns nothing; what it
reads or writes beside its memory is AddressSanitizer's to see.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from protocols.wmbus import decoding  # no-cython-lint (loads the tables of drivers)
from protocols.wmbus.afl cimport read_afl
from protocols.wmbus.air cimport air_form, from_air, has_damaged_sync
from protocols.wmbus.compact cimport expand, headers_of, read_compact, read_format
from protocols.wmbus.ell cimport ell_crc_holds, is_ell, read_ell
from protocols.wmbus.guard cimport is_damaged_b
from protocols.wmbus.link cimport read_link
from protocols.wmbus.nwl cimport read_nwl
from protocols.wmbus.pipeline cimport begin, begin_body, give_format, go_without_key, offer, prepare, wait_for_format
from protocols.wmbus.records cimport walk
from protocols.wmbus.registers cimport main_energy, main_volume, meter_clock
from protocols.wmbus.structs cimport (
    FRAME_MAX,
    LINK_NONE,
    LINK_UNKNOWN,
    LINK_WIRED,
    STEP_DONE,
    STEP_FORMAT,
    STEP_KEY_ELL,
    STEP_KEY_TPL,
    Rec,
    Tele,
)
from protocols.wmbus.tpl cimport read_tpl
from protocols.wmbus.wired cimport read_fixed

cdef enum:
    FEW = 24                # records there is room for: full arrays are tried too
    LINK_HEADER = 10
    ROOM = 2048             # behind a compact frame, for the full one

cdef bytes KEY = bytes(range(16))


cdef Tele* over(bytes data, int32_t room) except NULL:
    """A telegram whose buffer holds these bytes and ends ``room`` bytes behind them."""
    cdef Tele* t = <Tele*>calloc(1, sizeof(Tele))
    cdef int32_t size = <int32_t>len(data)
    cdef uint8_t* buf = <uint8_t*>malloc(size + room)
    cdef Rec* recs = <Rec*>malloc(FEW * sizeof(Rec))
    if t == NULL or buf == NULL or recs == NULL:
        raise MemoryError
    memcpy(buf, <const uint8_t*>data, size)
    prepare(t, buf, size + room, recs, FEW)
    t.size = t.end = size
    return t


cdef uint8_t* copy_of(bytes data) except NULL:
    """The same bytes where their end is the end of the memory."""
    cdef uint8_t* copy = <uint8_t*>malloc(len(data) + (0 if data else 1))
    if copy == NULL:
        raise MemoryError
    memcpy(copy, <const uint8_t*>data, len(data))
    return copy


cdef void leave(Tele* t):
    free(t.recs)
    free(t.buf)
    free(t)


def link(bytes data):
    """The first byte picks the form, 0 finding it out."""
    cdef bytes frame = data[1:]
    cdef Tele* t = over(frame, 0)
    cdef uint8_t* copy = copy_of(frame)
    read_link(t, copy, <int32_t>len(frame), data[0] % (LINK_WIRED + 1) if data else 0)
    free(copy)
    assert t.error or 0 <= t.body <= t.end <= t.size <= t.cap
    leave(t)


def guard(bytes data):
    """A frame of which only the L field is known to be right."""
    if not LINK_HEADER <= len(data) <= 256:
        return
    cdef bytes frame = bytes((len(data) - 1,)) + data[1:]
    cdef uint8_t* copy = copy_of(frame)
    is_damaged_b(copy, <int32_t>len(frame))
    free(copy)


def air(bytes data):
    """Chips from the sync word on, in every form of the air."""
    cdef Tele* t = over(b"", 1)
    cdef uint8_t* copy = copy_of(data)
    cdef uint8_t* out = <uint8_t*>malloc(FRAME_MAX)
    cdef int form
    for form in range(1, 5):
        if len(data) > 4:
            from_air(t, copy, <int32_t>len(data), form, out, FRAME_MAX)
    air_form(copy, <int32_t>len(data))
    has_damaged_sync(copy, <int32_t>len(data))
    free(out)
    free(copy)
    leave(t)


def ell(bytes data):
    """An extended link layer from its CI field on."""
    cdef Tele* t
    if data and is_ell(data[0]):
        t = over(data, 0)
        if read_ell(t, 0) >= 0 and t.ell_crc:
            ell_crc_holds(t)
        leave(t)


def nwl(bytes data):
    """A network layer from its CI field on."""
    cdef Tele* t
    if data:
        t = over(data, 0)
        assert read_nwl(t, 0) <= t.end
        leave(t)


def afl(bytes data):
    """An authentication and fragmentation layer from its CI field on."""
    cdef Tele* t
    if data:
        t = over(data, 0)
        assert read_afl(t, 0) <= t.end
        assert t.error or t.afl_mac + t.afl_mac_size <= t.end
        leave(t)


def tpl(bytes data):
    """A transport layer from its CI field on, wireless or wired."""
    cdef Tele* t
    cdef int wired
    if not data:
        return
    for wired in range(2):
        t = over(data, 0)
        t.link = LINK_WIRED if wired else LINK_NONE
        read_tpl(t, 0)
        assert t.error or 0 < t.payload <= t.end
        leave(t)


def records(bytes data):
    """Application records, and the registers that are looked for among them."""
    cdef Tele* t = over(data, 0)
    cdef int64_t value
    walk(t, 0, t.end)
    assert 0 <= t.n_recs <= FEW and 0 <= t.walked <= t.end
    main_volume(t, &value)
    main_energy(t, &value)
    meter_clock(t, &value)
    cdef uint8_t* headers = <uint8_t*>malloc(16)
    headers_of(t, headers, 16)
    free(headers)
    leave(t)


def compact(bytes data):
    """The first byte says how many bytes of record headers stand before the compact frame's payload."""
    cdef int32_t size = min(data[0], <int32_t>len(data) - 1) if data else 0
    cdef bytes headers = data[1 : 1 + size]
    cdef bytes payload = data[1 + size :]
    cdef Tele* t = over(payload, ROOM)
    cdef uint8_t* copy = copy_of(headers)
    if read_compact(t):
        expand(t, copy, size)
        # The CRC of the full frame would stop nearly all of them: let it agree.
        t.n_recs = 0
        t.full_crc = crc_of(t, copy, size)
        expand(t, copy, size)
    assert t.used <= t.cap
    free(copy)
    leave(t)


cdef int crc_of(Tele* t, const uint8_t* headers, int32_t size):
    """What the last diagnostic says that the CRC should have been."""
    return t.diags[t.n_diags - 1].b & 0xFFFF if t.n_diags else t.full_crc


def format(bytes data):
    """A format frame's payload."""
    cdef Tele* t = over(data, 0)
    read_format(t)
    assert t.bare + t.bare_size <= t.end
    leave(t)


def fixed(bytes data):
    """The fixed data structure of old wired meters, in both byte orders."""
    cdef Tele* t
    cdef int ci
    for ci in (0x73, 0x77):
        t = over(data, 0)
        t.ci = <uint8_t>ci
        read_fixed(t)
        leave(t)


def security(bytes data):
    """A frame without CRCs with the right key, then without one."""
    if len(data) < LINK_HEADER + 1 or len(data) > 256:
        return
    run(bytes((len(data) - 1,)) + data[1:], LINK_NONE, True)
    run(bytes((len(data) - 1,)) + data[1:], LINK_NONE, False)


def whole(bytes data):
    """Everything, from the form that is to be found out to the driver's layouts."""
    run(data, LINK_UNKNOWN, True)


def body(bytes data):
    """Everything behind a link layer that has been read, at any length: joined fragments are that long."""
    cdef Tele* t
    if len(data) <= LINK_HEADER:
        return
    t = over(data, ROOM)
    t.link = LINK_NONE
    t.c_field = t.buf[1]
    t.body = LINK_HEADER
    t.has_meter = True
    memcpy(t.dll, t.buf + 2, 8)
    memcpy(t.meter, t.dll, 8)
    go_on(t, begin_body(t), True)
    leave(t)


cdef void run(bytes frame, int form, bint with_key) except *:
    cdef uint8_t* copy = copy_of(frame)
    cdef Tele* t = over(frame, 0)
    go_on(t, begin(t, copy, <int32_t>len(frame), form), with_key)
    free(copy)
    assert t.n_recs <= FEW
    assert t.error or t.size <= t.cap
    leave(t)


cdef void go_on(Tele* t, int step, bint with_key) except *:
    """What a caller does until a telegram is done."""
    cdef int before
    while STEP_DONE < step:
        before = step
        if step == STEP_FORMAT:
            if not give_format(t, <const uint8_t*>b"\x04\x13\x42\x6c", 4):
                wait_for_format(t)
            break
        if with_key and step in (STEP_KEY_ELL, STEP_KEY_TPL):
            step = offer(t, <const uint8_t*>KEY, 16, False)
        if step == before:
            step = go_without_key(t, 1 if with_key else 0)
            break


def planted(bytes data):
    """A fault on purpose: reads beside its memory behind four bytes that chance does not write together."""
    cdef uint8_t* copy = copy_of(data)
    cdef int32_t size = <int32_t>len(data)
    cdef uint8_t beside = 0
    if size >= 4 and copy[0] == 0x53 and copy[1] == 0x47 and copy[2] == 0x43 and copy[3] == 0x21:
        beside = copy[size]
    free(copy)
    return beside
