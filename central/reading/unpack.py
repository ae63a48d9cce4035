"""From the items of one batch to rows. Whatever is wrong with one item is that item's trouble alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from central.reading import work_reports
from central.reading.arrivals import Opened
from central.reading.clocks import BatchClock
from central.reading.columns import Columns
from central.reading.hourly import DayRow, refusal
from central.reading.judge import first_verdict
from central.reading.known import KnownMeter
from central.reading.opening import SEALED, Opener
from central.reading.packing import Origin, pack
from central.reading.quarantine import Entry
from central.reading.rows import (
    RADIO,
    RADIO_DUE,
    TYPED,
    EventRow,
    ReadingRow,
    Rows,
    VisitRow,
    note,
)
from central.register.keys import KeyRing
from central.register.meters import RegisteredKeys
from central.store import new_block
from central.times import midnight_of_day_number, millis
from protocols.sync import Event, HourSeries, Item, OrderReport, TelegramItem, TypedReading


@dataclass(frozen=True)
class Lookups:
    """What the register knows of a utility, as far as a group of batches needs it."""

    meters: Mapping[str, KnownMeter]
    points: Mapping[str, int]
    keys: RegisteredKeys
    opener: Opener
    # (utility, instant, meter) → index at a due date that is recorded: every telegram of a month repeats it.
    due: Mapping[tuple[int, int, int], int]
    # Seals what is secret in a report of an order.
    ring: KeyRing | None = None


class Unpacker:
    """Turns the items of one batch into rows."""

    def __init__(
        self,
        opened: Opened,
        utility_id: int,
        device_id: int,
        batch_id: int,
        lookups: Lookups,
        rows: Rows,
    ) -> None:
        self._opened_batch = opened
        self._batch = opened.batch
        self._utility_id = utility_id
        self._device_id = device_id
        self._batch_id = batch_id
        self._received_at = opened.arrival.received_at
        self._received_ms = millis(self._received_at)
        self._clock = BatchClock(self._batch.sealed_at, self._received_ms)
        self._lookups = lookups
        self._rows = rows

    def run(self) -> None:
        """Unpack every item."""
        first_id = new_block(self._opened_batch.count)
        if self._opened_batch.columns is not None:
            self._plain(self._opened_batch.columns, first_id)
        for place, item in zip(self._opened_batch.places, self._batch.items, strict=True):
            if isinstance(item, TelegramItem):
                self._telegram(item, first_id + place)
            elif isinstance(item, TypedReading):
                self._visit(item, first_id + place)
            elif isinstance(item, HourSeries):
                self._series(item)
            elif isinstance(item, OrderReport):
                self._report(item, first_id + place)
            else:
                self._event(item, first_id + place)

    def _plain(self, columns: Columns, first_id: int) -> None:
        """The plain telegrams of the batch: their rows as bytes, and what is to be judged one by one."""
        known = [self._lookups.meters.get(address) for address in columns.addresses]
        packed, odd = pack(columns, Origin(self._utility_id, self._batch_id, self._received_ms), first_id, known)
        self._rows.packed.append(packed)
        for name, (first_ms, last_ms) in zip(columns.receivers, columns.spans().tolist(), strict=True):
            key = (self._utility_id, self._device_id, name)
            note(self._rows.receivers, key, first_ms)
            note(self._rows.receivers, key, last_ms)
        for day, address, litres, at_ms, row_id in odd:
            meter = known[address]
            if meter is None:
                continue
            if day < 0:
                self._reading(RADIO, meter, at_ms, litres, at_ms, row_id, "")
            else:
                self._due(meter, day, litres, at_ms, row_id, "")

    def _telegram(self, item: TelegramItem, row_id: int) -> None:
        stamp = item.at
        at_ms = stamp.wall_ms if stamp.trusted else self._clock.when(stamp)
        meter = None if item.meter is None else self._lookups.meters.get(item.meter)
        if meter is not None and item.state in SEALED:
            item = self._opened(item)
        self._rows.telegrams.append(
            (
                self._utility_id, at_ms, row_id, self._batch_id, item.id, meter.id if meter else None, item.meter,
                item.frame, item.mode, item.rssi_dbm, item.receiver, item.crc_checked_by, item.state, item.proof,
                item.access_no, item.litres, " ".join(item.alarms), stamp.mono_ns, stamp.trusted,
                None if at_ms == stamp.wall_ms else stamp.wall_ms,
            )
        )  # fmt: skip
        note(self._rows.receivers, (self._utility_id, self._device_id, item.receiver), at_ms)
        if meter is None:
            return
        for alarm in item.alarms:
            note(self._rows.alarms, (self._utility_id, meter.id, alarm), at_ms)
        doubt = "" if stamp.trusted else self._clock.doubt(stamp)
        if item.litres is not None:
            self._reading(RADIO, meter, at_ms, item.litres, at_ms, row_id, doubt)
        for day, litres in item.due:
            self._due(meter, day, litres, at_ms, row_id, doubt)

    def _due(self, meter: KnownMeter, day: int, litres: int, at_ms: int, row_id: int, doubt: str) -> None:
        due_ms = midnight_of_day_number(day)
        if self._lookups.due.get((self._utility_id, due_ms, meter.id)) != litres:
            self._reading(RADIO_DUE, meter, due_ms, litres, at_ms, row_id, doubt)

    def _reading(
        self, kind: int, meter: KnownMeter, at_ms: int, litres: int, heard_ms: int, telegram_id: int, doubt: str
    ) -> None:
        # A due date lies before the telegram that tells of it, whenever that telegram arrived.
        latest = min(heard_ms, self._received_ms) if kind == RADIO_DUE else self._received_ms
        status, reason = first_verdict(litres, at_ms, latest, meter.modulus_litres, doubt)
        self._rows.readings.append(
            ReadingRow(
                self._utility_id, at_ms, meter.id, kind, 0, litres, status, reason, heard_ms, telegram_id, None,
                self._received_ms,
            )
        )  # fmt: skip

    def _opened(self, item: TelegramItem) -> TelegramItem:
        address = item.meter or ""
        key = self._lookups.keys.keys.get(address)
        if key is None and item.state != "unsupported":
            opened, reason = item, self._lookups.keys.problem(address)
        else:
            opened, reason = self._lookups.opener.open(item, key)
        if reason:
            # One entry for each meter and state, however many telegrams are kept behind it.
            self._keep("telegram", f"telegram:{self._utility_id}:{address}:{opened.state}", reason, item)
        return opened

    def _visit(self, item: TypedReading, row_id: int) -> None:
        at_ms = self._clock.when(item.at)
        point = self._lookups.points.get(item.supply)
        meter = self._lookups.meters.get(item.meter)
        reason = _visit_refusal(item, point, meter)
        if point is None or reason:
            key = f"visit:{self._batch.device}:{self._batch.boot}:{self._batch.number}:{item.id}"
            self._keep("visit", key, reason, item)
            return
        self._rows.visits.append(
            VisitRow(
                self._utility_id, row_id, self._device_id, self._batch_id, item.id, point, meter.id if meter else None,
                at_ms, item.litres, item.code, item.reader, item.note, item.replaces, item.confirmed, item.at.trusted,
            )
        )  # fmt: skip
        if item.litres is None or meter is None:
            return
        doubt = self._clock.doubt(item.at)
        status, reason = first_verdict(item.litres, at_ms, self._received_ms, meter.modulus_litres, doubt)
        self._rows.readings.append(
            ReadingRow(
                self._utility_id, at_ms, meter.id, TYPED, 0, item.litres, status, reason, None, None, row_id,
                self._received_ms,
            )
        )  # fmt: skip

    def _series(self, item: HourSeries) -> None:
        meter = self._lookups.meters.get(item.meter)
        reason = refusal(item, meter, self._received_ms)
        if meter is None or reason:
            key = f"series:{self._batch.device}:{self._batch.boot}:{self._batch.number}:{item.id}"
            self._keep("series", key, reason, item)
            return
        self._rows.days.append(
            DayRow(
                self._utility_id, item.start_ms, meter.id, item.litres, item.deltas, self._batch_id, self._received_ms
            )
        )  # fmt: skip

    def _report(self, item: OrderReport, row_id: int) -> None:
        if reason := work_reports.refusal(item):
            key = f"report:{self._batch.device}:{self._batch.boot}:{self._batch.number}:{item.id}"
            self._keep("report", key, reason, msgspec.structs.replace(item, new_key=None))
            return
        values = work_reports.row(
            item, row_id, self._clock.when(item.at), self._clock.doubt(item.at), self._lookups.ring
        )
        self._rows.reports.append(
            values
            | {
                "utility_id": self._utility_id,
                "device_id": self._device_id,
                "batch_id": self._batch_id,
                "received_ms": self._received_ms,
            }
        )

    def _event(self, item: Event, row_id: int) -> None:
        self._rows.events.append(
            EventRow(
                self._utility_id, row_id, self._device_id, self._batch_id, item.id, self._clock.when(item.at),
                item.kind, item.data,
            )
        )  # fmt: skip

    def _keep(self, kind: str, key: str, reason: str, item: Item) -> None:
        alone = msgspec.structs.replace(self._batch, items=(item,))
        self._rows.troubles.append(
            Entry(
                kind=kind,
                key=key,
                device=self._batch.device,
                reason=reason,
                payload=msgspec.msgpack.encode(alone),
                received_at=self._received_at,
                utility_id=self._utility_id,
                boot=self._batch.boot,
                number=self._batch.number,
            )
        )


def _visit_refusal(item: TypedReading, point: int | None, meter: KnownMeter | None) -> str:
    """Why a visit cannot be recorded; empty where it can."""
    if point is None:
        return f"visit.supply: {item.supply!r}, is not a supply point of this utility"
    if len(item.code) != 2:
        return f"visit.code: {item.code!r}, must be two characters"
    if meter is None and item.litres is not None:
        return f"visit.meter: {item.meter!r}, is not a meter of this utility"
    return ""
