"""Runs taken from one state to the next in tests."""

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.volume import Period
from central.invoicing import desk, run
from central.invoicing.archive import Archived, rebuild
from central.invoicing.drive import Executors, Serial
from central.store import read_session, write_session
from central.store.models import Base, BillingRun, Invoice
from tests.central.factories import NOW, PERIOD, Town

MAKER, CHECKER = "maria", "jefa"
LEGAL = ("consumption", "fiscal_chain", "fiscal_record", "invoice", "invoice_document", "ledger_entry")
LEGAL_TOO = ("ledger_transaction", "reading", "series", "telegram_explanation")


def created(town: Town, period: Period = PERIOD, at: datetime = NOW, **changes: Any) -> int:
    """A new run's id."""
    with write_session(town.engine) as session:
        return run.create(session, town.utility_id, town.plan(period, **changes), MAKER, at).id


def simulated(town: Town, period: Period = PERIOD, at: datetime = NOW, **changes: Any) -> int:
    """A run in review."""
    run_id = created(town, period, at, **changes)
    run.simulate(town.engine, town.utility_id, run_id, run.Operator(MAKER), at)
    return run_id


def approved(town: Town, period: Period = PERIOD, at: datetime = NOW, **changes: Any) -> int:
    """An approved run; every exception is waived."""
    run_id = simulated(town, period, at, **changes)
    with write_session(town.engine) as session:
        row = run.run_of(session, town.utility_id, run_id)
        codes = list(row.summary["exceptions"])
        if codes:
            desk.waive_all(session, row, codes, MAKER, at, "revisado en la prueba")
        run.approve(session, row, CHECKER, at)
    return run_id


def issued(
    town: Town,
    period: Period = PERIOD,
    at: datetime = NOW,
    keys: Path | None = None,
    executors: Executors = Serial,
    **changes: Any,
) -> int:
    """An issued run."""
    run_id = approved(town, period, at, **changes)
    run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER, executors, keys=keys), at)
    return run_id


def status(town: Town, run_id: int) -> str:
    """Where a run is."""
    with read_session(town.engine) as session:
        return run.run_of(session, town.utility_id, run_id).status


def run_row(town: Town, run_id: int) -> BillingRun:
    """A run, read."""
    with read_session(town.engine) as session:
        return run.run_of(session, town.utility_id, run_id)


def archived(session: Session, *conditions: Any) -> list[Archived]:
    """Invoices as the values they were, in the order of their numbers."""
    rows = select(Invoice).where(*conditions).order_by(Invoice.series, Invoice.number)
    return list(rebuild(session, session.scalars(rows).all()))


def contents(town: Town, *tables: str) -> dict[str, list[Any]]:
    """Every row of some tables, in a fixed order."""
    found = {}
    with read_session(town.engine) as session:
        for name in tables:
            table = Base.metadata.tables[name]
            found[name] = [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]
    return found
