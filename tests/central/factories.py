"""Registers of any size for tests of runs: rows made in bulk, readings at month boundaries, telegrams where asked."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from billing.volume import Period
from central.invoicing import tariffs
from central.invoicing.plan import RunPlan
from central.ops.bench_town import NIF, UTILITY, Houses, add_houses, add_utility_row
from central.register import KeyRing
from central.store import new_id, write_session
from central.store.bulk import insert_rows
from central.store.models import (
    Device,
    IngestBatch,
    MeterKey,
    Reading,
    ReadingKind,
    ReadingStatus,
    Telegram,
)
from central.store.partitions import ensure_partitions
from central.times import midnight_ms, millis
from firmware_sim.telegram import Mode5, Transport, build, compact
from firmware_sim.telegram import records as encode
from protocols import wmbus

TARIFF = "ES-AGOST-2023"
EXAMPLES = Path(__file__).parents[2] / "examples" / "tariffs"
START = date(2026, 1, 1)
RECORDED = datetime(2026, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 4, 2, 9, tzinfo=UTC)
PERIOD = Period(date(2026, 1, 1), date(2026, 2, 1))
NEXT_PERIOD = Period(date(2026, 2, 1), date(2026, 3, 1))
KEY = bytes(range(16))
FISCAL = {
    "system": "verifactu",
    "config": {
        "software": {
            "producer": "SGC",
            "producer_nif": NIF,
            "name": "SGC",
            "identifier": "SG",
            "version": "0.1",
            "installation": "TEST-1",
        }
    },
}
BILLING: dict[str, Any] = {"supply_facts": {}, "fiscal": FISCAL}


@dataclass
class Town(Houses):
    """A utility on a database; index ``i`` names the same house in every list."""

    engine: Engine = field(kw_only=True)
    utility_id: int = UTILITY

    def read(
        self,
        house: int,
        at: date | datetime,
        litres: int,
        kind: ReadingKind = ReadingKind.RADIO_DUE,
        status: ReadingStatus = ReadingStatus.VALID,
        revision: int = 0,
        recorded: datetime = RECORDED,
        visit_id: int | None = None,
    ) -> None:
        """One more reading of a house's meter, at local midnight where ``at`` is a day."""
        row = (*self.reading(house, at, litres, kind, status, revision)[:-1], millis(recorded), visit_id)
        with write_session(self.engine) as session:
            ensure_partitions(session.connection(), [row[1]])
            insert_rows(session, Reading, (*READING, "visit_id"), [row])

    def read_all(self, days: Iterable[date], litres_a_month: int = 10_000) -> None:
        """Due-date readings of every house: house ``i`` uses 100 ``i`` litres more each time than house 0."""
        rows = [
            self.reading(house, day, 1_000 + month * (litres_a_month + 100 * house))
            for month, day in enumerate(days)
            for house in range(len(self.contracts))
        ]
        with write_session(self.engine) as session:
            ensure_partitions(session.connection(), [row[1] for row in rows])
            insert_rows(session, Reading, READING, rows)

    def hear(self, house: int, at: datetime, litres: int, *, short: bool = False) -> None:
        """A telegram of a house's meter, encrypted as meters do, and the reading it carried; ``short``: compact."""
        address = wmbus.Address.parse(self.addresses[house])
        records: list[encode.Record] = [encode.integer(encode.Vif.VOLUME_L, litres)]
        payload = compact.compact_payload(records) if short else encode.payload(records)
        transport = Transport(access_no=7, application="compact" if short else "full")
        frame = build(address, payload, transport, Mode5(KEY))
        telegram_id = new_id()
        row = self.reading(house, at, litres, ReadingKind.RADIO)
        with write_session(self.engine) as session:
            ensure_partitions(session.connection(), [millis(at)])
            session.add(self._telegram(house, at, telegram_id, frame, litres, _batch(session)))
            session.flush()
            insert_rows(session, Reading, (*READING, "telegram_ms", "telegram_id"), [(*row, millis(at), telegram_id)])

    def plan(self, period: Period = PERIOD, **changes: Any) -> RunPlan:
        """A run over a period, of small partitions."""
        values: dict[str, Any] = {
            "code": f"R-{period.start:%Y-%m}",
            "period": period,
            "series": "AG2026",
            "issue_date": period.end,
            "due_date": date(2026, 4, 30),
            "settings": {},
            "partition_size": 3,
        }
        return RunPlan(**(values | changes))

    def reading(
        self,
        house: int,
        at: date | datetime,
        litres: int,
        kind: ReadingKind = ReadingKind.RADIO_DUE,
        status: ReadingStatus = ReadingStatus.VALID,
        revision: int = 0,
    ) -> tuple[Any, ...]:
        """The row of a reading, its columns as in READING."""
        at_ms = millis(at) if isinstance(at, datetime) else midnight_ms(at)
        key = (self.utility_id, at_ms, self.meters[house], int(kind), revision)
        return (*key, litres, int(status), "", millis(RECORDED))

    def _telegram(
        self, house: int, at: datetime, telegram_id: int, frame: bytes, litres: int, batch_id: int
    ) -> Telegram:
        return Telegram(
            utility_id=self.utility_id,
            received_ms=millis(at),
            id=telegram_id,
            batch_id=batch_id,
            item=1,
            meter_id=self.meters[house],
            address=self.addresses[house],
            frame=frame,
            mode="T1",
            rssi_dbm=-71,
            receiver="im871a-1",
            crc_checked_by="receiver",
            state="decrypted",
            proof="2f2f",
            access_no=7,
            litres=litres,
            alarms="",
            mono_ns=1,
            clock_trusted=True,
        )


READING = (
    "utility_id",
    "at_ms",
    "meter_id",
    "kind",
    "revision",
    "litres",
    "status",
    "reason",
    "recorded_ms",
)


def found(engine: Engine, houses: int, settings: dict[str, Any] | None = None) -> Town:
    """Register a utility with so many houses, and a tariff for all of them."""
    town = Town(engine=engine)
    with write_session(engine) as session:
        add_utility_row(session, settings if settings is not None else BILLING, RECORDED)
        add_houses(session, town, houses, RECORDED)
        text = (EXAMPLES / f"{TARIFF}.yaml").read_text()
        tariffs.record(session, UTILITY, text, "clerk", RECORDED)
        tariffs.assign(session, UTILITY, TARIFF, date(2024, 1, 1), "clerk", RECORDED)
    return town


def give_keys(town: Town, path: Path) -> Path:
    """Seal KEY for every meter; returns the key file."""
    ring = KeyRing.create(path)
    with write_session(town.engine) as session:
        for meter, address in zip(town.meters, town.addresses, strict=True):
            sealed = ring.seal(address, KEY)
            key = MeterKey(utility_id=UTILITY, id=new_id(), meter_id=meter, kek=sealed.kek, nonce=sealed.nonce)
            key.sealed, key.recorded_at = sealed.sealed, RECORDED
            session.add(key)
    return path


def _batch(session: Session) -> int:
    """The one batch that all telegrams of a town came in."""
    known = session.scalar(select(IngestBatch.id).where(IngestBatch.utility_id == UTILITY))
    if known is not None:
        return known
    device = Device(utility_id=UTILITY, id=new_id(), name="furgoneta-1", kind="vehicle", enrolled_at=RECORDED)
    batch = IngestBatch(utility_id=UTILITY, id=new_id(), device_id=device.id, boot="b", os_boot="o", number=1)
    batch.digest, batch.items, batch.received_at = bytes(16), 1, RECORDED
    session.add(device)
    session.flush()
    session.add(batch)
    session.flush()
    return batch.id
