"""What a tariff's values say of days, seasons and how often bills are issued."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from billing.tariff import RatingError, parse
from billing.tariff.model import Frequency, Season
from tests.billing.rating.test_features import MONTH, made_lines
from tests.billing.tariff.samples import GOOD

SUMMER, WINTER = Season((6, 1), (10, 1)), Season((11, 1), (3, 1))


@pytest.mark.parametrize(
    ("season", "day", "holds"),
    [
        (SUMMER, date(2026, 5, 31), False),
        (SUMMER, date(2026, 6, 1), True),
        (SUMMER, date(2026, 9, 30), True),
        (SUMMER, date(2026, 10, 1), False),
        (WINTER, date(2026, 10, 31), False),
        (WINTER, date(2026, 11, 1), True),
        (WINTER, date(2026, 12, 31), True),
        (WINTER, date(2027, 1, 1), True),
        (WINTER, date(2027, 2, 28), True),
        (WINTER, date(2027, 3, 1), False),
    ],
)
def test_a_season_includes_its_first_day_and_may_run_over_new_year(season: Season, day: date, holds: bool) -> None:
    assert season.holds(day) is holds


def test_the_edges_of_a_season_in_each_year_touched() -> None:
    assert list(SUMMER.edges(date(2025, 12, 1), date(2026, 2, 1))) == [
        date(2025, 6, 1),
        date(2025, 10, 1),
        date(2026, 6, 1),
        date(2026, 10, 1),
    ]


def test_a_version_covers_its_days_and_lends_undated_periods_its_last_one() -> None:
    version = replace(parse(GOOD, "x.yaml"), end=date(2026, 1, 1))
    first, last = date(2024, 1, 1), date(2026, 1, 1)
    assert version.covers(first, last)
    assert not version.covers(date(2023, 12, 31), last)
    assert not version.covers(first, date(2026, 1, 2))
    assert replace(version, start=None, end=None).covers(date(1990, 1, 1), date(2090, 1, 1))
    assert version.last_day() == date(2025, 12, 31)
    assert replace(version, end=None).last_day() == date(9998, 12, 31)


@pytest.mark.parametrize(("average", "every"), [(None, "quarter"), ("10", "quarter"), ("10.001", "month")])
def test_who_uses_more_than_the_limit_is_billed_otherwise(average: str | None, every: str) -> None:
    rule = Frequency("quarter", Decimal(10), "month")
    assert rule.of(None if average is None else Decimal(average)) == every
    assert Frequency("year").of(Decimal(99)) == "year"


def test_how_often_is_read_from_the_file() -> None:
    once = parse("billing: {every: year}\n" + GOOD, "x.yaml").frequency
    assert once == Frequency("year")
    twice = parse("billing: {every: quarter, above_m3_month: 10, then: month}\n" + GOOD, "x.yaml").frequency
    assert twice == Frequency("quarter", Decimal(10), "month")


def test_a_percentage_that_was_never_published_is_named() -> None:
    components = (
        "  - {code: AGUA, name: Agua, fee: {per: month, amount: 1}}\n"
        "  - {code: RECARGO, name: Recargo, percent: {of: AGUA, percent: missing}}\n"
    )
    with pytest.raises(RatingError) as refused:
        made_lines(components, 0, MONTH)
    assert str(refused.value) == "RECARGO of XX-MADE: the published source has no price for the percentage"
