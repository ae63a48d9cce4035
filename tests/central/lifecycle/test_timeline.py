"""Whatever is asked in whatever order: a contract's holders cover its days once each, and contracts do not meet."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from central import register
from central.lifecycle import Asked, Details, Person, TermsAsked, complete, open_case
from central.register import Change, RegisterError
from central.store import open_engine, write_session
from central.store.models import Contract, ContractHolder, ContractTerms, Customer, SupplyPoint
from tests.central.factories import found
from tests.central.lifecycle.support import papered

START = date(2025, 1, 1)
DAYS = 40
NOW = datetime(2026, 2, 20, 9, tzinfo=UTC)
BY = Change("clerk", NOW)
PEOPLE = tuple(
    Person(nif=nif, name=name)
    for nif, name in (
        ("12345678Z", "Joan"),
        ("87654321X", "Marta"),
        ("11111111H", "Pau"),
        ("B58818501", "Obras, S. L."),
    )
)
STEP = st.tuples(
    st.sampled_from(("sign_up", "change_of_holder", "subrogation", "cancellation")),
    st.integers(0, DAYS),
    st.sampled_from(range(len(PEOPLE))),
)


@pytest.fixture
def engine(sqlite_database: str) -> Any:
    engine = open_engine(sqlite_database)
    yield engine
    engine.dispose()


@pytest.fixture
def fresh_point(engine: Engine) -> Callable[[Session], SupplyPoint]:
    """Another supply point each time: one database serves every example."""
    town, made = found(engine, 1), [0]

    def make(session: Session) -> SupplyPoint:
        made[0] += 1
        return register.add_supply_point(
            session, town.utility_id, f"X-{made[0]}", street="Carrer Nou", number="1", postal_code="03698",
            ine_code="03002", by=BY,
        )  # fmt: skip

    return make


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=1, max_size=14))
def test_no_gap_no_overlap_and_no_day_twice(
    engine: Engine, fresh_point: Callable[[Session], SupplyPoint], steps: list[tuple[str, int, int]]
) -> None:
    with write_session(engine) as session:
        point = fresh_point(session)
        believed: dict[date, str] = {}
        for procedure, day, who in steps:
            on = START + timedelta(day)
            if _done(session, point, procedure, on, PEOPLE[who]):
                _expect(believed, procedure, on, PEOPLE[who].nif)
        assert _as_recorded(session, point) == believed


def _done(session: Session, point: SupplyPoint, procedure: str, on: date, who: Person) -> bool:
    """Ask for it with the contract that holds last; whether it was done."""
    last = session.scalars(
        select(Contract).where(Contract.supply_point_id == point.id).order_by(Contract.valid_from.desc()).limit(1)
    ).first()
    if last is None and procedure != "sign_up":
        return False
    details = Details(holder=None if procedure == "cancellation" else who)
    if procedure == "sign_up":
        details = Details(holder=who, terms=TermsAsked())
    asked = Asked(procedure, on, details, supply=point.code, contract=last.code if last else "")
    savepoint = session.begin_nested()
    try:
        complete(session, papered(session, open_case(session, point.utility_id, asked, by=BY)), by=BY)
    except RegisterError:
        savepoint.rollback()
        session.expire_all()
        return False
    savepoint.commit()
    return True


def _expect(believed: dict[date, str], procedure: str, on: date, nif: str) -> None:
    """What each day up to the horizon should say: a change passes on only days that somebody holds."""
    for day in (START + timedelta(at) for at in range(2 * DAYS)):
        if day < on:
            continue
        if procedure == "cancellation":
            believed.pop(day, None)
        elif procedure == "sign_up" or day in believed:
            believed[day] = nif


def _as_recorded(session: Session, point: SupplyPoint) -> dict[date, str]:
    """Each day's holder as the register has it; fails where a contract's days are not covered exactly once."""
    days: dict[date, str] = {}
    horizon = START + timedelta(2 * DAYS)
    for contract in session.scalars(select(Contract).where(Contract.supply_point_id == point.id)):
        model: Any
        for model in (ContractHolder, ContractTerms):
            rows = session.scalars(
                select(model)
                .where(model.contract_id == contract.id, model.retired_at.is_(None), _lasts(model))
                .order_by(model.valid_from)
            ).all()
            assert rows[0].valid_from == contract.valid_from
            assert rows[-1].valid_to == contract.valid_to
            assert all(one.valid_to == other.valid_from for one, other in pairwise(rows))
        holders = select(ContractHolder).where(
            ContractHolder.contract_id == contract.id, ContractHolder.retired_at.is_(None)
        )
        for row in session.scalars(holders):
            nif = session.get_one(Customer, (row.utility_id, row.customer_id)).nif
            day = row.valid_from
            while day < min(row.valid_to or horizon, horizon):
                assert day not in days
                days[day] = nif
                day += timedelta(1)
    return days


def _lasts(model: Any) -> Any:
    return (model.valid_to.is_(None)) | (model.valid_to > model.valid_from)
