"""More water than the meter lets through: above the overload flow Q4 for the whole time between two readings."""

from collections.abc import Iterator

import numpy as np

from central.reading.findings import Found
from central.reading.validation.rule import Parameters, Result, Rule, Verdict
from central.reading.validation.series import Series
from central.store.models import ReadingStatus
from central.times import DAY_MS, HOUR_MS


class Spike(Parameters, frozen=True):
    """``slack_litres`` is allowed on top of Q4 times the hours; ``join_days`` as in the rule backwards."""

    slack_litres: int = 50
    join_days: int = 7


def check(series: Series, parameters: Spike) -> Iterator[Result]:
    """Every reading whose step from the believed one before it is impossible."""
    chain = series.chain
    rows = chain.rows()
    meter = series.meter_of_row[rows]
    q4 = np.array([info.q4_litres_hour for info in series.meters], dtype=np.int64)[meter]
    step = np.diff(chain.value[rows])
    passed_ms = np.diff(series.at_ms[rows])
    # Neither end is known more exactly than its step, and a whole cubic metre stands for up to 999 l more.
    unsure = 2 * chain.resolution[meter[1:]] + 1000 * (chain.coarse[rows[:-1]] | chain.coarse[rows[1:]])
    most = q4[1:] * passed_ms // HOUR_MS + unsure + parameters.slack_litres
    for place in np.flatnonzero((meter[1:] == meter[:-1]) & (step > most)):
        row = int(rows[place + 1])
        info = series.meters[int(meter[place + 1])]
        numbers = {
            "litres": int(step[place]),
            "minutes": int(passed_ms[place]) // 60_000,
            "most_litres": int(most[place]),
            "q4_litres_hour": info.q4_litres_hour,
        }
        text = (
            f"{numbers['litres']} l in {numbers['minutes']} min, at most {numbers['most_litres']} l pass "
            f"(Q4 {info.q4_litres_hour} l/h)"
        )
        yield Verdict(row, ReadingStatus.SUSPECT, f"spike: {text}")
        yield Found(
            rule=RULE.name,
            severity=RULE.severity,
            subject=info.address,
            since_ms=int(series.at_ms[row]),
            until_ms=int(series.at_ms[row]),
            text=f"meter {info.address}: {text}",
            meter_id=info.id,
            supply_point_id=info.supply_point_at(int(series.at_ms[row])),
            numbers=numbers,
            joins_ms=parameters.join_days * DAY_MS,
        )


RULE = Rule("spike", "Consumo imposible", "high", Spike(), check)
