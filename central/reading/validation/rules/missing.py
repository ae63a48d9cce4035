"""A radio meter that used to be heard and is not any more."""

from collections.abc import Iterator

from sqlalchemy import func, select

from central.reading.findings import FOR_EVER_MS, Found
from central.reading.validation.months import Hanging, hanging
from central.reading.validation.rule import Over, Parameters, Result, Rule
from central.reading.validation.series import Series
from central.store.models import Reading, ReadingDay
from central.store.parts import in_parts
from central.times import DAY_MS, instant_of


class Missing(Parameters, frozen=True):
    """Not heard for ``days``: more than a month where a van passes monthly, a few days under a fixed network.

    A meter that was never heard since it was hung is the register's matter.
    """

    days: int = 40


def check(series: Series, parameters: Missing) -> Iterator[Result]:
    """One finding for each silent meter, over when it is heard again."""
    since_ms = series.now_ms - parameters.days * DAY_MS
    heard = _heard(series, since_ms)
    silent: dict[int, Hanging] = {}
    for meter in hanging(series.connection, series.utility_id):
        if not meter.radio or not series.concerns(meter.use):
            continue
        if meter.meter_id in heard:
            yield Over(meter.address, series.now_ms)
        elif meter.since_ms < since_ms:
            silent[meter.meter_id] = meter
    for meter_id, last_ms in _last(series, sorted(silent)):
        meter = silent[meter_id]
        days = (series.now_ms - last_ms) // DAY_MS
        yield Found(
            rule=RULE.name,
            severity=RULE.severity,
            subject=meter.address,
            since_ms=last_ms,
            until_ms=series.now_ms,
            text=(
                f"meter {meter.address}: not heard for {days} days, since "
                f"{instant_of(last_ms).isoformat(timespec='minutes')}; at most {parameters.days} days are usual"
            ),
            meter_id=meter_id,
            supply_point_id=meter.supply_point_id,
            numbers={"days": days, "most_days": parameters.days},
            joins_ms=FOR_EVER_MS,
        )


def _heard(series: Series, since_ms: int) -> set[int]:
    readings = select(Reading.meter_id).where(Reading.utility_id == series.utility_id, Reading.at_ms >= since_ms)
    days = select(ReadingDay.meter_id).where(
        ReadingDay.utility_id == series.utility_id, ReadingDay.start_ms >= since_ms - DAY_MS
    )
    return {meter for query in (readings, days) for meter in series.connection.scalars(query.distinct())}


def _last(series: Series, meters: list[int]) -> Iterator[tuple[int, int]]:
    """When each meter was heard last, if ever."""
    for part in in_parts(meters):
        query = (
            select(Reading.meter_id, func.max(Reading.at_ms))
            .where(Reading.utility_id == series.utility_id, Reading.meter_id.in_(part))
            .group_by(Reading.meter_id)
            .order_by(Reading.meter_id)
        )
        yield from ((meter_id, last_ms) for meter_id, last_ms in series.connection.execute(query))


RULE = Rule("missing", "Sin telelectura", "medium", Missing(), check, of_meters=False, slow=True)
