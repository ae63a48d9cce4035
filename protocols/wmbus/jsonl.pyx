"""A telegram as one line of JSON in the shape of ``sgc decode``, written straight from the C records."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, strlen

import msgspec

from protocols.wmbus.address cimport maker_bytes
from protocols.wmbus.layout cimport alarm_names, driver_name, medium_of, name_of
from protocols.wmbus.names cimport FieldName, field_name, next_telegram
from protocols.wmbus.structs cimport (
    FLAG_HIDDEN,
    FLAG_MANUFACTURER,
    FLAG_PLAIN,
    FLAG_SYNTHETIC,
    FLAG_UNKNOWN,
    KIND_LABEL,
    KIND_NONE,
    KIND_NUMBER,
    MAX_RECORDS,
    MODE_ELL,
    Rec,
    Tele,
)
from protocols.wmbus.text cimport VALUE_ROOM, write_clock, write_date, write_decimal, write_unsigned, write_value
from protocols.wmbus.telegram cimport Telegram
from protocols.wmbus.verdict cimport diagnostics_of, error_of, unit_text
from protocols.wmbus.vif cimport L_UNSET

from protocols.wmbus import naming, tables

cdef extern from *:
    """
    /* value * num / den with six decimals, rounded half to even; 0 where it does not fit 64 bits. */
    static int scale_to_micro(long long value, long long num, long long den, int exponent, long long *out) {
        __int128 top = (__int128)value * num, bottom = den, rest, whole;
        int shift = exponent + 6, negative;
        if (shift > 15 || shift < -18)
            return 0;
        for (; shift > 0; shift--) {
            if (top > ((__int128)1 << 120) || top < -((__int128)1 << 120))
                return 0;
            top *= 10;
        }
        for (; shift < 0; shift++)
            bottom *= 10;
        negative = top < 0;
        if (negative)
            top = -top;
        whole = top / bottom;
        rest = (top % bottom) * 2;
        if (rest > bottom || (rest == bottom && (whole & 1)))
            whole += 1;
        if (whole > (__int128)9000000000000000000LL)
            return 0;
        *out = negative ? -(long long)whole : (long long)whole;
        return 1;
    }
    """
    bint scale_to_micro(long long, long long, long long, int, long long*) nogil

ctypedef struct Piece:
    char* text
    int size

ctypedef struct FieldEntry:
    const char* name
    int size
    int record
    int64_t num
    int64_t den

cdef const char* HEX = b"0123456789ABCDEF"
cdef int MODE_FIRST = MODE_ELL


cdef Piece piece(object text) except *:
    """A copy of a text, as JSON, that lives as long as the process."""
    cdef bytes encoded = msgspec.json.encode(text)
    cdef Piece made
    made.size = <int>len(encoded)
    made.text = <char*>malloc(made.size)
    if made.text == NULL:
        raise MemoryError
    memcpy(made.text, <char*>encoded, made.size)
    return made


cdef Piece QUANTITY[512]
cdef Piece UNIT[256]
cdef Piece QUALIFIER[256]
cdef Piece MEDIUM[256]
cdef Piece LINK[5]
cdef Piece AIR[5]
cdef Piece CRC[3]
cdef Piece STATE[5]
cdef Piece PROOF[5]
cdef Piece FORMAT[3]
cdef Piece FUNCTION[4]
cdef Piece MODE[8]


cdef void fill(Piece* pieces, object texts) except *:
    for i, text in enumerate(texts):
        pieces[<int>i] = piece(text)


fill(QUANTITY, tables.QUANTITIES)
fill(UNIT, [unit or None for unit in tables.UNITS])
fill(QUALIFIER, tables.QUALIFIERS)
fill(MEDIUM, [tables.MEDIA.get(code, "unknown") for code in range(256)])
fill(LINK, naming.LINKS)
fill(AIR, naming.AIRS)
fill(CRC, naming.CRCS)
fill(STATE, naming.STATES)
fill(PROOF, naming.PROOFS)
fill(FORMAT, naming.FORMATS)
fill(FUNCTION, naming.FUNCTIONS)
fill(MODE, [naming.MODES[code] for code in sorted(naming.MODES)])


cdef class Text:
    """A growing piece of UTF-8."""

    def __cinit__(self):
        self.room = 1 << 14
        self.data = <char*>malloc(self.room)
        if self.data == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.data)

    cdef void clear(self) noexcept:
        self.size = 0

    cdef int grow(self, size_t more) except -1:
        """Make room for some more bytes than there is."""
        cdef char* grown
        while self.size + more > self.room:
            self.room *= 2
        grown = <char*>realloc(self.data, self.room)
        if grown == NULL:
            raise MemoryError
        self.data = grown
        return 0

    cdef int put_bytes(self, bytes text) except -1:
        return put(self, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))

    cdef bytes taken(self):
        """What was written since the last time."""
        cdef bytes text = PyBytes_FromStringAndSize(self.data, self.size)
        self.size = 0
        return text


cdef inline int need(Text out, size_t more) except -1:
    """Make room for some more bytes."""
    return out.grow(more) if out.size + more > out.room else 0


cdef inline int put(Text out, const char* text, size_t size) except -1:
    need(out, size)
    memcpy(out.data + out.size, text, size)
    out.size += size
    return 0


cdef inline int lit(Text out, const char* text) except -1:
    return put(out, text, strlen(text))


cdef inline int say(Text out, const Piece* text) except -1:
    return put(out, text.text, text.size)


cdef inline int number(Text out, unsigned long long value) except -1:
    need(out, 24)
    out.size += write_unsigned(value, out.data + out.size)
    return 0


cdef inline int hex_bytes(Text out, const uint8_t* p, int size, int stride) except -1:
    """Bytes as hexadecimal digits; a stride of -1 takes them from the last to the first."""
    cdef int i
    need(out, 2 * size)
    for i in range(size):
        out.data[out.size] = HEX[p[i * stride] >> 4]
        out.data[out.size + 1] = HEX[p[i * stride] & 0x0F]
        out.size += 2
    return 0


cdef int escaped(Text out, const char* text, int size) except -1:
    """A JSON string of UTF-8 text."""
    cdef int i
    cdef uint8_t letter
    need(out, 6 * size + 2)
    out.data[out.size] = 34
    out.size += 1
    for i in range(size):
        letter = <uint8_t>text[i]
        if letter == 34 or letter == 92:
            out.data[out.size] = 92
            out.data[out.size + 1] = <char>letter
            out.size += 2
        elif letter < 32:
            memcpy(out.data + out.size, b"\\u00", 4)
            out.data[out.size + 4] = HEX[letter >> 4]
            out.data[out.size + 5] = HEX[letter & 0x0F]
            out.size += 6
        else:
            out.data[out.size] = <char>letter
            out.size += 1
    out.data[out.size] = 34
    out.size += 1
    return 0


cdef inline bint has_value(const Rec* r, int written) noexcept:
    """Text may be empty and still be a value; a number that is not there is none."""
    return written > 0 or (r.kind != KIND_NONE and r.kind != KIND_NUMBER)


cdef int value_of(Text out, const Tele* t, const Rec* r) except -1:
    """A record's value as a JSON string, or null."""
    cdef char room[VALUE_ROOM]
    cdef int n
    if r.kind == KIND_LABEL:
        return out.put_bytes(msgspec.json.encode(name_of(<int>r.mantissa)))
    if r.kind == KIND_NUMBER:
        need(out, 80)
        out.data[out.size] = 34
        out.size += 1
        out.size += write_decimal(r.mantissa, r.exponent, out.data + out.size)
        out.data[out.size] = 34
        out.size += 1
        return 0
    n = write_value(t.buf, r, room)
    if not has_value(r, n):
        return lit(out, b"null")
    return escaped(out, room, n)


