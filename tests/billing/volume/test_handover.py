"""Who leaves pays to the reading of the day, or his days' share of what lies between two readings."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from billing.volume import Installation, Kind, Past, Period, Policy, Reading, Volume, determine

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
