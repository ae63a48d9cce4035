"""What a clerk does to a run under review: waive an exception with a reason, or hold a contract back.

Each acts on a row as the clerk saw it: of two clerks on one row the second gets RunError, and nothing is lost.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from central import journal
from central.invoicing.plan import PARKED, READY
from central.invoicing.states import RunError, RunStatus
from central.store.bulk import Row, changed, chunks, insert_rows
from central.store.models import BillingRun, DraftBill, DraftException

HELD = "held"
_HELD = ("utility_id", "run_id", "contract_id", "code", "text", "numbers", "waived_by", "waived_at", "waived_reason")


def waive(
    session: Session, run: BillingRun, contract_id: int, code: str, actor: str, at: datetime, reason: str
) -> None:
    """Let a draft pass in spite of one exception."""
    _writable(session, run)
    if not reason.strip():
        raise RunError(f"exception {code} of contract {contract_id}: waiving needs a reason")
    one = (*_exceptions(run), DraftException.contract_id == contract_id, DraftException.code == code)
    if not _waive(session, run, one, actor, at, reason):
        raise RunError(f"exception {code} of contract {contract_id}: is not open; it was waived or simulated away")
    told = {"contract_id": contract_id, "code": code}
    journal.record(
        session, run.utility_id, actor, "exception.waived", "billing_run", run.id, at=at, after=told, reason=reason
    )


def waive_all(session: Session, run: BillingRun, codes: Sequence[str], actor: str, at: datetime, reason: str) -> int:
    """Let every draft pass in spite of exceptions of these codes; returns how many were open."""
    _writable(session, run)
    if not reason.strip():
        raise RunError(f"exceptions {', '.join(codes)}: waiving needs a reason")
    several = (*_exceptions(run), DraftException.code.in_(codes))
    count = _waive(session, run, several, actor, at, reason)
    told = {"codes": list(codes), "count": count}
    journal.record(
        session, run.utility_id, actor, "exceptions.waived", "billing_run", run.id, at=at, after=told, reason=reason
    )
    return count


def hold(session: Session, run: BillingRun, contract_id: int, actor: str, at: datetime, reason: str) -> None:
    """Leave a contract out of this run, to be read again or billed later; simulating again takes it back in."""
    _writable(session, run)
    if not reason.strip():
        raise RunError(f"contract {contract_id}: holding it back needs a reason")
    statement = (
        update(DraftBill)
        .where(
            DraftBill.utility_id == run.utility_id,
            DraftBill.run_id == run.id,
            DraftBill.contract_id == contract_id,
            DraftBill.status == READY,
        )
        .values(status=PARKED)
    )
    if not changed(session, statement):
        raise RunError(f"contract {contract_id}: has no draft to hold back in run {run.code}")
    mine = (*_exceptions(run), DraftException.contract_id == contract_id)
    _waive(session, run, mine, actor, at, reason)
    text = f"Retenido: {reason}"
    row: Row = (run.utility_id, run.id, contract_id, HELD, text, {}, actor, at, reason)
    insert_rows(session, DraftException, _HELD, [row])
    told = {"contract_id": contract_id}
    journal.record(
        session, run.utility_id, actor, "draft.held", "billing_run", run.id, at=at, after=told, reason=reason
    )


def _exceptions(run: BillingRun) -> tuple[ColumnElement[bool], ...]:
    return (
        DraftException.utility_id == run.utility_id,
        DraftException.run_id == run.id,
        DraftException.waived_at.is_(None),
    )


def _writable(session: Session, run: BillingRun) -> None:
    """Lock the run, so that it cannot be approved meanwhile."""
    statement = select(BillingRun.status).where(BillingRun.utility_id == run.utility_id, BillingRun.id == run.id)
    status = session.scalar(statement.with_for_update())
    if status != RunStatus.REVIEW:
        raise RunError(f"run {run.code}: is {status}; exceptions are handled while it is in review")


def _waive(
    session: Session,
    run: BillingRun,
    which: tuple[ColumnElement[bool], ...],
    actor: str,
    at: datetime,
    reason: str,
) -> int:
    """Waive the exceptions that ``which`` selects and bring the counts of their drafts up to date."""
    contracts = session.scalars(select(DraftException.contract_id).where(*which).distinct()).all()
    values = {"waived_by": actor, "waived_at": at, "waived_reason": reason}
    count = changed(session, update(DraftException).where(*which).values(**values))
    left = (
        select(func.count())
        .where(*_exceptions(run), DraftException.contract_id == DraftBill.contract_id)
        .scalar_subquery()
    )
    for some in chunks(contracts, 500):
        drafts = update(DraftBill).where(
            DraftBill.utility_id == run.utility_id,
            DraftBill.run_id == run.id,
            DraftBill.contract_id.in_(some),
        )
        changed(session, drafts.values(open_exceptions=left))
    return count
