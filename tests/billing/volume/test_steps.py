"""What lies between two readings, what is expected without them, and the most a rollover may yield: value by value."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from billing.volume import (
    Installation,
    Kind,
    Method,
    Negative,
    Note,
    Past,
    PastPeriod,
    Period,
    Policy,
    Reading,
    determine,
)
from billing.volume.consumption import Step, between
from billing.volume.estimate import Estimate, from_history
from billing.volume.meter import MeterPart
from billing.volume.readings import REVERSED, ROLLED
from billing.volume.selection import of_job
from tests.billing.volume.test_determine import FEBRUARY, JANUARY, M3, at, meter

MODULUS = meter().modulus_litres
OPENING = at(JANUARY.opens, 9 * M3)
GUESS = replace(OPENING, kind=Kind.ESTIMATED)
LOWER = at(JANUARY.closes, 4 * M3)
CREDIT = Policy(negative=Negative.CREDIT)


@pytest.mark.parametrize(
    ("opening", "closing", "policy", "step"),
    [
        (OPENING, at(JANUARY.closes, 9 * M3), Policy(), Step(0, Method.DIFFERENCE, "")),
        (GUESS, at(JANUARY.closes, 9 * M3), Policy(), Step(0, Method.DIFFERENCE, "after_estimate")),
        (OPENING, replace(LOWER, incidence=REVERSED), Policy(), Step(5 * M3, Method.REVERSED, "meter_reversed")),
        (
            OPENING,
            replace(LOWER, incidence=ROLLED),
            Policy(),
            Step(MODULUS - 5 * M3, Method.ROLLOVER, "modulus 100000000"),
        ),
        (OPENING, replace(LOWER, reason="error"), Policy(), Step(-5 * M3, Method.CORRECTION, "error")),
        (OPENING, LOWER, Policy(), None),
        (GUESS, LOWER, Policy(), Step(0, Method.CARRIED, "estimate_above_reading")),
        (GUESS, LOWER, CREDIT, Step(-5 * M3, Method.CREDIT, "estimate_above_reading")),
        (GUESS, replace(LOWER, kind=Kind.FINAL), Policy(), Step(-5 * M3, Method.CREDIT, "estimate_above_reading")),
        (
            replace(GUESS, litres=0),
            at(JANUARY.closes, MODULUS // 2),
            CREDIT,
            Step(MODULUS // 2, Method.DIFFERENCE, "after_estimate"),
        ),
        (
            replace(GUESS, litres=0),
            at(JANUARY.closes, MODULUS // 2 + 1),
            CREDIT,
            Step(1 - MODULUS // 2, Method.CREDIT, "estimate_above_reading"),
        ),
    ],
)
def test_what_lies_between_two_readings(opening: Reading, closing: Reading, policy: Policy, step: Step | None) -> None:
    assert between(opening, closing, meter(), policy, lambda *_: 0) == step


def test_a_rollover_may_yield_the_ceiling_and_no_litre_more() -> None:
    rolled = MODULUS - 5 * M3
    exact = between(OPENING, LOWER, meter(), Policy(), lambda *_: rolled)
    assert exact == Step(rolled, Method.ROLLOVER, "modulus 100000000")
    assert between(OPENING, LOWER, meter(), Policy(), lambda *_: rolled - 1) is None


def ceiling(days: int, litres: int | None = None, policy: Policy | None = None, q3: int | None = 2_501) -> int:
    hung: Installation = replace(meter(), q3_lph=q3, calibre_mm=20)
    past = Past({}, () if litres is None else (PastPeriod(JANUARY, litres),))
    part = MeterPart(hung, [], FEBRUARY, policy or Policy(), past)
    return part.ceiling(at(FEBRUARY.opens, 0), at(FEBRUARY.opens + timedelta(days=days), 0))


def test_the_ceiling_is_what_the_meter_passes_at_overload() -> None:
    """Q4 is 1.25 Q3 (ISO 4064-1), in whole litres an hour: 3126 l/h of 2501 l/h; 5000 l/h of calibre 20."""
    assert (ceiling(0), ceiling(1), ceiling(2)) == (3_126 * 24, 3_126 * 24, 3_126 * 48)
    assert ceiling(1, q3=None) == 5_000 * 24


def test_or_what_the_house_used_before_with_a_margin() -> None:
    """31 litres in the month before, a litre a day: three times that, or 15 m³ more, whichever is more."""
    assert ceiling(28, 31) == 28 + 15_000
    tight = Policy(high_margin_litres=10)
    assert ceiling(28, 31, tight) == 84
    assert ceiling(28, 31, replace(tight, high_factor_percent=199)) == 55
    assert ceiling(28, 10**9) == 3_126 * 24 * 28
    assert ceiling(0, 31) == 3_126 * 24


# ---- the cascade -----------------------------------------------------------------------------------------------------

JUNE = Period(date(2026, 6, 1), date(2026, 7, 1))


def june(year: int, first: int, last: int, litres: int) -> PastPeriod:
    """Days ``first`` to ``last`` of a June."""
    return PastPeriod(Period(date(year, 6, first), date(year, 6, last) + timedelta(days=1)), litres)


@pytest.mark.parametrize(
    ("past", "found"),
    [
        ([june(2025, 1, 30, 3_000)], Estimate(3_000, 1, "same_season_last_year")),
        ([june(2025, 1, 15, 1_000), june(2025, 16, 30, 2_000)], Estimate(3_000, 1, "same_season_last_year")),
        ([june(2025, 1, 12, 1_000), june(2025, 13, 24, 2_000)], Estimate(3_750, 1, "same_season_last_year")),
        ([june(2025, 1, 23, 2_300)], Estimate(3_000, 3, "previous_twelve_months")),
        ([june(2024, 1, 30, 3_000), june(2023, 1, 24, 3_600)], Estimate(3_667, 2, "same_season_three_years")),
        (
            [june(2024, 1, 30, 3_000), june(2025, 1, 1, 7)],
            Estimate(3_000, 2, "same_season_three_years"),
        ),
        ([june(2022, 1, 30, 3_000), june(2021, 1, 30, 1_000)], Estimate(2_000, 4, "known_periods")),
        ([], None),
    ],
)
def test_the_cascade_takes_the_first_step_that_has_data(past: list[PastPeriod], found: Estimate | None) -> None:
    """Four days in five of a season suffice: 24 of June's 30, not 23."""
    for known in (past, past[::-1]):
        assert from_history(JUNE, known, Policy()) == found


