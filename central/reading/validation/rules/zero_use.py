"""No consumption where there was some: vacant, closed, or a register that stands still."""

from collections.abc import Iterator

from central.reading.findings import Found
from central.reading.validation.idle import DAYS_BEFORE, idle_meters
from central.reading.validation.rule import Over, Parameters, Result, Rule
from central.reading.validation.series import Series
from central.times import DAY_MS


class ZeroUse(Parameters, frozen=True):
    """Zero for ``days``, after at least ``litres_a_month`` in the month before, known for ``days_before`` or more."""

    days: int = 30
    litres_a_month: int = 1000
    days_before: int = 14


def check(series: Series, parameters: ZeroUse) -> Iterator[Result]:
    """Meters whose index has not moved for long."""
    for idle in idle_meters(series):
        if not idle.moved:
            continue
        yield Over(idle.meter.address, idle.since_ms)
        used_enough = idle.litres_before * DAYS_BEFORE >= parameters.litres_a_month * max(1, idle.days_before)
        if idle.days < parameters.days or idle.days_before < parameters.days_before or not used_enough:
            continue
        yield Found(
            rule=RULE.name,
            severity=RULE.severity,
            subject=idle.meter.address,
            since_ms=idle.since_ms,
            until_ms=idle.last_ms,
            text=(
                f"meter {idle.meter.address}: 0 l in {idle.days} days, "
                f"{idle.litres_before} l in the {idle.days_before} days before"
            ),
            meter_id=idle.meter.id,
            supply_point_id=idle.meter.supply_point_at(idle.last_ms),
            numbers={"days": idle.days, "litres_before": idle.litres_before, "days_before": idle.days_before},
            joins_ms=DAY_MS,
        )


RULE = Rule("zero_use", "Consumo nulo", "low", ZeroUse(), check, slow=True)
