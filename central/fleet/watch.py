"""What time and money do to orders: an unlawful cut is withdrawn, a debt that is paid brings the water back."""

from datetime import datetime

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from central.collection.posting import RECEIVABLE, balance
from central.fleet import cuts, kinds, mail
from central.fleet.cutting import reconnect_by
from central.fleet.orders import Wanted, cancel_order, open_orders_of, order_work
from central.register import Change
from central.store.models import Contract, LedgerEntry, LedgerTransaction, SupplyPoint, Utility, WorkOrder
from central.times import local_day, millis

ACTOR = "sgc"


def watch(session: Session, utility_id: int, now: datetime) -> tuple[int, int]:
    """Withdraw cuts that must not be made, order what was paid to be reconnected, have today's routes told.

    How many cuts were withdrawn and reconnections ordered.
    """
    mail.want_todays(session, utility_id, local_day(millis(now)))
    return withdraw_unlawful(session, utility_id, now), reconnect_paid(session, utility_id, now)


def utilities(session: Session) -> list[int]:
    """Every utility."""
    return list(session.scalars(select(Utility.id).order_by(Utility.id)))


def withdraw_unlawful(session: Session, utility_id: int, now: datetime) -> int:
    """Withdraw each open cut for a debt that a rule forbids by now, or whose day has passed; returns how many."""
    today, withdrawn = local_day(millis(now)), 0
    # Locked: one that a report closes meanwhile is not among them.
    orders = session.scalars(
        select(WorkOrder)
        .where(
            WorkOrder.utility_id == utility_id,
            WorkOrder.kind == kinds.CUT,
            WorkOrder.cause == "debt",
            WorkOrder.status.in_(kinds.OPEN),
        )
        .order_by(WorkOrder.id)
        .with_for_update()
    )
    for order in orders.all():
        reason = _why_not(session, order, now)
        if order.planned_on is not None and order.planned_on < today:
            reason = f"cut.day: its day, {order.planned_on}, has passed"
        if reason:
            cancel_order(session, order, by=Change(ACTOR, now, reason))
            withdrawn += 1
    return withdrawn


def _why_not(session: Session, order: WorkOrder, now: datetime) -> str:
    if order.contract_id is None or order.planned_on is None:
        return ""
    contract = session.get_one(Contract, (order.utility_id, order.contract_id))
    return "; ".join(f"cut.{one.rule}: {one.text}" for one in cuts.forbidden(session, contract, order.planned_on, now))


def reconnect_paid(session: Session, utility_id: int, now: datetime) -> int:
    """Order the supply to be restored wherever the debt it was cut for has been paid; returns how many."""
    ordered = 0
    for cut in session.scalars(_cuts_in_force(utility_id)).all():
        contract = session.get_one(Contract, (utility_id, cut.contract_id))
        point = session.get_one(SupplyPoint, (utility_id, cut.supply_point_id))
        paid_at = _paid_at(session, contract, cut, now)
        if paid_at is None or open_orders_of(session, point, kinds.RECONNECT):
            continue
        due_by = reconnect_by(paid_at, cuts.rules_for(session, utility_id))
        instructions = f"Deuda pagada; se cortó con la orden {cut.code}"
        wanted = Wanted(
            kinds.RECONNECT, point.code, "paid", instructions, local_day(millis(now)), due_by, contract=contract.code
        )
        order_work(session, utility_id, wanted, by=Change(ACTOR, now, "the debt is paid"))
        ordered += 1
    return ordered


def _cuts_in_force(utility_id: int) -> Select[WorkOrder]:
    """Cuts for a debt that were made and not undone since."""
    undo = aliased(WorkOrder)
    undone = exists().where(
        undo.utility_id == WorkOrder.utility_id,
        undo.supply_point_id == WorkOrder.supply_point_id,
        undo.kind == kinds.RECONNECT,
        undo.status == kinds.DONE,
        undo.closed_at >= WorkOrder.closed_at,
    )
    return select(WorkOrder).where(
        WorkOrder.utility_id == utility_id,
        WorkOrder.kind == kinds.CUT,
        WorkOrder.cause == "debt",
        WorkOrder.status == kinds.DONE,
        WorkOrder.contract_id.is_not(None),
        ~undone,
    )


def _paid_at(session: Session, contract: Contract, cut: WorkOrder, now: datetime) -> datetime | None:
    """When the debt that a supply was cut for was paid; None while it is not.

    Paid is what leaves nothing owing, or as much paid since the order as was owed then: a bill that came meanwhile does
    not keep the water off.
    """
    paid, last = session.execute(
        select(func.coalesce(func.sum(-LedgerEntry.amount_cents), 0), func.max(LedgerTransaction.recorded_at))
        .join(
            LedgerTransaction,
            (LedgerTransaction.utility_id == LedgerEntry.utility_id)
            & (LedgerTransaction.id == LedgerEntry.transaction_id),
        )
        .where(
            LedgerEntry.utility_id == contract.utility_id,
            LedgerEntry.contract_id == contract.id,
            LedgerEntry.account.startswith(RECEIVABLE),
            LedgerEntry.amount_cents < 0,
            LedgerTransaction.recorded_at >= cut.created_at,
        )
    ).one()
    owing = balance(session, contract.utility_id, contract.id, local_day(millis(now)))
    if owing > 0 and paid < int(cut.details.get("debt_cents", 0)):
        return None
    return last or now