# ---- notes and marks -------------------------------------------------------------------------------------------------


def test_every_note_names_its_meter() -> None:
    exchange = JANUARY.opens + timedelta(days=10)
    hung = [meter("A", end=exchange), meter("B", start=exchange)]
    volume = determine([], hung, JANUARY)
    assert [(note.code, note.meter) for note in volume.notes] == [("no_readings", "A"), ("no_readings", "B")]


def test_a_point_without_a_meter_has_no_litres_and_says_so() -> None:
    for hung in ([], [meter(start=JANUARY.closes)], [meter(end=JANUARY.opens)]):
        volume = determine([], hung, JANUARY)
        assert (volume.litres, volume.pieces) == (0, ())
        assert volume.notes == (Note("no_meter", "", "No hay contador instalado en el período: 0 litros"),)
    assert determine([], [meter(start=JANUARY.closes - timedelta(seconds=1))], JANUARY).notes[0].code != "no_meter"


def test_a_meter_that_left_before_is_settled_only_where_it_was_estimated() -> None:
    gone = meter(end=JANUARY.opens - timedelta(days=3))
    for kind, noted in ((Kind.ESTIMATED, False), (Kind.REMOTE, True)):
        past = Past({"A": at(gone.end or JANUARY.opens, 5 * M3, kind)})
        codes = [note.code for note in determine([], [gone], JANUARY, past=past).notes]
        assert ("no_meter" in codes) is noted


def test_a_closing_that_somebody_estimated_is_an_estimate() -> None:
    readings = [at(JANUARY.opens, 0), at(JANUARY.closes, 5 * M3, Kind.ESTIMATED)]
    (piece,) = determine(readings, [meter()], JANUARY).pieces
    assert (piece.litres, piece.method, piece.estimated) == (5 * M3, Method.DIFFERENCE, True)


def test_a_meter_may_be_taken_down_the_instant_it_was_hung() -> None:
    assert meter(start=JANUARY.opens, end=JANUARY.opens).end == JANUARY.opens


def test_of_a_job_the_closest_reading_is_first_up_to_a_day_away() -> None:
    day = timedelta(days=1)
    readings = [
        at(JANUARY.opens + day, 1, Kind.REMOVAL),
        at(JANUARY.opens + day + timedelta(seconds=1), 2, Kind.REMOVAL),
        at(JANUARY.opens - timedelta(hours=2), 3, Kind.REMOVAL),
        at(JANUARY.opens, 4),
    ]
    assert [one.litres for one in of_job(readings, (Kind.REMOVAL,), JANUARY.opens)] == [3, 1]
    same = [replace(readings[2], origin=origin) for origin in ("b", "a")]
    assert [one.origin for one in of_job(same, (Kind.REMOVAL,), JANUARY.opens)] == ["a", "b"]
