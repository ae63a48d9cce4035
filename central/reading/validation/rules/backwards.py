"""A reading below an earlier one, where the register did not start again."""

from collections.abc import Iterator

import numpy as np

from central.reading.findings import Found
from central.reading.validation.rule import Parameters, Result, Rule, Verdict
from central.reading.validation.series import Series
from central.store.models import ReadingStatus
from central.times import DAY_MS, instant_of


class Backwards(Parameters, frozen=True):
    """``join_days``: wrong readings of one meter nearer to each other than this are one finding."""

    join_days: int = 7


def check(series: Series, parameters: Backwards) -> Iterator[Result]:
    """Every reading that is not on the believable course of its meter's index."""
    chain = series.chain
    for row in np.flatnonzero(chain.considered & ~chain.believed):
        meter = series.meters[int(series.meter_of_row[row])]
        at_ms, litres = int(series.at_ms[row]), int(series.litres[row])
        text, numbers = _compared(series, int(row))
        yield Verdict(int(row), ReadingStatus.SUSPECT, f"backwards: {litres} l, {text}")
        yield Found(
            rule=RULE.name,
            severity=RULE.severity,
            subject=meter.address,
            since_ms=at_ms,
            until_ms=at_ms,
            text=f"meter {meter.address}: {litres} l, {text}",
            meter_id=meter.id,
            supply_point_id=meter.supply_point_at(at_ms),
            numbers={"litres": litres, **numbers},
            joins_ms=parameters.join_days * DAY_MS,
        )


def _compared(series: Series, row: int) -> tuple[str, dict[str, int]]:
    """The believed reading that contradicts a row: the last before it that is higher, or the next that is lower."""
    chain = series.chain
    believed = np.flatnonzero(chain.believed & (series.meter_of_row == series.meter_of_row[row]))
    before = believed[(believed < row) & (chain.value[believed] > chain.value[row])]
    after = believed[(believed > row) & (chain.value[believed] < chain.value[row])]
    if len(before):
        other, word = int(before[-1]), "after"
    else:
        other, word = int(after[0]), "before"
    when = instant_of(int(series.at_ms[other])).isoformat(timespec="minutes")
    litres = int(series.litres[other])
    return f"{word} {litres} l at {when}", {"compared_litres": litres, "compared_at_ms": int(series.at_ms[other])}


RULE = Rule("backwards", "Lectura inferior", "high", Backwards(), check)
