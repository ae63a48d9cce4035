"""Ingest: batches become committed rows, each exactly once, however often and in whatever order they arrive.

    arrivals → opened or refused → new, repeated or contradicting → rows → one transaction → answers

The row of ``ingest_batch`` claims a batch: it is inserted in the transaction that writes everything the batch holds, so
a batch is applied whole or not at all. What cannot be applied is kept in quarantine with its reason, in the same
transaction, and is in nobody's way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog
from sqlalchemy import Connection, Engine, insert, update
from sqlalchemy.exc import InterfaceError, InternalError, NotSupportedError, OperationalError, ProgrammingError

from central.reading import quarantine
from central.reading.acks import Answer, Heads
from central.reading.alarms import record_alarms
from central.reading.arrivals import Arrival, Opened, Refused, open_arrival
from central.reading.claims import KEPT, REFUSED, Claim, Claims, Outcome
from central.reading.corrections import apply_corrections
from central.reading.formats import Formats, keep_formats, load_formats
from central.reading.hourly import DayRow
from central.reading.known import Remembered, find_meters, find_supply_points
from central.reading.opening import SEALED, Opener
from central.reading.quarantine import Entry
from central.reading.receivers import record_receivers
from central.reading.rows import RADIO_DUE, REJECTED, ReadingRow, Rows
from central.reading.unpack import Lookups, Unpacker
from central.reading.writing import (
    Contradiction,
    Direct,
    insert_packed,
    insert_telegrams,
    merge_days,
    merge_packed,
    merge_readings,
)
from central.register.keys import KeyRing
from central.register.meters import registered_keys
from central.store.models import Device, DeviceEvent, OrderReport, ReadingKind, Visit
from central.store.partitions import Partition, create_partitions, missing_partitions
from central.times import instant_of, millis
from protocols.sync import Ack, HourSeries, TelegramItem, TypedReading

log = structlog.get_logger("central.ingest")

# Not the fault of what arrived: it may come again once the database answers again.
_NOT_THE_BATCH = (OperationalError, ProgrammingError, InternalError, InterfaceError, NotSupportedError, MemoryError)
_MOST_REMEMBERED = 500_000


class _NewMonthError(Exception):
    """Rows of a month that has no partition yet: the transaction is begun again behind its making."""

    def __init__(self, partitions: Sequence[Partition]) -> None:
        self.partitions = partitions


@dataclass(frozen=True)
class Applied:
    """What :meth:`Ingest.apply` did, and what the devices are to be told now that it is committed."""

    outcomes: list[Outcome]
    acks: list[Ack]


class Ingest:
    """Applies arrivals. One for a process; several processes may work side by side on one database."""

    def __init__(self, engine: Engine, ring: KeyRing | None = None) -> None:
        self._engine = engine
        self._ring = ring
        self._formats: dict[int, Formats] = {}
        self._meters = Remembered(find_meters)
        self._points = Remembered(find_supply_points)
        self._heads = Heads()
        self._direct, self._direct_days = Direct(), Direct()
        self._due: dict[tuple[int, int, int], int] = {}

    def apply(self, arrivals: Sequence[Arrival]) -> Applied:
        """Apply arrivals in one transaction; where one of them breaks it, each in its own and that one to quarantine.

        Raises the database's error where it is not an arrival's fault: nothing is applied then and all may come again.
        """
        columnar = self._engine.dialect.name == "postgresql"
        opened = [open_arrival(arrival, columnar=columnar) for arrival in arrivals]
        try:
            return self._applied(opened)
        except _NOT_THE_BATCH:
            raise
        except Exception:
            alone = [self._alone(one) for one in opened]
            return Applied(
                [outcome for applied in alone for outcome in applied.outcomes],
                [ack for applied in alone for ack in applied.acks],
            )

    def _alone(self, one: Opened | Refused) -> Applied:
        try:
            return self._applied([one])
        except _NOT_THE_BATCH:
            raise
        except Exception as error:
            log.exception("batch cannot be stored", device=one.arrival.device)
            header = one.envelope.header if isinstance(one, Opened) else one.header
            reason = f"batch: cannot be stored ({type(error).__name__}: {error})"
            return self._applied([Refused(one.arrival, reason, header)])

    def _applied(self, opened: Sequence[Opened | Refused]) -> Applied:
        """Apply in one transaction, with the months that it needs made before."""
        try:
            return self._transaction(opened)
        except _NewMonthError as needs:
            create_partitions(self._engine, needs.partitions)
            return self._transaction(opened)

    def _transaction(self, opened: Sequence[Opened | Refused]) -> Applied:
        with self._engine.begin() as connection:
            claims = Claims(connection, opened)
            rows = self._unpack(connection, claims.new)
            contradictions = self._write(connection, claims.new, rows)
            for utility_id, formats in self._formats.items():
                keep_formats(connection, utility_id, formats, _latest(claims.new))
            outcomes = claims.outcomes
            heads = self._heads.read(connection, _boots(outcomes))
        for formats in self._formats.values():
            formats.new.clear()
        self._heads.remember(heads)
        self._remember_due(rows.readings, contradictions)
        return Applied(outcomes, [answer.ack() for answer in _answers(outcomes, heads)])

    # Rows ----------------------------------------------------------------------------------------------------------

    def _unpack(self, connection: Connection, claims: Sequence[Claim]) -> Rows:
        rows = Rows()
        for utility_id in sorted({claim.device.utility_id for claim in claims}):
            of_utility = [claim for claim in claims if claim.device.utility_id == utility_id]
            lookups = self._lookups(connection, utility_id, of_utility)
            for claim in of_utility:
                Unpacker(claim.opened, utility_id, claim.device.id, claim.id, lookups, rows).run()
        return rows

    def _lookups(self, connection: Connection, utility_id: int, claims: Sequence[Claim]) -> Lookups:
        addresses, codes, sealed = set(), set(), set()
        for claim in claims:
            if claim.opened.columns is not None:
                addresses.update(claim.opened.columns.addresses)
            for item in claim.opened.batch.items:
                if isinstance(item, TelegramItem):
                    if item.meter is not None:
                        addresses.add(item.meter)
                        if item.state in SEALED:
                            sealed.add(item.meter)
                elif isinstance(item, TypedReading):
                    addresses.add(item.meter)
                    codes.add(item.supply)
                elif isinstance(item, HourSeries):
                    addresses.add(item.meter)
        meters = self._meters.of(connection, utility_id, addresses)
        keys = registered_keys(connection, utility_id, sorted(sealed & meters.keys()), self._ring)
        if utility_id not in self._formats:
            self._formats[utility_id] = load_formats(connection, utility_id)
        opener = Opener(self._formats[utility_id])
        return Lookups(meters, self._points.of(connection, utility_id, codes), keys, opener, self._due, self._ring)

    # Writing -------------------------------------------------------------------------------------------------------

    def _write(self, connection: Connection, claims: Sequence[Claim], rows: Rows) -> list[Contradiction]:
        if missing := missing_partitions(connection, rows.spread()):
            raise _NewMonthError(missing)
        insert_telegrams(connection, rows.telegrams)
        insert_packed(connection, rows.packed)
        contradictions = merge_packed(connection, rows.packed, self._direct)
        contradictions += merge_readings(connection, rows.readings)
        differing = merge_days(connection, rows.days, self._direct_days)
        if rows.visits:
            connection.execute(insert(Visit), [visit._asdict() for visit in rows.visits])
            apply_corrections(connection, rows.visits)
        if rows.events:
            connection.execute(insert(DeviceEvent), [event._asdict() for event in rows.events])
        if rows.reports:
            connection.execute(insert(OrderReport), rows.reports)
        record_receivers(connection, rows.receivers)
        record_alarms(connection, rows.alarms, _latest(claims))
        quarantine.keep(connection, _entries(claims, rows, contradictions) + _other_days(claims, differing))
        for device_id, received_ms in _last_heard(claims).items():
            connection.execute(update(Device).where(Device.id == device_id).values(last_batch_ms=received_ms))
        return contradictions

    def _remember_due(self, rows: Sequence[ReadingRow], contradictions: Sequence[Contradiction]) -> None:
        if len(self._due) > _MOST_REMEMBERED:
            self._due.clear()
        contradicted = {contradiction.row.key[:3] for contradiction in contradictions}
        for row in rows:
            if row.kind == RADIO_DUE and row.status != REJECTED and row.key[:3] not in contradicted:
                self._due[row.key[:3]] = row.litres


def _received_ms(claim: Claim) -> int:
    return millis(claim.opened.arrival.received_at)


def _latest(claims: Sequence[Claim]) -> int:
    return max((_received_ms(claim) for claim in claims), default=0)


def _last_heard(claims: Sequence[Claim]) -> dict[int, int]:
    last: dict[int, int] = {}
    for claim in claims:
        last[claim.device.id] = max(last.get(claim.device.id, 0), _received_ms(claim))
    return last


def _entries(claims: Sequence[Claim], rows: Rows, contradictions: Sequence[Contradiction]) -> list[Entry]:
    """What of the batches goes to quarantine while the rest is applied."""
    if not contradictions:
        return rows.troubles
    by_batch = {claim.id: claim for claim in claims}
    return rows.troubles + [_contradicted(one, by_batch[rows.batch_of(_source(one))]) for one in contradictions]


def _source(contradiction: Contradiction) -> int:
    row = contradiction.row
    return row.telegram_id or row.visit_id or 0


def _other_days(claims: Sequence[Claim], differing: Sequence[DayRow]) -> list[Entry]:
    by_batch = {claim.id: claim for claim in claims}
    return [
        Entry(
            kind="series",
            key=f"series:{row.utility_id}:{row.meter_id}:{row.start_ms}:{row.batch_id}",
            device=by_batch[row.batch_id or 0].device.name,
            reason=(
                f"series.deltas: another series of this meter from {instant_of(row.start_ms).isoformat()} is recorded"
            ),
            payload=msgspec.msgpack.encode(row),
            received_at=by_batch[row.batch_id or 0].opened.arrival.received_at,
            utility_id=row.utility_id,
            boot=by_batch[row.batch_id or 0].opened.batch.boot,
            number=by_batch[row.batch_id or 0].opened.batch.number,
        )
        for row in differing
    ]


def _contradicted(contradiction: Contradiction, claim: Claim) -> Entry:
    row = contradiction.row
    kind = ReadingKind(row.kind).name
    return Entry(
        kind="reading",
        key=f"reading:{row.utility_id}:{row.meter_id}:{row.at_ms}:{row.kind}:{row.litres}",
        device=claim.device.name,
        reason=(
            f"reading.litres: {row.litres}, the {kind} reading of this meter at "
            f"{instant_of(row.at_ms).isoformat(timespec='seconds')} is recorded as {contradiction.recorded_litres}"
        ),
        payload=msgspec.msgpack.encode(row),
        received_at=claim.opened.arrival.received_at,
        utility_id=row.utility_id,
        boot=claim.opened.batch.boot,
        number=claim.opened.batch.number,
    )


def _answers(outcomes: Sequence[Outcome], heads: Mapping[tuple[int, int, str], int]) -> list[Answer]:
    """What is to be said to each device about each of its boots."""
    answers: dict[tuple[str, str], Answer] = {}
    for outcome in outcomes:
        if outcome.boot is None or outcome.number is None or outcome.fate == KEPT:
            continue
        answer = answers.setdefault((outcome.device, outcome.boot), Answer(outcome.device, outcome.boot))
        if outcome.enrolled is not None:
            answer.committed = heads[outcome.enrolled.utility_id, outcome.enrolled.id, outcome.boot]
        if outcome.fate == REFUSED:
            answer.refused[outcome.number] = outcome.reason
        else:
            answer.also.add(outcome.number)
    return list(answers.values())


def _boots(outcomes: Sequence[Outcome]) -> set[tuple[int, int, str]]:
    """The boots that are answered, as the database names them."""
    return {
        (outcome.enrolled.utility_id, outcome.enrolled.id, outcome.boot)
        for outcome in outcomes
        if outcome.enrolled is not None and outcome.boot is not None
    }
