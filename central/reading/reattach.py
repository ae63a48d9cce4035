"""Telegrams that were kept before their meter or its key was registered, brought to what they would be had it been."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select, text

from central.reading import quarantine
from central.reading.alarms import record_alarms
from central.reading.formats import keep_formats, load_formats
from central.reading.judge import first_verdict
from central.reading.known import KnownMeter, find_meters
from central.reading.opening import SEALED, Opener
from central.reading.rows import RADIO, RADIO_DUE, ReadingRow, Span, note
from central.reading.writing import merge_readings
from central.register.keys import KeyRing
from central.register.meters import registered_keys
from central.store.models import IngestBatch, Meter, Quarantine, Telegram
from central.store.partitions import ensure_partitions
from central.store.parts import in_parts
from central.times import midnight_of_day_number, millis
from protocols.sync import ClockStamp, TelegramItem

_UPDATE = text(
    "UPDATE telegram SET meter_id = :meter_id, state = :state, proof = :proof, access_no = :access_no, "
    "litres = :litres, alarms = :alarms WHERE utility_id = :utility_id AND received_ms = :received_ms AND id = :id"
)
# What the index of these telegrams is made of, in its very words.
_LOOSE = text("(telegram.meter_id IS NULL OR telegram.state IN ('key_missing', 'key_wrong', 'unsupported'))")
_PER_ROUND = 2000


@dataclass(frozen=True)
class Reattached:
    """How many telegrams got their meter or content, and how many stay sealed."""

    telegrams: int
    sealed: int


def reattach(
    connection: Connection, utility_id: int, ring: KeyRing | None, now: datetime, addresses: Iterable[str] | None = None
) -> Reattached:
    """Attach what waits, of these meters or of all, in the connection's transaction."""
    wanted = _waiting(connection, utility_id) if addresses is None else list(addresses)
    meters = {
        name: meter for part in in_parts(wanted) for name, meter in find_meters(connection, utility_id, part).items()
    }
    keys = registered_keys(connection, utility_id, meters, ring).keys
    formats = load_formats(connection, utility_id)
    work = _Work(connection, utility_id, Opener(formats), now)
    for address, meter in sorted(meters.items()):
        work.meter(address, meter, keys.get(address))
    keep_formats(connection, utility_id, formats, millis(now))
    return Reattached(work.attached, work.sealed)


class _Work:
    def __init__(self, connection: Connection, utility_id: int, opener: Opener, now: datetime) -> None:
        self._connection = connection
        self._utility_id = utility_id
        self._opener = opener
        self._now = now
        self.attached = 0
        self.sealed = 0

    def meter(self, address: str, meter: KnownMeter, key: bytes | None) -> None:
        """Attach one meter's telegrams; close its quarantine entries where none stays sealed."""
        sealed_before = self.sealed
        for rows in _rounds(self._connection, self._utility_id, address, meter.id):
            items = [(row, self._content(row, key)) for row in rows]
            self._write(meter, items)
        if self.sealed == sealed_before:
            self._resolve(address)

    def _content(self, row: Row[Any], key: bytes | None) -> TelegramItem:
        item = _item(row)
        if item.state in SEALED and key is None:
            return item
        opened, reason = self._opener.open(item, key)
        # What the device read stands where the centre cannot read it again.
        return item if reason and item.state not in SEALED else opened

    def _write(self, meter: KnownMeter, items: Sequence[tuple[Row[Any], TelegramItem]]) -> None:
        changed = [(row, item) for row, item in items if row.meter_id is None or item.state != row.state]
        self.sealed += sum(item.state in SEALED for _, item in items)
        self.attached += len(changed)
        if not changed:
            return
        readings = [reading for row, item in changed for reading in self._readings(meter, row, item)]
        ensure_partitions(self._connection, {reading.at_ms for reading in readings}, ["reading"])
        self._connection.execute(_UPDATE, [self._values(meter, row, item) for row, item in changed])
        merge_readings(self._connection, readings)
        alarms: dict[tuple[int, int, str], Span] = {}
        for row, item in changed:
            for alarm in item.alarms:
                note(alarms, (self._utility_id, meter.id, alarm), row.received_ms)
        record_alarms(self._connection, alarms, millis(self._now))

    def _readings(self, meter: KnownMeter, row: Row[Any], item: TelegramItem) -> Iterator[ReadingRow]:
        received_ms = millis(row.received_at)
        found = [] if item.litres is None else [(RADIO, row.received_ms, item.litres, received_ms)]
        found += [
            (RADIO_DUE, midnight_of_day_number(day), litres, min(row.received_ms, received_ms))
            for day, litres in item.due
        ]
        for kind, at_ms, litres, latest_ms in found:
            status, reason = first_verdict(litres, at_ms, latest_ms, meter.modulus_litres, "")
            yield ReadingRow(
                self._utility_id, at_ms, meter.id, kind, 0, litres, status, reason, row.received_ms, row.id, None,
                millis(self._now),
            )  # fmt: skip

    def _values(self, meter: KnownMeter, row: Row[Any], item: TelegramItem) -> dict[str, Any]:
        return {
            "utility_id": self._utility_id,
            "received_ms": row.received_ms,
            "id": row.id,
            "meter_id": meter.id,
            "state": item.state,
            "proof": item.proof,
            "access_no": item.access_no,
            "litres": item.litres,
            "alarms": " ".join(item.alarms),
        }

    def _resolve(self, address: str) -> None:
        query = select(Quarantine.id).where(
            quarantine.OPEN,
            Quarantine.kind == "telegram",
            Quarantine.key.in_([f"telegram:{self._utility_id}:{address}:{state}" for state in SEALED]),
        )
        for entry_id in self._connection.scalars(query).all():
            quarantine.resolve(self._connection, entry_id, "its telegrams are opened", self._now)


