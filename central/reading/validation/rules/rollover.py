"""A register that started again at zero: no fault, but its bill should be looked at once."""

from collections.abc import Iterator

import numpy as np

from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.reading.validation.telling import about


class Rollover(Parameters, frozen=True):
    """The modulus is the meter's, the flow that proves it its Q4."""


def check(series: Series, _parameters: Rollover) -> Iterator[Result]:
    """The reading before each new start and the first after it."""
    chain = series.chain
    rows = chain.rows()
    meter = series.meter_of_row[rows]
    turns = (chain.value[rows] - series.litres[rows]) // np.array(
        [info.modulus_litres for info in series.meters], dtype=np.int64
    )[meter]
    for place in np.flatnonzero((np.diff(turns) > 0) & (meter[1:] == meter[:-1])).tolist():
        before, after = int(rows[place]), int(rows[place + 1])
        info = series.meters[int(meter[place])]
        passed = int(chain.value[after] - chain.value[before])
        numbers = {
            "before_litres": int(series.litres[before]),
            "after_litres": int(series.litres[after]),
            "modulus_litres": info.modulus_litres,
            "litres": passed,
        }
        yield about(
            info,
            (RULE.name, RULE.severity),
            (int(series.at_ms[before]), int(series.at_ms[after])),
            f"from {numbers['before_litres']} over {info.modulus_litres} to {numbers['after_litres']} l, {passed} l",
            numbers,
        )


RULE = Rule("rollover", "Vuelta del totalizador", "low", Rollover(), check)
