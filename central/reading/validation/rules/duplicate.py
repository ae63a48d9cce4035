"""Two different indices typed for one meter on one day, neither of which the reader took back."""

from collections.abc import Iterator

import numpy as np

from central.reading.findings import Found
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.store.models import ReadingKind, ReadingStatus
from central.times import local_day


class Duplicate(Parameters, frozen=True):
    """``apart_litres``: indices further apart than this are different."""

    apart_litres: int = 1000


def check(series: Series, parameters: Duplicate) -> Iterator[Result]:
    """Pairs of typed readings to be decided between."""
    typed = (series.kind == int(ReadingKind.TYPED)) & (series.status != int(ReadingStatus.REJECTED))
    rows = np.flatnonzero(typed)
    for first, second in zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True):
        if series.meter_of_row[first] != series.meter_of_row[second]:
            continue
        one, two = int(series.litres[first]), int(series.litres[second])
        day = local_day(int(series.at_ms[first]))
        if abs(one - two) <= parameters.apart_litres or day != local_day(int(series.at_ms[second])):
            continue
        meter = series.meters[int(series.meter_of_row[first])]
        yield Found(
            rule=RULE.name,
            severity=RULE.severity,
            subject=meter.address,
            since_ms=int(series.at_ms[first]),
            until_ms=int(series.at_ms[second]),
            text=f"meter {meter.address}: typed as {one} l and as {two} l on {day.isoformat()}",
            meter_id=meter.id,
            supply_point_id=meter.supply_point_at(int(series.at_ms[first])),
            numbers={"first_litres": one, "second_litres": two},
        )


RULE = Rule("duplicate", "Lectura doble", "medium", Duplicate(), check)