def _waiting(connection: Connection, utility_id: int) -> list[str]:
    """Addresses of registered meters with telegrams that are not attached or not opened."""
    loose = select(Telegram.address).where(
        Telegram.utility_id == utility_id, Telegram.meter_id.is_(None), Telegram.address.is_not(None)
    )
    known = select(Meter.address).where(Meter.utility_id == utility_id, Meter.address.in_(loose))
    entries = select(Quarantine.key).where(
        quarantine.OPEN, Quarantine.kind == "telegram", Quarantine.utility_id == utility_id
    )
    sealed = {key.split(":")[2] for key in connection.scalars(entries)}
    return sorted(sealed | set(connection.scalars(known)))


def _rounds(connection: Connection, utility_id: int, address: str, meter_id: int) -> Iterator[Sequence[Row[Any]]]:
    """A meter's telegrams without meter or content, in rounds, oldest first."""
    after = (-1, -1)
    while rows := connection.execute(_query(utility_id, address, meter_id, after)).all():
        yield rows
        after = (rows[-1].received_ms, rows[-1].id)


def _query(utility_id: int, address: str, meter_id: int, after: tuple[int, int]) -> Any:
    columns = Telegram.__table__.columns
    return (
        select(*columns, IngestBatch.received_at)
        .join(IngestBatch, (IngestBatch.utility_id == Telegram.utility_id) & (IngestBatch.id == Telegram.batch_id))
        .where(
            Telegram.utility_id == utility_id,
            Telegram.address == address,
            or_(Telegram.meter_id.is_(None), (Telegram.meter_id == meter_id) & Telegram.state.in_(SEALED)),
            _LOOSE,
            or_(
                Telegram.received_ms > after[0],
                (Telegram.received_ms == after[0]) & (Telegram.id > after[1]),
            ),
        )
        .order_by(Telegram.received_ms, Telegram.id)
        .limit(_PER_ROUND)
    )


def _item(row: Row[Any]) -> TelegramItem:
    return TelegramItem(
        id=row.item,
        at=ClockStamp(row.received_ms, row.mono_ns, row.clock_trusted),
        frame=bytes(row.frame),
        mode=row.mode,
        rssi_dbm=row.rssi_dbm,
        receiver=row.receiver,
        crc_checked_by=row.crc_checked_by,
        state=row.state,
        meter=row.address,
        access_no=row.access_no,
        litres=row.litres,
        alarms=tuple(row.alarms.split()),
        proof=row.proof,
    )
