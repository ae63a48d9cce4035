"""Validation: each rule finds what it is for, says the numbers, and leaves everything else alone."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given
from sqlalchemy import select, update

from central.reading.ingest import Ingest
from central.reading.rows import READING_COLUMNS
from central.reading.validation import RuleError, all_rules, validate, validate_all
from central.reading.validation.chain import longest_rise
from central.store import read_session, write_session
from central.store.bulk import insert_rows
from central.store.models import Finding, Reading, ReadingKind, ReadingStatus, Utility
from central.store.partitions import ensure_partitions
from central.times import DAY_MS, HOUR_MS
from tests.central.conftest import NOW, Town
from tests.central.reading.support import MINUTE, NOW_MS, FakeDevice

VALID, SUSPECT, REJECTED = ReadingStatus.VALID, ReadingStatus.SUSPECT, ReadingStatus.REJECTED
Point = tuple[int, int]


def add(
    town: Town,
    house: int,
    points: Iterable[tuple[float, int]],
    kind: ReadingKind = ReadingKind.RADIO,
    recorded_ms: int = NOW_MS,
) -> None:
    """Readings (hours before now, litres) of a house's meter."""
    meter = town.meter_ids[house - 1]
    rows = [
        (
            town.utility_id,
            NOW_MS - round(hours * HOUR_MS),
            meter,
            int(kind),
            0,
            litres,
            1,
            "",
            None,
            None,
            None,
            recorded_ms,
        )
        for hours, litres in points
    ]
    with write_session(town.engine) as session:
        ensure_partitions(session.connection(), {row[1] for row in rows})
        insert_rows(session, Reading, READING_COLUMNS, rows)


def run(town: Town, since: datetime | None = None) -> None:
    with write_session(town.engine) as session:
        validate(session, town.utility_id, since, NOW)


def judged(town: Town) -> list[tuple[int, ReadingStatus, str]]:
    """(litres, status, reason) of every reading that is not simply valid."""
    query = (
        select(Reading.litres, Reading.status, Reading.reason).where(Reading.status != VALID).order_by(Reading.at_ms)
    )
    with read_session(town.engine) as session:
        return [(row[0], ReadingStatus(row[1]), row[2]) for row in session.execute(query)]


def found(town: Town, status: str = "open") -> list[tuple[str, str]]:
    """(rule, subject) of findings."""
    query = (
        select(Finding.rule, Finding.subject).where(Finding.status == status).order_by(Finding.rule, Finding.subject)
    )
    with read_session(town.engine) as session:
        return [(row[0], row[1]) for row in session.execute(query)]


def finding(town: Town) -> Finding:
    with read_session(town.engine) as session:
        return session.scalars(select(Finding)).one()


def living(days: float, start: int = 100_000, step_hours: int = 4, night: int = 0) -> list[Point]:
    """A home's index, oldest first: 60 l in each stretch by day, ``night`` in those that touch the night."""
    points, litres = [], start
    for hours in range(round(days * 24), -1, -step_hours):
        points.append((hours, litres))
        at = datetime.fromtimestamp((NOW_MS - hours * HOUR_MS) / 1000, UTC)
        litres += night if at.hour < 6 else 60
    return points


# Backwards ----------------------------------------------------------------------------------------------------------


def test_a_lower_reading_is_suspect_and_says_what_contradicts_it(town: Town) -> None:
    add(town, 1, [(30, 5000), (20, 5100), (10, 4000), (5, 5200)])
    run(town)
    assert judged(town) == [(4000, SUSPECT, "backwards: 4000 l, after 5100 l at 2026-11-23T16:00+00:00")]
    one = finding(town)
    assert (one.rule, one.subject, one.severity) == ("backwards", town.meters[0], "high")
    assert one.numbers == {"litres": 4000, "compared_litres": 5100, "compared_at_ms": NOW_MS - 20 * HOUR_MS}
    assert one.supply_point_id is not None


def test_a_single_high_reading_is_the_one_not_believed(town: Town) -> None:
    add(town, 1, [(30, 5000), (20, 99_000), (10, 5200), (5, 5300)])
    run(town)
    assert judged(town) == [(99_000, SUSPECT, "backwards: 99000 l, before 5200 l at 2026-11-24T02:00+00:00")]


def test_a_register_that_starts_again_runs_forwards(town: Town) -> None:
    top = 10**8
    add(town, 1, [(30, top - 300), (20, top - 100), (10, 50), (5, 250)])
    run(town)
    assert judged(town) == []