cdef int unit_of(Text out, const Tele* t, const Rec* r) except -1:
    if r.flags & FLAG_PLAIN or r.per:
        return out.put_bytes(msgspec.json.encode(naming.unit_of(unit_text(t, r), r.unit, r.per)))
    return say(out, &UNIT[r.unit])


cdef int write_record(Text out, const Tele* t, const Rec* r) except -1:
    lit(out, b'{"quantity":')
    say(out, &QUANTITY[r.quantity])
    lit(out, b',"unit":')
    unit_of(out, t, r)
    lit(out, b',"value":')
    value_of(out, t, r)
    if r.function or r.storage or r.tariff or r.subunit or r.n_qualifiers:
        write_place(out, r)
    else:
        lit(out, b',"function":"instantaneous","storage":0,"tariff":0,"subunit":0,"qualifiers":[]')
    if r.at_date:
        write_at(out, r)
    if r.name:
        lit(out, b',"name":')
        out.put_bytes(msgspec.json.encode(name_of(r.name)))
    elif r.flags & (FLAG_MANUFACTURER | FLAG_UNKNOWN) and not r.flags & FLAG_SYNTHETIC:
        lit(out, b',"header":"')
        hex_bytes(out, t.buf + r.head, r.data - r.head - (1 if r.coding == 0x0D else 0), 1)
        lit(out, b'"')
    return lit(out, b"}")


