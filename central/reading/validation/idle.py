"""How long a register has not moved, and what it did before: what the rules of zero use and stopped meters compare."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from central.reading.validation.columns import MeterInfo
from central.reading.validation.series import Series
from central.times import DAY_MS

DAYS_BEFORE = 30


@dataclass(frozen=True)
class Idle:
    """A meter whose index is the same from ``since_ms`` to its last reading, and the up to 30 days before that.

    ``moved`` says whether the series saw it reach this index; else it has stood still for longer than is known here,
    and the other numbers are zero.
    """

    meter: MeterInfo
    since_ms: int
    last_ms: int
    index_litres: int
    moved: bool
    days_before: int = 0
    litres_before: int = 0
    days_with_use: int = 0

    @property
    def days(self) -> int:
        """Whole days without movement."""
        return (self.last_ms - self.since_ms) // DAY_MS


def idle_meters(series: Series) -> Iterator[Idle]:
    """Every meter with readings, whether it has stood still for days or for a moment."""
    chain = series.chain
    for meter, rows in series.rows_of():
        on = np.flatnonzero(chain.believed[rows])
        if not len(on):
            continue
        value, at_ms = chain.value[rows][on], series.at_ms[rows][on]
        stop = int(np.searchsorted(value, value[-1]))
        since, last, index = int(at_ms[stop]), int(at_ms[-1]), int(value[-1])
        if stop == 0:
            yield Idle(meter, since, last, index, moved=False)
            continue
        begin = max(int(np.searchsorted(at_ms, since - DAYS_BEFORE * DAY_MS, side="right")) - 1, 0)
        moved = np.flatnonzero(np.diff(value[begin : stop + 1]) > 0) + begin + 1
        days = min(DAYS_BEFORE, (since - int(at_ms[begin])) // DAY_MS)
        with_use = min(len(np.unique(at_ms[moved] // DAY_MS)), days)
        yield Idle(meter, since, last, index, True, days, int(value[stop] - value[begin]), with_use)
