"""Volume from readings: the ordinary case and everything that goes wrong with a meter."""

from datetime import UTC, date, datetime, timedelta

import pytest

from billing.volume import (
    Installation,
    Kind,
    Method,
    Negative,
    Past,
    PastPeriod,
    Period,
    Policy,
    Reading,
    VolumeError,
    determine,
)

JANUARY = Period(date(2026, 1, 1), date(2026, 2, 1))
FEBRUARY = Period(date(2026, 2, 1), date(2026, 3, 1))
M3 = 1000


def meter(name: str = "A", start: datetime | None = None, end: datetime | None = None) -> Installation:
    return Installation(name, start or datetime(2020, 1, 1, tzinfo=UTC), end, 100_000 * M3, 13, 2_500)


def at(when: datetime, litres: int, kind: Kind = Kind.REMOTE, name: str = "A", **more: str) -> Reading:
    return Reading(name, when, litres, kind, f"{name}@{when:%m%d%H}", **more)


def codes(volume: object) -> list[str]:
    return [note.code for note in volume.notes]  # type: ignore[attr-defined]


def test_due_date_readings_at_both_boundaries() -> None:
    readings = [
        at(JANUARY.opens - timedelta(hours=1), 99 * M3),
        at(JANUARY.opens, 100 * M3),
        at(JANUARY.closes, 118 * M3),
        at(JANUARY.closes + timedelta(hours=1), 119 * M3),
    ]
    volume = determine(readings, [meter()], JANUARY)
    assert volume.litres == 18 * M3
    (piece,) = volume.pieces
    assert piece.method is Method.DIFFERENCE
    assert piece.opening == readings[1]
    assert piece.closing == readings[2]
    assert not volume.estimated
    assert not volume.notes
    assert piece.why()["closing_origin"] == readings[2].origin


def test_boundaries_are_local_midnights() -> None:
    assert Period(date(2026, 3, 29), date(2026, 3, 30)).closes == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert Period(date(2026, 3, 29), date(2026, 3, 30)).opens == datetime(2026, 3, 28, 23, tzinfo=UTC)


@pytest.mark.parametrize(("offset_days", "used"), [(-7, True), (7, True), (-8, False), (8, False)])
def test_the_closest_reading_inside_the_window_closes(offset_days: int, used: bool) -> None:
    readings = [at(JANUARY.opens, 0), at(JANUARY.closes + timedelta(days=offset_days), 10 * M3)]
    volume = determine(readings, [meter()], JANUARY)
    assert (volume.litres == 10 * M3 and not volume.estimated) is used


def test_an_estimate_passed_in_yields_to_anything_read() -> None:
    readings = [
        at(JANUARY.opens, 0),
        at(JANUARY.closes, 9 * M3, Kind.ESTIMATED),
        at(JANUARY.closes - timedelta(days=6), 8 * M3, Kind.SELF),
    ]
    assert determine(readings, [meter()], JANUARY).litres == 8 * M3


def test_a_real_reading_beats_a_self_reading_of_the_same_instant() -> None:
    readings = [
        at(JANUARY.opens, 0),
        at(JANUARY.closes, 8 * M3, Kind.SELF),
        at(JANUARY.closes, 9 * M3, Kind.REAL),
    ]
    assert determine(readings, [meter()], JANUARY).litres == 9 * M3


def test_the_previous_closing_opens_the_next_period() -> None:
    early = at(JANUARY.closes - timedelta(days=3), 10 * M3)
    first = determine([at(JANUARY.opens, 0), early], [meter()], JANUARY)
    late_arrival = at(JANUARY.closes, 11 * M3)
    readings = [early, late_arrival, at(FEBRUARY.closes, 25 * M3)]
    second = determine(readings, [meter()], FEBRUARY, past=Past(first.closing))
    assert (first.litres, second.litres) == (10 * M3, 15 * M3)


def test_rollover_within_what_the_meter_can_pass() -> None:
    readings = [at(JANUARY.opens, 99_990 * M3), at(JANUARY.closes, 12 * M3)]
    volume = determine(readings, [meter()], JANUARY)
    assert volume.litres == 22 * M3
    assert volume.pieces[0].method is Method.ROLLOVER


def test_a_lower_index_without_reason_is_noted_and_estimated() -> None:
    readings = [at(JANUARY.opens, 500 * M3), at(JANUARY.closes, 490 * M3)]
    past = Past(periods=(PastPeriod(Period(date(2025, 12, 1), date(2026, 1, 1)), 31 * M3),))
    volume = determine(readings, [meter()], JANUARY, past=past)
    assert codes(volume) == ["reading_below_previous", "estimated"]
    assert volume.estimated
    assert volume.litres == 31 * M3
    assert volume.closing["A"].litres == 531 * M3


