"""Runs bill from the register's readings of every kind, and over a register's rollover."""

from datetime import date

import pytest
from sqlalchemy import Engine, select

from central.store import read_session
from central.store.models import DraftBill, Meter, ReadingKind
from tests.central.factories import Town, found
from tests.central.invoicing.driving import simulated

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def billed(town: Town) -> tuple[str, int, int]:
    """Status, litres and estimated litres of the only draft."""
    run_id = simulated(town)
    with read_session(town.engine) as session:
        draft = session.scalars(select(DraftBill).where(DraftBill.run_id == run_id)).one()
        return draft.status, draft.litres, draft.estimated_litres


@pytest.mark.parametrize(
    "kind", [ReadingKind.RADIO, ReadingKind.TYPED, ReadingKind.SELF, ReadingKind.THIRD_PARTY, ReadingKind.FINAL]
)
def test_a_bill_is_closed_by_a_reading_of_any_kind(engine: Engine, kind: ReadingKind) -> None:
    town = found(engine, 1)
    town.read(0, JANUARY, 1_000)
    town.read(0, FEBRUARY, 9_000, kind=kind)
    assert billed(town) == ("ready", 8_000, 0)


def test_a_register_that_rolled_over_is_billed_for_what_passed(engine: Engine) -> None:
    town = found(engine, 1)
    with read_session(engine) as session:
        modulus = session.scalars(select(Meter.modulus_litres)).one()
    town.read(0, JANUARY, modulus - 3_000)
    town.read(0, FEBRUARY, 5_000)
    assert billed(town) == ("ready", 8_000, 0)
