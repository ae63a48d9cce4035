"""Application records: DIF, DIFE, VIF, VIFE and where each value lies (EN 13757-3:2018, 6).

``walk`` fills the caller's array of ``Rec`` with headers, meanings and values; nothing is copied.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from protocols.wmbus.codes cimport (
    D_CUT,
    D_RECORD_DIF,
    D_RECORD_EXTENSIONS,
    D_RECORD_LVAR,
    D_RECORD_SHORT,
    D_TOO_MANY_RECORDS,
)
from protocols.wmbus.profile cimport expand_profile
from protocols.wmbus.structs cimport (
    FLAG_BIG_ENDIAN,
    FLAG_MANUFACTURER,
    FLAG_PLAIN,
    FLAG_UNKNOWN,
    FLAG_UNSIGNED,
    LINK_WIRED,
    MAX_QUALIFIERS,
    Rec,
    Tele,
    diag,
)
from protocols.wmbus.values cimport read_value
from protocols.wmbus.vif cimport (
    DIVISOR,
    FB,
    FD,
    FD_FD,
    L_MANUFACTURER,
    L_UNKNOWN,
    PRIMARY,
    Q_MANUFACTURER,
    Q_UNKNOWN,
    QUALIFIER,
    QUALIFIER_FC,
    Vif,
)

cdef enum:
    DIF_MANUFACTURER = 0x0F
    DIF_MORE = 0x1F
    DIF_FILLER = 0x2F
    DIF_READOUT = 0x7F
    LVAR = 0x0D
    MAX_EXTENSIONS = 10
    SHORT = -1
    TOO_LONG = -2
    BAD_DIF = -3
    BAD_LVAR = -4

# Bytes of data for each data field code; LVAR says its own, F is special.
cdef uint8_t[16] SIZES
SIZES[:] = [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0]


cdef int32_t data_size(int coding, int lvar) noexcept nogil:
    """Bytes of data behind a record's header (without the length byte of LVAR), or -4."""
    if coding != LVAR:
        return SIZES[coding]
    if lvar < 0xC0:
        return lvar
    if lvar < 0xCA:
        return lvar - 0xC0
    if 0xD0 <= lvar < 0xDA:
        return lvar - 0xD0
    if 0xE0 <= lvar < 0xF0:
        return lvar - 0xE0
    if 0xF0 <= lvar < 0xF5:
        return 4 * (lvar - 0xEC)
    if lvar == 0xF5:
        return 48
    if lvar == 0xF6:
        return 64
    return BAD_LVAR


cdef int32_t read_header(const uint8_t* buf, int32_t at, int32_t end, Rec* r) noexcept nogil:
    """Read DIF to VIFE at ``at``; the offset behind them, or a negative reason."""
    cdef int n = 0
    cdef uint8_t byte = buf[at]
    memset(r, 0, sizeof(Rec))
    r.head = at
    r.dif = byte
    r.coding = byte & 0x0F
    if r.coding == 0x0F:
        return BAD_DIF
    r.function = (byte >> 4) & 3
    r.storage = (byte >> 6) & 1
    at += 1
    while byte & 0x80:
        if at >= end:
            return SHORT
        if n == MAX_EXTENSIONS:
            return TOO_LONG
        byte = buf[at]
        r.storage |= (<uint64_t>(byte & 0x0F)) << (1 + 4 * n)
        r.tariff |= (<uint32_t>((byte >> 4) & 3)) << (2 * n)
        r.subunit |= <uint16_t>(((byte >> 6) & 1) << n)
        n += 1
        at += 1
    return read_vif(buf, at, end, r)


