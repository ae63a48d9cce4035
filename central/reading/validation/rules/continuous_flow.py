"""Water that never stops: the flow did not fall below a threshold for a day (Badger AquaCUE, Smartvatten and others).

Badger AquaCUE tells a leak where each of 24 hours has a US gallon (3.785 l) or more; any hour without one clears it.
With readings every four hours a stop in between goes unseen, so more time is asked for. Estimated values neither raise
nor clear it. Hours with so much water that they are the burst rule's (a pool being filled) do not count as a leak's.
"""

from collections.abc import Iterator

import numpy as np

from central.reading.validation import flow
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.reading.validation.telling import about
from central.times import HOUR_MS


class ContinuousFlow(Parameters, frozen=True):
    """Thresholds in l/h and the hours they must be exceeded without a break, for a small leak and for a big one.

    They are for one dwelling; a bulk meter's are as many times higher as it serves dwellings. Intervals at
    ``burst_litres_hour`` or more do not count for the hours. Those longer than ``longest_gap_hours`` end a stretch.
    Where they are longer than ``fine_minutes`` on average, a leak needs ``coarse_factor`` times the hours.
    """

    small_litres_hour: int = 4
    small_hours: int = 32
    big_litres_hour: int = 18
    big_hours: int = 24
    burst_litres_hour: int = 500
    longest_gap_hours: int = 13
    fine_minutes: int = 90
    coarse_factor: int = 6


def check(series: Series, parameters: ContinuousFlow) -> Iterator[Result]:
    """The longest stretches of flow, big ones first; a small one over the same time is not told again."""
    found = flow.intervals(series, parameters.longest_gap_hours)
    if not len(found.first):
        return
    coarse = flow.coarse_meters(found, parameters.fine_minutes, len(series.meters))
    dwellings = np.array([meter.dwellings for meter in series.meters], dtype=np.int64)
    counted = ~found.above(parameters.burst_litres_hour * dwellings)
    told: dict[int, list[tuple[int, int]]] = {}
    for level, litres_hour, hours in (
        ("big", parameters.big_litres_hour, parameters.big_hours),
        ("small", parameters.small_litres_hour, parameters.small_hours),
    ):
        needed = hours * np.where(coarse, parameters.coarse_factor, 1)
        for stretch in flow.stretches(found, litres_hour * dwellings, needed, counted):
            place = int(found.meter[stretch.first])
            span = int(series.at_ms[found.first[stretch.first]]), int(series.at_ms[found.last[stretch.last]])
            if any(begun <= span[0] and span[1] <= over for begun, over in told.get(place, ())):
                continue
            told.setdefault(place, []).append(span)
            yield _result(series, found, stretch, (level, litres_hour * int(dwellings[place])), span)


def _result(
    series: Series, found: flow.Intervals, stretch: flow.Stretch, level: tuple[str, int], span: tuple[int, int]
) -> Result:
    within = slice(stretch.first, stretch.last + 1)
    least = int((found.litres[within] * HOUR_MS // found.lasted_ms[within]).min())
    hours, threshold = stretch.lasted_ms // HOUR_MS, level[1]
    return about(
        series.meters[int(found.meter[stretch.first])],
        (RULE.name, {"big": "high", "small": "medium"}[level[0]]),
        span,
        f"never below {threshold} l/h in {hours} h, {stretch.litres} l in all, {least} l/h or more",
        {"level": level[0], "threshold_l_h": threshold, "hours": hours, "litres": stretch.litres, "least_l_h": least},
        joins_ms=24 * HOUR_MS,
    )


RULE = Rule("continuous_flow", "Caudal continuo (posible fuga)", "medium", ContinuousFlow(), check)
