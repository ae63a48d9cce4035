"""Alarms that meters send are found at ingest; this rule closes the finding of one that is no longer sent."""

from collections.abc import Iterator

from sqlalchemy import func, select

from central.reading import findings
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.store.models import Finding, Reading, ReadingKind
from central.times import HOUR_MS, instant_of


class MeterAlarm(Parameters, frozen=True):
    """An alarm is over when the meter has been heard without it for ``quiet_hours``."""

    quiet_hours: int = 48


def check(series: Series, parameters: MeterAlarm) -> Iterator[Result]:
    """Finds nothing itself."""
    heard = (
        select(func.max(Reading.at_ms))
        .where(
            Reading.utility_id == Finding.utility_id,
            Reading.meter_id == Finding.meter_id,
            Reading.kind == ReadingKind.RADIO,
        )
        .scalar_subquery()
    )
    findings.close(
        series.connection,
        series.utility_id,
        instant_of(series.now_ms),
        Finding.rule.startswith("alarm."),
        Finding.until_ms < heard - parameters.quiet_hours * HOUR_MS,
    )
    return iter(())


RULE = Rule("meter_alarm", "Alarma del contador", "low", MeterAlarm(), check, of_meters=False)
