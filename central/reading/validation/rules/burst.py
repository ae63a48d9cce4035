"""A burst: for hours more water than ever before at this meter, and more than a household draws."""

from collections.abc import Iterator

import numpy as np

from central.reading.validation import flow
from central.reading.validation.columns import Ints
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.reading.validation.telling import about
from central.times import DAY_MS, HOUR_MS


class Burst(Parameters, frozen=True):
    """At least ``litres_hour`` (times the dwellings served) in each interval of ``hours``.

    What went before counts: no burst where as much ran for as long, to ``percent_of_usual``, in the
    ``days_before`` that the series knows (a pool that is topped up each week). Intervals longer than
    ``longest_gap_hours`` end it.
    """

    litres_hour: int = 500
    hours: int = 3
    percent_of_usual: int = 150
    days_before: int = 60
    longest_gap_hours: int = 6


def check(series: Series, parameters: Burst) -> Iterator[Result]:
    """Every stretch of such flow."""
    found = flow.intervals(series, parameters.longest_gap_hours)
    if not len(found.first):
        return
    dwellings = np.array([meter.dwellings for meter in series.meters], dtype=np.int64)
    threshold = parameters.litres_hour * dwellings
    for stretch in flow.stretches(found, threshold, np.full_like(dwellings, parameters.hours)):
        mean = stretch.litres * HOUR_MS // stretch.lasted_ms
        usual = _most_before(series, found, stretch, parameters)
        if mean * 100 < usual * parameters.percent_of_usual:
            continue
        place = int(found.meter[stretch.first])
        hours = stretch.lasted_ms // HOUR_MS
        span = int(series.at_ms[found.first[stretch.first]]), int(series.at_ms[found.last[stretch.last]])
        numbers = {"litres": stretch.litres, "hours": hours, "threshold_l_h": int(threshold[place])}
        yield about(
            series.meters[place],
            (RULE.name, RULE.severity),
            span,
            f"{stretch.litres} l in {hours} h, {mean} l/h; before, at most {usual} l/h for {parameters.hours} h",
            numbers | {"mean_l_h": mean, "usual_l_h": usual},
            joins_ms=6 * HOUR_MS,
        )


def _most_before(series: Series, found: flow.Intervals, stretch: flow.Stretch, parameters: Burst) -> int:
    """The greatest flow (l/h) over ``hours`` before a stretch at its meter."""
    since = int(series.at_ms[found.first[stretch.first]]) - parameters.days_before * DAY_MS
    begin = int(np.searchsorted(found.meter, found.meter[stretch.first]))
    before = slice(begin, stretch.first)
    at_ms: Ints = series.at_ms[found.first[before]]
    recent = slice(begin + int(np.searchsorted(at_ms, since)), stretch.first)
    litres = np.concatenate(([0], np.cumsum(found.litres[recent])))
    passed = np.concatenate(([0], np.cumsum(found.lasted_ms[recent])))
    start = np.searchsorted(passed, passed - parameters.hours * HOUR_MS, side="right") - 1
    whole = np.flatnonzero((start >= 0) & (passed >= parameters.hours * HOUR_MS))
    if not len(whole):
        return 0
    lasted = passed[whole] - passed[start[whole]]
    return int(((litres[whole] - litres[start[whole]]) * HOUR_MS // lasted).max())


RULE = Rule("burst", "Rotura (caudal extraordinario)", "critical", Burst(), check)
