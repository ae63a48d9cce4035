"""The Python face of a decoded telegram: ``Telegram`` and ``Record``."""

import datetime

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from protocols.wmbus import naming, tables
from protocols.wmbus.address cimport address_of
from protocols.wmbus.layout cimport alarm_names, driver_name, medium_of, name_of
from protocols.wmbus.registers cimport is_main, litres_of, main_volume, meter_clock
from protocols.wmbus.structs cimport (
    FLAG_HIDDEN,
    FLAG_SYNTHETIC,
    KIND_DATE,
    KIND_DATETIME,
    KIND_LABEL,
    KIND_NONE,
    KIND_NUMBER,
    Rec,
    Tele,
)
from protocols.wmbus.text cimport VALUE_ROOM, write_value
from protocols.wmbus.verdict cimport diagnostics_of, error_of, unit_text
from protocols.wmbus.vif cimport Q_DATE, Q_DATETIME, Q_VOLUME

cdef tuple QUANTITIES = tables.QUANTITIES
cdef tuple QUALIFIERS = tables.QUALIFIERS


cdef class Telegram:
    """One decoded telegram. See ``help(protocols.wmbus)``."""

    def __dealloc__(self):
        free(self.memory)

    cdef void keep(self, const Tele* source) except *:
        cdef size_t records = source.n_recs * sizeof(Rec)
        cdef size_t used = source.used if source.used > source.size else source.size
        self.t = source[0]
        self.memory = <uint8_t*>malloc(records + used + 1)
        if self.memory == NULL:
            raise MemoryError
        memcpy(self.memory, source.recs, records)
        memcpy(self.memory + records, source.buf, used)
        self.t.recs = <Rec*>self.memory
        self.t.buf = self.memory + records
        self.t.max_recs = self.t.n_recs

    @property
    def ok(self):
        """Whether the frame was sound and everything in it could be opened."""
        return self.t.error == 0 and self.t.security <= 1 and not self.t.incomplete

    @property
    def error(self):
        """Why not, as a text naming field, value and rule; None if ``ok``."""
        return error_of(&self.t)

    @property
    def meter(self):
        """The meter's Address; None in frames without one."""
        if self._meter is None and self.t.has_meter:
            self._meter = address_of(self.t.meter)
        return self._meter

    @property
    def medium(self):
        """What the meter measures, for instance ``cold water``; None without an address."""
        return tables.MEDIA.get(medium_of(&self.t), "unknown") if self.t.has_meter else None

    @property
    def link(self):
        """Link(format, crc, c_field, ci, access_no, symbol_errors)."""
        return naming.Link(
            naming.LINKS[self.t.link],
            naming.CRCS[self.t.crc],
            f"{self.t.c_field:02X}",
            f"{self.t.ci:02X}" if self.t.tpl_at else (f"{self.t.ell:02X}" if self.t.ell else None),
            self.access_no,
            self.t.symbol_errors,
            naming.AIRS[self.t.air],
        )

    @property
    def security(self):
        """Security(mode, state, proof, authentic, counter)."""
        mode = self.t.security_mode
        return naming.Security(
            naming.MODES.get(mode, mode),
            naming.STATES[self.t.security],
            naming.PROOFS[self.t.proof],
            bool(self.t.authentic),
            self.t.counter if self.t.has_counter else None,
        )

    @property
    def driver(self):
        """Name of the meter family whose driver named the fields, or None."""
        return driver_name(self.t.driver)

    @property
    def format_state(self):
        """full, compact_known or compact_waiting."""
        return naming.FORMATS[self.t.format]

    @property
    def access_no(self):
        """The access number of the transport layer, else of the extended link layer, else None."""
        if self.t.has_acc:
            return self.t.acc
        return self.t.ell_acc if self.t.ell else None

    @property
    def status(self):
        """The transport layer's status byte, or None."""
        return self.t.sts if self.t.has_sts else None

    @property
    def diagnostics(self):
        """Tuple of Diagnostic(code, text): everything worth knowing about how the telegram was read."""
        return tuple([naming.Diagnostic(code, text) for code, text in diagnostics_of(&self.t)])

    @property
    def records(self):
        """Tuple of the telegram's Records, made when first asked for."""
        if self._records is None:
            self._records = tuple(self)
        return self._records

    def __iter__(self):
        """Records one by one, each made when it is reached."""
        cdef int i
        cdef Record record
        for i in range(self.t.n_recs):
            if self.t.recs[i].flags & FLAG_HIDDEN:
                continue
            record = Record.__new__(Record)
            record.rec = self.t.recs[i]
            record.telegram = self
            yield record

    @property
    def fields(self):
        """Named values: name to exact decimal string, ISO date or text; None where a value is invalid."""
        if self._fields is None:
            self._fields = self.to_json()["fields"]
        return self._fields

    @property
    def alarms(self):
        """Names of the alarms the meter reports."""
        return naming.alarms_of(self.status, alarm_names(&self.t))

    @property
    def total_litres(self):
        """The current main volume index in whole litres (floor), or None."""
        cdef int64_t litres
        return litres if main_volume(&self.t, &litres) else None

    @property
    def due_litres(self):
        """Volume indices at due dates: list of (date, whole litres), in the telegram's order.

        A negative one is what several meters send for a date that is yet to come, and is left out.
        """
        cdef int i
        cdef int64_t litres
        cdef Rec* r
        found = []
        for i in range(self.t.n_recs):
            r = &self.t.recs[i]
            if r.quantity != Q_VOLUME or r.storage == 0 or not is_main(r):
                continue
            day = date_of_storage(&self.t, r)
            if day is not None and litres_of(r, &litres) and litres >= 0:
                found.append((day, litres))
        return found

    @property
    def meter_time(self):
        """The meter's own clock (naive datetime), or None."""
        cdef int64_t code
        return instant_of(code) if meter_clock(&self.t, &code) else None

    def to_json(self):
        """A dict in the shape of one output line of ``sgc decode``, without ``ref``."""
        from protocols.wmbus import jsonl

        return jsonl.parsed(self)

    def __repr__(self):
        return f"<Telegram {self.meter} {'ok' if self.ok else self.error}>"


