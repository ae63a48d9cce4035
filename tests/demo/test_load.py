"""``sgc demo load``: a utility in bulk that the audit, the bills and the common reads take for any other."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from central.ops.audit import audit
from central.ops.bench_reads import measure
from central.store import open_engine, read_session
from central.store.models import BankAccount, Contract, Customer, Invoice, Reading, ReadingDay
from demo.load import Load, LoadError, load
from demo.road import TARIFFS

CONTRACTS = 120


@pytest.fixture
def loaded(empty_database: str) -> str:
    load(Load(empty_database, CONTRACTS, hourly=0.2, bills=1, workers=1), TARIFFS, date(2026, 11, 24), ignore)
    return empty_database


def ignore(stage: str, done: int, total: int) -> None:
    assert done <= total, stage


def test_everything_is_there_lawful_and_quickly_read(loaded: str) -> None:
    engine = open_engine(loaded)
    with read_session(engine) as session:
        found = {
            model.__name__: session.scalar(select(func.count()).select_from(model))
            for model in (Contract, Customer, Invoice, Reading)
        }
        hourly = session.scalar(select(func.count()).select_from(ReadingDay)) or 0
        ibans = session.scalars(select(BankAccount.iban)).all()
    assert found == {"Contract": CONTRACTS, "Customer": CONTRACTS, "Invoice": CONTRACTS, "Reading": CONTRACTS * 7}
    assert hourly
    assert hourly % 30 == 0
    assert all(int(iban[4:] + "1428" + iban[2:4]) % 97 == 1 for iban in ibans)
    broken = [(verdict.law, verdict.breaches) for verdict in audit(engine) if verdict.breaches]
    assert broken == []
    reads = measure(engine, 5)["reads"]
    assert {"one bill whole", "a month hour by hour", "a page of a run's drafts"} <= reads.keys()
    engine.dispose()


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_a_database_that_is_not_empty_is_refused(loaded: str) -> None:
    with pytest.raises(LoadError, match="holds a utility already"):
        load(Load(loaded, 1), Path(TARIFFS), date(2026, 11, 24), ignore)
