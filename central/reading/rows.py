"""What a group of batches becomes: rows of the hot tables as tuples, and the rarer things beside them."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from central.reading.hourly import DayRow
from central.reading.packing import Packed
from central.reading.quarantine import Entry
from central.store.models import ReadingKind, ReadingStatus

# In the order of the tuples below.
TELEGRAM_COLUMNS = (
    "utility_id", "received_ms", "id", "batch_id", "item", "meter_id", "address", "frame", "mode", "rssi_dbm",
    "receiver", "crc_checked_by", "state", "proof", "access_no", "litres", "alarms", "mono_ns", "clock_trusted",
    "claimed_ms",
)  # fmt: skip
READING_COLUMNS = (
    "utility_id", "at_ms", "meter_id", "kind", "revision", "litres", "status", "reason", "telegram_ms", "telegram_id",
    "visit_id", "recorded_ms",
)  # fmt: skip

RADIO, RADIO_DUE, TYPED = int(ReadingKind.RADIO), int(ReadingKind.RADIO_DUE), int(ReadingKind.TYPED)
VALID, SUSPECT, REJECTED = int(ReadingStatus.VALID), int(ReadingStatus.SUSPECT), int(ReadingStatus.REJECTED)

TelegramRow = tuple[
    int, int, int, int, int, int | None, str | None, bytes, str, int | None,
    str, str, str, str | None, int | None, int | None, str, int, bool,
    int | None,
]  # fmt: skip


class ReadingRow(NamedTuple):
    """A row of ``reading``."""

    utility_id: int
    at_ms: int
    meter_id: int
    kind: int
    revision: int
    litres: int
    status: int
    reason: str
    telegram_ms: int | None
    telegram_id: int | None
    visit_id: int | None
    recorded_ms: int

    @property
    def key(self) -> tuple[int, int, int, int, int]:
        """What the table keeps once."""
        return self[:5]


class VisitRow(NamedTuple):
    """A row of ``visit``."""

    utility_id: int
    id: int
    device_id: int
    batch_id: int
    item: int
    supply_point_id: int
    meter_id: int | None
    at_ms: int
    litres: int | None
    code: str
    reader: str
    note: str
    replaces_item: int | None
    confirmed: bool
    clock_trusted: bool


class EventRow(NamedTuple):
    """A row of ``device_event``."""

    utility_id: int
    id: int
    device_id: int
    batch_id: int
    item: int
    at_ms: int
    kind: str
    data: dict[str, str | int | bool | None]


class Span(NamedTuple):
    """The first and last instant of something, UTC epoch ms."""

    first_ms: int
    last_ms: int


@dataclass
class Rows:
    """Everything a group of batches adds."""

    # Plain telegrams of batches that are kept as columns, and what follows from them: rows already as bytes
    packed: list[Packed] = field(default_factory=list)
    telegrams: list[TelegramRow] = field(default_factory=list)
    readings: list[ReadingRow] = field(default_factory=list)
    days: list[DayRow] = field(default_factory=list)
    visits: list[VisitRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[Entry] = field(default_factory=list)
    # (utility, device, receiver name) and (utility, meter, alarm): when they were heard
    receivers: dict[tuple[int, int, str], Span] = field(default_factory=dict)
    alarms: dict[tuple[int, int, str], Span] = field(default_factory=dict)

    def spread(self) -> set[int]:
        """Instants that together touch every month the rows need."""
        hours = {row[1] // 3_600_000 for row in self.telegrams} | {row.at_ms // 3_600_000 for row in self.readings}
        hours |= {row.start_ms // 3_600_000 for row in self.days}
        for packed in self.packed:
            hours.update(packed.hours())
        return {hour * 3_600_000 for hour in hours}

    def batch_of(self, source_id: int) -> int:
        """The batch that a telegram or a visit came by."""
        for packed in self.packed:
            if 0 <= source_id - packed.first_id < packed.places:
                return packed.origin.batch_id
        sources = {row[2]: row[3] for row in self.telegrams} | {visit.id: visit.batch_id for visit in self.visits}
        return sources[source_id]


def note(spans: dict[tuple[int, int, str], Span], key: tuple[int, int, str], ms: int) -> None:
    """Let a span hold an instant too."""
    span = spans.get(key)
    if span is None:
        spans[key] = Span(ms, ms)
    elif ms > span.last_ms:
        spans[key] = Span(span.first_ms, ms)
    elif ms < span.first_ms:
        spans[key] = Span(ms, span.last_ms)
