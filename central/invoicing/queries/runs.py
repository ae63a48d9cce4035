"""Billing runs and their drafts as the office works through them: counts, pages, one draft beside the last bill."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from billing.invoice import Invoice
from billing.money import euros
from central.invoicing.archive import rebuild
from central.invoicing.desk import HELD
from central.invoicing.draft import Draft
from central.invoicing.issue import block_of
from central.invoicing.plan import PARKED
from central.invoicing.review import CANNOT_BILL
from central.invoicing.shared import Shared
from central.invoicing.states import RunStatus
from central.store.models import BillingRun, Contract, Customer, DraftBill, DraftException, RunPartition, SupplyPoint
from central.store.models import Invoice as InvoiceRow

Sort = Literal["contract", "total", "litres", "change"]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a list; ``totals`` is what it last came to, ``open_exceptions`` bar its approval."""

    id: int
    code: str
    period_from: date
    period_to: date
    status: str
    issue_date: date | None
    due_date: date | None
    created_by: str
    created_at: datetime
    approved_by: str | None
    cutoff_at: datetime
    open_exceptions: int
    contracts: int
    totals: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """What the review must look at, with the numbers compared; waived where ``waived_by`` is set."""

    code: str
    text: str
    numbers: Mapping[str, Any]
    waived_by: str | None
    waived_at: datetime | None
    waived_reason: str | None


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft beside the last bill of its contract; money in euros. ``status`` is "ready" or "parked"."""

    contract_id: int
    contract: str
    holder: str
    supply: str
    status: str
    period_from: date
    period_to: date
    litres: int
    estimated_litres: int
    total: Decimal
    previous_litres: int | None
    previous_days: int | None
    previous_total: Decimal | None
    open_exceptions: int
    items: tuple[ReviewItem, ...]

    @property
    def days(self) -> int:
        """Days of the period."""
        return (self.period_to - self.period_from).days

    @property
    def change(self) -> Decimal | None:
        """Euros above the last bill."""
        return None if self.previous_total is None else self.total - self.previous_total

    @property
    def change_percent(self) -> int | None:
        """The same in whole percent of the last bill, rounded toward it."""
        if not self.previous_total:
            return None
        return int((self.total - self.previous_total) * 100 / self.previous_total)


@dataclass(frozen=True, slots=True)
class DraftPage:
    """Drafts in order, how many there are in all, and the key of the next page, None on the last one."""

    rows: tuple[DraftRow, ...]
    count: int
    total: Decimal
    next: str | None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which drafts: those with an exception of a code, of a status, open ones only; in which order."""

    code: str | None = None
    status: str | None = None
    open_only: bool = False
    contract: str | None = None
    sort: Sort = "contract"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class DraftView:
    """One draft whole: the invoice it would become, and the last one of its contract to compare it with."""

    row: DraftRow
    invoice: Invoice | None
    previous: Invoice | None
    notes: tuple[str, ...]


class PageKeyError(ValueError):
    """A page key that no page gave out."""


def runs(session: Session, utility_id: int, *, limit: int = 50, before: int | None = None) -> list[RunSummary]:
    """The newest runs; ``before`` is the id of the last one already seen."""
    conditions = [BillingRun.id < before] if before is not None else []
    return _run_summaries(session, utility_id, conditions, limit)


def run_summary(session: Session, utility_id: int, run_id: int) -> RunSummary | None:
    """One run."""
    found = _run_summaries(session, utility_id, [BillingRun.id == run_id], 1)
    return found[0] if found else None


def exception_counts(session: Session, utility_id: int, run_id: int, *, open_only: bool = True) -> dict[str, int]:
    """How many drafts each exception code names; each count is that of the page it opens."""
    rows: Any = (
        select(DraftException.code, func.count())
        .where(DraftException.utility_id == utility_id, DraftException.run_id == run_id)
        .group_by(DraftException.code)
        .order_by(DraftException.code)
    )
    if open_only:
        rows = rows.where(DraftException.waived_at.is_(None))
    return {row[0]: row[1] for row in session.execute(rows)}