cdef int write_place(Text out, const Rec* r) except -1:
    """Where a value stands among those of its quantity."""
    cdef int i
    lit(out, b',"function":')
    say(out, &FUNCTION[r.function])
    lit(out, b',"storage":')
    number(out, r.storage)
    lit(out, b',"tariff":')
    number(out, r.tariff)
    lit(out, b',"subunit":')
    number(out, r.subunit)
    lit(out, b',"qualifiers":[')
    for i in range(r.n_qualifiers):
        if i:
            lit(out, b",")
        say(out, &QUALIFIER[r.qualifiers[i]])
    return lit(out, b"]")


cdef int write_at(Text out, const Rec* r) except -1:
    """The instant of a value that brings its own."""
    lit(out, b',"at":"')
    need(out, 24)
    out.size += write_date(r.at_date, out.data + out.size)
    if r.at_time:
        lit(out, b"T")
        out.size += write_clock(<int>r.at_time, out.data + out.size)
    return lit(out, b'"')


cdef inline bint is_null(const Tele* t, const Rec* r) noexcept:
    """Whether a record gives its field no value."""
    cdef int i
    for i in range(r.n_qualifiers):
        if r.qualifiers[i] == L_UNSET:
            return True
    return r.kind == KIND_NONE


cdef int gather_fields(const Tele* t, FieldEntry* entries) except -1:
    """Which record gives which field: the first of a name, unless it has no value and a later one has."""
    cdef int i, k, n = 0
    cdef const FieldName* name
    next_telegram()
    for i in range(t.n_recs):
        if t.recs[i].flags & FLAG_HIDDEN:
            continue
        name = field_name(t, &t.recs[i])
        if name.text == NULL:
            continue
        k = 0
        while k < n and entries[k].name != name.text:
            k += 1
        if k < n and not is_null(t, &t.recs[entries[k].record]):
            continue
        entries[k] = FieldEntry(name.text, name.size, i, name.num, name.den)
        if k == n:
            n += 1
    return n


cdef int field_value(Text out, const Tele* t, const FieldEntry* entry) except -1:
    cdef const Rec* r = &t.recs[entry.record]
    cdef long long micro
    if is_null(t, r):
        return lit(out, b"null")
    if (entry.num == 1 and entry.den == 1) or r.kind != KIND_NUMBER:
        return value_of(out, t, r)
    if entry.den == 1 and -(1 << 40) < entry.num < 1 << 40 and -(1 << 22) < r.mantissa < 1 << 22:
        need(out, 80)
        out.data[out.size] = 34
        out.size += 1
        out.size += write_decimal(r.mantissa * entry.num, r.exponent, out.data + out.size)
    elif entry.den != 1 and scale_to_micro(r.mantissa, entry.num, entry.den, r.exponent, &micro):
        need(out, 80)
        out.data[out.size] = 34
        out.size += 1
        out.size += write_decimal(micro, -6, out.data + out.size)
    else:
        return out.put_bytes(msgspec.json.encode(naming.scaled(r.mantissa, r.exponent, entry.num, entry.den)))
    return lit(out, b'"')


cdef int write_fields(Text out, const Tele* t) except -1:
    cdef FieldEntry entries[MAX_RECORDS]
    cdef int i, n = gather_fields(t, entries)
    lit(out, b',"fields":{')
    for i in range(n):
        lit(out, b',"' if i else b'"')
        put(out, entries[i].name, entries[i].size)
        lit(out, b'":')
        field_value(out, t, &entries[i])
    return lit(out, b"}")


cdef int write_meter(Text out, const Tele* t) except -1:
    if not t.has_meter:
        return lit(out, b',"meter":null')
    lit(out, b',"meter":{"manufacturer":')
    out.put_bytes(maker_bytes((t.meter[0] | t.meter[1] << 8) & 0x7FFF))
    lit(out, b',"id":"')
    hex_bytes(out, t.meter + 5, 4, -1)
    lit(out, b'","version":')
    number(out, t.meter[6])
    lit(out, b',"type":')
    number(out, t.meter[7])
    lit(out, b',"medium":')
    say(out, &MEDIUM[medium_of(t)])
    return lit(out, b"}")


