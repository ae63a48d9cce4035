"""Billed time: whole months, days over thirty, days of a year, and parts that add up to the whole."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.tariff.span import Span, SpanError, cuts, whole_months


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-01-01", "2026-03-01", 2),
        ("2026-01-15", "2026-02-15", 1),
        ("2026-01-31", "2026-02-28", 1),
        ("2024-01-31", "2024-02-29", 1),
        ("2024-01-31", "2024-02-28", None),
        ("2025-12-01", "2026-12-01", 12),
        ("2026-01-01", "2026-01-31", None),
        ("2026-01-10", "2026-01-10", None),
        ("2026-01-30", "2026-02-28", None),
    ],
)
def test_whole_months(start: str, end: str, months: int | None) -> None:
    assert whole_months(date.fromisoformat(start), date.fromisoformat(end)) == months


def test_units_of_a_dated_period() -> None:
    span = Span.between(date(2026, 1, 1), date(2026, 3, 1))
    assert [span.units(per) for per in ("day", "month", "bimester", "quarter", "year", "once")] == [
        59,
        2,
        1,
        Fraction(2, 3),
        Fraction(59, 365),
        1,
    ]


def test_units_of_odd_days() -> None:
    span = Span.between(date(2026, 1, 1), date(2026, 2, 10))
    assert (span.units("month"), span.units("day")) == (Fraction(40, 30), 40)


def test_a_leap_year_has_366_days_over_365() -> None:
    assert Span.between(date(2024, 1, 1), date(2025, 1, 1)).units("year") == Fraction(366, 365)


def test_units_of_months_alone() -> None:
    span = Span.of_months(Fraction(2))
    assert (span.units("year"), span.units("quarter")) == (Fraction(1, 6), Fraction(2, 3))
    with pytest.raises(SpanError, match=r"period\.days: missing; a price per day needs"):
        span.units("day")


def test_units_of_days_alone() -> None:
    assert Span.of_days(1).units("day") == 1
    span = Span.of_days(60)
    assert (span.units("month"), span.units("year"), span.units("day")) == (2, Fraction(60, 365), 60)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Span.between(date(2026, 1, 1), date(2026, 1, 1)),
        lambda: Span.of_months(Fraction(0)),
        lambda: Span.of_days(0),
        lambda: Span.of_months(Fraction(1)).part(date(2026, 1, 1), date(2026, 1, 2)),
    ],
)
def test_periods_that_cannot_be(make: object) -> None:
    with pytest.raises(SpanError, match=r"^period\.(to|months|days|from): "):
        make()  # type: ignore[operator]


@given(st.integers(1, 500), st.lists(st.integers(-10, 510), max_size=6))
def test_parts_add_up_to_the_whole(days: int, edges: list[int]) -> None:
    start = date(2024, 2, 28)
    whole = Span.between(start, start + timedelta(days))
    parts = cuts(whole, [start + timedelta(edge) for edge in edges])
    for per in ("day", "month", "bimester", "quarter", "year"):
        assert sum(part.units(per) for part in parts) == whole.units(per)
    assert sum(part.share for part in parts) == 1
    assert parts[0].start == start
    assert all(left.end == right.start for left, right in pairwise(parts))


def test_an_undated_period_is_never_cut() -> None:
    span = Span.of_days(60)
    assert cuts(span, [date(2026, 1, 1)]) == [span]
