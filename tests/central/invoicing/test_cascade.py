"""Estimates from what a contract was billed before: each step of the published cascade, marked, and made good later."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine

from billing.volume import Period
from central.store import new_id, write_session
from central.store.models import Consumption, Finding
from central.times import midnight_ms
from tests.central.factories import UTILITY, Town, found
from tests.central.invoicing.test_volume import measured

MARCH = Period(date(2026, 3, 1), date(2026, 4, 1))
AFTER = datetime(2026, 5, 2, tzinfo=UTC)
Month = tuple[int, int]


@pytest.fixture
def town(engine: Engine) -> Town:
    """One house, read before the month and never in it."""
    town = found(engine, 1)
    town.read(0, MARCH.start, 1_000)
    return town


def billed(town: Town, months: dict[Month, int], estimated: bool = False) -> None:
    """Bills of whole months, of so many litres a day each."""
    with write_session(town.engine) as session:
        for (year, month), a_day in months.items():
            start = date(year, month, 1)
            end = date(year + month // 12, month % 12 + 1, 1)
            litres = a_day * (end - start).days
            session.add(
                Consumption(
                    utility_id=UTILITY, id=new_id(), contract_id=town.contracts[0], supply_point_id=town.points[0],
                    period_from=start, period_to=end, litres=litres, estimated_litres=litres if estimated else 0,
                    run_id=1, recorded_at=AFTER,
                )
            )  # fmt: skip


def leak(town: Town, start: date, end: date, litres: int, rule: str = "continuous_flow") -> None:
    with write_session(town.engine) as session:
        session.add(
            Finding(
                utility_id=UTILITY, id=new_id(), rule=rule, severity="high", subject=town.addresses[0],
                supply_point_id=town.points[0], meter_id=town.meters[0], since_ms=midnight_ms(start),
                until_ms=midnight_ms(end), text="", numbers={"litres": litres}, status="closed", opened_at=AFTER,
            )
        )  # fmt: skip


def estimate(town: Town) -> tuple[int, str]:
    """Litres and basis of March, which is marked as an estimate."""
    volume = measured(town, period=MARCH, cutoff=AFTER)[0].volume
    assert volume.estimated
    (piece,) = volume.pieces
    assert piece.estimated
    assert "estimated" in [note.code for note in volume.notes]
    return volume.litres, piece.basis


YEAR_AGO, TWO, THREE = (2025, 3), (2024, 3), (2023, 3)


@pytest.mark.parametrize(
    ("months", "litres", "basis"),
    [
        ({YEAR_AGO: 100, TWO: 300, (2026, 2): 500}, 3_100, "same_season_last_year"),
        ({TWO: 300, THREE: 100, (2026, 2): 500}, 6_200, "same_season_three_years"),
        ({(2026, 2): 500, (2025, 12): 500, (2024, 7): 900}, 15_500, "previous_twelve_months"),
        ({(2024, 7): 200, (2024, 8): 200}, 6_200, "known_periods"),
        # No history: 2.5 m3/h for fifteen hours a month.
        ({}, 37_500, "nominal_capacity"),
    ],
)
def test_each_step_says_its_basis(town: Town, months: dict[Month, int], litres: int, basis: str) -> None:
    billed(town, months)
    assert estimate(town) == (litres, basis)


def test_an_estimated_bill_is_no_reference(town: Town) -> None:
    billed(town, {YEAR_AGO: 100}, estimated=True)
    billed(town, {TWO: 200})
    assert estimate(town) == (6_200, "same_season_three_years")


@pytest.mark.parametrize("rule", ["continuous_flow", "burst"])
def test_a_month_with_a_leak_is_no_reference(town: Town, rule: str) -> None:
    billed(town, {YEAR_AGO: 900, TWO: 200})
    leak(town, date(2025, 3, 5), date(2025, 3, 25), 15_000, rule)
    assert estimate(town) == (6_200, "same_season_three_years")


def test_a_drop_in_the_sea_and_another_months_leak_change_nothing(town: Town) -> None:
    billed(town, {YEAR_AGO: 900, TWO: 200})
    leak(town, date(2025, 3, 5), date(2025, 3, 6), 300)
    leak(town, date(2025, 4, 2), date(2025, 4, 20), 90_000)
    leak(town, date(2025, 3, 1), date(2025, 3, 9), 90_000, "high_low")
    assert estimate(town) == (27_900, "same_season_last_year")


def test_only_the_part_of_a_leak_inside_the_month_counts(town: Town) -> None:
    billed(town, {YEAR_AGO: 900, TWO: 200})
    leak(town, date(2025, 3, 31), date(2025, 4, 10), 20_000)
    assert estimate(town) == (27_900, "same_season_last_year")
    leak(town, date(2025, 2, 20), date(2025, 3, 3), 20_000)
    assert estimate(town) == (6_200, "same_season_three_years")