cdef int32_t read_vif(const uint8_t* buf, int32_t at, int32_t end, Rec* r) noexcept nogil:
    cdef int n = 0
    cdef uint8_t byte
    if at >= end:
        return SHORT
    r.vif = at
    byte = buf[at]
    at += 1
    if (byte & 0x7F) == 0x7C:
        # A unit in plain text: its length and its letters follow at once, before any VIFE.
        if at >= end or at + 1 + buf[at] > end:
            return SHORT
        r.flags |= FLAG_PLAIN
        at += 1 + buf[at]
    while byte & 0x80:
        if at >= end:
            return SHORT
        if n == MAX_EXTENSIONS:
            return TOO_LONG
        byte = buf[at]
        n += 1
        at += 1
    return at


cdef void qualify(Rec* r, int qualifier) noexcept nogil:
    """Add a qualifier once; what does not fit is left out."""
    cdef int i
    for i in range(r.n_qualifiers):
        if r.qualifiers[i] == qualifier:
            return
    if qualifier and r.n_qualifiers < MAX_QUALIFIERS:
        r.qualifiers[r.n_qualifiers] = <uint8_t>qualifier
        r.n_qualifiers += 1


cdef inline void mean(Rec* r, const Vif* vif) noexcept nogil:
    r.quantity = vif.quantity
    r.unit = vif.unit
    r.form = vif.form
    r.exponent = vif.exponent
    if vif.quantity == 0:
        r.quantity = Q_UNKNOWN
        r.flags |= FLAG_UNKNOWN
        qualify(r, L_UNKNOWN)


cdef inline void escape(Rec* r) noexcept nogil:
    r.flags |= FLAG_MANUFACTURER
    qualify(r, L_MANUFACTURER)


cdef void interpret(const uint8_t* buf, Rec* r) noexcept nogil:
    """Quantity, unit, scale and qualifiers of a record from its VIF and VIFEs."""
    cdef int32_t at = r.vif
    cdef uint8_t vif = buf[at] & 0x7F
    cdef bint more = buf[at] & 0x80
    at += 1
    if r.flags & FLAG_PLAIN:
        r.quantity = Q_UNKNOWN
        at += 1 + buf[at]
    elif vif == 0x7B and more:
        vif = buf[at]
        mean(r, &FB[vif & 0x7F])
        more = vif & 0x80
        at += 1
    elif vif == 0x7D and more:
        vif = buf[at]
        at += 1
        if vif == 0xFD:
            vif = buf[at]
            at += 1
            mean(r, &FD_FD[vif & 0x7F])
        else:
            mean(r, &FD[vif & 0x7F])
        more = vif & 0x80
    elif vif == 0x7F:
        r.quantity = Q_MANUFACTURER
        escape(r)
        return
    else:
        mean(r, &PRIMARY[vif])
    if more:
        combine(buf, at, r)


cdef void combine(const uint8_t* buf, int32_t at, Rec* r) noexcept nogil:
    """Apply the combinable VIFEs from ``at`` on; the manufacturer's escape ends what is standard."""
    cdef uint8_t code, byte = 0x80
    while byte & 0x80:
        byte = buf[at]
        at += 1
        code = byte & 0x7F
        if code == 0x7F:
            escape(r)
            return
        if code == 0x7C and byte & 0x80:
            byte = buf[at]
            at += 1
            qualify(r, QUALIFIER_FC[byte & 0x7F])
            if (byte & 0x7F) == 0x11:
                r.flags |= FLAG_UNSIGNED
        elif 0x70 <= code <= 0x77:
            r.exponent += code - 0x76
        elif code == 0x7D:
            r.exponent += 3
        else:
            if DIVISOR[code]:
                r.per = DIVISOR[code]
            qualify(r, QUALIFIER[code])


