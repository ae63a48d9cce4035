"""Regularising a run's estimates: what was metered in all is spread over the estimated bills, which are rated again.

The difference method needs nothing: the bill that a real reading closes carries what the estimates were short of or
beyond. Where that is negative, or where the estimates pushed water into a dearer block, the estimated bills are
rectified by differences instead (R4); each proposal is decided by another person, and the run is simulated again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from billing.invoice import InvoiceType
from central.invoicing.rectify import Request, propose
from central.invoicing.states import RunError, RunStatus
from central.store.models import (
    BillingRun,
    Consumption,
    Contract,
    DraftBill,
    Invoice,
    Rectification,
    RectificationItem,
)

REASON = "Regularización de consumos estimados con la lectura real"
ALL, NEGATIVE = "all", "negative"


@dataclass(frozen=True, slots=True)
class Regularised:
    """What became of one contract: its proposal with what it changes in cents, or why there is none."""

    contract: str
    rectification_id: int | None
    cents: int
    why: str


def regularise(
    session: Session, run: BillingRun, series: str, actor: str, at: datetime, *, which: str = ALL, reason: str = REASON
) -> list[Regularised]:
    """Propose to rectify the estimated bills before each draft that a real reading closes.

    ``which`` "negative" takes only the contracts whose estimates were beyond what was metered. A contract whose bills
    come out the same, or cannot be spread, is told with the reason and left as it is.
    """
    if run.status != RunStatus.REVIEW:
        raise RunError(f"run {run.code}: is {run.status}; estimates are regularised while it is in review")
    if which not in (ALL, NEGATIVE):
        raise RunError(f"which {which}: must be {ALL} or {NEGATIVE}")
    found = []
    for draft, code in session.execute(_after_estimates(run, which)).all():
        bills = _estimated_before(session, draft)
        found.append(_proposed(session, run, draft, code, bills, series, actor, at, reason))
    return found


def _proposed(
    session: Session,
    run: BillingRun,
    draft: DraftBill,
    contract: str,
    bills: Sequence[int],
    series: str,
    actor: str,
    at: datetime,
    reason: str,
) -> Regularised:
    if not bills:
        return Regularised(contract, None, 0, "sin facturas estimadas seguidas hasta este periodo")
    open_one = _open_proposal(session, run.utility_id, bills)
    if open_one is not None:
        return Regularised(contract, open_one, 0, "ya está propuesta")
    asked = Request(tuple(bills), "spread", InvoiceType.R4, "I", series, reason, until=draft.period_to)
    try:
        with session.begin_nested():
            row = propose(session, run.utility_id, asked, actor, at)
            cents = select(func.sum(RectificationItem.after_cents - RectificationItem.before_cents)).where(
                RectificationItem.utility_id == row.utility_id, RectificationItem.rectification_id == row.id
            )
            return Regularised(contract, row.id, int(session.scalar(cents) or 0), "")
    except RunError as error:
        return Regularised(contract, None, 0, str(error))


def _after_estimates(run: BillingRun, which: str) -> Any:
    """Drafts that a reading closes, of contracts whose last bill ends with an estimate."""
    newer = aliased(Consumption)
    newest = (
        select(func.max(newer.generation))
        .where(
            newer.utility_id == Consumption.utility_id,
            newer.contract_id == Consumption.contract_id,
            newer.period_from == Consumption.period_from,
        )
        .scalar_subquery()
    )
    before = and_(
        Consumption.utility_id == DraftBill.utility_id,
        Consumption.contract_id == DraftBill.contract_id,
        Consumption.period_to == DraftBill.period_from,
        Consumption.generation == newest,
        Consumption.estimated_litres > 0,
    )
    contract = and_(Contract.utility_id == DraftBill.utility_id, Contract.id == DraftBill.contract_id)
    closed = or_(DraftBill.estimated_litres == 0, DraftBill.litres < 0)
    rows = (
        select(DraftBill, Contract.code)
        .select_from(DraftBill)
        .join(Consumption, before)
        .join(Contract, contract)
        .where(DraftBill.utility_id == run.utility_id, DraftBill.run_id == run.id)
        .order_by(DraftBill.contract_id, DraftBill.period_from)
    )
    return rows.where(DraftBill.litres < 0 if which == NEGATIVE else closed)


def _estimated_before(session: Session, draft: DraftBill) -> list[int]:
    """The ids of the original bills, estimated one after the other, that the draft follows; oldest first."""
    rows: Any = (
        select(Invoice.id, Invoice.period_from, Invoice.period_to, Consumption.estimated_litres)
        .join(
            Consumption,
            and_(
                Consumption.utility_id == Invoice.utility_id,
                Consumption.contract_id == Invoice.contract_id,
                Consumption.period_from == Invoice.period_from,
            ),
        )
        .where(
            Invoice.utility_id == draft.utility_id,
            Invoice.contract_id == draft.contract_id,
            Invoice.kind == InvoiceType.F1.value,
            Invoice.period_to <= draft.period_from,
        )
        .order_by(Invoice.period_from.desc(), Consumption.generation.desc())
    )
    found: list[int] = []
    start = draft.period_from
    for row in session.execute(rows):
        if row.id in found or row.period_to > start:
            continue  # an older generation of the same bill
        if row.period_to != start or not row.estimated_litres:
            break
        found.insert(0, row.id)
        start = row.period_from
    return found


def _open_proposal(session: Session, utility_id: int, bills: Sequence[int]) -> int | None:
    item = and_(
        RectificationItem.utility_id == Rectification.utility_id, RectificationItem.rectification_id == Rectification.id
    )
    rows = (
        select(Rectification.id)
        .join(RectificationItem, item)
        .where(
            Rectification.utility_id == utility_id,
            Rectification.decision.is_(None),
            RectificationItem.invoice_id.in_(bills),
        )
    )
    return session.scalars(rows.limit(1)).first()