def test_a_fall_that_the_flow_does_not_allow_is_no_rollover(town: Town) -> None:
    add(town, 1, [(30, 60_000_000), (20, 60_000_100), (10, 50), (5, 60_000_200)])
    run(town)
    assert [row[:2] for row in judged(town)] == [(50, SUSPECT)]


def test_a_low_reading_at_the_end_of_the_register_is_no_rollover(town: Town) -> None:
    top = 10**8
    add(town, 1, [(40, top - 900), (30, top - 800), (20, 0), (10, top - 700), (5, top - 600)])
    run(town)
    assert [row[:2] for row in judged(town)] == [(0, SUSPECT)]


def test_whole_cubic_metres_typed_between_radio_readings_are_no_fault(town: Town) -> None:
    add(town, 1, [(30, 5900), (20, 5950), (10, 6100)])
    add(town, 1, [(19, 5000), (9.9, 6000)], ReadingKind.TYPED)
    run(town)
    assert judged(town) == []
    assert found(town) == []


def test_a_verdict_is_taken_back_when_later_readings_prove_it_wrong(town: Town) -> None:
    add(town, 1, [(100, 1000), (30, 9000), (20, 8000)])
    run(town)
    assert [row[:2] for row in judged(town)] == [(8000, SUSPECT)]
    add(town, 1, [(15, 8100), (10, 8200)])
    run(town)
    assert [row[:2] for row in judged(town)] == [(9000, SUSPECT)]


def test_what_a_person_accepted_stays_accepted(town: Town) -> None:
    add(town, 1, [(30, 5000), (20, 5100), (10, 4000), (5, 5200)])
    run(town)
    with write_session(town.engine) as session:
        session.execute(
            update(Reading)
            .where(Reading.litres == 4000)
            .values(status=VALID, reason="accepted by luis: checked on site")
        )
    run(town)
    assert judged(town) == []


@given(st.lists(st.integers(0, 30), max_size=40))
def test_the_longest_rise_is_as_long_as_any(values: list[int]) -> None:
    on = longest_rise(values)
    believed = [value for value, kept in zip(values, on, strict=True) if kept]
    assert believed == sorted(believed)
    best: list[int] = []
    for place, value in enumerate(values):
        best.append(1 + max((best[other] for other in range(place) if values[other] <= value), default=0))
    assert len(believed) == max(best, default=0)


# Spike --------------------------------------------------------------------------------------------------------------


def test_more_than_the_meter_lets_through_is_suspect(town: Town) -> None:
    # Q3 2500 l/h, so Q4 3125 l/h: in one hour at most 3125 l, the reading's steps and 50 l more.
    add(town, 1, [(30, 10_000), (3, 10_010), (2, 14_000), (1, 14_010)])
    run(town)
    ((litres, status, reason),) = judged(town)
    assert (litres, status) == (14_000, SUSPECT)
    assert reason == "spike: 3990 l in 60 min, at most 3195 l pass (Q4 3125 l/h)"
    assert found(town) == [("spike", town.meters[0])]


def test_a_pool_filled_overnight_is_possible(town: Town) -> None:
    add(town, 1, [(40, 10_000), (20, 60_000), (10, 60_100)])
    run(town)
    assert judged(town) == []


# Leaks --------------------------------------------------------------------------------------------------------------


def test_a_leak_is_found_and_a_home_is_not(town: Town) -> None:
    add(town, 1, living(20))
    leaking = [(hours, litres + round((480 - hours) * 10)) for hours, litres in living(20)]
    add(town, 2, leaking)
    run(town)
    assert found(town) == [("continuous_flow", town.meters[1])]
    one = finding(town)
    assert one.numbers["level"] == "small"
    assert one.numbers["least_l_h"] >= 4
    assert one.until_ms == NOW_MS
    assert judged(town) == []


def test_hourly_readings_tell_a_leak_within_two_days(town: Town) -> None:
    dry = living(20, step_hours=1)
    leak_hours = 49
    wet = [(hours, litres + max(0, leak_hours - hours) * 6) for hours, litres in dry]
    add(town, 1, wet)
    run(town)
    assert finding(town).numbers["level"] == "small"


