"""Who leaves pays to the reading of the day, or his days' share of what lies between two readings."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.volume import Installation, Kind, Method, Negative, Past, Period, Policy, Reading, Volume, determine

START, END = date(2026, 1, 1), date(2026, 2, 1)
METER = "KAM-00000001-1B-16"
HUNG = (Installation(METER, datetime(2024, 1, 1, tzinfo=UTC), None, 10**8, 13, 2_500),)
POLICY = Policy()
WHOLE = Period(START, END)


def read(at: datetime, litres: int, kind: Kind = Kind.REMOTE) -> Reading:
    return Reading(METER, at, litres, kind, f"{at.isoformat()} {kind}")


def chained(days: list[date], readings: list[Reading], policy: Policy = POLICY) -> list[Volume]:
    """The volumes of each in turn."""
    edges, found, past = [START, *days, END], [], Past()
    for opens, closes in pairwise(edges):
        handover = WHOLE.closes if closes < END else None
        found.append(determine(readings, HUNG, Period(opens, closes), policy, past, handover))
        past = Past(found[-1].closing)
    return found


def test_the_reading_agreed_on_the_day_beats_a_closer_radio_reading() -> None:
    day = Period(date(2026, 1, 11), END).opens
    agreed = read(day + timedelta(hours=9), 5_000, Kind.FINAL)
    readings = [read(WHOLE.opens, 1_000), read(day, 4_900), agreed, read(WHOLE.closes, 32_000)]
    first, second = chained([date(2026, 1, 11)], readings)
    assert (first.litres, second.litres) == (4_000, 27_000)
    assert not first.estimated


def test_between_two_readings_days_share() -> None:
    readings = [read(WHOLE.opens, 1_000), read(WHOLE.opens + timedelta(days=4), 3_000), read(WHOLE.closes, 30_000)]
    first, second = chained([date(2026, 1, 11)], readings)
    assert [piece.litres for piece in first.pieces] == [2_000, 6_000]  # 6 of 27 days of 27 m³
    assert first.pieces[-1].basis == "share_by_days"
    assert [note.code for note in first.notes] == ["shared_by_days"]
    assert (first.estimated, second.litres, second.estimated) == (True, 21_000, False)


DAY = timedelta(days=1)
HALF = Period(START, date(2026, 1, 11))


def left(readings: list[Reading], policy: Policy = POLICY, past: Past | None = None) -> Volume:
    """The volume of one who leaves on 11 January, another living there after him."""
    return determine(readings, HUNG, HALF, policy, past or Past(), WHOLE.closes)


def test_the_readings_next_to_the_day_are_those_that_share_and_the_note_says_how() -> None:
    before = [read(WHOLE.opens + at * DAY, at * 100) for at in (0, 2, 4)]
    later = [read(WHOLE.opens + at * DAY, at * 1_000) for at in (20, 25, 31)]
    for readings in ([*before, *later], [*later[::-1], *before[::-1]]):
        volume = left(readings)
        counted, shared = volume.pieces
        assert (counted.opening, counted.closing, counted.litres) == (before[0], before[2], 400)
        assert (shared.opening, shared.litres, shared.method) == (before[2], 7_350, Method.ESTIMATED)
        closing = Reading(METER, HALF.closes, 7_750, Kind.ESTIMATED, f"estimate:{METER}:2026-01-11")
        assert shared.closing == closing
        (note,) = volume.notes
        assert note.text == "Sin lectura del día: 7350 l de 19600 l, 6 de 16 días"


def test_a_reading_of_the_day_closes_and_one_of_the_next_does_not() -> None:
    opening = read(WHOLE.opens, 1_000)
    near = left([opening, read(HALF.closes + timedelta(hours=23), 4_000)])
    assert (near.litres, near.estimated) == (3_000, False)
    next_day = left([opening, read(HALF.closes + DAY, 12_000)])
    assert (next_day.litres, next_day.pieces[0].basis) == (10_000, "share_by_days")


def test_a_shared_index_rolls_over_with_the_register() -> None:
    volume = left([read(WHOLE.opens, 10**8 - 1_000), read(WHOLE.closes, 30_000)])
    (piece,) = volume.pieces
    assert piece.litres == 10_000
    assert piece.closing is not None
    assert piece.closing.litres == 9_000


def test_what_counts_backwards_is_not_shared() -> None:
    opening, mended = read(WHOLE.opens, 90_000), replace(read(WHOLE.opens + 20 * DAY, 80_000), reason="error")
    assert left([opening, mended]).pieces[0].basis == "nominal_capacity"
    (piece,) = left([opening, mended, read(WHOLE.closes, 121_000)]).pieces
    assert (piece.litres, piece.basis) == (10_000, "share_by_days")


def test_a_reading_below_the_one_before_is_no_foothold() -> None:
    readings = [read(WHOLE.opens, 90_000), read(WHOLE.opens + DAY, 80_000), read(WHOLE.closes, 121_000)]
    volume = left(readings)
    assert [piece.basis for piece in volume.pieces] == ["nominal_capacity"]
    assert volume.notes[0].text == f"Lectura {readings[1].origin} (80000 l) inferior a la anterior (90000 l)"


@pytest.mark.parametrize(
    ("negative", "bases"), [(Negative.CARRY, ["share_by_days"]), (Negative.CREDIT, ["nominal_capacity"])]
)
def test_an_estimate_above_the_later_reading_is_carried_where_that_is_the_rule(
    negative: Negative, bases: list[str]
) -> None:
    guess = read(WHOLE.opens, 90_000, Kind.ESTIMATED)
    volume = left([read(WHOLE.closes, 80_000)], Policy(negative=negative), Past({METER: guess}))
    assert [piece.basis for piece in volume.pieces] == bases


def test_a_meter_taken_down_that_day_has_its_own_last_reading() -> None:
    gone = (replace(HUNG[0], end=HALF.closes),)
    readings = [read(WHOLE.opens, 1_000), read(HALF.closes - timedelta(hours=2), 5_000, Kind.REMOVAL)]
    volume = determine(readings, gone, HALF, POLICY, Past(), WHOLE.closes)
    assert (volume.litres, volume.estimated) == (4_000, False)


def test_without_a_later_reading_the_estimates_cascade_goes_on() -> None:
    (first, _) = chained([date(2026, 1, 11)], [read(WHOLE.opens, 1_000)])
    assert first.pieces[0].basis == "nominal_capacity"


@given(
    st.integers(0, 10**8 - 1),
    st.integers(0, 200_000),
    st.sets(st.integers(1, 30), min_size=1, max_size=4),
    st.sampled_from([1, 1_000]),
)
def test_the_parts_are_what_was_metered(start: int, metered: int, cuts: set[int], unit: int) -> None:
    readings = [read(WHOLE.opens, start), read(WHOLE.closes, (start + metered) % 10**8)]
    found = chained([START + timedelta(cut) for cut in sorted(cuts)], readings, Policy(unit_litres=unit))
    end = start + metered
    # What a meter passes physically in the days left bounds a rollover; a refused one is no split at all.
    if end < 10**8:
        assert sum(one.litres for one in found) == end // unit * unit - start // unit * unit
        assert all(one.litres >= 0 for one in found)
