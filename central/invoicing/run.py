"""A billing run from its creation to its delivered documents.

``create`` → ``simulate`` → (review: ``waive``, ``hold``, simulate again) → ``approve`` by somebody else → ``issue``
(number, chain, post) → ``deliver``. ``simulate``, ``issue`` and ``deliver`` commit as they go and, called again after
any interruption, take up where they stopped.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.orm import Session

from central.invoicing import drive, numbering, partitions
from central.invoicing.deliver import AVERAGE
from central.invoicing.drive import Executors, Progress, Serial, ignore
from central.invoicing.overlap import refuse_overlap
from central.invoicing.plan import DELIVER, ISSUE, READY, SIMULATE, RunPlan, create
from central.invoicing.settings import settings_of
from central.invoicing.states import RunError, RunStatus, move
from central.store import read_session, write_session
from central.store.models import BillingRun, DraftBill, DraftException, RunPartition

__all__ = [
    "Operator",
    "RunError",
    "RunPlan",
    "approve",
    "cancel",
    "create",
    "deliver",
    "issue",
    "run_named",
    "run_of",
    "simulate",
]


@dataclass(frozen=True, slots=True)
class Operator:
    """Who drives a run, and with what: an executor, a watcher, and the key file for encrypted telegrams."""

    actor: str
    executors: Executors = Serial
    progress: Progress = ignore
    keys: Path | None = None


def run_of(session: Session, utility_id: int, run_id: int) -> BillingRun:
    """A run of a utility; RunError where there is none."""
    run = session.get(BillingRun, (utility_id, run_id), populate_existing=True)
    if run is None:
        raise RunError(f"run {run_id}: does not exist in utility {utility_id}")
    return run


def run_named(session: Session, utility_id: int, code: str) -> BillingRun:
    """The run of a utility with a code; RunError where there is none."""
    run = session.scalar(select(BillingRun).where(BillingRun.utility_id == utility_id, BillingRun.code == code))
    if run is None:
        raise RunError(f"run {code}: does not exist")
    return run


def simulate(engine: Engine, utility_id: int, run_id: int, by: Operator, at: datetime) -> None:
    """Make or remake every draft with what is known at ``at``; nothing legal is written. Ends in review."""
    with write_session(engine) as session:
        run = run_of(session, utility_id, run_id)
        if run.status != RunStatus.SIMULATING:
            move(session, run, RunStatus.SIMULATING, by.actor, at, cutoff_at=at)
            partitions.begin_stage(session, run, SIMULATE)
    drive.drive(engine, utility_id, run_id, SIMULATE, by.executors, by.progress, by.keys)
    with write_session(engine) as session:
        run = run_of(session, utility_id, run_id)
        if run.status == RunStatus.SIMULATING:
            move(session, run, RunStatus.REVIEW, by.actor, at, summary=_simulated(session, run))


def approve(session: Session, run: BillingRun, actor: str, at: datetime) -> None:
    """Approve a reviewed run: by another person than who made it, with every exception waived or gone.

    RunError too where a run that was approved meanwhile bills days of this one.
    """
    if actor == run.created_by:
        raise RunError(f"run {run.code}: {actor} made it; another person must approve it")
    # Locked before the utility (refuse_overlap), as by whoever handles its exceptions; what is checked then stays so.
    mine = (BillingRun.utility_id == run.utility_id, BillingRun.id == run.id)
    session.execute(select(BillingRun.id).where(*mine).with_for_update()).one()
    open_exceptions = session.scalar(
        select(func.sum(DraftBill.open_exceptions)).where(*_drafts(run), DraftBill.open_exceptions > 0)
    )
    if open_exceptions:
        raise RunError(f"run {run.code}: {open_exceptions} exceptions are open; resolve each or waive it with a reason")
    if not session.scalar(select(func.count()).where(*_drafts(run), DraftBill.status == READY)):
        raise RunError(f"run {run.code}: has no bill to issue")
    refuse_overlap(session, run)
    move(session, run, RunStatus.APPROVED, actor, at, approved_by=actor, approved_at=at)


def cancel(session: Session, run: BillingRun, actor: str, at: datetime, reason: str) -> None:
    """Give a run up before it is numbered; its drafts stay to be read."""
    if not reason.strip():
        raise RunError(f"run {run.code}: cancelling needs a reason")
    move(session, run, RunStatus.CANCELLED, actor, at, reason=reason)


def issue(engine: Engine, utility_id: int, run_id: int, by: Operator, at: datetime) -> None:
    """Number, chain and post an approved run; after an interruption the rest of it."""
    with write_session(engine) as session:
        run = run_of(session, utility_id, run_id)
        if run.status == RunStatus.APPROVED:
            numbering.number(session, run, by.actor, at)
            partitions.begin_stage(session, run, ISSUE)
        elif run.status != RunStatus.NUMBERED:
            raise RunError(f"run {run.code}: is {run.status}; only an approved run is issued")
    drive.drive(engine, utility_id, run_id, ISSUE, by.executors, by.progress, by.keys)
    with write_session(engine) as session:
        run = run_of(session, utility_id, run_id)
        if run.status == RunStatus.NUMBERED:
            move(session, run, RunStatus.ISSUED, by.actor, at, issued_at=at, summary=_issued(session, run))
            partitions.begin_stage(session, run, DELIVER)


def deliver(engine: Engine, utility_id: int, run_id: int, by: Operator, at: datetime) -> None:
    """Make the documents of an issued run; after an interruption the rest of them."""
    with read_session(engine) as session:
        run = run_of(session, utility_id, run_id)
        if run.status != RunStatus.ISSUED:
            raise RunError(f"run {run.code}: is {run.status}; only an issued run is delivered")
    drive.drive(engine, utility_id, run_id, DELIVER, by.executors, by.progress, by.keys)
    with write_session(engine) as session:
        run = run_of(session, utility_id, run_id)
        if run.status == RunStatus.ISSUED:
            move(session, run, RunStatus.DELIVERED, by.actor, at, delivered_at=at)


def _drafts(run: BillingRun) -> tuple[ColumnElement[bool], ...]:
    return (DraftBill.utility_id == run.utility_id, DraftBill.run_id == run.id)


def _simulated(session: Session, run: BillingRun) -> dict[str, Any]:
    """What a simulation came to: bills, parked contracts, litres, cents, and exceptions by code."""
    by_status: Any = select(
        DraftBill.status,
        func.count(),
        func.sum(DraftBill.litres),
        func.sum(DraftBill.estimated_litres),
        func.sum(DraftBill.total_cents),
    )
    rows = {row[0]: row for row in session.execute(by_status.where(*_drafts(run)).group_by(DraftBill.status))}
    _, bills, litres, estimated, cents = rows.pop(READY, (READY, 0, 0, 0, 0))
    by_code: Any = (
        select(DraftException.code, func.count())
        .where(DraftException.utility_id == run.utility_id, DraftException.run_id == run.id)
        .group_by(DraftException.code)
    )
    return {
        "bills": bills,
        "parked": sum(row[1] for row in rows.values()),
        "litres": int(litres),
        "estimated_litres": int(estimated),
        "total_cents": int(cents),
        "exceptions": {row[0]: row[1] for row in session.execute(by_code)},
    }


def _issued(session: Session, run: BillingRun) -> dict[str, Any]:
    """The summary with what was issued, and the mean use of a household, which bills are compared with."""
    shares: Any = select(
        func.sum(RunPartition.bills), func.sum(RunPartition.homes), func.sum(RunPartition.home_litres)
    ).where(RunPartition.utility_id == run.utility_id, RunPartition.run_id == run.id)
    invoices, homes, litres = (int(value or 0) for value in session.execute(shares).one())
    summary = {**run.summary, "invoices": invoices}
    # The homes that were left are no household to compare a bill with.
    return summary | {AVERAGE: litres // homes} if homes and not settings_of(run).closing else summary