def test_a_burst_needs_only_hours(town: Town) -> None:
    add(town, 1, [*living(20, step_hours=1)[:-4], (3, 200_000), (2, 200_800), (1, 201_600), (0, 202_400)])
    run(town)
    assert ("burst", town.meters[0]) in found(town)
    assert "continuous_flow" not in {rule for rule, _ in found(town)}


def test_a_leak_that_goes_on_is_one_finding(town: Town) -> None:
    points = [(hours, 100_000 + (480 - hours) * 20) for hours in range(480, -1, -4)]
    add(town, 1, points[:60], recorded_ms=NOW_MS - 10 * DAY_MS)
    run(town)
    first = finding(town)
    add(town, 1, points[60:])
    run(town, NOW - timedelta(days=1))
    second = finding(town)
    assert second.id == first.id
    assert second.since_ms == first.since_ms == NOW_MS - 480 * HOUR_MS
    assert second.until_ms == NOW_MS


# Idle registers -----------------------------------------------------------------------------------------------------


def still_since(points: list[Point], hours: int) -> list[Point]:
    """The same home with a register that stops some hours before now."""
    index = next(litres for at, litres in points if at <= hours)
    return [(at, litres if at > hours else index) for at, litres in points]


def test_a_stopped_register_is_told_from_an_empty_home(town: Town) -> None:
    days = 25 * 24
    add(town, 1, still_since(living(60), days))
    weekend = [(hours, 5000 + max(0, 60 * 24 - hours) // (7 * 24) * 900) for hours in range(60 * 24, -1, -12)]
    add(town, 2, still_since(weekend, days))
    run(town)
    assert found(town) == [("stopped_meter", town.meters[0])]
    assert finding(town).numbers == {"days": 25, "days_with_use": 30, "litres_a_day": 240}


def test_a_register_that_goes_on_standing_still_stays_told(town: Town) -> None:
    """Also when the rule no longer sees how it was before, and until it moves."""
    before = [(hours + 60 * 24, litres) for hours, litres in still_since(living(60), 25 * 24)]
    index = before[-1][1]
    add(town, 1, before, recorded_ms=NOW_MS - 60 * DAY_MS)
    validate_all(town.engine, NOW - timedelta(days=60))
    assert ("stopped_meter", town.meters[0]) in found(town)
    add(town, 1, [(hours, index) for hours in range(59 * 24, -1, -4)])
    validate_all(town.engine, NOW)
    assert ("stopped_meter", town.meters[0]) in found(town)
    add(town, 1, [(-0.01, index + 3)], recorded_ms=NOW_MS + HOUR_MS)
    validate_all(town.engine, NOW + timedelta(days=1))
    assert ("stopped_meter", town.meters[0]) in found(town, "closed")


def test_zero_use_is_told_after_a_month_and_is_over_when_water_runs_again(town: Town) -> None:
    points = still_since(living(75), 40 * 24)
    add(town, 1, points[:-1])
    run(town)
    assert ("zero_use", town.meters[0]) in found(town)
    add(town, 1, [(0, points[-1][1] + 5)])
    run(town)
    assert found(town) == []
    assert ("zero_use", town.meters[0]) in found(town, "closed")


# Readers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_typed_index_beyond_what_was_expected(town: Town, confirmed: bool) -> None:
    add(town, 1, [(hours + 240, litres) for hours, litres in living(40, start=1_000_000)])
    device = FakeDevice()
    typed = device.typed("S1", town.meters[0], 1_090_000, NOW_MS, confirmed=confirmed)
    Ingest(town.engine).apply([device.arrival(typed)])
    run(town)
    one = finding(town)
    assert (one.rule, one.severity) == ("typed_band", "low" if confirmed else "medium")
    assert one.numbers["litres"] == 1_090_000
    expected = [] if confirmed else [(1_090_000, SUSPECT)]
    assert [row[:2] for row in judged(town)] == expected


def test_two_indices_typed_on_one_day_are_told(town: Town) -> None:
    device = FakeDevice()
    items = [device.typed("S1", town.meters[0], litres, NOW_MS - n * MINUTE) for n, litres in ((9, 5000), (1, 7000))]
    Ingest(town.engine).apply([device.arrival(*items)])
    run(town)
    assert ("duplicate", town.meters[0]) in found(town)


# What ingest rejected, and who is not registered ---------------------------------------------------------------------


def test_rejected_readings_are_counted_by_meter_and_cause(town: Town) -> None:
    device = FakeDevice()
    items = [device.telegram(town.meters[0], 5, NOW_MS + n * HOUR_MS) for n in (1, 2)]
    Ingest(town.engine).apply([device.arrival(*items, device.telegram(town.meters[1], 10**9))])
    run(town)
    assert found(town) == [("future", town.meters[0]), ("modulus", town.meters[1])]
    with read_session(town.engine) as session:
        future = session.scalars(select(Finding).where(Finding.rule == "future")).one()
        assert future.numbers == {"readings": 2}


def test_an_unregistered_water_meter_is_told_when_it_is_heard_again_and_again(town: Town) -> None:
    device = FakeDevice()
    water = [device.telegram("KAM-99999999-1B-16", n, NOW_MS - n) for n in range(3)]
    heat = [device.telegram("TCH-88888888-26-80", n, NOW_MS - n) for n in range(3)]
    once = device.telegram("KAM-77777777-1B-16", 1)
    Ingest(town.engine).apply([device.arrival(*water, *heat, once)])
    run(town)
    assert found(town) == [("unknown_meter", "KAM-99999999-1B-16")]


def test_an_alarm_is_over_when_the_meter_is_heard_without_it(town: Town) -> None:
    device = FakeDevice()
    ingest = Ingest(town.engine)
    ingest.apply([device.arrival(device.telegram(town.meters[0], 5, NOW_MS - 72 * HOUR_MS, alarms=("leak",)))])
    run(town)
    assert found(town) == [("alarm.leak", town.meters[0])]
    ingest.apply([device.arrival(device.telegram(town.meters[0], 6, NOW_MS))])
    run(town)
    assert found(town, "closed") == [("alarm.leak", town.meters[0])]


# The run ------------------------------------------------------------------------------------------------------------


def test_the_service_goes_on_where_it_stopped(town: Town) -> None:
    add(town, 1, [(50, 5000), (40, 5100), (30, 4000), (20, 5200)], recorded_ms=NOW_MS - 2 * DAY_MS)
    first = validate_all(town.engine, NOW)
    assert (first.verdicts, first.findings) == (1, 1)
    again = validate_all(town.engine, NOW)
    assert (again.verdicts, again.findings) == (0, 0)
    add(town, 2, [(10, 7000), (5, 6000), (1, 7100)])
    third = validate_all(town.engine, NOW + timedelta(minutes=1))
    assert (third.verdicts, third.findings) == (1, 1)
    assert third.readings == 7


def test_the_same_validation_twice_changes_nothing(town: Town) -> None:
    add(town, 1, [(30, 5000), (20, 99_000), (10, 5200), (5, 5300), (4, 9500), (3, 9510)])
    add(town, 2, [(hours, 100_000 + (240 - hours) * 20) for hours in range(240, -1, -4)])
    run(town)
    before = judged(town), found(town)
    run(town)
    assert (judged(town), found(town)) == before


def test_what_somebody_closed_stays_closed(town: Town) -> None:
    add(town, 1, [(30, 5000), (20, 5100), (10, 4000), (5, 5200)])
    run(town)
    with write_session(town.engine) as session:
        session.execute(update(Finding).values(status="closed"))
    run(town)
    assert found(town) == []


def test_a_utility_sets_its_own_numbers(town: Town) -> None:
    add(town, 1, [(30, 10_000), (3, 10_010), (2, 14_000), (1, 14_010)])
    settings(town, {"spike": {"slack_litres": 5000}})
    run(town)
    assert judged(town) == []


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        ({"spyke": {}}, "settings.validation.spyke: no such rule, must be one of backflow, backwards, "),
        ({"spike": {"slack": 1}}, "settings.validation.spike: Object contains unknown field `slack`"),
        (
            {"spike": {"slack_litres": "1"}},
            "settings.validation.spike: Expected `int`, got `str` - at `.*slack_litres`",
        ),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_wrong_numbers_are_refused_by_name(town: Town, given_settings: dict[str, object], message: str) -> None:
    settings(town, given_settings)
    with pytest.raises(RuleError, match=message):
        run(town)


def settings(town: Town, validation: dict[str, object]) -> None:
    with write_session(town.engine) as session:
        session.execute(update(Utility).values(settings={"validation": validation}))


def test_every_rule_says_what_it_is() -> None:
    names: Sequence[str] = [rule.name for rule in all_rules()]
    assert names == sorted(set(names))
    assert len(names) == 20
    assert all(rule.title and rule.severity for rule in all_rules())
