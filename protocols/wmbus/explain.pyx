"""Every byte of a frame with its meaning."""

from libc.stdint cimport int32_t

from typing import NamedTuple

from protocols.wmbus import tables
from protocols.wmbus.structs cimport LINK_A, LINK_B, LINK_WIRED, Rec, SEC_KEY_MISSING, Tele
from protocols.wmbus.telegram cimport Telegram

from protocols.wmbus.decoding import decode


class Span(NamedTuple):
    """Some bytes of a frame: where they start, how many, their (opened) content, layer and meaning."""

    offset: int
    length: int
    hex: str
    layer: str
    meaning: str


cdef class Walker:
    """Collects spans in frame order while the layers are gone through."""

    cdef Telegram telegram
    cdef list spans
    cdef int32_t at

    def __init__(self, Telegram telegram):
        self.telegram = telegram
        self.spans = []
        self.at = 0

    cdef void take(self, int32_t until, str layer, str meaning) except *:
        """The bytes up to ``until`` have this meaning."""
        cdef Tele* t = &self.telegram.t
        cdef int32_t size
        if until > t.size:
            until = t.size
        if until > self.at:
            size = until - self.at
            self.spans.append(
                Span(on_air(t, self.at), size, t.buf[self.at : until].hex().upper(), layer, meaning)
            )
            self.at = until


