"""Another register answers: the index went where no water can have taken it, and goes on from there.

A meter exchanged without an order, a radio module on another meter, or a register that was replaced.
"""

from collections.abc import Iterator

from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.reading.validation.shifts import shifts
from central.reading.validation.telling import about


class WrongMeter(Parameters, frozen=True):
    """Shifts of fewer than ``litres`` are left to the rules backwards and spike."""

    litres: int = 1000


def check(series: Series, parameters: WrongMeter) -> Iterator[Result]:
    """Every shift that is impossible and kept."""
    for shift in shifts(series):
        if shift.possible or abs(shift.litres) < parameters.litres:
            continue
        minutes = (shift.to_ms - shift.from_ms) // 60_000
        yield about(
            shift.meter,
            (RULE.name, RULE.severity),
            (shift.from_ms, shift.to_ms),
            f"from {shift.before_litres} to {shift.after_litres} l in {minutes} min and on from there, "
            f"at most {shift.most_litres} l can pass",
            {
                "before_litres": shift.before_litres,
                "after_litres": shift.after_litres,
                "minutes": minutes,
                "most_litres": shift.most_litres,
            },
        )


RULE = Rule("wrong_meter", "Contador equivocado", "high", WrongMeter(), check)
