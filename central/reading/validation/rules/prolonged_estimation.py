"""A supply whose last bills are estimates: somebody has to go there.

Readings are due at least every six months (Decreto 120/1991, art. 78, and the bylaws that follow it).
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from sqlalchemy import select

from central.reading.findings import Found
from central.reading.validation.rule import Over, Parameters, Result, Rule
from central.reading.validation.series import Series
from central.store.models import Consumption, SupplyPoint
from central.times import local_day, midnight_ms


class ProlongedEstimation(Parameters, frozen=True):
    """From ``periods`` estimated bills in a row somebody is sent, from ``high_periods`` the subscriber is told.

    Bills that ended longer than ``days`` ago are not looked at.
    """

    periods: int = 2
    high_periods: int = 3
    days: int = 800


def check(series: Series, parameters: ProlongedEstimation) -> Iterator[Result]:
    """One finding for each supply point, over with its next bill by a reading."""
    first_day = local_day(series.now_ms) - timedelta(days=parameters.days)
    query = (
        select(
            SupplyPoint.code, Consumption.supply_point_id, Consumption.period_from, Consumption.period_to,
            Consumption.generation, Consumption.litres, Consumption.estimated_litres,
        )
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == Consumption.utility_id) & (SupplyPoint.id == Consumption.supply_point_id),
        )
        .where(Consumption.utility_id == series.utility_id, Consumption.period_to >= first_day)
        .order_by(SupplyPoint.code, Consumption.period_from, Consumption.generation)
    )  # fmt: skip
    if series.only is not None:
        return
    for code, rows in groupby(series.connection.execute(query), key=lambda row: row.code):
        # Of several generations of a period the last one counts.
        bills = list({row.period_from: row for row in rows}.values())
        guessed = next((n for n, row in enumerate(reversed(bills)) if not row.estimated_litres), len(bills))
        if not guessed:
            yield Over(code, series.now_ms)
        if guessed < parameters.periods:
            continue
        last = bills[-guessed:]
        litres = sum(row.estimated_litres for row in last)
        yield Found(
            rule=RULE.name,
            severity="high" if guessed >= parameters.high_periods else RULE.severity,
            subject=code,
            since_ms=midnight_ms(last[0].period_from),
            until_ms=midnight_ms(last[-1].period_to),
            text=f"supply {code}: {guessed} bills in a row are estimates, {litres} l since {last[0].period_from}",
            supply_point_id=last[-1].supply_point_id,
            numbers={"periods": guessed, "most_periods": parameters.periods - 1, "estimated_litres": litres},
        )


RULE = Rule(
    "prolonged_estimation", "Estimaciones seguidas", "medium", ProlongedEstimation(), check, of_meters=False, slow=True
)
