"""By when an issued invoice must have been supplied to the SII (RD 1624/1992, article 69 bis)."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import holidays

SATURDAY = 5
DECEMBER = 12


@dataclass(frozen=True, slots=True)
class SupplyDeadline:
    """The rule of the day, which law has changed before.

    ``days`` natural days from the issue, leaving out Saturdays, Sundays and national holidays, and in any case not
    after day ``month_day`` of the month that follows the one in which the tax accrued. ``days`` is 4, or 8 where the
    recipient or a third party issues. ``also`` are days left out besides (a national holiday moved to another day).
    """

    days: int = 4
    month_day: int = 15
    also: tuple[date, ...] = ()

    def of(self, issued: date, accrued: date) -> date:
        """The last day on which the record is in time."""
        day, left = issued, self.days
        while left:
            day += timedelta(days=1)
            left -= self._counts(day)
        following = (accrued.year + (accrued.month == DECEMBER), accrued.month % DECEMBER + 1)
        return min(day, date(*following, self.month_day))

    def _counts(self, day: date) -> bool:
        return day.weekday() < SATURDAY and day not in self.also and day not in _national(day.year)


@lru_cache(maxsize=64)
def _national(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("ES", years=year))