cdef int32_t on_air(const Tele* t, int32_t at) noexcept:
    """Where a byte of the stripped frame stood in the frame that came in."""
    if t.link == LINK_A and at >= 10:
        return at + 2 + 2 * ((at - 10) // 16)
    if t.link == LINK_B and at >= 126:
        return at + 2
    return at


def explain(frame, keys=None, *, link="auto"):
    """List of Spans covering a frame, in order; what is sealed and stays shut is one span."""
    return explain_telegram(decode(frame, keys, link=link), bytes(frame))


def explain_telegram(Telegram telegram not None, bytes frame):
    """The spans of a telegram decoded from ``frame``."""
    cdef Walker walker = Walker(telegram)
    cdef Tele* t = &telegram.t
    if t.error and not t.body:
        return [Span(0, len(frame), frame.hex().upper(), "link", str(telegram.error))] if frame else []
    link_spans(walker, t)
    if t.ell:
        ell_spans(walker, t)
    if t.nwl:
        walker.take(t.nwl_end, "nwl", "network layer")
    if t.afl:
        afl_spans(walker, t)
    if t.tpl_at:
        tpl_spans(walker, t)
    if t.tpl_at and t.security < SEC_KEY_MISSING:
        record_spans(walker, t)
    walker.take(t.end, "app", sealed_or_rest(t))
    if t.link == LINK_WIRED:
        walker.take(t.end + 1, "link", "checksum")
        walker.take(t.end + 2, "link", "stop")
    return walker.spans + crc_spans(t, frame)


cdef str sealed_or_rest(const Tele* t):
    return "encrypted" if t.security >= SEC_KEY_MISSING else "not described"


cdef list crc_spans(const Tele* t, bytes frame):
    """The link CRCs of formats A and B, which the stripped frame no longer has."""
    cdef int32_t at
    if t.link == LINK_A:
        places = [10, *(min(at, len(frame) - 2) for at in range(28, len(frame) + 16, 18))]
    elif t.link == LINK_B:
        places = [126, len(frame) - 2] if len(frame) > 128 else [len(frame) - 2]
    else:
        places = []
    return [
        Span(at, 2, frame[at : at + 2].hex().upper(), "link", "CRC")
        for at in dict.fromkeys(places)
        if 0 < at <= len(frame) - 2
    ]


cdef void link_spans(Walker walker, const Tele* t) except *:
    if t.link == LINK_WIRED:
        if t.body == 6:
            walker.take(4, "link", "start and length of a long wired frame")
        elif t.body == 3:
            walker.take(1, "link", "start of a short wired frame")
        walker.take(t.body - 1, "link", f"C field {t.c_field:02X}")
        walker.take(t.body, "link", f"primary address {t.wired_address}" if t.body > 1 else "acknowledge")
        return
    walker.take(1, "link", f"L field: {t.buf[0]} bytes follow")
    walker.take(2, "link", f"C field {t.c_field:02X}")
    walker.take(4, "link", "manufacturer")
    walker.take(8, "link", "identification, lowest digits first")
    walker.take(9, "link", f"version {t.dll[6]}")
    walker.take(10, "link", f"device type {t.dll[7]:02X}: {tables.MEDIA.get(t.dll[7], 'unknown')}")


cdef void ell_spans(Walker walker, const Tele* t) except *:
    walker.take(t.ell_at + 1, "ell", f"CI {t.ell:02X}: extended link layer")
    walker.take(t.ell_at + 2, "ell", f"communication control {t.ell_cc:02X}")
    walker.take(t.ell_at + 3, "ell", f"access number {t.ell_acc}")
    if t.ell_crc:
        walker.take(t.ell_crc - 4, "ell", "address")
        walker.take(t.ell_crc, "ell", f"session number (security {t.ell_security})")
        walker.take(t.ell_crc + 2, "ell", "payload CRC")
    elif t.has_ell_address:
        walker.take(t.ell_at + 11, "ell", "address")


cdef void afl_spans(Walker walker, const Tele* t) except *:
    walker.take(t.afl_at + 1, "afl", "CI 90: authentication and fragmentation layer")
    walker.take(t.afl_at + 2, "afl", "its length")
    walker.take(t.afl_at + 4, "afl", f"fragmentation control {t.afl_fc:04X}")
    if t.afl_mac:
        walker.take(t.afl_mac, "afl", f"message control, counter {t.counter}")
        walker.take(t.afl_mac + t.afl_mac_size, "afl", "MAC")
    walker.take(t.afl_end, "afl", "further fields")


cdef void tpl_spans(Walker walker, const Tele* t) except *:
    walker.take(t.tpl_at + 1, "tpl", f"CI {t.ci:02X}")
    if t.header == 2:
        walker.take(t.tpl_at + 5, "tpl", "identification of the meter, lowest digits first")
        walker.take(t.tpl_at + 7, "tpl", "manufacturer of the meter")
        walker.take(t.tpl_at + 8, "tpl", f"version {t.meter[6]}")
        walker.take(t.tpl_at + 9, "tpl", f"device type {t.meter[7]:02X}: {walker.telegram.medium}")
    if t.header:
        walker.take(t.cfg_at - 1, "tpl", f"access number {t.acc}")
        walker.take(t.cfg_at, "tpl", f"status {t.sts:02X}")
        walker.take(t.cfg_at + 2, "tpl", f"configuration {t.cfg:04X}: security mode {t.mode}")
        walker.take(t.payload, "tpl", "configuration extension and counter")


cdef void record_spans(Walker walker, const Tele* t) except *:
    cdef int i
    cdef const Rec* r
    for record in walker.telegram:
        i = record_index(walker, t)
        if i < 0:
            break
        r = &t.recs[i]
        walker.take(r.head, "app", "filler")
        walker.take(r.data, "app", describe(record))
        walker.take(r.data + r.size, "app", shown(record))
    if t.mfct:
        walker.take(t.mfct - 1, "app", "filler")
        walker.take(t.mfct, "app", "manufacturer's data follow")
        walker.take(t.mfct + t.mfct_size, "app", "manufacturer's data")


cdef int record_index(Walker walker, const Tele* t) noexcept:
    """The first record that starts at or behind the walker, or -1."""
    cdef int i
    for i in range(t.n_recs):
        if t.recs[i].head >= walker.at and t.recs[i].data <= t.end:
            return i
    return -1


cdef str describe(object record):
    parts = [record.quantity]
    if record.function != "instantaneous":
        parts.append(record.function)
    for name in ("storage", "tariff", "subunit"):
        if getattr(record, name):
            parts.append(f"{name} {getattr(record, name)}")
    return ", ".join([*parts, *record.qualifiers])


cdef str shown(object record):
    return "no value" if record.value is None else f"{record.value} {record.unit or ''}".strip()
