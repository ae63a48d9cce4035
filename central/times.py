"""Instants, local days and epoch milliseconds: UTC inside, Europe/Madrid where a legal date is meant."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MADRID = ZoneInfo("Europe/Madrid")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def millis(instant: datetime) -> int:
    """UTC epoch milliseconds of an aware instant; raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError(f"instant {instant.isoformat()}: must carry a time zone")
    return (instant - EPOCH) // timedelta(milliseconds=1)


def instant_of(ms: int) -> datetime:
    """The aware UTC instant of epoch milliseconds."""
    return EPOCH + timedelta(milliseconds=ms)


def midnight_ms(day: date) -> int:
    """Epoch milliseconds at which a local day starts (Europe/Madrid)."""
    return millis(datetime.combine(day, time(), MADRID))


@lru_cache(maxsize=65536)
def midnight_of_day_number(days: int) -> int:
    """The same for a day given as days since 1970-01-01, as the messages carry it."""
    return midnight_ms(EPOCH_DAY + timedelta(days))


def local_day(ms: int) -> date:
    """The local day an instant falls on."""
    return instant_of(ms).astimezone(MADRID).date()
