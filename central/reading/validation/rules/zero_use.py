"""No consumption where there was some: vacant, closed, or a register that stands still."""

from collections.abc import Iterator

from central.reading.findings import Found
from central.reading.validation.idle import idle_meters
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.times import DAY_MS


class ZeroUse(Parameters, frozen=True):
    """Zero for ``days``, after at least ``litres_a_month`` in the month before."""

    days: int = 30
    litres_a_month: int = 1000


def check(series: Series, parameters: ZeroUse) -> Iterator[Result]:
    """Meters whose index has not moved for long."""
    for idle in idle_meters(series, parameters.days, days_before=30):
        if idle.litres_before < parameters.litres_a_month:
            continue
        yield Found(
            rule=RULE.name,
            severity=RULE.severity,
            subject=idle.meter.address,
            since_ms=idle.since_ms,
            until_ms=idle.last_ms,
            text=f"meter {idle.meter.address}: 0 l in {idle.days} days, {idle.litres_before} l in the 30 days before",
            meter_id=idle.meter.id,
            supply_point_id=idle.meter.supply_point_at(idle.last_ms),
            numbers={"days": idle.days, "litres_before": idle.litres_before, "index_litres": idle.index_litres},
            joins_ms=DAY_MS,
        )


RULE = Rule("zero_use", "Consumo nulo", "low", ZeroUse(), check, lapses=True, slow=True)
