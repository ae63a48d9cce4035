"""How long a register has not moved, and what it did before: what the rules of zero use and stopped meters compare."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from central.reading.validation.series import MeterInfo, Series
from central.times import DAY_MS


@dataclass(frozen=True)
class Idle:
    """A meter whose index is the same from ``since_ms`` to its last reading, and the days before that."""

    meter: MeterInfo
    since_ms: int
    last_ms: int
    index_litres: int
    days_before: int
    litres_before: int
    days_with_use: int

    @property
    def days(self) -> int:
        """Whole days without movement."""
        return (self.last_ms - self.since_ms) // DAY_MS


def idle_meters(series: Series, at_least_days: int, days_before: int) -> Iterator[Idle]:
    """Meters that have not moved for ``at_least_days`` and had readings for ``days_before`` before that."""
    chain = series.chain
    for meter, rows in series.rows_of():
        on = np.flatnonzero(chain.believed[rows])
        if len(on) < 3:
            continue
        value, at_ms = chain.value[rows][on], series.at_ms[rows][on]
        stop = int(np.searchsorted(value, value[-1]))
        since, last = int(at_ms[stop]), int(at_ms[-1])
        window = since - days_before * DAY_MS
        if last - since < at_least_days * DAY_MS or at_ms[0] > window:
            continue
        begin = max(int(np.searchsorted(at_ms, window, side="right")) - 1, 0)
        moved = np.flatnonzero(np.diff(value[begin : stop + 1]) > 0) + begin + 1
        yield Idle(
            meter,
            since,
            last,
            int(value[-1]),
            days_before,
            int(value[stop] - value[begin]),
            min(len(np.unique(at_ms[moved] // DAY_MS)), days_before),
        )
