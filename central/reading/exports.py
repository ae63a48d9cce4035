"""Readings from the files of other systems: what a file means is said by a mapping, a small YAML file for each vendor.

A mapping names the columns and says how they are written::

    name: Telelectura de ejemplo
    delimiter: ";"
    encoding: utf-8-sig
    meter: {column: Contador, by: serial}          # serial or address
    at: {column: Fecha, format: "%d/%m/%Y %H:%M"}   # local time of Europe/Madrid unless "zone" or %z says otherwise
    index: {column: Lectura, unit: m3, decimal: ","}
    hourly: false                                   # true: an index for each hour, kept as a series for each day
    skip: {column: Estado, values: [ERROR]}

Every row has its fate: new, unchanged (the same is recorded), skipped, or refused with field, value and rule.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from itertools import groupby
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml
from sqlalchemy import Connection, select

from central.reading.hourly import UNKNOWN, DayRow, already, raw_of
from central.reading.judge import first_verdict
from central.reading.known import KnownMeter
from central.reading.rows import REJECTED, VALID, ReadingRow, Rows
from central.reading.writing import Direct, merge_days, merge_readings
from central.store.models import Meter, Reading, ReadingKind
from central.store.partitions import ensure_partitions
from central.store.parts import in_parts
from central.times import HOUR_MS, local_day, midnight_ms, millis

NEW, UNCHANGED, SKIPPED, REFUSED = "new", "unchanged", "skipped", "refused"
THIRD_PARTY = int(ReadingKind.THIRD_PARTY)
MOST_DELTA = 2**31 - 1


class MappingError(ValueError):
    """A mapping or a file that cannot be used; the text names field, value and rule."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a mapping."""


class MeterColumn(_Part, frozen=True):
    """Which column names the meter, and by what."""

    column: str
    by: Literal["serial", "address"] = "serial"


class InstantColumn(_Part, frozen=True):
    """Which column says when, and how it is written (as ``strptime`` reads it)."""

    column: str
    format: str
    zone: str = "Europe/Madrid"


class IndexColumn(_Part, frozen=True):
    """Which column is the index, in which unit, with which marks."""

    column: str
    unit: Literal["m3", "litres"] = "m3"
    decimal: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = "."
    thousands: Annotated[str, msgspec.Meta(max_length=1)] = ""


class Skip(_Part, frozen=True):
    """Rows that say themselves that they are none."""

    column: str
    values: tuple[str, ...]


class Mapping(_Part, frozen=True):
    """The whole file."""

    name: str
    meter: MeterColumn
    at: InstantColumn
    index: IndexColumn
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8-sig"
    hourly: bool = False
    skip: Skip | None = None


@dataclass(frozen=True)
class Fate:
    """What becomes of one row of the file; ``row`` is its line."""

    row: int
    fate: str
    meter: str
    at: str
    reason: str = ""


@dataclass(frozen=True)
class _Read:
    """A row that could be read."""

    row: int
    named: str
    written: str
    meter: KnownMeter
    at_ms: int
    litres: int

    def fate(self, fate: str, reason: str = "") -> Fate:
        return Fate(self.row, fate, self.named, self.written, reason)


def read_mapping(text: str, where: str) -> Mapping:
    """A mapping from its YAML; raises :class:`MappingError`."""
    try:
        mapping = msgspec.convert(yaml.safe_load(text), Mapping)
        ZoneInfo(mapping.at.zone)
        "".encode(mapping.encoding)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise MappingError(f"{where}: {error}") from error
    except (ZoneInfoNotFoundError, LookupError, ValueError) as error:
        raise MappingError(f"{where}: {error}") from error
    return mapping


def import_export(
    connection: Connection, utility_id: int, mapping: Mapping, payload: bytes, now: datetime
) -> list[Fate]:
    """Record the readings of a file in the connection's transaction; whoever only wants the fates rolls it back.

    Raises :class:`MappingError` where the file lacks a column of the mapping or is not text of its encoding.
    """
    rows = _table(mapping, payload)
    known = _meters(connection, utility_id, mapping.meter, {row[mapping.meter.column].strip() for _, row in rows})
    reader = _Reader(mapping, known)
    read: list[_Read] = []
    fates: list[Fate] = []
    for number, row in rows:
        one = reader.read(number, row)
        if isinstance(one, Fate):
            fates.append(one)
        else:
            read.append(one)
    record = _record_days if mapping.hourly else _record_indices
    fates += record(connection, utility_id, read, now)
    return sorted(fates, key=lambda fate: fate.row)


