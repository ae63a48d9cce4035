"""Refunds and the orders they were sent in, as people look at them: counts, pages, one with its neighbours."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from central.collection.refunds import APPROVED, Listed, in_state, state_of
from central.store.models import Contract, Refund, RefundOrder

PAGE = 50
STATES = ("asked", "approved", "sent", "paid", "returned", "rejected")


@dataclass(frozen=True, slots=True)
class Sending:
    """What is approved and in no order yet: how many transfers, and cents in all."""

    transfers: int
    cents: int


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order without its file; ``open`` of its transfers are told neither as paid nor as returned."""

    id: int
    code: str
    execute_on: date
    debtor_iban: str
    transfers: int
    cents: int
    open: int
    sha256: str
    made_by: str
    made_at: datetime


def counts(session: Session, utility_id: int) -> dict[str, int]:
    """How many refunds are in each state, in the order they go through them."""
    columns = [func.count().filter(in_state(state)) for state in STATES]
    (row,) = session.execute(select(*columns).where(Refund.utility_id == utility_id))
    return dict(zip(STATES, map(int, row), strict=True))


def page(
    session: Session, utility_id: int, state: str | None = None, *, before: int | None = None, limit: int = PAGE
) -> list[Listed]:
    """Refunds, the newest first; ``before`` is the id that the page before ended with."""
    rows = _listed(utility_id).order_by(Refund.id.desc()).limit(limit)
    if state is not None:
        rows = rows.where(in_state(state))
    if before is not None:
        rows = rows.where(Refund.id < before)
    return [Listed(row, code, state_of(row)) for row, code in session.execute(rows)]


def find(session: Session, utility_id: int, refund_id: int) -> tuple[Listed, str | None] | None:
    """One refund with its order's code, if it was sent; None where the utility has none with this id."""
    row = session.execute(_listed(utility_id).where(Refund.id == refund_id)).first()
    if row is None:
        return None
    refund, contract = row
    order = select(RefundOrder.code).where(RefundOrder.utility_id == utility_id, RefundOrder.id == refund.order_id)
    return Listed(refund, contract, state_of(refund)), session.scalar(order)


def sending(session: Session, utility_id: int) -> Sending:
    """What an export would put into a file now."""
    rows = select(func.count(), func.coalesce(func.sum(Refund.cents), 0)).where(
        Refund.utility_id == utility_id, Refund.decision == APPROVED, Refund.order_id.is_(None)
    )
    transfers, cents = session.execute(rows).one()
    return Sending(int(transfers), int(cents))


def orders(session: Session, utility_id: int, *, before: int | None = None, limit: int = PAGE) -> list[ListedOrder]:
    """The orders, the newest first; ``before`` is the id that the page before ended with."""
    rows = _orders(utility_id).order_by(RefundOrder.id.desc()).limit(limit)
    if before is not None:
        rows = rows.where(RefundOrder.id < before)
    return [ListedOrder(*row) for row in session.execute(rows)]


def order(session: Session, utility_id: int, code: str) -> tuple[ListedOrder, list[Listed]] | None:
    """One order with its refunds, in the order of the file; None where there is none."""
    row = session.execute(_orders(utility_id).where(RefundOrder.code == code)).first()
    if row is None:
        return None
    found = ListedOrder(*row)
    rows = _listed(utility_id).where(Refund.order_id == found.id).order_by(Refund.id)
    return found, [Listed(one, contract, state_of(one)) for one, contract in session.execute(rows)]


def _listed(utility_id: int) -> Select[Refund, str]:
    mine = and_(Contract.utility_id == Refund.utility_id, Contract.id == Refund.contract_id)
    return select(Refund, Contract.code).join(Contract, mine).where(Refund.utility_id == utility_id)


def _orders(utility_id: int) -> Select[Any]:
    still_open = (
        select(func.count())
        .where(
            Refund.utility_id == RefundOrder.utility_id,
            Refund.order_id == RefundOrder.id,
            Refund.paid_on.is_(None),
            Refund.returned_on.is_(None),
        )
        .scalar_subquery()
    )
    return select(
        RefundOrder.id,
        RefundOrder.code,
        RefundOrder.execute_on,
        RefundOrder.debtor_iban,
        RefundOrder.transfers,
        RefundOrder.total_cents,
        still_open,
        RefundOrder.sha256,
        RefundOrder.made_by,
        RefundOrder.made_at,
    ).where(RefundOrder.utility_id == utility_id)