cdef int write_link(Text out, const Tele* t) except -1:
    cdef uint8_t ci = t.ci if t.tpl_at else t.ell
    lit(out, b',"link":{"format":')
    say(out, &LINK[t.link])
    lit(out, b',"crc":')
    say(out, &CRC[t.crc])
    lit(out, b',"c_field":"')
    hex_bytes(out, &t.c_field, 1, 1)
    lit(out, b'","ci":')
    if t.tpl_at or t.ell:
        lit(out, b'"')
        hex_bytes(out, &ci, 1, 1)
        lit(out, b'"')
    else:
        lit(out, b"null")
    lit(out, b',"access_no":')
    if t.has_acc or t.ell:
        number(out, t.acc if t.has_acc else t.ell_acc)
    else:
        lit(out, b"null")
    lit(out, b',"symbol_errors":')
    number(out, t.symbol_errors)
    lit(out, b',"air":')
    say(out, &AIR[t.air])
    return lit(out, b"}")


cdef int write_security(Text out, const Tele* t) except -1:
    lit(out, b',"security":{"mode":')
    if t.security_mode >= MODE_FIRST:
        say(out, &MODE[t.security_mode - MODE_FIRST])
    else:
        number(out, t.security_mode)
    lit(out, b',"state":')
    say(out, &STATE[t.security])
    lit(out, b',"proof":')
    say(out, &PROOF[t.proof])
    lit(out, b',"authentic":')
    lit(out, b"true" if t.authentic else b"false")
    lit(out, b',"counter":')
    if t.has_counter:
        number(out, t.counter)
    else:
        lit(out, b"null")
    return lit(out, b"}")


cdef int write_diagnostics(Text out, const Tele* t) except -1:
    lit(out, b',"diagnostics":')
    if t.n_diags or t.error:
        out.put_bytes(msgspec.json.encode([{"code": code, "text": text} for code, text in diagnostics_of(t)]))
        return lit(out, b"}")
    return lit(out, b"[]}")


cdef int write_alarms(Text out, const Tele* t) except -1:
    lit(out, b',"alarms":')
    if not t.alarms and (not t.has_sts or not t.sts & 0x1F):
        return lit(out, b"[]")
    status = t.sts if t.has_sts else None
    return out.put_bytes(msgspec.json.encode(naming.alarms_of(status, alarm_names(t))))


cdef int write_telegram(Text out, Tele* t, bytes ref) except -1:
    """Append one line (without its newline); ``ref`` is JSON."""
    cdef int i
    cdef bint first = True
    error = error_of(t)
    lit(out, b'{"schema":1,"ref":')
    out.put_bytes(ref)
    lit(out, b',"ok":true,"error":null' if error is None else b',"ok":false,"error":')
    if error is not None:
        out.put_bytes(msgspec.json.encode(error))
    write_meter(out, t)
    write_link(out, t)
    write_security(out, t)
    lit(out, b',"driver":')
    name = driver_name(t.driver)
    out.put_bytes(b"null" if name is None else b'"' + name.encode() + b'"')
    lit(out, b',"format_state":')
    say(out, &FORMAT[t.format])
    lit(out, b',"records":[')
    for i in range(t.n_recs):
        if t.recs[i].flags & FLAG_HIDDEN:
            continue
        if not first:
            lit(out, b",")
        first = False
        write_record(out, t, &t.recs[i])
    lit(out, b"]")
    write_fields(out, t)
    write_alarms(out, t)
    return write_diagnostics(out, t)


cdef int write_failure(Text out, bytes ref, object error) except -1:
    """Append the line that answers input which holds no telegram."""
    lit(out, b'{"schema":1,"ref":')
    out.put_bytes(ref)
    return out.put_bytes(b"," + msgspec.json.encode(naming.failed(error))[1:])


def parsed(Telegram telegram not None):
    """A telegram as the dict of its JSON line, without ``ref``."""
    cdef Text out = Text()
    write_telegram(out, &telegram.t, b"null")
    line = msgspec.json.decode(out.taken())
    del line["ref"]
    return line
