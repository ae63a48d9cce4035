"""What the review brings up, with the numbers it compared."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from central import register
from central.store import new_id, read_session, write_session
from central.store.models import Consumption, Contract, DraftException, Finding, ReadingKind
from central.times import millis
from tests.central.factories import NEXT_PERIOD, NOW, PERIOD, RECORDED, UTILITY, Town, found
from tests.central.invoicing.driving import approved, issued, simulated

HOUSE = 0


@pytest.fixture
def town(engine: Engine) -> Town:
    """Two houses billed 20 m3 in January."""
    town = found(engine, 2)
    for house in (0, 1):
        town.read(house, PERIOD.start, 1_000)
        town.read(house, PERIOD.end, 21_000)
    town.read(1, NEXT_PERIOD.end, 41_000)
    issued(town)
    return town


def complaints(town: Town, **changes: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """What the review of February says of the first house."""
    run_id = simulated(town, NEXT_PERIOD, **changes)
    with read_session(town.engine) as session:
        rows = session.scalars(select(DraftException).where(DraftException.run_id == run_id)).all()
    assert {row.contract_id for row in rows} <= {town.contracts[HOUSE]}
    return {row.code: (row.text, row.numbers) for row in rows}


@pytest.mark.parametrize(
    ("index", "code", "litres", "percent"),
    [
        (21_000 + 60_000, "high", 60_000, 332),
        (21_000 + 2_000, "low", 2_000, 11),
        (21_000, "zero", 0, 0),
    ],
)
def test_high_low_and_zero_are_compared_with_the_usual(
    town: Town, index: int, code: str, litres: int, percent: int
) -> None:
    town.read(HOUSE, NEXT_PERIOD.end, index)
    found = complaints(town)
    assert list(found) == [code]
    text, numbers = found[code]
    # 20 m3 in the 31 days of January are 18,065 litres in the 28 of February.
    assert (numbers["litres"], numbers["usual_litres"], numbers["percent"]) == (litres, 18_065, percent)
    assert "18065 l" in text


@pytest.mark.parametrize(
    ("last_year", "litres", "expected"),
    [
        # As a year ago, and three times January: only the period before speaks.
        (60_000, 60_000, ("high_previous", 18_065, "previous_period")),
        (2_000, 2_000, ("low_previous", 18_065, "previous_period")),
        # As in January, and far from what was usual a year ago.
        (60_000, 18_000, ("low", 60_000, "same_season_last_year")),
        (2_000, 18_000, ("high", 2_000, "same_season_last_year")),
        # Far from both is said once.
        (5_000, 60_000, ("high", 5_000, "same_season_last_year")),
        (18_000, 18_000, None),
    ],
)
def test_use_is_compared_with_last_year_and_with_the_period_before(
    town: Town, last_year: int, litres: int, expected: tuple[str, int, str] | None
) -> None:
    with write_session(town.engine) as session:
        session.add(billed(session.get_one(Contract, (UTILITY, town.contracts[HOUSE])), last_year))
    town.read(HOUSE, NEXT_PERIOD.end, 21_000 + litres)
    said = [(code, numbers["usual_litres"], numbers["basis"]) for code, (_, numbers) in complaints(town).items()]
    assert said == ([expected] if expected else [])


def billed(contract: Contract, litres: int) -> Consumption:
    """What a contract was billed for February a year before."""
    season = NEXT_PERIOD.years_before(1)
    return Consumption(
        utility_id=UTILITY,
        id=new_id(),
        contract_id=contract.id,
        supply_point_id=contract.supply_point_id,
        period_from=season.start,
        period_to=season.end,
        litres=litres,
        estimated_litres=0,
        run_id=1,
        recorded_at=RECORDED,
    )


def test_limits_are_the_runs_own(town: Town) -> None:
    town.read(HOUSE, NEXT_PERIOD.end, 81_000)
    assert complaints(town, settings={"review": {"high_percent": 400}}) == {}


def test_what_is_usual_is_not_brought_up(town: Town) -> None:
    town.read(HOUSE, NEXT_PERIOD.end, 40_000)
    assert complaints(town) == {}


def test_more_than_the_meter_can_pass_is_impossible(town: Town) -> None:
    # Q3 2.5 m3/h: at most 3,125 l/h for the 672 hours of February.
    town.read(HOUSE, NEXT_PERIOD.end, 21_000 + 3_125 * 672 + 1)
    text, numbers = complaints(town)["impossible"]
    assert numbers == {"litres": 2_100_001, "hours": 672, "most_litres": 2_100_000}
    assert "pasa como mucho 2100000 l" in text


def test_no_reading_is_an_estimate_with_its_basis(town: Town) -> None:
    found = complaints(town)
    assert set(found) == {"estimated"}
    assert found["estimated"][1] == {"estimated_litres": 18_065, "litres": 18_065, "basis": ["previous_twelve_months"]}


def test_estimates_in_a_row_are_counted(engine: Engine) -> None:
    town = found(engine, 1)
    town.read(0, PERIOD.start, 1_000)
    approved_run = issued(town)
    assert approved_run
    assert complaints(town)["estimates_in_a_row"][1] == {"in_a_row": 2, "limit": 2}


def test_a_reading_below_the_last_one_is_named(town: Town) -> None:
    town.read(HOUSE, NEXT_PERIOD.end, 20_000)
    text, _ = complaints(town)["reading_below_previous"]
    assert "(20000 l) inferior a la anterior (21000 l)" in text


def test_an_open_finding_of_validation_is_brought_up_with_its_numbers(town: Town) -> None:
    town.read(HOUSE, NEXT_PERIOD.end, 40_000)
    with write_session(town.engine) as session:
        for rule, status in (("leak", "open"), ("burst", "closed")):
            session.add(
                Finding(
                    utility_id=UTILITY,
                    id=new_id(),
                    rule=rule,
                    severity="warning",
                    subject=town.addresses[HOUSE],
                    supply_point_id=town.points[HOUSE],
                    meter_id=town.meters[HOUSE],
                    since_ms=millis(RECORDED),
                    until_ms=None,
                    text="Caudal continuo: 12 l/h",
                    numbers={"minimum_litres_hour": 12},
                    status=status,
                    opened_at=RECORDED,
                )
            )
    assert complaints(town) == {"finding_leak": ("Caudal continuo: 12 l/h", {"minimum_litres_hour": 12})}


def test_days_nobody_billed_are_brought_up(town: Town) -> None:
    town.read(HOUSE, date(2026, 4, 1), 60_000)
    town.read(1, date(2026, 4, 1), 60_000)
    march = type(PERIOD)(date(2026, 3, 1), date(2026, 4, 1))
    run_id = simulated(town, march)
    with read_session(town.engine) as session:
        gaps = session.scalars(
            select(DraftException).where(DraftException.run_id == run_id, DraftException.code == "period_gap")
        ).all()
    assert len(gaps) == 2
    assert gaps[0].numbers == {"billed_until": "2026-02-01", "days": 28}


def test_terms_that_change_within_the_period_are_brought_up(town: Town) -> None:
    town.read(HOUSE, NEXT_PERIOD.end, 40_000)
    by = register.Change("clerk", RECORDED)
    with write_session(town.engine) as session:
        contract = session.get_one(Contract, (UTILITY, town.contracts[HOUSE]))
        terms = register.contracts.Terms(use="domestic", persons=5)
        register.contracts.change_terms(session, contract, terms, date(2026, 2, 10), by=by)
    assert complaints(town)["terms_changed"][1] == {"on": ["2026-02-10"]}


def test_simulating_again_forgets_waivers_and_sees_what_is_new(town: Town) -> None:
    from central.invoicing import run

    town.read(HOUSE, NEXT_PERIOD.end, 81_000)
    run_id = simulated(town, NEXT_PERIOD)
    town.read(HOUSE, NEXT_PERIOD.end, 40_000, ReadingKind.RADIO_DUE, revision=1, recorded=NOW + timedelta(hours=1))
    run.simulate(town.engine, UTILITY, run_id, run.Operator("maria"), NOW + timedelta(hours=2))
    with read_session(town.engine) as session:
        assert session.scalars(select(DraftException)).all() == []
        assert run.run_of(session, UTILITY, run_id).summary["exceptions"] == {}
    assert approved(town, type(PERIOD)(date(2026, 2, 1), date(2026, 3, 1)), code="otra")
