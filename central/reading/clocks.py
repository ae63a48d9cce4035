"""When something really happened, where a device's wall clock was not set when it stamped it.

A stamp carries the wall clock, the monotonic clock and whether the wall clock was trusted; a batch carries the same for
the instant it was sealed. In order: a trusted stamp is believed; else the trusted clock at sealing is counted back by
the monotonic clock; else a wall clock that is plausible beside the arrival is believed; else the arrival is counted
back, which is early by as long as the batch waited, so that readings of such a batch are suspect.
"""

from dataclasses import dataclass

from central.times import DAY_MS
from protocols.sync import ClockStamp

TOLERANCE_MS = 10 * 60 * 1000
LONGEST_WAIT_MS = 92 * DAY_MS
_NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class BatchClock:
    """Puts the untrusted stamps of one batch right."""

    sealed: ClockStamp
    received_ms: int

    def when(self, stamp: ClockStamp) -> int:
        """UTC epoch milliseconds of a stamp."""
        if stamp.trusted or (not self.sealed.trusted and self._wall_is_plausible):
            return stamp.wall_ms
        base = self.sealed.wall_ms if self.sealed.trusted else self.received_ms
        return base - max(0, self.sealed.mono_ns - stamp.mono_ns) // _NS_PER_MS

    def doubt(self, stamp: ClockStamp) -> str:
        """Why a reading with this stamp is suspect; empty where it is not."""
        if stamp.trusted or self.sealed.trusted or self._wall_is_plausible:
            return ""
        return f"reading.at: the device's clock said {stamp.wall_ms} ms and was not set; reckoned from the arrival"

    @property
    def _wall_is_plausible(self) -> bool:
        return -TOLERANCE_MS <= self.received_ms - self.sealed.wall_ms <= LONGEST_WAIT_MS
