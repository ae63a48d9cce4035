"""Water that never stops: the flow did not fall below a threshold for days (Badger AquaCUE, Smartvatten and others).

With readings every hour 24 to 48 hours suffice. With readings every four hours a stop in between goes unseen, so more
time is asked for. Estimated values neither raise nor clear it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from central.reading.findings import Found
from central.reading.validation.columns import RADIO_KINDS, Bools, Ints
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.times import HOUR_MS


class ContinuousFlow(Parameters, frozen=True):
    """Thresholds in l/h and the hours they must be exceeded without a break, for a small leak, a big one, a burst.

    The two of leaks are for one dwelling; a bulk meter's are as many times higher as it serves dwellings.

    Intervals longer than ``longest_gap_hours`` end a stretch. Where they are longer than ``fine_minutes`` on average, a
    leak needs ``coarse_factor`` times the hours.
    """

    small_litres_hour: int = 4
    small_hours: int = 48
    big_litres_hour: int = 18
    big_hours: int = 24
    burst_litres_hour: int = 500
    burst_hours: int = 3
    longest_gap_hours: int = 13
    fine_minutes: int = 90
    coarse_factor: int = 4


@dataclass(frozen=True)
class _Intervals:
    """Steps between readings about an hour or more apart: the rows at their ends, their meter, time and water."""

    first: Ints
    last: Ints
    meter: Ints
    lasted_ms: Ints
    litres: Ints
    resolution: Ints


def check(series: Series, parameters: ContinuousFlow) -> Iterator[Result]:
    """The longest stretches of flow, the strongest kind first; a weaker one over the same time is not told again."""
    intervals = _intervals(series, parameters.longest_gap_hours)
    if not len(intervals.first):
        return
    coarse = _coarse_meters(intervals, parameters.fine_minutes, len(series.meters))
    dwellings = np.array([meter.dwellings for meter in series.meters], dtype=np.int64)
    told: list[tuple[int, int, int]] = []
    for level, litres_hour, hours in (
        ("burst", parameters.burst_litres_hour, parameters.burst_hours),
        ("big", parameters.big_litres_hour, parameters.big_hours),
        ("small", parameters.small_litres_hour, parameters.small_hours),
    ):
        leak = level != "burst"
        threshold = litres_hour * dwellings if leak else np.full_like(dwellings, litres_hour)
        needed = hours * np.where(coarse & leak, parameters.coarse_factor, 1)
        for start, end, lasted, litres in _stretches(intervals, threshold, needed):
            meter = int(intervals.meter[start])
            since, until = int(series.at_ms[intervals.first[start]]), int(series.at_ms[intervals.last[end]])
            if any(place == meter and begun <= since and until <= over for place, begun, over in told):
                continue
            told.append((meter, since, until))
            stretch = slice(start, end + 1)
            least = int((intervals.litres[stretch] * HOUR_MS // intervals.lasted_ms[stretch]).min())
            flow = (lasted // HOUR_MS, litres, least)
            yield _found(series, meter, level, (since, until), int(threshold[meter]), flow)


def _found(
    series: Series, place: int, level: str, span: tuple[int, int], threshold: int, flow: tuple[int, int, int]
) -> Found:
    hours, litres, least = flow
    meter = series.meters[place]
    return Found(
        rule=RULE.name,
        severity={"burst": "critical", "big": "high", "small": "medium"}[level],
        subject=meter.address,
        since_ms=span[0],
        until_ms=span[1],
        text=f"meter {meter.address}: never below {threshold} l/h in {hours} h, {litres} l in all, {least} l/h or more",
        meter_id=meter.id,
        supply_point_id=meter.supply_point_at(span[0]),
        numbers={"level": level, "threshold_l_h": threshold, "hours": hours, "litres": litres, "least_l_h": least},
        joins_ms=24 * HOUR_MS,
    )


def _intervals(series: Series, longest_gap_hours: int) -> _Intervals:
    rows = series.chain.rows(RADIO_KINDS, series.kind)
    if len(rows) < 2:
        empty = np.zeros(0, dtype=np.int64)
        return _Intervals(empty, empty, empty, empty, empty, empty)
    meter, hour = series.meter_of_row[rows], series.at_ms[rows] // HOUR_MS
    # The first reading of each hour: several receptions of one hour tell nothing more.
    fresh = np.concatenate(([True], (hour[1:] != hour[:-1]) | (meter[1:] != meter[:-1])))
    rows, meter = rows[fresh], meter[fresh]
    first, last = rows[:-1], rows[1:]
    lasted_ms = series.at_ms[last] - series.at_ms[first]
    litres = series.chain.value[last] - series.chain.value[first]
    kept = (meter[1:] == meter[:-1]) & (lasted_ms <= longest_gap_hours * HOUR_MS)
    resolution = series.chain.resolution[meter[1:]]
    return _Intervals(first[kept], last[kept], meter[1:][kept], lasted_ms[kept], litres[kept], resolution[kept])


def _coarse_meters(intervals: _Intervals, fine_minutes: int, meters: int) -> Bools:
    """Meters whose readings lie, on average, further apart than a fine series'."""
    count = np.bincount(intervals.meter, minlength=meters)
    total_ms = np.zeros(meters, dtype=np.int64)
    np.add.at(total_ms, intervals.meter, intervals.lasted_ms)
    coarse: Bools = total_ms > fine_minutes * 60_000 * np.maximum(count, 1)
    return coarse


def _stretches(intervals: _Intervals, threshold: Ints, needed: Ints) -> Iterator[tuple[int, int, int, int]]:
    """First and last interval, milliseconds and litres of every unbroken stretch at the threshold, if long enough.

    ``threshold`` is in l/h and ``needed`` in hours, by meter.
    """
    flowing = (intervals.litres + intervals.resolution) * HOUR_MS > threshold[intervals.meter] * intervals.lasted_ms
    joined = np.concatenate(([False], intervals.first[1:] == intervals.last[:-1]))
    starts = np.flatnonzero(flowing & ~(joined & np.concatenate(([False], flowing[:-1]))))
    ends = np.flatnonzero(flowing & ~np.concatenate((joined[1:] & flowing[1:], [False])))
    total_ms = np.concatenate(([0], np.cumsum(intervals.lasted_ms)))
    total_litres = np.concatenate(([0], np.cumsum(intervals.litres)))
    lasted = total_ms[ends + 1] - total_ms[starts]
    passed = total_litres[ends + 1] - total_litres[starts]
    meter = intervals.meter[starts]
    long = (lasted >= needed[meter] * HOUR_MS) & (passed * HOUR_MS >= threshold[meter] * lasted)
    for place in np.flatnonzero(long).tolist():
        yield int(starts[place]), int(ends[place]), int(lasted[place]), int(passed[place])


RULE = Rule("continuous_flow", "Caudal continuo (posible fuga)", "medium", ContinuousFlow(), check)