def _table(mapping: Mapping, payload: bytes) -> list[tuple[int, dict[str, str]]]:
    try:
        text = payload.decode(mapping.encoding)
    except UnicodeDecodeError as error:
        raise MappingError(f"file: not text in {mapping.encoding} ({error.reason} at byte {error.start})") from error
    lines = csv.DictReader(io.StringIO(text), delimiter=mapping.delimiter, restval="")
    wanted = [mapping.meter.column, mapping.at.column, mapping.index.column]
    missing = [
        name
        for name in (*wanted, *([mapping.skip.column] if mapping.skip else []))
        if name not in (lines.fieldnames or ())
    ]
    if missing:
        raise MappingError(f"file: has no column {', '.join(map(repr, missing))}; it has {lines.fieldnames}")
    return [(lines.line_num, row) for row in lines]


def _meters(connection: Connection, utility_id: int, by: MeterColumn, names: set[str]) -> dict[str, KnownMeter]:
    column = Meter.serial if by.by == "serial" else Meter.address
    found: dict[str, KnownMeter] = {}
    for part in in_parts(sorted(names)):
        query = select(column, Meter.id, Meter.modulus_litres).where(Meter.utility_id == utility_id, column.in_(part))
        found |= {name: KnownMeter(meter_id, modulus) for name, meter_id, modulus in connection.execute(query).all()}
    return found


