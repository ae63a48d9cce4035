"""Water meters that are heard but not registered."""

from collections.abc import Iterator

from sqlalchemy import func, select

from central.reading.findings import FOR_EVER_MS, Found
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.store.models import Telegram
from central.times import DAY_MS

# Device types of EN 13757-3 table 13: warm, water, hot, cold, dual register.
WATER_TYPES = ("06", "07", "15", "16", "17")


class UnknownMeter(Parameters, frozen=True):
    """Heard ``telegrams`` times within the last ``days``: once may be a passing neighbour."""

    telegrams: int = 3
    days: int = 35


def check(series: Series, parameters: UnknownMeter) -> Iterator[Result]:
    """One finding for each address."""
    heard = func.count()
    query = (
        select(Telegram.address, heard, func.min(Telegram.received_ms), func.max(Telegram.received_ms))
        .where(
            Telegram.utility_id == series.utility_id,
            Telegram.meter_id.is_(None),
            Telegram.received_ms >= series.now_ms - parameters.days * DAY_MS,
            Telegram.address.is_not(None),
        )
        .group_by(Telegram.address)
        .having(heard >= parameters.telegrams)
        .order_by(Telegram.address)
    )
    for address, count, first_ms, last_ms in series.connection.execute(query):
        if address is None or address[-2:] not in WATER_TYPES:
            continue
        yield Found(
            rule=RULE.name,
            severity=RULE.severity,
            subject=address,
            since_ms=first_ms,
            until_ms=last_ms,
            text=f"meter {address}: heard {count} times and not registered",
            numbers={"telegrams": count},
            joins_ms=FOR_EVER_MS,
        )


RULE = Rule("unknown_meter", "Contador desconocido", "low", UnknownMeter(), check, of_meters=False)
