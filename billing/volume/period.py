"""Half-open periods of local dates and the UTC instants at which they open and close."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MADRID = ZoneInfo("Europe/Madrid")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Local dates ``[start, end)`` in Europe/Madrid."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"period: end {self.end} must be after start {self.start} (half-open)")

    @property
    def days(self) -> int:
        """Number of local days."""
        return (self.end - self.start).days

    @property
    def opens(self) -> datetime:
        """The UTC instant of local midnight at ``start``."""
        return midnight(self.start)

    @property
    def closes(self) -> datetime:
        """The UTC instant of local midnight at ``end``."""
        return midnight(self.end)

    @property
    def last_day(self) -> date:
        """The last date inside, for people ("del 1 de enero al 31 de marzo")."""
        return self.end - timedelta(days=1)

    @property
    def whole_months(self) -> int | None:
        """Number of months when both ends fall on the same day of the month, else None."""
        if self.start.day != self.end.day:
            return None
        return (self.end.year - self.start.year) * 12 + self.end.month - self.start.month

    def overlap_days(self, other: "Period") -> int:
        """Days that both periods have in common."""
        return max(0, (min(self.end, other.end) - max(self.start, other.start)).days)

    def years_before(self, years: int) -> "Period":
        """The same season ``years`` years earlier (29 February becomes 28)."""
        return Period(years_later(self.start, -years), years_later(self.end, -years))

    def __iter__(self) -> Iterator[date]:
        """Each date in order."""
        for offset in range(self.days):
            yield self.start + timedelta(days=offset)


@lru_cache(maxsize=4096)
def midnight(day: date) -> datetime:
    """Local midnight (Europe/Madrid) at the start of ``day``, as a UTC instant."""
    return datetime.combine(day, time(), MADRID).astimezone(UTC)


def local_date(instant: datetime) -> date:
    """The Europe/Madrid date of an instant."""
    return instant.astimezone(MADRID).date()


def years_later(day: date, years: int) -> date:
    """The same day ``years`` years on (back when negative); 29 February becomes 28."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