def drafts(
    session: Session, utility_id: int, run_id: int, filters: Filters, *, after: str | None = None, limit: int = 50
) -> DraftPage:
    """A page of a run's drafts. ``after`` is the ``next`` of the page before; PageKeyError where it is not one."""
    key = _SORTS[filters.sort]
    narrowed = _matching(utility_id, run_id, filters)
    conditions = [DraftBill.utility_id == utility_id, DraftBill.run_id == run_id, *narrowed]
    count, cents = (None if narrowed else _summed_up(session, utility_id, run_id)) or _summed(session, conditions)
    wanted = select(DraftBill.id, key.label("sort_key")).where(*conditions)
    if after is not None:
        wanted = wanted.where(_beyond(key, after, filters.descending))
    order = (key.desc(), DraftBill.id.desc()) if filters.descending else (key, DraftBill.id)
    # First which ones, from the drafts alone; then who and where, of those few.
    few = wanted.order_by(*order).limit(limit + 1).subquery()
    rows = _draft_rows([DraftBill.utility_id == utility_id]).add_columns(few.c.sort_key)
    found = session.execute(rows.join(few, few.c.id == DraftBill.id).order_by(*order)).all()
    shown = found[:limit]
    items = _items(session, utility_id, run_id, [row.DraftBill.contract_id for row in shown])
    following = f"{shown[-1].sort_key}.{shown[-1].DraftBill.id}" if len(found) > limit else None
    page = tuple(_row(row.DraftBill, row.code, row.name, row.SupplyPoint, items) for row in shown)
    return DraftPage(page, count, euros(cents), following)


def draft(
    session: Session, utility_id: int, run_id: int, contract_id: int, period_from: date | None = None
) -> DraftView | None:
    """One draft with its lines and whys, beside the last bill of its contract; of several holders' the first."""
    conditions = [
        DraftBill.utility_id == utility_id,
        DraftBill.run_id == run_id,
        DraftBill.contract_id == contract_id,
    ]
    if period_from is not None:
        conditions.append(DraftBill.period_from == period_from)
    found = session.execute(_draft_rows(conditions).order_by(DraftBill.period_from)).first()
    if found is None:
        return None
    items = _items(session, utility_id, run_id, [contract_id])
    row = _row(found.DraftBill, found.code, found.name, found.SupplyPoint, items)
    bill = _drafted(session, found.DraftBill)
    last = session.scalars(
        select(InvoiceRow)
        .where(
            InvoiceRow.utility_id == utility_id,
            InvoiceRow.contract_id == contract_id,
            InvoiceRow.period_to <= row.period_from,
        )
        .order_by(InvoiceRow.period_to.desc(), InvoiceRow.generation.desc(), InvoiceRow.id.desc())
        .limit(1)
    ).all()
    previous = next((item.invoice for item in rebuild(session, last)), None)
    return DraftView(row, bill.invoice if bill else None, previous, tuple(bill.notes) if bill else ())


def _drafted(session: Session, row: DraftBill) -> Draft | None:
    """A draft whole, from its partition's block."""
    if row.place is None:
        return None
    series = session.get_one(BillingRun, (row.utility_id, row.run_id)).series
    block = block_of(session, row.utility_id, row.run_id, row.partition)
    return block.draft(row.place, series, Shared(session, row.utility_id))


_SIMULATED = (RunStatus.REVIEW, RunStatus.APPROVED, RunStatus.NUMBERED, RunStatus.ISSUED, RunStatus.DELIVERED)
_CHANGE = DraftBill.total_cents - func.coalesce(DraftBill.previous_total_cents, 0)
_SORTS: dict[Sort, ColumnElement[int]] = {
    "contract": DraftBill.contract_id.expression,
    "total": DraftBill.total_cents.expression,
    "litres": DraftBill.litres.expression,
    "change": _CHANGE,
}


