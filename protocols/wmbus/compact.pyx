"""Compact and format frames (EN 13757-3:2018, annex G): values without headers, headers without values."""

from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcpy

from protocols.wmbus.codes cimport D_COMPACT_CRC, D_COMPACT_SIGNATURE, D_RECORD_SHORT
from protocols.wmbus.link cimport crc16
from protocols.wmbus.records cimport data_size, read_header, walk
from protocols.wmbus.structs cimport FLAG_SYNTHETIC, FORMAT_KNOWN, Rec, Tele, diag, le16

cdef enum:
    FILLER = 0x2F
    LVAR = 0x0D


cdef int32_t skip_filler(Tele* t) noexcept nogil:
    """Where the application starts behind the 2F 2F of a sealed payload."""
    cdef int32_t at = t.payload
    if t.sealed >= 2 and at + 2 <= t.end and t.buf[at] == FILLER and t.buf[at + 1] == FILLER:
        at += 2
    return at


cdef bint read_compact(Tele* t) noexcept nogil:
    """Signature, CRC of the full frame (both low byte first) and where the bare values are."""
    cdef int32_t at = skip_filler(t)
    cdef int32_t end = t.end - t.tag_size
    if at + 4 > end:
        diag(t, D_RECORD_SHORT, at, end - at)
        return False
    t.signature = le16(t.buf + at)
    t.full_crc = le16(t.buf + at + 2)
    t.bare = at + 4
    t.bare_size = end - at - 4
    return True


cdef bint read_format(Tele* t) noexcept nogil:
    """Length, signature and headers of a format frame; False unless the signature is the headers' CRC."""
    cdef int32_t at = skip_filler(t)
    cdef int32_t end = t.end - t.tag_size
    if at + 3 > end or at + 1 + t.buf[at] > end or t.buf[at] < 3:
        diag(t, D_RECORD_SHORT, at, end - at)
        return False
    t.signature = le16(t.buf + at + 1)
    t.bare = at + 3
    t.bare_size = t.buf[at] - 2
    if crc16(t.buf + t.bare, t.bare_size) != t.signature:
        diag(t, D_COMPACT_SIGNATURE, t.signature, crc16(t.buf + t.bare, t.bare_size))
        t.bare_size = 0
        return False
    return True


cdef int32_t rebuild(Tele* t, const uint8_t* headers, int32_t size) noexcept nogil:
    """Write the full frame behind the telegram's bytes; its size, or -1 where the values do not fit."""
    cdef Rec r
    cdef int32_t at = 0, out = t.size, value = t.bare, end = t.bare + t.bare_size, next_at, n
    while at < size:
        next_at = read_header(headers, at, size, &r)
        if next_at < 0 or out + (next_at - at) + 65 + 256 > t.cap:
            return -1
        memcpy(t.buf + out, headers + at, next_at - at)
        out += next_at - at
        n = data_size(r.coding, 0)
        if r.coding == LVAR:
            if value >= end:
                return -1
            n = data_size(LVAR, t.buf[value]) + 1
        if n < 0 or value + n > end:
            return -1
        memcpy(t.buf + out, t.buf + value, n)
        value += n
        out += n
        at = next_at
    while value < end and t.buf[value] == FILLER and t.sealed:
        value += 1
    return out - t.size if value == end else -1


cdef bint expand(Tele* t, const uint8_t* headers, int32_t size) noexcept nogil:
    """Read the compact frame's values with these headers, if the CRC over the full frame agrees."""
    cdef int32_t n = rebuild(t, headers, size)
    if n < 0:
        diag(t, D_COMPACT_CRC, t.full_crc, 0)
        return False
    if crc16(t.buf + t.size, n) != t.full_crc:
        diag(t, D_COMPACT_CRC, t.full_crc, crc16(t.buf + t.size, n))
        return False
    t.used = t.size + n
    t.format = FORMAT_KNOWN
    walk(t, t.size, t.used)
    return True


cdef int32_t headers_of(const Tele* t, uint8_t* out, int32_t room) noexcept nogil:
    """The record headers of a full frame one behind the other; their size, or 0 if they do not fit."""
    cdef int32_t i, n, size = 0
    cdef const Rec* r
    for i in range(t.n_recs):
        r = &t.recs[i]
        if r.flags & FLAG_SYNTHETIC:
            continue
        n = r.data - r.head - (1 if r.coding == LVAR else 0)
        if size + n > room:
            return 0
        memcpy(out + size, t.buf + r.head, n)
        size += n
    return size
