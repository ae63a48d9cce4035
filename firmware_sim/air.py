"""The town on the air: all transmissions in order of time, and what one receiver hears of them.

Work goes in windows of whole days from the period's start, the same windows however the air is entered, so
that collisions and chance do not depend on where a play begins.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_sim import bulk
from firmware_sim.channel import Channel, Heard, Receiver
from firmware_sim.clock import instant
from firmware_sim.firmware import Fleet
from firmware_sim.ground import Ground
from firmware_sim.meters import SimMeter
from firmware_sim.telegram.link import frame_format_a

WINDOW_MS = 7 * 24 * 3_600_000
DAY_MS = 24 * 3_600_000

Ints = npt.NDArray[np.int64]
Sent = tuple[dt.datetime, SimMeter, bytes]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Window:
    """Some days of transmissions in order of time, as columns.

    ``meters`` are positions in ``town.meters``; the frame of transmission i is ``frames[widths[i]][rows[i]]``:
    (n, width) bytes for each length of frame, L first, without CRCs.
    """

    meters: Ints
    starts_ms: Ints
    access_no: Ints
    litres: Ints
    widths: Ints
    rows: Ints
    frames: dict[int, Bytes]

    def __len__(self) -> int:
        return len(self.starts_ms)

    def frame(self, index: int) -> bytes:
        """One frame, L first, without CRCs."""
        frame: bytes = self.frames[int(self.widths[index])][self.rows[index]].tobytes()
        return frame


class Air:
    """Windows of a town's transmissions and of what a receiver in its middle hears."""

    def __init__(self, town: Ground, receiver: Receiver | None = None, *, window_days: int = 0) -> None:
        self.town = town
        self.fleet = Fleet(town)
        self.channel = Channel(town.seed, town.meters, receiver or Receiver(town.utility.lat, town.utility.lon))
        self.window_ms = window_days * DAY_MS or WINDOW_MS

    def windows(self, since_ms: int = 0) -> Iterator[Window]:
        """All windows, from the one that holds ``since_ms`` on; earlier transmissions in it are included."""
        first, last = 1000 * self.town.clock.first, 1000 * self.town.clock.air_end
        skipped = max(0, since_ms - first) // self.window_ms
        for begin in range(first + skipped * self.window_ms, last, self.window_ms):
            yield self.window(begin, min(begin + self.window_ms, last))

    def window(self, since_ms: int, until_ms: int) -> Window:
        """The transmissions in [since, until)."""
        sent = (self.fleet.sent_between(index, since_ms, until_ms) for index in self.fleet.radios)
        batches = sorted((batch for batch in sent if len(batch)), key=lambda batch: batch.frames.shape[1])
        sizes = np.array([len(batch) for batch in batches], np.int64)
        widths = np.repeat(np.array([batch.frames.shape[1] for batch in batches], np.int64), sizes)
        meters = np.repeat(np.array([batch.meter for batch in batches], np.int64), sizes)
        starts = _joined([batch.starts_ms for batch in batches])
        order = np.lexsort((meters, starts))
        return Window(
            meters=meters[order],
            starts_ms=starts[order],
            access_no=_joined([batch.access_no for batch in batches])[order],
            litres=_joined([batch.litres for batch in batches])[order],
            widths=widths[order],
            rows=_rows_of_each(widths)[order],
            frames={
                width: np.concatenate([batch.frames for batch in batches if batch.frames.shape[1] == width])
                for width in np.unique(widths).tolist()
            },
        )

    def heard(self, window: Window) -> Heard:
        """What the receiver hands on of a whole window."""
        on_air = np.zeros(len(window), np.int64)
        for width in window.frames:
            on_air[window.widths == width] = width + 2 * len(bulk.a_blocks(width))
        return self.channel.listen(window.meters, window.starts_ms, on_air, window.frame)


def transmissions(town: Ground, *, since: dt.datetime | None, until: dt.datetime | None) -> Iterator[Sent]:
    """Every transmission of the town in [since, until): instant, meter, frame of format A."""
    low = int(since.timestamp() * 1000) if since else 1000 * town.clock.first
    high = int(until.timestamp() * 1000) if until else 1000 * town.clock.air_end
    for window in Air(town).windows(low):
        for index in range(len(window)):
            start = int(window.starts_ms[index])
            if start >= high:
                return
            if start >= low:
                moment = instant(start // 1000) + dt.timedelta(milliseconds=start % 1000)
                yield moment, town.meters[window.meters[index]], frame_format_a(window.frame(index))


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _rows_of_each(widths: Ints) -> Ints:
    """Running number within each width, for widths in rising order."""
    first = np.searchsorted(widths, widths)
    rows: Ints = np.arange(len(widths)) - first
    return rows
