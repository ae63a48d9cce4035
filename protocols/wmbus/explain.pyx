"""Every byte of a frame with its meaning."""

from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from typing import NamedTuple

from protocols.wmbus import tables
from protocols.wmbus.address cimport address_of
from protocols.wmbus.air cimport from_air
from protocols.wmbus.structs cimport (
    AIR_NONE,
    APP_COMPACT,
    APP_FORMAT,
    FLAG_HIDDEN,
    FLAG_SYNTHETIC,
    FRAME_MAX,
    LINK_A,
    LINK_B,
    LINK_WIRED,
    Rec,
    SEC_KEY_MISSING,
    Tele,
)
from protocols.wmbus.telegram cimport Record, Telegram

from protocols.wmbus.decoding import decode
from protocols.wmbus.meanings import LANGUAGES, meaning

cdef enum:
    FILLER = 0x2F
    LVAR = 0x0D
    FIRST_BLOCK = 10
    BLOCK = 16
    CI_ELL_V = 0x86
    # Bytes of a format B frame before its first CRC, where it has a second one.
    LONG_B = 126


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
    cdef bytes frame        # with its CRCs
    cdef str language
    cdef list spans
    cdef int32_t at         # in the frame without CRCs
    cdef int32_t shift      # CRC bytes before it

    def __init__(self, Telegram telegram, bytes frame, str language):
        self.telegram = telegram
        self.frame = frame
        self.language = language
        self.spans = []
        self.at = 0
        self.shift = 0

    cdef void say(self, int32_t until, str layer, str name, tuple values=()) except *:
        """The bytes up to ``until`` have the meaning of this name."""
        self.take(until, layer, meaning(name, self.language, *values))

    cdef void take(self, int32_t until, str layer, str text) except *:
        """The bytes up to ``until`` have this meaning, in pieces where link CRCs stand between them."""
        cdef Tele* t = &self.telegram.t
        cdef int32_t border
        if until > t.size:
            until = t.size
        while self.at < until:
            border = block_end(t, self.at)
            self.piece(min(until, border), layer, text)
            if self.at == border:
                self.crc(border)
            text = meaning("continued", self.language, text) if self.at < until else text

    cdef void piece(self, int32_t until, str layer, str text) except *:
        cdef bytes content = self.telegram.t.buf[self.at : until]
        self.spans.append(Span(self.at + self.shift, until - self.at, content.hex().upper(), layer, text))
        self.at = until

    cdef void crc(self, int32_t border) except *:
        """The CRC behind a block."""
        cdef int32_t at = border + self.shift
        cdef bytes content = self.frame[at : at + 2]
        self.spans.append(Span(at, 2, content.hex().upper(), "link", meaning("crc", self.language)))
        self.shift += 2


