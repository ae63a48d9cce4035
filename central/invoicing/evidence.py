"""Readings as volume sees them, and the way back to the stored row and the telegram behind each."""

import msgspec

from billing.volume import Kind, Reading
from central.store.models import ReadingKind
from central.times import instant_of, millis

KINDS: dict[int, Kind] = {
    ReadingKind.RADIO: Kind.REMOTE,
    ReadingKind.RADIO_DUE: Kind.REMOTE,
    ReadingKind.TYPED: Kind.REAL,
    ReadingKind.SELF: Kind.SELF,
    ReadingKind.THIRD_PARTY: Kind.THIRD_PARTY,
    ReadingKind.INSTALLATION: Kind.INSTALLATION,
    ReadingKind.REMOVAL: Kind.REMOVAL,
    ReadingKind.FINAL: Kind.FINAL,
    ReadingKind.ESTIMATED: Kind.ESTIMATED,
    ReadingKind.AGREED: Kind.AGREED,
}


class Source(msgspec.Struct, frozen=True, array_like=True):
    """The stored row of a reading: its key, its index, and the telegram it came from, if any."""

    meter_id: int
    at_ms: int
    kind: int
    revision: int
    litres: int
    telegram_ms: int | None = None
    telegram_id: int | None = None

    @property
    def origin(self) -> str:
        """What ``billing.volume`` carries along instead of the row."""
        return f"{self.meter_id}:{self.at_ms}:{self.kind}:{self.revision}"

    def reading(self, meter: str, incidence: str = "00") -> Reading:
        """The row as ``billing.volume`` takes it; ``meter`` is the address, ``incidence`` the reader's code."""
        return Reading(meter, instant_of(self.at_ms), self.litres, KINDS[self.kind], self.origin, incidence)


class Closing(msgspec.Struct, frozen=True):
    """The reading that closed a bill, kept with it: it opens the next one. ``source.litres`` is the billed index."""

    meter: str
    source: Source
    incidence: str = "00"

    def reading(self) -> Reading:
        """The opening of the next bill."""
        return self.source.reading(self.meter, self.incidence)


def estimate_of(reading: Reading, meter_id: int) -> Source:
    """The row that an estimated index is stored as when its bill is issued."""
    return Source(meter_id, millis(reading.at), ReadingKind.ESTIMATED, 0, reading.litres)