def test_a_rollover_above_the_high_check_is_refused() -> None:
    readings = [at(JANUARY.opens, 99_000 * M3), at(JANUARY.closes, 12 * M3)]
    past = Past(periods=(PastPeriod(Period(date(2025, 12, 1), date(2026, 1, 1)), 10 * M3),))
    assert "reading_below_previous" in codes(determine(readings, [meter()], JANUARY, past=past))


def test_a_reader_who_saw_it_roll_over_is_believed() -> None:
    readings = [at(JANUARY.opens, 90_000 * M3), at(JANUARY.closes, 12 * M3, Kind.REAL, incidence="16")]
    assert determine(readings, [meter()], JANUARY).litres == 10_012 * M3


def test_backwards_with_a_reason_is_negative_and_says_why() -> None:
    readings = [at(JANUARY.opens, 500 * M3), at(JANUARY.closes, 490 * M3, reason="apertura mal leída, OT 7")]
    volume = determine(readings, [meter()], JANUARY)
    assert volume.litres == -10 * M3
    assert volume.pieces[0].basis == "apertura mal leída, OT 7"


def test_a_meter_hung_the_wrong_way_counts_backwards() -> None:
    readings = [at(JANUARY.opens, 500 * M3), at(JANUARY.closes, 490 * M3, Kind.REAL, incidence="13")]
    volume = determine(readings, [meter()], JANUARY)
    assert volume.litres == 10 * M3
    assert volume.pieces[0].method is Method.REVERSED


def test_two_exchanges_in_one_period() -> None:
    first, second = JANUARY.opens + timedelta(days=9, hours=9), JANUARY.opens + timedelta(days=20, hours=9)
    meters = [meter("A", end=first), meter("B", first, second), meter("C", second)]
    readings = [
        at(JANUARY.opens, 1235 * M3, name="A"),
        at(first, 1239 * M3, Kind.REMOVAL, "A"),
        at(first, 2 * M3, Kind.INSTALLATION, "B"),
        at(second, 8 * M3, Kind.REMOVAL, "B"),
        at(second, 0, Kind.INSTALLATION, "C"),
        at(JANUARY.closes, 7 * M3, name="C"),
    ]
    volume = determine(readings, meters, JANUARY)
    assert [piece.litres for piece in volume.pieces] == [4 * M3, 6 * M3, 7 * M3]
    assert not volume.estimated


def test_worked_bill_b15_exchange() -> None:
    """B15: old meter 1235 to 1243 m3, new one 0 to 10 m3."""
    day = datetime(2026, 1, 20, 10, tzinfo=UTC)
    readings = [
        at(JANUARY.opens, 1_235 * M3, name="old"),
        at(day, 1_243 * M3, Kind.REMOVAL, "old"),
        at(day, 0, Kind.INSTALLATION, "new"),
        at(JANUARY.closes, 10 * M3, name="new"),
    ]
    volume = determine(readings, [meter("old", end=day), meter("new", day)], JANUARY)
    assert volume.litres == 18 * M3


def test_an_exchange_registered_late_settles_the_old_meter() -> None:
    day = JANUARY.opens + timedelta(days=12)
    opening = [at(JANUARY.opens, 100 * M3)]
    first = determine(opening, [meter()], JANUARY)
    assert first.estimated
    meters = [meter("A", end=day), meter("B", day)]
    readings = [
        *opening,
        at(day, 104 * M3, Kind.REMOVAL),
        at(day, 0, Kind.INSTALLATION, "B"),
        at(FEBRUARY.closes, 20 * M3, name="B"),
    ]
    second = determine(readings, meters, FEBRUARY, past=Past(first.closing))
    assert first.litres + second.litres == 24 * M3
    assert second.pieces[0].method is Method.CREDIT


def test_removal_without_reading_is_estimated_up_to_that_day() -> None:
    day = JANUARY.opens + timedelta(days=10)
    past = Past(periods=(PastPeriod(Period(date(2025, 12, 1), date(2026, 1, 1)), 31 * M3),))
    volume = determine([at(JANUARY.opens, 0)], [meter("A", end=day)], JANUARY, past=past)
    assert volume.litres == 10 * M3
    assert volume.estimated


def test_stopped_meter_is_topped_up_by_the_cascade() -> None:
    readings = [at(JANUARY.opens, 500 * M3), at(JANUARY.closes, 503 * M3, Kind.REAL, incidence="03")]
    past = Past(periods=(PastPeriod(Period(date(2025, 1, 1), date(2025, 2, 1)), 12 * M3),))
    volume = determine(readings, [meter()], JANUARY, past=past)
    assert [(piece.method, piece.litres) for piece in volume.pieces] == [
        (Method.DIFFERENCE, 3 * M3),
        (Method.STOPPED, 9 * M3),
    ]
    assert volume.index_litres == 3 * M3
    assert volume.estimated


