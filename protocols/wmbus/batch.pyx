"""``decode_batch``: many frames in, typed columns out, no Python object for any single telegram."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t

import numpy as np

from protocols.wmbus.address cimport pack
from protocols.wmbus.decoding cimport Workspace, complete, form_of
from protocols.wmbus.keyring cimport Keyring, Slot
from protocols.wmbus.pipeline cimport begin, offer
from protocols.wmbus.profile cimport day_number
from protocols.wmbus.registers cimport main_energy, main_volume, meter_clock
from protocols.wmbus.structs cimport (
    STEP_DONE,
    STEP_FORMAT,
    Tele,
)

from protocols.wmbus.columns import Columns, keyring_of

# States of a row, in the order of columns.STATES.
cdef enum:
    OK = 0
    BAD_FRAME = 1
    KEY_MISSING = 2
    KEY_WRONG = 3
    UNSUPPORTED = 4
    INCOMPLETE = 5
    NO_METER = 6

cdef enum:
    AHEAD = 6               # telegrams read while a key comes from memory
    SHORTEST = 10

cdef int64_t NOTHING = <int64_t>1 << 63


cdef inline uint8_t state_of(const Tele* t) noexcept nogil:
    if t.error:
        return BAD_FRAME
    if t.security >= 2:
        return t.security
    if t.incomplete:
        return INCOMPLETE
    return OK if t.has_meter else NO_METER


cdef inline int64_t seconds_of(int64_t code) noexcept nogil:
    """Seconds since 1970 of yyyymmddhhmmss."""
    cdef int64_t clock = code % 1000000
    cdef int64_t day = day_number(<int32_t>(code // 1000000))
    return day * 86400 + clock // 10000 * 3600 + clock // 100 % 100 * 60 + clock % 100


def decode_batch(frames, keys=None, *, formats=None, counters=None, link="auto"):
    """Decode many frames into a Columns of numpy arrays; see ``help(protocols.wmbus)``."""
    cdef Py_ssize_t n = len(frames), i
    cdef Keyring ring = keyring_of(keys)
    cdef Workspace space = Workspace()
    cdef Tele* t = &space.t
    cdef Columns_ out = Columns_(n)
    cdef bytes frame
    cdef int form = form_of(link)
    if not isinstance(frames, (list, tuple)):
        frames = list(frames)
    for i in range(n):
        if i + AHEAD < n:
            foresee(frames[i + AHEAD], ring)
        frame = frames[i]
        read_one(space, frame, form, ring, formats, counters)
        out.put(i, t, ring)
    return out.columns()


cdef inline void foresee(object frame, Keyring ring) noexcept:
    """Look where the key of a frame to come lies, so that it has arrived when the frame is read."""
    if isinstance(frame, bytes) and PyBytes_GET_SIZE(frame) >= SHORTEST:
        ring.expect(pack(<const uint8_t*>PyBytes_AS_STRING(frame) + 2))


cdef int read_one(Workspace space, bytes frame, int form, Keyring ring, object formats, object counters) except -1:
    cdef Tele* t = &space.t
    cdef int step, after
    cdef const Slot* slot
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(frame)
    space.clear()
    step = begin(t, p, <int32_t>min(PyBytes_GET_SIZE(frame), 1 << 20), form)
    if STEP_DONE < step < STEP_FORMAT:
        # The common case: the exact meter is known and its key fits.
        slot = ring.find(pack(t.meter))
        if slot != NULL:
            after = offer(t, slot.key, slot.size, True)
            if after != step:
                step = after
    if step > STEP_DONE or formats is not None or counters is not None:
        complete(t, step, ring, formats, counters)
    return 0


cdef class Columns_:
    """The arrays while they are filled."""

    cdef object arrays
    cdef uint64_t[::1] address
    cdef int32_t[::1] meter
    cdef int64_t[::1] litres
    cdef int64_t[::1] watt_hours
    cdef int64_t[::1] clock
    cdef int16_t[::1] status
    cdef int16_t[::1] access
    cdef uint8_t[::1] state
    cdef uint8_t[::1] authentic
    cdef uint64_t[::1] alarms

    def __init__(self, n):
        self.arrays = {
            "address": np.empty(n, np.uint64),
            "meter": np.empty(n, np.int32),
            "litres": np.empty(n, np.int64),
            "watt_hours": np.empty(n, np.int64),
            "meter_time": np.empty(n, np.int64),
            "status": np.empty(n, np.int16),
            "access_no": np.empty(n, np.int16),
            "state": np.empty(n, np.uint8),
            "authentic": np.empty(n, np.uint8),
        }
        self.address = self.arrays["address"]
        self.meter = self.arrays["meter"]
        self.litres = self.arrays["litres"]
        self.watt_hours = self.arrays["watt_hours"]
        self.clock = self.arrays["meter_time"]
        self.status = self.arrays["status"]
        self.access = self.arrays["access_no"]
        self.state = self.arrays["state"]
        self.authentic = self.arrays["authentic"]

    cdef void put(self, Py_ssize_t i, Tele* t, Keyring ring) noexcept:
        cdef const Slot* slot
        cdef int64_t value
        cdef uint64_t address = pack(t.meter) if t.has_meter else 0
        self.address[i] = address
        slot = ring.find(address) if t.has_meter else NULL
        self.meter[i] = slot.index if slot != NULL else -1
        self.state[i] = state_of(t)
        self.status[i] = t.sts if t.has_sts else -1
        self.access[i] = t.acc if t.has_acc else t.ell_acc if t.ell else -1
        self.authentic[i] = t.authentic
        self.litres[i] = value if main_volume(t, &value) else NOTHING
        self.watt_hours[i] = value if main_energy(t, &value) else NOTHING
        self.clock[i] = seconds_of(value) if meter_clock(t, &value) else NOTHING

    cdef object columns(self):
        arrays = self.arrays
        # The smallest integer is numpy's "not a time", too.
        arrays["meter_time"] = arrays["meter_time"].view("datetime64[s]")
        arrays["authentic"] = arrays["authentic"].view(bool)
        return Columns(**arrays)
