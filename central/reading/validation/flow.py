"""Flow between readings about an hour or more apart: what the rules of leaks and bursts compare with a threshold."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from central.reading.validation.columns import RADIO_KINDS, Bools, Ints
from central.reading.validation.series import Series
from central.times import HOUR_MS


@dataclass(frozen=True)
class Intervals:
    """Steps between readings about an hour or more apart: the rows at their ends, their meter, time and water."""

    first: Ints
    last: Ints
    meter: Ints
    lasted_ms: Ints
    litres: Ints
    resolution: Ints

    def above(self, litres_hour: Ints) -> Bools:
        """Where the flow may have been above a threshold of l/h by meter; the index is no finer than its steps."""
        flowing: Bools = (self.litres + self.resolution) * HOUR_MS > litres_hour[self.meter] * self._known_ms
        return flowing

    @cached_property
    def _known_ms(self) -> Ints:
        """The time that an interval's litres are known for: of intervals without water, that of all in a row.

        A register with steps of ten litres stands still for an hour while water runs, but not for a night.
        """
        still = self.litres == 0
        goes_on = np.concatenate(([False], (self.first[1:] == self.last[:-1]) & still[1:] & still[:-1]))
        row = np.cumsum(~goes_on) - 1
        total = np.zeros(len(still), dtype=np.int64)
        np.add.at(total, row, self.lasted_ms)
        known: Ints = total[row]
        return known


@dataclass(frozen=True)
class Stretch:
    """An unbroken run of intervals, the first to the last, with its milliseconds and litres."""

    first: int
    last: int
    lasted_ms: int
    litres: int


def intervals(series: Series, longest_gap_hours: int) -> Intervals:
    """The intervals of a series' radio readings that are no longer than so many hours."""
    rows = series.chain.rows(RADIO_KINDS, series.kind)
    if len(rows) < 2:
        empty = np.zeros(0, dtype=np.int64)
        return Intervals(empty, empty, empty, empty, empty, empty)
    meter, hour = series.meter_of_row[rows], series.at_ms[rows] // HOUR_MS
    # The first reading of each hour: several receptions of one hour tell nothing more.
    fresh = np.concatenate(([True], (hour[1:] != hour[:-1]) | (meter[1:] != meter[:-1])))
    rows, meter = rows[fresh], meter[fresh]
    first, last = rows[:-1], rows[1:]
    lasted_ms = series.at_ms[last] - series.at_ms[first]
    litres = series.chain.value[last] - series.chain.value[first]
    kept = (meter[1:] == meter[:-1]) & (lasted_ms <= longest_gap_hours * HOUR_MS)
    resolution = series.chain.resolution[meter[1:]]
    return Intervals(first[kept], last[kept], meter[1:][kept], lasted_ms[kept], litres[kept], resolution[kept])


def coarse_meters(found: Intervals, fine_minutes: int, meters: int) -> Bools:
    """Meters whose readings lie, on average, further apart than a fine series'."""
    count = np.bincount(found.meter, minlength=meters)
    total_ms = np.zeros(meters, dtype=np.int64)
    np.add.at(total_ms, found.meter, found.lasted_ms)
    coarse: Bools = total_ms > fine_minutes * 60_000 * np.maximum(count, 1)
    return coarse


def stretches(found: Intervals, threshold: Ints, needed: Ints, counted: Bools | None = None) -> Iterator[Stretch]:
    """Every unbroken stretch above the threshold that lasts long enough.

    ``threshold`` is in l/h and ``needed`` in hours, by meter; of the time only ``counted`` intervals' is needed.
    """
    flowing = found.above(threshold)
    joined = np.concatenate(([False], found.first[1:] == found.last[:-1]))
    starts = np.flatnonzero(flowing & ~(joined & np.concatenate(([False], flowing[:-1]))))
    ends = np.flatnonzero(flowing & ~np.concatenate((joined[1:] & flowing[1:], [False])))
    lasted = _between(found.lasted_ms, starts, ends)
    passed = _between(found.litres, starts, ends)
    enough = lasted if counted is None else _between(np.where(counted, found.lasted_ms, 0), starts, ends)
    meter = found.meter[starts]
    long = (enough >= needed[meter] * HOUR_MS) & (passed * HOUR_MS >= threshold[meter] * lasted)
    for place in np.flatnonzero(long).tolist():
        yield Stretch(int(starts[place]), int(ends[place]), int(lasted[place]), int(passed[place]))


def _between(values: Ints, starts: Ints, ends: Ints) -> Ints:
    total = np.concatenate(([0], np.cumsum(values)))
    result: Ints = total[ends + 1] - total[starts]
    return result
