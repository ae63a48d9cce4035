"""The rules that look at shifts of a register, at months and at bills, and the numbers a utility sets for each use."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from central.reading.hourly import UNKNOWN, raw_of
from central.reading.rows import READING_COLUMNS
from central.reading.validation import RuleError, all_rules, validate, validate_all
from central.store import new_id, read_session, write_session
from central.store.bulk import insert_rows
from central.store.models import Consumption, Contract, ContractTerms, Finding, Reading, ReadingDay, Utility
from central.store.partitions import ensure_partitions
from central.times import DAY_MS, HOUR_MS, midnight_ms
from tests.central.conftest import NOW, Town
from tests.central.reading.support import NOW_MS

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
BASE = 50_000_000


def add(town: Town, house: int, points: Mapping[int, int]) -> None:
    """Radio readings by instant (epoch ms)."""
    meter = town.meter_ids[house - 1]
    rows = [
        (town.utility_id, at_ms, meter, 1, 0, litres, 1, "", None, None, None, NOW_MS)
        for at_ms, litres in sorted(points.items())
    ]
    with write_session(town.engine) as session:
        ensure_partitions(session.connection(), points)
        insert_rows(session, Reading, READING_COLUMNS, rows)


def course(steps: list[int], start: int = BASE, hours: int = 1) -> dict[int, int]:
    """An index that moves by each step within so many hours, the last one now."""
    litres, points = start, {NOW_MS - len(steps) * hours * HOUR_MS: start}
    for place, step in enumerate(steps, 1):
        litres += step
        points[NOW_MS - (len(steps) - place) * hours * HOUR_MS] = litres
    return points


def run(town: Town, at: datetime = NOW) -> None:
    with write_session(town.engine) as session:
        validate(session, town.utility_id, None, at)


def findings(town: Town, rule: str) -> list[Finding]:
    with read_session(town.engine) as session:
        found = list(session.scalars(select(Finding).where(Finding.rule == rule).order_by(Finding.subject)))
        session.expunge_all()
        return found


def shifted(town: Town) -> dict[str, dict[str, Any]]:
    """Rule and numbers of what was found about a register that moved oddly."""
    rules = ("backflow", "tamper", "wrong_meter")
    return {rule: one.numbers for rule in rules for one in findings(town, rule)}


# Shifts -------------------------------------------------------------------------------------------------------------


def test_water_that_ran_back_is_told_with_its_litres(town: Town) -> None:
    add(town, 1, course([10, 10, 10, 10, -30, 0, -25, 5, 5, 5, 5]))
    run(town)
    assert shifted(town) == {"backflow": {"litres": 55, "minutes": 180, "before_litres": BASE + 40}}


def test_a_meter_turned_round_is_told(town: Town) -> None:
    add(town, 1, course([40] * 20 + [-40, 0, -60, -100] * 6 + [40] * 8))
    run(town)
    ((rule, numbers),) = shifted(town).items()
    assert (rule, numbers["litres"], numbers["hours"]) == ("tamper", 1200, 24)


@pytest.mark.parametrize("other", [BASE - 40_000_000, BASE + 7_000_000])
def test_another_meters_index_is_told(town: Town, other: int) -> None:
    add(town, 1, course([10, 10, 10, 10, other - BASE - 40, 5, 5, 5, 5]))
    run(town)
    ((rule, numbers),) = shifted(town).items()
    assert (rule, numbers["before_litres"], numbers["after_litres"]) == ("wrong_meter", BASE + 40, other)


@pytest.mark.parametrize(
    "steps",
    [
        [10, 10, 10, 10, -30_000_000, 30_000_010, 10, 10, 10],
        [10, 10, 10, 10, 40_000_000, -40_000_000, 10, 10, 10],
        [10, 10, 10, 10, 10, -100],
        [10] * 10,
    ],
)
def test_a_single_wrong_reading_is_no_shift(town: Town, steps: list[int]) -> None:
    add(town, 1, course(steps))
    run(town)
    assert shifted(town) == {}


def test_a_register_that_starts_again_is_told_once_and_is_no_shift(town: Town) -> None:
    top = 10**8
    add(town, 1, {at: litres % top for at, litres in course([30] * 12, top - 200).items()})
    run(town)
    (one,) = findings(town, "rollover")
    assert one.numbers == {
        "before_litres": top - 20, "after_litres": 10, "modulus_litres": top, "litres": 30
    }  # fmt: skip
    assert shifted(town) == {}


# Bursts -------------------------------------------------------------------------------------------------------------


def test_a_burst_is_compared_with_what_ran_before(town: Town) -> None:
    quiet = [0] * 200
    add(town, 1, course([*quiet, 800, 900, 850, 900]))
    weekly = [900, 900, 900, 0, *quiet]
    add(town, 2, course([*weekly, 900, 900, 900, 900]))
    run(town)
    assert [(one.subject, one.since_ms) for one in findings(town, "burst")] == [
        (town.meters[0], NOW_MS - 4 * HOUR_MS),
        (town.meters[1], NOW_MS - 208 * HOUR_MS),
    ]
    assert findings(town, "burst")[0].numbers["usual_l_h"] == 0


def test_a_filled_pool_is_no_leak(town: Town) -> None:
    add(town, 1, course([5, 0] * 20 + [30, *[900] * 40, 30] + [5, 0] * 5))
    run(town)
    assert findings(town, "continuous_flow") == []
    assert len(findings(town, "burst")) == 1


def test_steps_of_ten_litres_do_not_make_a_night_of_no_water_a_leak(town: Town) -> None:
    day = [0] * 7 + [30, 60, 20, 20, 10, 10, 30, 10, 10, 10, 10, 20, 30, 40, 20, 10, 10]
    add(town, 1, course(day * 6))
    add(town, 2, course([0, 10] * 72))
    run(town)
    assert [one.subject for one in findings(town, "continuous_flow")] == [town.meters[1]]


# Hourly series ------------------------------------------------------------------------------------------------------


def add_day(town: Town, house: int, days_ago: int, litres: int, deltas: list[int]) -> None:
    start_ms = NOW_MS - days_ago * DAY_MS
    row = (town.utility_id, start_ms, town.meter_ids[house - 1], litres, raw_of(deltas), None, NOW_MS)
    columns = ("utility_id", "start_ms", "meter_id", "litres", "deltas", "batch_id", "recorded_ms")
    with write_session(town.engine) as session:
        ensure_partitions(session.connection(), [start_ms])
        insert_rows(session, ReadingDay, columns, [row])


def test_a_leak_in_an_hourly_series_is_found_as_in_single_readings(town: Town) -> None:
    for ago in (4, 3, 2, 1):
        add_day(town, 1, ago, BASE + (4 - ago) * 480, [20] * 24)
        add_day(town, 2, ago, BASE + (4 - ago) * 492, [0, 41] * 12)
    done = validate_all(town.engine, NOW)
    assert done.readings == 2 * 4 * 24 + 2
    (one,) = findings(town, "continuous_flow")
    assert (one.subject, one.numbers["level"], one.numbers["hours"]) == (town.meters[0], "big", 96)
    assert validate_all(town.engine, NOW).findings == 0


def test_a_spike_in_a_series_is_told_and_the_series_stays(town: Town) -> None:
    add_day(town, 1, 2, BASE, [5] * 10 + [UNKNOWN] + [5] * 13)
    add_day(town, 1, 1, BASE + 120, [5] * 10 + [9000] + [5] * 13)
    run(town)
    (one,) = findings(town, "spike")
    assert one.numbers["litres"] == 9000


# Numbers by use and date ---------------------------------------------------------------------------------------------


def set_numbers(town: Town, validation: dict[str, Any]) -> None:
    with write_session(town.engine) as session:
        session.execute(update(Utility).values(settings={"validation": validation}))


def test_each_use_has_its_own_numbers(town: Town) -> None:
    leaking = course([6] * 60)
    add(town, 1, leaking)
    add(town, 2, leaking)
    add(town, 3, course([0, 9000, 0, 0, 0]))
    with write_session(town.engine) as session:
        contract = session.scalar(select(Contract.id).where(Contract.code == "K-2"))
        row = session.scalars(select(ContractTerms).where(ContractTerms.contract_id == contract)).one()
        values = {column.key: getattr(row, column.key) for column in ContractTerms.__table__.columns}
        row.retired_at = NOW
        session.flush()
        session.add(ContractTerms(**values | {"id": new_id(), "use": "commercial"}))
    set_numbers(town, {"continuous_flow": {"uses": {"commercial": {"small_litres_hour": 10}}}})
    run(town)
    assert [one.subject for one in findings(town, "continuous_flow")] == [town.meters[0]]
    # A verdict finds its row though the rule saw a part of the meters.
    with read_session(town.engine) as session:
        suspect = session.scalars(select(Reading).where(Reading.status == 2)).one()
        assert (suspect.meter_id, suspect.litres) == (town.meter_ids[2], BASE + 9000)


@ONE_DATABASE
def test_dated_numbers_are_in_force_from_their_day(town: Town) -> None:
    add(town, 1, course([6] * 60))
    later = (NOW + timedelta(days=1)).date().isoformat()
    set_numbers(
        town,
        {"continuous_flow": [{"from": later, "small_litres_hour": 4}, {"from": "2020-01-01", "small_litres_hour": 10}]},
    )
    run(town)
    assert findings(town, "continuous_flow") == []
    run(town, NOW + timedelta(days=1))
    assert len(findings(town, "continuous_flow")) == 1


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"uses": {"commercial": {"smal": 1}}}, r"burst\.uses\.commercial: Object contains unknown field `smal`"),
        ({"uses": 3}, r"burst\.uses: 3, must be a mapping"),
        ([{"hours": 3}], "must say 'from' which day"),
        ([{"from": "2026-13-01"}], "must say 'from' which day"),
        ([{"from": "2026-01-01"}, {"from": "2026-01-01"}], "two entries from 2026-01-01"),
        (7, "7, must be a mapping or a list of dated ones"),
    ],
)
def test_wrong_numbers_name_where_they_are(numbers: Any, message: str) -> None:
    burst = next(rule for rule in all_rules() if rule.name == "burst")
    with pytest.raises(RuleError, match=message):
        burst.configured(numbers, date(2026, 6, 1))


# Silence, months and bills -------------------------------------------------------------------------------------------


def test_a_meter_that_falls_silent_is_told_until_it_is_heard_again(town: Town) -> None:
    add(town, 1, {NOW_MS - 50 * DAY_MS: 1000})
    add(town, 2, {NOW_MS - 30 * DAY_MS: 1000})
    run(town)
    (one,) = findings(town, "missing")
    assert (one.subject, one.status, one.numbers) == (town.meters[0], "open", {"days": 50, "most_days": 40})
    add(town, 1, {NOW_MS: 1100})
    run(town, NOW + timedelta(minutes=1))
    assert findings(town, "missing")[0].status == "closed"


def month_ends(litres: Mapping[str, int]) -> dict[int, int]:
    """Readings at the local midnights on which months begin."""
    return {midnight_ms(date.fromisoformat(f"{month}-01")): index for month, index in litres.items()}


def test_a_month_is_compared_with_the_same_one_of_last_year(town: Town) -> None:
    last_year = {"2025-10": 0, "2025-11": 10_000, "2026-09": 90_000}
    add(town, 1, month_ends(last_year | {"2026-10": 110_000, "2026-11": 131_000}))
    add(town, 2, month_ends(last_year | {"2026-10": 110_000, "2026-11": 119_000}))
    add(town, 3, month_ends(last_year | {"2026-10": 110_000, "2026-11": 113_000}))
    run(town)
    assert {one.subject: one.numbers for one in findings(town, "high_low")} == {
        town.meters[0]: {
            "level": "high", "litres": 21_000, "reference_litres": 10_000, "basis": "same_month_last_year"
        },
        town.meters[2]: {"level": "low", "litres": 3_000, "reference_litres": 10_000, "basis": "same_month_last_year"},
    }  # fmt: skip


def test_without_last_year_the_months_before_are_compared(town: Town) -> None:
    add(town, 1, month_ends({"2026-08": 0, "2026-09": 10_000, "2026-10": 20_000, "2026-11": 50_000}))
    run(town)
    (one,) = findings(town, "high_low")
    assert (one.numbers["basis"], one.numbers["level"]) == ("months_before", "high")
    assert one.numbers["reference_litres"] == (10_000 + 10_000 * 31 // 30) // 2


@pytest.mark.parametrize(("bulk", "told"), [(21_000, False), (40_000, True), (9_000, True)])
def test_a_bulk_meter_is_compared_with_those_behind_it(town: Town, bulk: int, told: bool) -> None:
    set_numbers(town, {"sum_check": {"groups": [{"bulk": "S3", "parts": ["S1", "S2"]}]}})
    for house, litres in ((1, 10_000), (2, 10_000), (3, bulk)):
        add(town, house, month_ends({"2026-10": 500, "2026-11": 500 + litres}))
    run(town)
    numbers = [one.numbers for one in findings(town, "sum_check")]
    assert numbers == (
        [{"bulk_litres": bulk, "parts_litres": 20_000, "parts_known": 2, "parts": 2}] if told else []
    )  # fmt: skip


def test_bills_that_are_estimated_again_and_again_are_told(town: Town) -> None:
    bill(town, 1, [("2026-01", 0), ("2026-04", 900), ("2026-07", 800)])
    bill(town, 2, [("2026-01", 900), ("2026-04", 900), ("2026-07", 0)])
    bill(town, 3, [("2026-01", 900), ("2026-04", 900), ("2026-07", 700)])
    run(town)
    found = {one.subject: (one.severity, one.numbers["periods"]) for one in findings(town, "prolonged_estimation")}
    assert found == {"S1": ("medium", 2), "S3": ("high", 3)}


def bill(town: Town, house: int, quarters: list[tuple[str, int]]) -> None:
    with write_session(town.engine) as session:
        contract = session.scalars(select(Contract).where(Contract.code == f"K-{house}")).one()
        for month, estimated in quarters:
            start = date.fromisoformat(f"{month}-01")
            end = date(start.year, start.month + 3, 1)
            row = Consumption(
                utility_id=town.utility_id, id=new_id(), contract_id=contract.id,
                supply_point_id=contract.supply_point_id, period_from=start, period_to=end, litres=1000,
                estimated_litres=estimated, run_id=1,
                recorded_at=datetime(2026, 8, 1, tzinfo=UTC),
            )  # fmt: skip
            session.add(row)
