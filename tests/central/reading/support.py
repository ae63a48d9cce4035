"""A device that makes batches for the tests, and what a database holds of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, select, text

from central.reading.arrivals import Arrival
from central.store import read_session
from central.store.models import Quarantine, Reading, ReadingKind, ReadingStatus
from central.times import EPOCH_DAY, millis
from firmware_sim.telegram import Mode5, Transport, build, records
from protocols.sync import SCHEMA, Batch, ClockStamp, Event, Item, TelegramItem, TypedReading, seal
from protocols.wmbus import Address
from tests.central.conftest import NOW, Town

BOOT = "0c1f6c1e-4b0e-4b11-9d6c-3a4b5c6d7e8f"
NOW_MS = millis(NOW)
MINUTE = 60_000


def stamp(wall_ms: int, *, trusted: bool = True, mono_ns: int | None = None) -> ClockStamp:
    return ClockStamp(wall_ms, wall_ms * 1_000_000 if mono_ns is None else mono_ns, trusted)


@dataclass
class FakeDevice:
    """Makes items and seals them into numbered batches of one boot."""

    name: str = "tpl-1"
    boot: str = BOOT
    number: int = 0
    last_item: int = 0
    previous: bytes = b""
    sealed_at: ClockStamp = field(default_factory=lambda: stamp(NOW_MS))

    def item_id(self) -> int:
        self.last_item += 1
        return self.last_item

    def telegram(
        self,
        meter: str | None,
        litres: int | None,
        at_ms: int = NOW_MS - MINUTE,
        *,
        due: Sequence[tuple[date, int]] = (),
        state: str = "decrypted",
        frame: bytes | None = None,
        at: ClockStamp | None = None,
        alarms: tuple[str, ...] = (),
        receiver: str = "dongle",
    ) -> TelegramItem:
        item = self.item_id()
        return TelegramItem(
            id=item,
            at=at or stamp(at_ms),
            frame=frame or b"frame %d" % item,
            mode="T1",
            rssi_dbm=-70,
            receiver=receiver,
            crc_checked_by="receiver",
            state=state,
            meter=meter,
            access_no=item % 256,
            litres=litres,
            due=tuple(((day - EPOCH_DAY).days, index) for day, index in due),
            alarms=alarms,
            proof="2f2f",
        )

    def typed(
        self, supply: str, meter: str, litres: int | None, at_ms: int = NOW_MS - MINUTE, **more: Any
    ) -> TypedReading:
        values = {"code": "00", "reader": "luis"} | more
        return TypedReading(self.item_id(), stamp(at_ms), supply, meter, litres, **values)

    def event(self, kind: str, at_ms: int = NOW_MS - MINUTE, **data: Any) -> Event:
        return Event(self.item_id(), stamp(at_ms), kind, data)

    def batch(self, *items: Item) -> Batch:
        self.number += 1
        return Batch(SCHEMA, self.name, self.boot, "os-boot", self.number, self.sealed_at, self.previous, items)

    def sealed(self, *items: Item) -> bytes:
        return seal(self.batch(*items))

    def arrival(self, *items: Item, received_at: datetime = NOW) -> Arrival:
        return Arrival(self.name, self.sealed(*items), received_at)


def later(arrival: Arrival, **changes: Any) -> Arrival:
    return replace(arrival, **changes)


def encrypted(address: str, key: bytes, litres: int) -> bytes:
    """A frame (no CRCs) of a water meter, security mode 5."""
    payload = records.payload([records.integer(records.Vif.VOLUME_L, litres)])
    return build(Address.parse(address), payload, Transport(access_no=7), Mode5(key))


def readings(engine: Engine, *, status: ReadingStatus | None = ReadingStatus.VALID) -> set[tuple[int, int, int, int]]:
    """(meter, instant, kind, litres) of every reading that a device brought."""
    query = select(Reading.meter_id, Reading.at_ms, Reading.kind, Reading.litres).where(
        Reading.kind.in_([ReadingKind.RADIO, ReadingKind.RADIO_DUE, ReadingKind.TYPED])
    )
    if status is not None:
        query = query.where(Reading.status == status)
    with read_session(engine) as session:
        return {(meter, at_ms, kind, litres) for meter, at_ms, kind, litres in session.execute(query)}


def reading_of(town: Town, house: int, litres: int, at_ms: int = NOW_MS - MINUTE, kind: int = 1) -> tuple[int, ...]:
    return (town.meter_ids[house - 1], at_ms, kind, litres)


def counts(engine: Engine) -> dict[str, int]:
    """Rows of the tables that ingest writes, but for those that every call touches."""
    tables = ("ingest_batch", "telegram", "reading", "visit", "device_event", "receiver", "finding")
    with read_session(engine) as session:
        return {table: session.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in tables}  # noqa: S608


def kept(engine: Engine) -> list[tuple[str, str]]:
    """Kind and reason of every open quarantine entry."""
    query = select(Quarantine.kind, Quarantine.reason).where(Quarantine.resolved_at.is_(None)).order_by(Quarantine.id)
    with read_session(engine) as session:
        return [(kind, reason) for kind, reason in session.execute(query)]
