"""Billed time: how many days, months, bimesters, quarters or years a period or a part of it is.

A period between two dates is whole months when both fall on the same day of the month (or on month ends); otherwise
its months are days / 30. Years are days / 365. A part of a period is its share of the days, so that parts add up to
the whole. A period given only as months or only as days has no dates: it takes the last published prices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Final

DAYS_A_MONTH: Final = 30
DAYS_A_YEAR: Final = 365
MONTHS: Final = {"month": 1, "bimester": 2, "quarter": 3}
PERS: Final = ("day", *MONTHS, "year", "once")
SPANISH: Final = {
    "day": ("día", "días"),
    "month": ("mes", "meses"),
    "bimester": ("bimestre", "bimestres"),
    "quarter": ("trimestre", "trimestres"),
    "year": ("año", "años"),
    "once": ("vez", "veces"),
}


class SpanError(ValueError):
    """A period that cannot be, or that lacks what a price needs."""


@dataclass(frozen=True, slots=True)
class Span:
    """A billed period or the part of it from day ``first`` to day ``last`` of ``whole``."""

    start: date | None
    end: date | None
    months: Fraction
    days: int | None
    first: int = 0
    last: int = 1
    whole: int = 1

    @classmethod
    def between(cls, start: date, end: date) -> "Span":
        """The half-open period ``[start, end)``."""
        days = (end - start).days
        if days <= 0:
            raise SpanError(f"period.to: {end} must be after period.from {start} (it is exclusive)")
        months = whole_months(start, end)
        exact = Fraction(days, DAYS_A_MONTH) if months is None else Fraction(months)
        return cls(start, end, exact, days, 0, days, days)

    @classmethod
    def of_months(cls, months: Fraction) -> "Span":
        """A period of months without dates."""
        if months <= 0:
            raise SpanError(f"period.months: {months} must be positive")
        return cls(None, None, months, None)

    @classmethod
    def of_days(cls, days: int) -> "Span":
        """A period of days without dates."""
        if days <= 0:
            raise SpanError(f"period.days: {days} must be positive")
        return cls(None, None, Fraction(days, DAYS_A_MONTH), days)

    @property
    def share(self) -> Fraction:
        """Which part of the whole period this is."""
        return Fraction(self.last - self.first, self.whole)

    def part(self, start: date, end: date) -> "Span":
        """The part of a dated period between two dates inside it."""
        if self.start is None:
            raise SpanError("period.from: missing; only a dated period has parts")
        first, last = (start - self.start).days, (end - self.start).days
        months = self.months * Fraction(last - first, self.whole)
        return replace(self, start=start, end=end, months=months, days=last - first, first=first, last=last)

    def units(self, per: str) -> Fraction:
        """How many of ``per`` it is: 59 days are 59/365 of a year, two months one bimester."""
        if per == "once":
            return Fraction(1)
        if per in MONTHS:
            return self.months / MONTHS[per]
        if per == "year":
            return self.months / 12 if self.days is None else Fraction(self.days, DAYS_A_YEAR)
        if self.days is None:
            raise SpanError("period.days: missing; a price per day needs period.from and period.to, or period.days")
        return Fraction(self.days)


def whole_months(start: date, end: date) -> int | None:
    """Months between two dates on the same day of the month, or both first days after a month's end; else None."""
    months = (end.year - start.year) * 12 + end.month - start.month
    both_close = is_month_end(start) and is_month_end(end)
    return months if months > 0 and (start.day == end.day or both_close) else None


def is_month_end(day: date) -> bool:
    """Whether the next day begins a month."""
    return (day + timedelta(days=1)).day == 1


def cuts(span: Span, dates: Sequence[date]) -> list[Span]:
    """A dated period cut at those of ``dates`` that fall inside it; an undated one stays whole."""
    if span.start is None or span.end is None:
        return [span]
    start, end = span.start, span.end
    edges = [start, *sorted({day for day in dates if start < day < end}), end]
    return [span.part(low, high) for low, high in pairwise(edges)]