cdef void walk(Tele* t, int32_t at, int32_t end) noexcept nogil:
    """Read records from ``at`` to ``end`` into ``t.recs``, stopping at what cannot be read."""
    cdef Rec* r
    cdef int32_t head
    t.walked = at
    while at < end:
        if t.buf[at] == DIF_FILLER:
            at += 1
            continue
        if (t.buf[at] & 0x0F) == 0x0F:
            at = special(t, at, end)
            break
        if t.n_recs == t.max_recs:
            diag(t, D_TOO_MANY_RECORDS, t.max_recs, 0)
            break
        r = t.recs + t.n_recs
        head = at
        at = read_header(t.buf, at, end, r)
        if at >= 0:
            at = read_data(t.buf, at, end, r)
        if at == SHORT and t.extra and end == t.end:
            at = read_over_end(t, head, r)
        if at < 0:
            stop(t, at, head, end)
            at = head
            break
        if t.ci == 0x76 and t.link == LINK_WIRED:
            r.flags |= FLAG_BIG_ENDIAN
        interpret(t.buf, r)
        t.n_recs += 1
        t.walked = at
        if r.coding != LVAR or not expand_profile(t, t.n_recs - 1):
            read_value(t.buf, r)
    t.walked = at


cdef int32_t read_over_end(Tele* t, int32_t head, Rec* r) noexcept nogil:
    """Read a record that the L field cuts but whose bytes came in behind the end it gives."""
    cdef int32_t at = read_header(t.buf, head, t.end + t.extra, r)
    if at >= 0:
        at = read_data(t.buf, at, t.end + t.extra, r)
    if at >= 0:
        diag(t, D_CUT, t.buf[0], head)
    return at


cdef int32_t special(Tele* t, int32_t at, int32_t end) noexcept nogil:
    cdef uint8_t dif = t.buf[at]
    if dif == DIF_MANUFACTURER or dif == DIF_MORE:
        t.mfct = at + 1
        t.mfct_size = end - at - 1
        t.more_follows = dif == DIF_MORE
        return end
    if dif != DIF_READOUT:
        diag(t, D_RECORD_DIF, dif, at)
    return at


cdef int32_t read_data(const uint8_t* buf, int32_t at, int32_t end, Rec* r) noexcept nogil:
    if r.coding == LVAR:
        if at >= end:
            return SHORT
        r.lvar = buf[at]
        at += 1
    r.data = at
    r.size = data_size(r.coding, r.lvar)
    if r.size < 0:
        return BAD_LVAR
    if at + r.size > end:
        return SHORT
    return at + r.size


cdef bint walks_clean(const uint8_t* buf, int32_t at, int32_t end) noexcept nogil:
    """Whether bytes are records and filler to the last one, with at least one record among them."""
    cdef Rec r
    cdef int n = 0
    while at < end:
        if buf[at] == DIF_FILLER:
            at += 1
            continue
        if buf[at] == DIF_MANUFACTURER or buf[at] == DIF_MORE:
            break
        at = read_header(buf, at, end, &r)
        if at >= 0:
            at = read_data(buf, at, end, &r)
        if at < 0:
            return False
        n += 1
    return n > 0


cdef int32_t manufacturer_block(const uint8_t* buf, int32_t at, int32_t end) noexcept nogil:
    """Where the manufacturer's own bytes behind clean records start, or -1."""
    cdef Rec r
    while at < end:
        if buf[at] == DIF_MANUFACTURER or buf[at] == DIF_MORE:
            return at + 1
        if buf[at] == DIF_FILLER:
            at += 1
            continue
        at = read_header(buf, at, end, &r)
        if at >= 0:
            at = read_data(buf, at, end, &r)
        if at < 0:
            return -1
    return -1


cdef void stop(Tele* t, int reason, int32_t at, int32_t end) noexcept nogil:
    if reason == SHORT:
        diag(t, D_RECORD_SHORT, at, end - at)
    elif reason == TOO_LONG:
        diag(t, D_RECORD_EXTENSIONS, at, MAX_EXTENSIONS)
    elif reason == BAD_LVAR:
        diag(t, D_RECORD_LVAR, at, t.recs[t.n_recs].lvar)
    else:
        diag(t, D_RECORD_DIF, t.buf[at], at)