cdef Record record_over(const Tele* t, const Rec* r):
    """A Record of its own for a telegram that is still in its workspace."""
    cdef Telegram telegram = Telegram.__new__(Telegram)
    cdef Record record = Record.__new__(Record)
    telegram.keep(t)
    record.telegram = telegram
    record.rec = r[0]
    return record


cdef object date_of_storage(const Tele* t, const Rec* r):
    """The date that belongs to a stored value: its own, or that of a date record of the same storage."""
    cdef int k
    cdef const Rec* other
    if r.at_date:
        return day_of(r.at_date)
    for k in range(t.n_recs):
        other = &t.recs[k]
        if other.storage != r.storage or other.tariff or other.subunit or other.n_qualifiers > 1:
            continue
        if other.quantity == Q_DATE and other.kind == KIND_DATE:
            return day_of(<int>other.mantissa)
        if other.quantity == Q_DATETIME and other.kind in (KIND_DATE, KIND_DATETIME):
            code = other.mantissa if other.kind == KIND_DATE else other.mantissa // 1000000
            return day_of(<int>code)
    return None


cdef object day_of(int code):
    """A date, or None where a part of it says "every"."""
    if code // 10000 == 0 or code // 100 % 100 == 0 or code % 100 == 0:
        return None
    return datetime.date(code // 10000, code // 100 % 100, code % 100)


cdef object instant_of(int64_t code):
    day = day_of(<int>(code // 1000000))
    if day is None:
        return None
    clock = code % 1000000
    return datetime.datetime.combine(day, datetime.time(clock // 10000, clock // 100 % 100, clock % 100))


cdef class Record:
    """One value of a telegram with its meaning."""

    @property
    def quantity(self):
        """What was measured, for instance ``volume``."""
        return QUANTITIES[self.rec.quantity]

    @property
    def unit(self):
        """Its unit, or None."""
        return naming.unit_of(unit_text(&self.telegram.t, &self.rec), self.rec.unit, self.rec.per)

    @property
    def value(self):
        """Exact decimal, ISO 8601 date or time, or text; None if invalid or in error state."""
        cdef char room[VALUE_ROOM]
        if self.rec.kind == KIND_LABEL:
            return name_of(<int>self.rec.mantissa)
        cdef int n = write_value(self.telegram.t.buf, &self.rec, room)
        if n == 0 and self.rec.kind in (KIND_NONE, KIND_NUMBER):
            return None
        return room[:n].decode()

    @property
    def mantissa(self):
        """Integer part of a number: value = mantissa * 10**exponent; None if it is none."""
        return self.rec.mantissa if self.rec.kind == KIND_NUMBER else None

    @property
    def exponent(self):
        """Decimal exponent of a number."""
        return self.rec.exponent

    @property
    def function(self):
        """instantaneous, maximum, minimum or error."""
        return naming.FUNCTIONS[self.rec.function]

    @property
    def storage(self):
        """Storage number: 0 is now, above are stored values."""
        return self.rec.storage

    @property
    def tariff(self):
        """Tariff number, 0 for none."""
        return self.rec.tariff

    @property
    def subunit(self):
        """Subunit of the device, 0 for the main one."""
        return self.rec.subunit

    @property
    def qualifiers(self):
        """Names of what the VIFEs add, for instance ``backward``."""
        cdef int i
        return tuple([QUALIFIERS[self.rec.qualifiers[i]] for i in range(self.rec.n_qualifiers)])

    @property
    def at(self):
        """ISO date (and time) of a value that brings its own, or None."""
        return naming.at_of(self.rec.at_date, self.rec.at_time) if self.rec.at_date else None

    @property
    def name(self):
        """The field name a driver's layout gave it, or None for a standard record."""
        return name_of(self.rec.name) or None

    @property
    def header(self):
        """The DIF, DIFE, VIF and VIFE bytes; empty for a value that a layout or profile made."""
        if self.rec.flags & FLAG_SYNTHETIC:
            return b""
        cdef int32_t size = self.rec.data - self.rec.head - (1 if self.rec.coding == 0x0D else 0)
        return self.telegram.t.buf[self.rec.head : self.rec.head + size]

    @property
    def raw(self):
        """The data bytes as sent."""
        return self.telegram.t.buf[self.rec.data : self.rec.data + self.rec.size]

    def __repr__(self):
        return f"<Record {self.quantity} {self.value} {self.unit or ''}>"
