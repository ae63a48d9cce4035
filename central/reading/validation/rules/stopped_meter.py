"""A register that stopped from one day to the next although there was use nearly every day before."""

from collections.abc import Iterator

from central.reading.findings import Found
from central.reading.validation.idle import idle_meters
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.times import DAY_MS


class StoppedMeter(Parameters, frozen=True):
    """Still for ``days``, after use on ``days_with_use`` of the 30 days before and ``litres_a_day`` on average."""

    days: int = 10
    days_with_use: int = 26
    litres_a_day: int = 50


def check(series: Series, parameters: StoppedMeter) -> Iterator[Result]:
    """Meters that stand still although their homes are lived in."""
    for idle in idle_meters(series, parameters.days, days_before=30):
        average = idle.litres_before // idle.days_before
        if idle.days_with_use < parameters.days_with_use or average < parameters.litres_a_day:
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


RULE = Rule("stopped_meter", "Contador parado", "high", StoppedMeter(), check, lapses=True, slow=True)
