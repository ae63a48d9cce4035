"""The closing bill of a case that ended somebody's days: the run that makes it, and how the account then stands.

The deposit was given back when the case was completed, to the account of who leaves: the bill is charged against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from central.invoicing.closing import ClosingPlan, Ended, create_closing
from central.invoicing.plan import READY
from central.invoicing.states import RunError, RunStatus
from central.lifecycle import standing
from central.lifecycle.cases import SUBJECT
from central.lifecycle.procedures import CLOSES, State
from central.register.change import Change, journalled
from central.store.models import BillingRun, Contract, ContractCase, DraftBill, Invoice


@dataclass(frozen=True)
class Asked:
    """What a clerk says of a closing bill; what is not said is usual (central.invoicing.closing.ClosingPlan)."""

    series: str = ""
    issue_date: date | None = None
    due_date: date | None = None
    since: date | None = None


@dataclass(frozen=True)
class Line:
    """One bill of a closing run: its days, litres and cents; ``number`` once it is issued, ``parked`` with no bill."""

    period_from: date
    period_to: date
    customer_id: int | None
    litres: int
    total_cents: int
    parked: bool
    number: str


@dataclass(frozen=True)
class FinalBill:
    """The closing run of a case and the account of who left.

    ``balance_cents`` is what they owe of the contract once the bills are issued and the deposit is counted; negative,
    it is paid back to them. ``open_exceptions`` must be resolved or waived before somebody approves.
    """

    run: BillingRun
    lines: Sequence[Line]
    open_exceptions: int
    deposit_cents: int
    balance_cents: int


def make_final_bill(session: Session, case: ContractCase, asked: Asked, *, by: Change) -> BillingRun:
    """Store the run that bills the days of who left a completed case's contract; RunError says what forbids it."""
    # Locked: of two who make it at the same time the second is told of the first's.
    session.refresh(case, with_for_update={"key_share": True})
    contract = _closed_contract(session, case)
    before = _runs(session, case)
    live = [run for run in before if run.status != RunStatus.CANCELLED]
    if live:
        raise RunError(f"case {case.number}: run {live[0].code} makes its closing bill and is {live[0].status}")
    base = code_of(case)
    code = f"{base}-{len(before) + 1}" if before else base
    plan = ClosingPlan(code, asked.series, asked.issue_date, asked.due_date, asked.since)
    ended = [Ended(contract.code, case.effective_on)]
    run = create_closing(session, case.utility_id, ended, plan, by.actor, by.at)
    journalled(session, case.utility_id, by, "closing_bill", SUBJECT, case.id, after={"run": run.code})
    return run


def final_bill(session: Session, case: ContractCase) -> FinalBill | None:
    """The closing bill of a case as it stands; None where none was made or the last was given up."""
    runs = _runs(session, case)
    if not runs or runs[0].status == RunStatus.CANCELLED:
        return None
    run, contract = runs[0], _closed_contract(session, case)
    rows = _drafts(session, run)
    lines = [_line(draft, number) for draft, number in rows]
    holder = standing.holder_on(session, contract, standing.day_before(case.effective_on))
    person = holder.customer_id if holder else None
    to_come = sum(one.total_cents for one in lines if one.customer_id == person and not one.number and not one.parked)
    owed = standing.debts(session, contract).get(person, 0) if person is not None else 0
    return FinalBill(
        run,
        lines,
        sum(draft.open_exceptions for draft, _ in rows),
        int((case.result or {}).get("deposit_returned_cents", 0)),
        owed + to_come,
    )


def may_close(case: ContractCase) -> bool:
    """Whether a case is of the kind, and as far, that a closing bill is made for it."""
    return case.procedure in CLOSES and case.state == State.DONE


def code_of(case: ContractCase) -> str:
    """The code of a case's closing run; one that follows a run given up has ``-2`` and so on behind it."""
    return f"CIERRE-{case.number:06d}"


def _closed_contract(session: Session, case: ContractCase) -> Contract:
    if not may_close(case) or case.contract_id is None:
        rule = "a closing bill follows a completed cancellation, change of holder or subrogation"
        raise RunError(f"case {case.number}: {case.procedure}, {case.state}: {rule}")
    return session.get_one(Contract, (case.utility_id, case.contract_id))


def _runs(session: Session, case: ContractCase) -> Sequence[BillingRun]:
    """The closing runs of a case, the newest first."""
    base = code_of(case)
    rows = select(BillingRun).where(
        BillingRun.utility_id == case.utility_id, or_(BillingRun.code == base, BillingRun.code.startswith(f"{base}-"))
    )
    return session.scalars(rows.order_by(BillingRun.created_at.desc(), BillingRun.id.desc())).all()


def _drafts(session: Session, run: BillingRun) -> Sequence[tuple[DraftBill, str]]:
    billed = and_(
        Invoice.utility_id == DraftBill.utility_id,
        Invoice.run_id == DraftBill.run_id,
        Invoice.contract_id == DraftBill.contract_id,
        Invoice.period_from == DraftBill.period_from,
    )
    rows = (
        select(DraftBill, Invoice.number_text)
        .outerjoin(Invoice, billed)
        .where(DraftBill.utility_id == run.utility_id, DraftBill.run_id == run.id)
        .order_by(DraftBill.period_from)
    )
    return [(draft, number or "") for draft, number in session.execute(rows)]


def _line(draft: DraftBill, number: str) -> Line:
    return Line(
        draft.period_from,
        draft.period_to,
        draft.customer_id,
        draft.litres,
        draft.total_cents,
        draft.status != READY,
        number,
    )
