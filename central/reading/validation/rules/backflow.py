"""Water that ran back through the meter: the register fell a little, by no more than can have passed, and stayed."""

from collections.abc import Iterator

from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.reading.validation.shifts import shifts
from central.reading.validation.telling import about
from central.times import DAY_MS, HOUR_MS


class Backflow(Parameters, frozen=True):
    """From ``litres`` on; with ``most_litres`` or more somebody turned the meter round (the rule tamper)."""

    litres: int = 10
    most_litres: int = 500
    join_days: int = 7


def check(series: Series, parameters: Backflow) -> Iterator[Result]:
    """Every such fall."""
    for shift in shifts(series):
        fallen = -shift.litres
        if not parameters.litres <= fallen < parameters.most_litres or not shift.possible:
            continue
        minutes = (shift.to_ms - shift.from_ms) // 60_000
        yield about(
            shift.meter,
            (RULE.name, RULE.severity),
            (shift.from_ms, shift.to_ms),
            f"{fallen} l back in {minutes} min, from {shift.before_litres} to {shift.after_litres} l "
            f"({shift.most_litres} l can pass in {max(1, minutes // (HOUR_MS // 60_000))} h)",
            {"litres": fallen, "minutes": minutes, "before_litres": shift.before_litres},
            joins_ms=parameters.join_days * DAY_MS,
        )


RULE = Rule("backflow", "Retroceso de agua", "high", Backflow(), check)
