"""A meter that somebody turned round: its register ran back by what a household draws, and went on from there.

What a meter itself says of magnets, opened covers or removal is found at ingest as ``alarm.tamper`` and so on.
"""

from collections.abc import Iterator

from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.reading.validation.shifts import shifts
from central.reading.validation.telling import about
from central.times import HOUR_MS


class Tamper(Parameters, frozen=True):
    """From ``litres`` on; less is a backflow."""

    litres: int = 500


def check(series: Series, parameters: Tamper) -> Iterator[Result]:
    """Every such fall."""
    for shift in shifts(series):
        fallen = -shift.litres
        if fallen < parameters.litres or not shift.possible:
            continue
        hours = (shift.to_ms - shift.from_ms) // HOUR_MS
        yield about(
            shift.meter,
            (RULE.name, RULE.severity),
            (shift.from_ms, shift.to_ms),
            f"ran back {fallen} l in {hours} h, from {shift.before_litres} to {shift.after_litres} l "
            f"(at most {shift.most_litres} l can pass)",
            {"litres": fallen, "hours": hours, "before_litres": shift.before_litres, "most_litres": shift.most_litres},
        )


RULE = Rule("tamper", "Manipulación (contador invertido)", "high", Tamper(), check)
