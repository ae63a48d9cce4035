"""When the law lets water be cut off, rule by rule; the days are real ones of Andalusia's calendar."""

import dataclasses
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.fleet.cutting import (
    CutRules,
    CutRulesError,
    Debtor,
    Step,
    after,
    is_holiday,
    reconnect_by,
    refusals,
    rules_of,
)
from central.times import MADRID

RULES = CutRules()
# Demanded on Monday 2 November 2026 (itself a holiday in Andalusia), told to the authority the day after.
LAWFUL = Debtor(8_000, (Step(date(2026, 11, 2), 8_000, "RR-1"),), (Step(date(2026, 11, 3), None, "REG-1"),))
DAY = date(2026, 11, 24)


def named(debtor: Debtor, on: date = DAY, rules: CutRules = RULES) -> list[str]:
    return [one.rule for one in refusals(debtor, rules, on)]


def test_with_every_step_taken_a_cut_is_lawful() -> None:
    assert named(LAWFUL) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"debt_cents": 2_999}, "debt"),
        ({"demands": ()}, "demand"),
        ({"demands": (Step(date(2026, 11, 2), 8_000, ""),)}, "demand"),
        ({"demands": (Step(date(2026, 11, 2), 1_000, "RR-1"),)}, "demand"),
        ({"demands": (Step(date(2026, 11, 4), 8_000, "RR-1"),)}, "notice"),
        ({"authority": ()}, "authority"),
        ({"authority": (Step(date(2026, 11, 9), None, "R"),)}, "silence"),
        ({"vulnerable": True}, "vulnerable"),
        ({"essential": True}, "essential"),
        ({"claim": True}, "claim"),
        ({"instalments": True}, "instalments"),
    ],
)
def test_each_missing_step_and_each_protection_forbids_it(changes: dict[str, Any], rule: str) -> None:
    assert named(dataclasses.replace(LAWFUL, **changes)) == [rule]


@pytest.mark.parametrize(
    ("day", "rules"),
    [
        (date(2026, 11, 28), ["day"]),  # Saturday
        (date(2026, 11, 29), ["day"]),  # Sunday
        (date(2026, 12, 8), ["day"]),  # Immaculate Conception, a Tuesday
        (date(2026, 12, 7), ["day"]),  # its eve, and a holiday in Andalusia
        (date(2026, 12, 24), ["day"]),  # Christmas Eve
        (date(2026, 11, 27), []),  # Friday
        (date(2026, 12, 9), []),
    ],
)
def test_never_on_a_holiday_its_eve_or_without_full_service(day: date, rules: list[str]) -> None:
    assert named(LAWFUL, day) == rules


def test_the_words_say_the_numbers_and_the_first_lawful_day() -> None:
    late = dataclasses.replace(LAWFUL, demands=(Step(date(2026, 11, 4), 8_000, "RR-1"),))
    (refusal,) = refusals(late, RULES, DAY)
    assert refusal.text == "el aviso se recibió el 04/11/2026: con 15 días hábiles, no antes del 26/11/2026"
    (debt,) = refusals(dataclasses.replace(LAWFUL, debt_cents=1_250), RULES, DAY)
    assert debt.text == "debe 12,50 €, y solo se corta desde 30,00 €"


def test_a_bylaw_in_calendar_days_without_an_authority() -> None:
    madrid = rules_of(
        {"cuts": {"source": "Madrid", "notice_days": 30, "working": False, "authority": False, "region": "MD"}}
    )
    debtor = Debtor(5_000, (Step(date(2026, 10, 20), 5_000, "RR"),))
    assert named(debtor, date(2026, 11, 19), madrid) == ["notice"]
    assert named(debtor, date(2026, 11, 20), madrid) == []


@pytest.mark.parametrize("settings", [{"minimum": 3}, {"notice_days": -1}, {"region": "XX"}, {"holidays": ["1 May"]}])
def test_settings_that_are_no_rules_are_named(settings: dict[str, Any]) -> None:
    with pytest.raises(CutRulesError, match=r"utility\.settings\.cuts"):
        rules_of({"cuts": settings})


@given(st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.integers(0, 40), st.booleans())
def test_days_that_have_passed(day: date, count: int, working: bool) -> None:
    first = after(day, count, RULES, working=working)
    between = [day.fromordinal(n) for n in range(day.toordinal() + 1, first.toordinal())]
    counted = [one for one in between if not (working and is_holiday(RULES, one))]
    assert len(counted) == count
    if working and between:
        assert not is_holiday(RULES, between[-1])


@pytest.mark.parametrize(
    ("paid", "by"),
    [
        (datetime(2026, 11, 24, 10, tzinfo=MADRID), date(2026, 11, 25)),  # a Tuesday morning: that day
        (datetime(2026, 11, 24, 19, tzinfo=MADRID), date(2026, 11, 26)),  # in the evening: the next working day
        (datetime(2026, 11, 27, 19, tzinfo=MADRID), date(2026, 12, 1)),  # Friday evening: Monday
        (datetime(2026, 12, 6, 12, tzinfo=MADRID), date(2026, 12, 10)),  # Sunday before two holidays: Wednesday
    ],
)
def test_the_water_runs_again_by_the_end_of_a_working_day(paid: datetime, by: date) -> None:
    assert reconnect_by(paid.astimezone(UTC), RULES) == datetime(by.year, by.month, by.day, tzinfo=MADRID)


def test_local_holidays_count() -> None:
    fair = msgspec.structs.replace(RULES, holidays=(DAY,))
    assert named(LAWFUL, DAY, fair) == ["day"]
    assert "day" in named(LAWFUL, date(2026, 11, 23), fair)
