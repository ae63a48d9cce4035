"""A register that stopped although there was use on most days before, for longer than people are away."""

from collections.abc import Iterator

from central.reading.findings import Found
from central.reading.validation.idle import idle_meters
from central.reading.validation.rule import Over, Parameters, Result, Rule
from central.reading.validation.series import Series
from central.times import DAY_MS


class StoppedMeter(Parameters, frozen=True):
    """Still for ``days``, after use on ``percent_of_days`` of the month before and ``litres_a_day`` on average.

    Of that month at least ``days_before`` must be known.
    """

    days: int = 24
    percent_of_days: int = 70
    litres_a_day: int = 50
    days_before: int = 14


def check(series: Series, parameters: StoppedMeter) -> Iterator[Result]:
    """Meters that stand still although their homes are lived in."""
    for idle in idle_meters(series):
        if not idle.moved:
            continue
        yield Over(idle.meter.address, idle.since_ms)
        if idle.days < parameters.days or idle.days_before < parameters.days_before:
            continue
        average = idle.litres_before // idle.days_before
        often = idle.days_with_use * 100 >= parameters.percent_of_days * idle.days_before
        if not often or average < parameters.litres_a_day:
            continue
        yield Found(
            rule=RULE.name,
            severity=RULE.severity,
            subject=idle.meter.address,
            since_ms=idle.since_ms,
            until_ms=idle.last_ms,
            text=(
                f"meter {idle.meter.address}: still for {idle.days} days at {idle.index_litres} l, before that use on "
                f"{idle.days_with_use} of {idle.days_before} days, {average} l a day"
            ),
            meter_id=idle.meter.id,
            supply_point_id=idle.meter.supply_point_at(idle.last_ms),
            numbers={"days": idle.days, "days_with_use": idle.days_with_use, "litres_a_day": average},
            joins_ms=DAY_MS,
        )


RULE = Rule("stopped_meter", "Contador parado", "high", StoppedMeter(), check, slow=True)