def test_no_reading_at_the_end_counts_to_the_last_one_and_estimates_the_rest() -> None:
    past = Past(periods=(PastPeriod(Period(date(2025, 12, 1), date(2026, 1, 1)), 31 * M3),))
    readings = [at(JANUARY.opens, 0), at(JANUARY.closes - timedelta(days=11), 40 * M3)]
    volume = determine(readings, [meter()], JANUARY, past=past)
    assert [(piece.litres, piece.estimated) for piece in volume.pieces] == [(40 * M3, False), (11 * M3, True)]
    assert volume.closing["A"].kind is Kind.ESTIMATED


def test_worked_bill_b14a_difference_after_an_estimate() -> None:
    """B14a: 30 m3 estimated, 40 m3 real over both quarters: the second bill has 10 m3."""
    first = Period(date(2026, 1, 1), date(2026, 4, 1))
    second = Period(date(2026, 4, 1), date(2026, 7, 1))
    past = Past(periods=(PastPeriod(first.years_before(1), 30 * M3),))
    opening = at(first.opens, 100 * M3)
    estimated = determine([opening], [meter()], first, past=past)
    assert (estimated.litres, estimated.estimated) == (30 * M3, True)
    real = determine(
        [opening, at(second.closes, 140 * M3)], [meter()], second, past=Past(estimated.closing, past.periods)
    )
    assert (real.litres, real.estimated) == (10 * M3, False)
    assert real.pieces[0].basis == "after_estimate"


@pytest.mark.parametrize("negative", list(Negative))
def test_an_estimate_above_the_reading_is_carried_or_credited(negative: Negative) -> None:
    policy = Policy(negative=negative)
    past = Past({"A": at(JANUARY.opens, 130 * M3, Kind.ESTIMATED)})
    readings = [at(JANUARY.closes, 120 * M3), at(FEBRUARY.closes, 145 * M3)]
    january = determine(readings, [meter()], JANUARY, policy, past)
    february = determine(readings, [meter()], FEBRUARY, policy, Past(january.closing))
    expected = (0, 15 * M3) if negative is Negative.CARRY else (-10 * M3, 25 * M3)
    assert (january.litres, february.litres) == expected


def test_whole_cubic_metres_add_up_over_bills() -> None:
    policy = Policy(unit_litres=M3)
    readings = [at(JANUARY.opens, 900), at(JANUARY.closes, 5_999), at(FEBRUARY.closes, 12_001)]
    january = determine(readings, [meter()], JANUARY, policy)
    february = determine(readings, [meter()], FEBRUARY, policy, Past(january.closing))
    assert (january.litres, february.litres) == (5_000, 7_000)


def test_a_new_supply_without_installation_reading_starts_at_the_first_one() -> None:
    start = JANUARY.opens + timedelta(days=4)
    readings = [at(start + timedelta(days=3), 2 * M3), at(JANUARY.closes, 9 * M3)]
    volume = determine(readings, [meter(start=start)], JANUARY)
    assert volume.litres == 7 * M3
    assert codes(volume) == ["opening_missing"]


def test_no_readings_at_all_uses_the_nominal_capacity() -> None:
    volume = determine([], [meter()], JANUARY)
    assert volume.litres == 37_500
    assert codes(volume) == ["no_readings"]
    assert volume.closing == {}


def test_no_meter_is_zero_with_a_note() -> None:
    volume = determine([], [], JANUARY)
    assert volume.litres == 0
    assert codes(volume) == ["no_meter"]


def test_an_impossible_index_is_set_aside() -> None:
    readings = [at(JANUARY.opens, 0), at(JANUARY.closes, 10**9), at(JANUARY.closes, 5 * M3, Kind.REAL)]
    volume = determine(readings, [meter()], JANUARY)
    assert volume.litres == 5 * M3
    assert codes(volume) == ["index_out_of_range"]


def test_bad_values_are_refused_by_name() -> None:
    with pytest.raises(VolumeError, match="time zone"):
        Reading("A", datetime(2026, 1, 1), 0, Kind.REAL, "r1")  # noqa: DTZ001
    with pytest.raises(VolumeError, match="litres -1"):
        Reading("A", JANUARY.opens, -1, Kind.REAL, "r1")
    with pytest.raises(VolumeError, match="modulus_litres 0"):
        Installation("A", JANUARY.opens, None, 0, 13)
    with pytest.raises(VolumeError, match="must not precede"):
        Installation("A", JANUARY.opens, JANUARY.opens - timedelta(days=1), 1, 13)
    with pytest.raises(ValueError, match="half-open"):
        Period(date(2026, 1, 1), date(2026, 1, 1))