def _run_summaries(
    session: Session, utility_id: int, conditions: list[ColumnElement[bool]], limit: int
) -> list[RunSummary]:
    mine = and_(DraftException.utility_id == BillingRun.utility_id, DraftException.run_id == BillingRun.id)
    open_exceptions = select(func.count()).where(mine, DraftException.waived_at.is_(None)).scalar_subquery()
    share = and_(RunPartition.utility_id == BillingRun.utility_id, RunPartition.run_id == BillingRun.id)
    contracts = select(func.coalesce(func.sum(RunPartition.contracts), 0)).where(share).scalar_subquery()
    rows = (
        select(BillingRun, open_exceptions, contracts)
        .where(BillingRun.utility_id == utility_id, *conditions)
        .order_by(BillingRun.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [_run_summary(*row) for row in session.execute(rows)]


def _run_summary(run: BillingRun, open_exceptions: int, contracts: int) -> RunSummary:
    return RunSummary(
        run.id,
        run.code,
        run.period_from,
        run.period_to,
        run.status,
        run.issue_date,
        run.due_date,
        run.created_by,
        run.created_at,
        run.approved_by,
        run.cutoff_at,
        int(open_exceptions),
        int(contracts),
        run.summary,
    )


def _of_contract() -> ColumnElement[bool]:
    return and_(Contract.utility_id == DraftBill.utility_id, Contract.id == DraftBill.contract_id)


def _draft_rows(conditions: list[ColumnElement[bool]]) -> Any:
    holder = and_(Customer.utility_id == DraftBill.utility_id, Customer.id == DraftBill.customer_id)
    point = and_(SupplyPoint.utility_id == Contract.utility_id, SupplyPoint.id == Contract.supply_point_id)
    return (
        select(DraftBill, Contract.code, Customer.name, SupplyPoint)
        .join(Contract, _of_contract())
        .join(SupplyPoint, point)
        .outerjoin(Customer, holder)
        .where(*conditions)
    )


def _summed_up(session: Session, utility_id: int, run_id: int) -> tuple[int, int] | None:
    """Drafts of a whole run and their cents as its simulation summed them up; None while they may be others.

    Counting all of them would make a page the slower the larger its run. Holding a draft back changes neither sum.
    """
    run = select(BillingRun.status, BillingRun.summary).where(
        BillingRun.utility_id == utility_id, BillingRun.id == run_id
    )
    found = session.execute(run).one_or_none()
    if found is None or found.status not in _SIMULATED:
        return None
    return found.summary["bills"] + found.summary["parked"], found.summary["total_cents"]


def _summed(session: Session, conditions: list[ColumnElement[bool]]) -> tuple[int, int]:
    """Drafts that match, and their cents."""
    found: Any = session.execute(select(func.count(), func.sum(DraftBill.total_cents)).where(*conditions)).one()
    return found[0], int(found[1] or 0)


def _matching(utility_id: int, run_id: int, filters: Filters) -> list[ColumnElement[bool]]:
    named = select(DraftException.contract_id).where(
        DraftException.utility_id == utility_id, DraftException.run_id == run_id
    )
    unsettled = named.where(DraftException.waived_at.is_(None))
    found: list[ColumnElement[bool]] = []
    if filters.status is not None:
        found.append(DraftBill.status == filters.status)
    if filters.status == PARKED:
        # Each says why: this changes nothing of what is found, and finds it without reading the whole run.
        found.append(DraftBill.contract_id.in_(named.where(DraftException.code.in_((CANNOT_BILL, HELD)))))
    if filters.open_only:
        found += [DraftBill.open_exceptions > 0, DraftBill.contract_id.in_(unsettled)]
    if filters.contract is not None:
        coded = select(Contract.id).where(Contract.utility_id == utility_id, Contract.code == filters.contract)
        found.append(DraftBill.contract_id.in_(coded))
    if filters.code is not None:
        exceptions = unsettled if filters.open_only else named
        found.append(DraftBill.contract_id.in_(exceptions.where(DraftException.code == filters.code)))
    return found


def _beyond(key: ColumnElement[int], after: str, descending: bool) -> ColumnElement[bool]:
    """What follows the last row seen, in the order that ends with the draft's id."""
    try:
        value, last = (int(part) for part in after.split("."))
    except ValueError:
        raise PageKeyError(f"after {after!r}: must be the next of a page") from None
    if descending:
        return or_(key < value, and_(key == value, DraftBill.id < last))
    return or_(key > value, and_(key == value, DraftBill.id > last))


def _items(session: Session, utility_id: int, run_id: int, contracts: list[int]) -> dict[int, tuple[ReviewItem, ...]]:
    rows = (
        select(DraftException)
        .where(
            DraftException.utility_id == utility_id,
            DraftException.run_id == run_id,
            DraftException.contract_id.in_(contracts),
        )
        .order_by(DraftException.contract_id, DraftException.code)
    )
    found: dict[int, tuple[ReviewItem, ...]] = {}
    for row in session.scalars(rows):
        item = ReviewItem(row.code, row.text, row.numbers, row.waived_by, row.waived_at, row.waived_reason)
        found[row.contract_id] = (*found.get(row.contract_id, ()), item)
    return found


def _row(
    bill: DraftBill,
    contract: str,
    holder: str | None,
    point: SupplyPoint,
    items: Mapping[int, tuple[ReviewItem, ...]],
) -> DraftRow:
    where = " ".join(part for part in (f"{point.street}, {point.number}", point.detail) if part)
    previous = bill.previous_total_cents
    return DraftRow(
        bill.contract_id,
        contract,
        holder or "",
        where,
        bill.status,
        bill.period_from,
        bill.period_to,
        bill.litres,
        bill.estimated_litres,
        euros(bill.total_cents),
        bill.previous_litres,
        bill.previous_days,
        None if previous is None else euros(previous),
        bill.open_exceptions,
        items.get(bill.contract_id, ()),
    )
