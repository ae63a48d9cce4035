"""The town's time axis: hours of UTC from the first local midnight, with what each hour is in Madrid."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import numpy.typing as npt

MADRID = ZoneInfo("Europe/Madrid")
HOUR = 3600
# The air goes on for a day after the period, so that each meter can still report the last due date;
# consumption is known an hour longer so that every instant of the air lies inside the axis.
TAIL_HOURS = 24
WORKDAY, SATURDAY, FREE_DAY = range(3)


def local_midnight(day: dt.date) -> int:
    """Epoch seconds of 00:00 in Madrid on that day."""
    return int(dt.datetime.combine(day, dt.time(), MADRID).timestamp())


def instant(seconds: int) -> dt.datetime:
    """Aware UTC from epoch seconds."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def month_later(day: dt.date, months: int) -> dt.date:
    """The same day of the month some months later; months may be negative."""
    index = day.year * 12 + day.month - 1 + months
    return dt.date(index // 12, index % 12 + 1, day.day)


@dataclass(frozen=True)
class Clock:
    """Hours from ``start`` to ``end`` (local dates, whole months) and the tail."""

    start: dt.date
    end: dt.date

    @cached_property
    def first(self) -> int:
        """Epoch second of the first hour."""
        return local_midnight(self.start)

    @cached_property
    def last(self) -> int:
        """Epoch second at which the period ends."""
        return local_midnight(self.end)

    @cached_property
    def air_end(self) -> int:
        """Epoch second after which nothing is on the air."""
        return self.last + TAIL_HOURS * HOUR

    @cached_property
    def hours(self) -> int:
        """Number of hours on the axis."""
        return (self.air_end - self.first) // HOUR + 1

    @cached_property
    def offsets(self) -> npt.NDArray[np.int32]:
        """Seconds that Madrid is ahead of UTC, for each hour."""
        moments = (dt.datetime.fromtimestamp(self.first + HOUR * h, MADRID) for h in range(self.hours))
        deltas = (moment.utcoffset() for moment in moments)
        return np.array([0 if delta is None else delta.seconds for delta in deltas], np.int32)

    @cached_property
    def days(self) -> npt.NDArray[np.int32]:
        """Local days since ``start``, for each hour."""
        local = self.first + HOUR * np.arange(self.hours, dtype=np.int64) + self.offsets
        midnight = self.first + int(self.offsets[0])
        return ((local - midnight) // (24 * HOUR)).astype(np.int32)

    @cached_property
    def local_hours(self) -> npt.NDArray[np.int8]:
        """Hour of the local day, for each hour."""
        local = self.first + HOUR * np.arange(self.hours, dtype=np.int64) + self.offsets
        return ((local // HOUR) % 24).astype(np.int8)

    @cached_property
    def dates(self) -> list[dt.date]:
        """The local dates that the axis touches."""
        return [self.start + dt.timedelta(days=n) for n in range(int(self.days[-1]) + 1)]

    @cached_property
    def day_kinds(self) -> npt.NDArray[np.int8]:
        """WORKDAY, SATURDAY or FREE_DAY (Sundays and holidays of the Valencian Community), for each day."""
        years = range(self.start.year, self.dates[-1].year + 1)
        free = holidays.country_holidays("ES", subdiv="VC", years=years)
        kinds = [
            FREE_DAY if day in free or day.weekday() == 6 else SATURDAY if day.weekday() == 5 else WORKDAY
            for day in self.dates
        ]
        return np.array(kinds, np.int8)

    @cached_property
    def month_starts(self) -> list[dt.date]:
        """First days of the months that begin on the axis, ``start`` and ``end`` among them."""
        return [day for day in self.dates if day.day == 1]