cdef int32_t block_end(const Tele* t, int32_t at) noexcept:
    """Where the block with this byte ends and a link CRC follows; beyond the frame if none does."""
    if t.link == LINK_A:
        if at < FIRST_BLOCK:
            return FIRST_BLOCK
        return min(t.size, FIRST_BLOCK + ((at - FIRST_BLOCK) // BLOCK + 1) * BLOCK)
    if t.link == LINK_B:
        return LONG_B if at < LONG_B < t.size else t.size
    return t.size + 1


def explain(frame, keys=None, *, link="auto", lang="en"):
    """List of Spans covering a frame, in order; what is sealed and stays shut is one span.

    Offsets count from the L field; of a frame in its over-the-air form, behind its line code.
    ``lang`` is the language of the meanings: ``en`` or ``es``.
    """
    return explain_telegram(decode(frame, keys, link=link), bytes(frame), lang)


def explain_telegram(Telegram telegram not None, bytes frame, str lang="en"):
    """The spans of a telegram decoded from ``frame``."""
    cdef Walker walker
    cdef Tele* t = &telegram.t
    if lang not in LANGUAGES:
        raise ValueError(f"lang: {lang!r} is none of {', '.join(LANGUAGES)}")
    if t.error and not t.body:
        return [Span(0, len(frame), frame.hex().upper(), "link", str(telegram.error))] if frame else []
    walker = Walker(telegram, link_frame(t, frame), lang)
    link_spans(walker, t)
    if t.ell:
        ell_spans(walker, t)
    if t.nwl:
        walker.say(t.nwl_end, "nwl", "nwl")
    if t.afl:
        afl_spans(walker, t)
    if t.tpl_at:
        tpl_spans(walker, t)
        if t.security < SEC_KEY_MISSING:
            application_spans(walker, t)
    walker.say(t.end, "app", "encrypted" if t.security >= SEC_KEY_MISSING else "rest")
    if t.link == LINK_WIRED:
        walker.say(t.end + 1, "link", "checksum")
        walker.say(t.end + 2, "link", "stop")
    walker.say(t.size, "link", "rest")
    at = walker.at + walker.shift
    if at < len(walker.frame):
        tail = walker.frame[at:]
        walker.spans.append(Span(at, len(tail), tail.hex().upper(), "link", meaning("rest", lang)))
    return walker.spans


cdef bytes link_frame(const Tele* t, bytes frame):
    """The frame without its line code."""
    cdef uint8_t room[FRAME_MAX]
    cdef Tele scratch
    if t.air == AIR_NONE:
        return frame
    memset(&scratch, 0, sizeof(Tele))
    return room[: from_air(&scratch, <const uint8_t*>frame, <int32_t>len(frame), t.air, room, FRAME_MAX)]


cdef void link_spans(Walker walker, const Tele* t) except *:
    if t.link == LINK_WIRED:
        if t.body == 6:
            walker.say(4, "link", "wired_long")
        elif t.body == 3:
            walker.say(1, "link", "wired_short")
        if t.body == 1:
            walker.say(1, "link", "acknowledge")
            return
        walker.say(t.body - 1, "link", "control", (t.c_field,))
        walker.say(t.body, "link", "wired_address", (t.wired_address,))
        return
    address = address_of(t.dll)
    walker.say(1, "link", "length", (t.buf[0],))
    walker.say(2, "link", "control", (t.c_field,))
    walker.say(4, "link", "manufacturer", (address.manufacturer,))
    walker.say(8, "link", "identification", (address.id,))
    walker.say(9, "link", "version", (t.dll[6],))
    walker.say(10, "link", "type", (t.dll[7], tables.MEDIA.get(t.dll[7], "unknown")))


cdef void ell_spans(Walker walker, const Tele* t) except *:
    walker.say(t.ell_at + 1, "ell", "ell", (t.ell,))
    walker.say(t.ell_at + 2, "ell", "communication", (t.ell_cc,))
    walker.say(t.ell_at + 3, "ell", "access", (t.ell_acc,))
    if t.ell == CI_ELL_V:
        end = t.ell_crc - 4 if t.ell_crc else next((at for at in (t.nwl_at, t.afl_at, t.tpl_at) if at), t.end)
        walker.say(end, "ell", "ell_fields")
    elif t.has_ell_address:
        walker.say(t.ell_at + 11, "ell", "address", (address_of(t.ell_address),))
    if t.ell_crc:
        walker.say(t.ell_crc, "ell", "session", (t.ell_security,))
        walker.say(t.ell_crc + 2, "ell", "payload_crc")


cdef void afl_spans(Walker walker, const Tele* t) except *:
    walker.say(t.afl_at + 1, "afl", "afl")
    walker.say(t.afl_at + 2, "afl", "afl_length", (t.buf[t.afl_at + 1],))
    walker.say(t.afl_at + 4, "afl", "afl_control", (t.afl_fc,))
    if t.afl_mac:
        walker.say(t.afl_mac, "afl", "afl_message", (t.counter,))
        walker.say(t.afl_mac + t.afl_mac_size, "afl", "mac")
    walker.say(t.afl_end, "afl", "afl_fields")


cdef void tpl_spans(Walker walker, const Tele* t) except *:
    walker.say(t.tpl_at + 1, "tpl", "tpl", (t.ci,))
    if t.header == 2:
        walker.say(t.tpl_at + 5, "tpl", "identification", (address_of(t.meter).id,))
        walker.say(t.tpl_at + 7, "tpl", "manufacturer", (address_of(t.meter).manufacturer,))
        walker.say(t.tpl_at + 8, "tpl", "version", (t.meter[6],))
        walker.say(t.tpl_at + 9, "tpl", "type", (t.meter[7], walker.telegram.medium))
    if t.header:
        walker.say(t.cfg_at - 1, "tpl", "access", (t.acc,))
        walker.say(t.cfg_at, "tpl", "status", (t.sts,))
        walker.say(t.cfg_at + 2, "tpl", "configuration", (t.cfg, t.mode))
        walker.say(t.payload, "tpl", "configuration_more")


cdef void application_spans(Walker walker, const Tele* t) except *:
    if t.app == APP_COMPACT and t.bare:
        compact_spans(walker, t)
    elif t.app == APP_FORMAT and t.bare:
        fill(walker, t.bare - 3)
        walker.say(t.bare - 2, "app", "format_length", (t.buf[t.bare - 3],))
        walker.say(t.bare, "app", "signature", (t.signature,))
        walker.say(t.bare + t.bare_size, "app", "headers")
    else:
        record_spans(walker, t)
    fill(walker, t.end - t.tag_size)
    walker.say(t.end if t.tag_size else 0, "app", "tag")


cdef void fill(Walker walker, int32_t until) except *:
    """The bytes up to ``until`` are filler, or nobody knows what."""
    cdef Tele* t = &walker.telegram.t
    cdef int32_t at
    for at in range(walker.at, min(until, t.size)):
        if t.buf[at] != FILLER:
            walker.say(until, "app", "rest")
            return
    walker.say(until, "app", "filler")


cdef void compact_spans(Walker walker, const Tele* t) except *:
    """Signature, CRC and, where the format is known, the bare values one behind the other."""
    cdef int i
    cdef const Rec* r
    fill(walker, t.bare - 4)
    walker.say(t.bare - 2, "app", "signature", (t.signature,))
    walker.say(t.bare, "app", "full_crc", (t.full_crc,))
    for i in range(t.n_recs):
        r = &t.recs[i]
        if not r.flags & FLAG_SYNTHETIC:
            record = nth(walker.telegram, i)
            text = f"{describe(record)}: {shown(record, walker.language)}"
            walker.take(walker.at + r.size + (1 if r.coding == LVAR else 0), "app", text)


cdef void record_spans(Walker walker, const Tele* t) except *:
    for start, end, text in claims(walker, t):
        if start >= walker.at:
            fill(walker, start)
            walker.take(end, "app", text)


cdef list claims(Walker walker, const Tele* t):
    """(start, end, meaning) of what the records are made of, in order; equal places are put together."""
    cdef int i
    cdef const Rec* r
    found = {}
    whole = {}
    inner = set()
    for i in range(t.n_recs):
        r = &t.recs[i]
        record = nth(walker.telegram, i)
        if r.flags & FLAG_SYNTHETIC:
            if r.size and not r.flags & FLAG_HIDDEN:
                place = (r.data, r.data + r.size)
                inner.add(r.data)
                found.setdefault(place, []).append(f"{describe(record)}: {shown(record, walker.language)}")
            continue
        found.setdefault((r.head, r.data), []).append(describe(record))
        whole[r.data, r.data + r.size] = shown(record, walker.language)
    if t.mfct:
        found.setdefault((t.mfct - 1, t.mfct), []).append(meaning("manufacturer_follows", walker.language))
        whole[t.mfct, t.mfct + t.mfct_size] = meaning("manufacturer_data", walker.language)
    for (start, end), text in whole.items():
        # What a profile or layout found inside says more.
        if (start, end) in found or not any(start <= at < end for at in inner):
            found.setdefault((start, end), []).append(text)
    return [(*place, "; ".join(dict.fromkeys(texts))) for place, texts in sorted(found.items())]


cdef Record nth(Telegram telegram, int i):
    cdef Record record = Record.__new__(Record)
    record.rec = telegram.t.recs[i]
    record.telegram = telegram
    return record


cdef str describe(Record record):
    parts = [record.name or record.quantity]
    if record.function != "instantaneous":
        parts.append(record.function)
    for name in ("storage", "tariff", "subunit"):
        if getattr(record, name):
            parts.append(f"{name} {getattr(record, name)}")
    return ", ".join([*parts, *record.qualifiers])


cdef str shown(Record record, str language):
    if record.value is None:
        return meaning("no_value", language)
    return f"{record.value} {record.unit or ''}".strip()
