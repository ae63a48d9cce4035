"""Tries again what is in quarantine, after somebody has put right what was in its way."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, Engine, insert, select

from central.reading import quarantine
from central.reading.arrivals import Arrival, Opened
from central.reading.claims import COMMITTED, REPEATED
from central.reading.corrections import apply_corrections
from central.reading.ingest import Ingest
from central.reading.known import find_meters, find_supply_points
from central.reading.opening import Opener
from central.reading.reattach import reattach
from central.reading.rows import Rows
from central.reading.unpack import Lookups, Unpacker
from central.reading.writing import Direct, merge_days, merge_readings
from central.register.keys import KeyRing
from central.register.meters import RegisteredKeys
from central.store import read_session
from central.store.models import Device, IngestBatch, Quarantine, Visit
from central.store.partitions import ensure_partitions
from protocols.sync import Batch, Envelope, Header, HourSeries, TypedReading
from protocols.wmbus import FormatStore

_batch_decoder = msgspec.msgpack.Decoder(Batch)


def retry(engine: Engine, ring: KeyRing | None, entry_id: int, now: datetime) -> str:
    """Try one open entry again; returns what came of it. Raises KeyError where there is no such open entry."""
    with read_session(engine) as session:
        entry = quarantine.find(session, entry_id)
    if entry is None or entry.resolved_at is not None:
        raise KeyError(f"quarantine: no open entry {entry_id}")
    if entry.kind == "batch":
        return _retry_batch(engine, ring, entry, now)
    with engine.begin() as connection:
        if entry.kind == "telegram":
            return _retry_telegrams(connection, ring, entry, now)
        if entry.kind in ("visit", "series") and not entry.key.startswith(f"series:{entry.utility_id}:"):
            return _retry_item(connection, entry, now)
    return f"unchanged: {entry.reason}"


def dismiss(engine: Engine, entry_id: int, why: str, now: datetime) -> None:
    """Close an open entry without applying it; what it keeps stays kept. KeyError where there is no such open entry."""
    if not why.strip():
        raise ValueError(f"why: {why!r}, what is dismissed needs its reason")
    with engine.begin() as connection:
        if not quarantine.resolve(connection, entry_id, f"dismissed: {why}", now):
            raise KeyError(f"quarantine: no open entry {entry_id}")


def _retry_batch(engine: Engine, ring: KeyRing | None, entry: Quarantine, now: datetime) -> str:
    applied = Ingest(engine, ring).apply([Arrival(entry.device, entry.payload, entry.received_at)])
    outcome = applied.outcomes[0]
    if outcome.fate in (COMMITTED, REPEATED):
        with engine.begin() as connection:
            quarantine.resolve(connection, entry.id, f"retried: {outcome.fate}", now)
        return f"{outcome.fate}: batch {outcome.number}, {outcome.items} items"
    return f"unchanged: {outcome.reason}"


def _retry_telegrams(connection: Connection, ring: KeyRing | None, entry: Quarantine, now: datetime) -> str:
    address = entry.key.split(":")[2]
    done = reattach(connection, entry.utility_id or 0, ring, now, [address])
    if done.sealed:
        return f"unchanged: {done.sealed} telegrams of {address} stay sealed, {done.telegrams} opened"
    return f"opened: {done.telegrams} telegrams of {address}"


def _retry_item(connection: Connection, entry: Quarantine, now: datetime) -> str:
    batch = _batch_decoder.decode(entry.payload)
    place = _placed(connection, entry)
    if place is None:
        return f"unchanged: batch {entry.number} of {entry.device} is not committed"
    rows = Rows()
    lookups = _lookups(connection, entry.utility_id or 0, batch)
    Unpacker(_opened(entry, batch), entry.utility_id or 0, place[0], place[1], lookups, rows).run()
    if rows.troubles:
        return f"unchanged: {rows.troubles[0].reason}"
    ensure_partitions(connection, rows.spread())
    if merge_days(connection, rows.days, Direct()):
        return "unchanged: another series of this meter and day is recorded"
    if rows.visits:
        connection.execute(insert(Visit), [visit._asdict() for visit in rows.visits])
    merge_readings(connection, rows.readings)
    apply_corrections(connection, rows.visits)
    quarantine.resolve(connection, entry.id, "retried: recorded", now)
    return "recorded: the visit and its reading" if entry.kind == "visit" else "recorded: the series"


def _opened(entry: Quarantine, batch: Batch) -> Opened:
    """The batch of one item that an entry keeps, as if it had arrived."""
    header = Header(batch.device, batch.boot, batch.number, len(batch.items), len(entry.payload))
    arrival = Arrival(entry.device, entry.payload, entry.received_at)
    return Opened(arrival, Envelope(header, b"", entry.payload), batch, range(len(batch.items)))


def _placed(connection: Connection, entry: Quarantine) -> tuple[int, int] | None:
    """The device and the committed batch an item came by."""
    query = (
        select(IngestBatch.device_id, IngestBatch.id)
        .join(Device, (Device.utility_id == IngestBatch.utility_id) & (Device.id == IngestBatch.device_id))
        .where(
            IngestBatch.utility_id == entry.utility_id,
            Device.name == entry.device,
            IngestBatch.boot == entry.boot,
            IngestBatch.number == entry.number,
        )
    )
    row = connection.execute(query).first()
    return None if row is None else (row[0], row[1])


def _lookups(connection: Connection, utility_id: int, batch: Batch) -> Lookups:
    visits = [item for item in batch.items if isinstance(item, TypedReading)]
    meters = [item.meter for item in batch.items if isinstance(item, TypedReading | HourSeries)]
    return Lookups(
        find_meters(connection, utility_id, meters),
        find_supply_points(connection, utility_id, [visit.supply for visit in visits]),
        RegisteredKeys({}, {}),
        Opener(FormatStore()),
        {},
    )