class _Reader:
    """Reads rows, one after the other: an hour that the clocks repeat is the first one the first time."""

    def __init__(self, mapping: Mapping, meters: dict[str, KnownMeter]) -> None:
        self._mapping = mapping
        self._meters = meters
        self._zone = ZoneInfo(mapping.at.zone)
        self._seen: set[tuple[str, datetime]] = set()

    def read(self, number: int, row: dict[str, str]) -> _Read | Fate:
        mapping = self._mapping
        named, written = row[mapping.meter.column].strip(), row[mapping.at.column].strip()
        if mapping.skip and row[mapping.skip.column].strip() in mapping.skip.values:
            return Fate(number, SKIPPED, named, written, f"{mapping.skip.column}: {row[mapping.skip.column].strip()!r}")
        meter = self._meters.get(named)
        try:
            if meter is None:
                raise MappingError(f"{mapping.meter.column}: {named!r}, is not a meter of this utility")
            return _Read(number, named, written, meter, self._instant(named, written), self._litres(row))
        except MappingError as error:
            return Fate(number, REFUSED, named, written, str(error))

    def _instant(self, named: str, written: str) -> int:
        column = self._mapping.at.column
        try:
            local = datetime.strptime(written, self._mapping.at.format)  # noqa: DTZ007 - the zone is put in below
        except ValueError as error:
            raise MappingError(f"{column}: {written!r}, must be written {self._mapping.at.format}") from error
        if local.tzinfo is not None:
            return millis(local)
        first, second = (local.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
        if first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != local:
            raise MappingError(f"{column}: {written!r}, is no time of {self._mapping.at.zone}: the clocks leave it out")
        again = (named, local) in self._seen
        self._seen.add((named, local))
        return millis(second if again and first.utcoffset() != second.utcoffset() else first)

    def _litres(self, row: dict[str, str]) -> int:
        index = self._mapping.index
        written = row[index.column].strip()
        text = written.replace(index.thousands, "") if index.thousands else written
        try:
            value = Decimal(text.replace(index.decimal, ".")) if index.decimal == "." or "." not in text else None
            if value is None or not value.is_finite() or not 0 <= value < 10**15:
                raise InvalidOperation
        except InvalidOperation as error:
            raise MappingError(f"{index.column}: {written!r}, must be a number of {index.unit}, 0 or more") from error
        return int((value * (1000 if index.unit == "m3" else 1)).to_integral_value(ROUND_FLOOR))


# Single indices -----------------------------------------------------------------------------------------------------


def _record_indices(connection: Connection, utility_id: int, read: Sequence[_Read], now: datetime) -> list[Fate]:
    """Each as a reading of its own, of a third party."""
    recorded = _recorded(connection, utility_id, read)
    fates, rows = [], {}
    for one in read:
        status, reason = first_verdict(one.litres, one.at_ms, millis(now), one.meter.modulus_litres, "")
        before = recorded.setdefault((one.meter.id, one.at_ms), one.litres) if status != REJECTED else None
        if status == REJECTED:
            fates.append(one.fate(REFUSED, reason))
        elif before != one.litres:
            fates.append(one.fate(REFUSED, f"reading.litres: {one.litres}, the reading of that instant is {before}"))
        elif (one.meter.id, one.at_ms) in rows or not _is_new(recorded, one):
            fates.append(one.fate(UNCHANGED))
        else:
            rows[one.meter.id, one.at_ms] = ReadingRow(
                utility_id,
                one.at_ms,
                one.meter.id,
                THIRD_PARTY,
                0,
                one.litres,
                VALID,
                "",
                None,
                None,
                None,
                millis(now),
            )
            fates.append(one.fate(NEW))
    made = Rows(readings=list(rows.values()))
    ensure_partitions(connection, made.spread())
    merge_readings(connection, made.readings)
    return fates


class _Recorded(dict[tuple[int, int], int]):
    """Litres by (meter, instant); ``before`` are those that the database held."""

    before: frozenset[tuple[int, int]] = frozenset()


def _is_new(recorded: _Recorded, one: _Read) -> bool:
    return (one.meter.id, one.at_ms) not in recorded.before


def _recorded(connection: Connection, utility_id: int, read: Sequence[_Read]) -> _Recorded:
    found = _Recorded()
    if read:
        first, last = min(one.at_ms for one in read), max(one.at_ms for one in read)
        for part in in_parts(sorted({one.meter.id for one in read})):
            query = select(Reading.meter_id, Reading.at_ms, Reading.litres).where(
                Reading.utility_id == utility_id,
                Reading.meter_id.in_(part),
                Reading.at_ms.between(first, last),
                Reading.kind == THIRD_PARTY,
            )
            found.update({(meter, at_ms): litres for meter, at_ms, litres in connection.execute(query)})
    found.before = frozenset(found)
    return found


# Hourly indices -----------------------------------------------------------------------------------------------------


def _record_days(connection: Connection, utility_id: int, read: Sequence[_Read], now: datetime) -> list[Fate]:
    """The indices of each local day, from midnight to midnight, as one series."""
    fates: list[Fate] = []
    days: list[tuple[DayRow, list[_Read]]] = []
    by_meter = sorted(read, key=lambda one: (one.meter.id, one.at_ms, one.row))
    for _, group in groupby(by_meter, key=lambda one: one.meter.id):
        indices: dict[int, _Read] = {}
        for one in group:
            status, reason = first_verdict(one.litres, one.at_ms, millis(now), one.meter.modulus_litres, "")
            first = indices.setdefault(one.at_ms, one)
            if status == REJECTED or one.at_ms % HOUR_MS:
                fates.append(one.fate(REFUSED, reason or f"at: {one.written!r}, must be a whole hour"))
                if first is one:
                    del indices[one.at_ms]
            elif first is not one:
                same = first.litres == one.litres
                fates.append(
                    one.fate(UNCHANGED if same else REFUSED, "" if same else f"row {first.row} says {first.litres}")
                )
        for day in _days(utility_id, indices, millis(now)):
            if isinstance(day, Fate):
                fates.append(day)
            else:
                days.append(day)
    return fates + _merged_days(connection, days)


def _days(utility_id: int, indices: dict[int, _Read], recorded_ms: int) -> Iterator[Fate | tuple[DayRow, list[_Read]]]:
    """The whole days of one meter; the index of a midnight ends one day and begins the next."""
    last = max(indices, default=0)
    for day, group in groupby(sorted(indices), key=local_day):
        at = [indices[ms] for ms in group]
        start, end = midnight_ms(day), midnight_ms(day + timedelta(1))
        if start == last and start - HOUR_MS in indices:
            # It only closes the day before, with which it was told.
            continue
        at += [indices[end]] if end == last else []
        hours = range(start, end + 1, HOUR_MS)
        missing = [ms for ms in hours if ms not in indices]
        deltas = [] if missing else [indices[ms + HOUR_MS].litres - indices[ms].litres for ms in hours[:-1]]
        if missing or not all(UNKNOWN < delta <= MOST_DELTA for delta in deltas):
            reason = f"day {day.isoformat()}: {len(missing)} of {len(hours)} hourly indices are missing"
            yield from (one.fate(REFUSED, reason) for one in at)
            continue
        row = DayRow(utility_id, start, at[0].meter.id, at[0].litres, raw_of(deltas), None, recorded_ms)
        yield row, at


def _merged_days(connection: Connection, days: Sequence[tuple[DayRow, list[_Read]]]) -> list[Fate]:
    rows = [row for row, _ in days]
    before = already(connection, rows)
    made = Rows(days=rows)
    ensure_partitions(connection, made.spread())
    differing = {row.key for row in merge_days(connection, rows, Direct())}
    fates = []
    for row, at in days:
        if row.key in differing:
            reason = f"day {local_day(row.start_ms).isoformat()}: another series of this meter is recorded"
            fates += [one.fate(REFUSED, reason) for one in at]
        else:
            fates += [one.fate(UNCHANGED if row.key in before else NEW) for one in at]
    return fates
