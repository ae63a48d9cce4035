"""Work orders: made for a reason, given to a device, withdrawn. What becomes of them is :mod:`central.fleet.outcomes`.

:func:`order_work` is the one way to make an order, for staff, for findings and for the other rooms of the centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.fleet import cuts, kinds, mail
from central.register import Change, RegisterError
from central.register import identifiers as check
from central.register.change import journalled
from central.register.contracts import find_contract
from central.register.installations import installation_at
from central.register.supply import find_supply_point
from central.store import new_id
from central.store.models import Contract, Device, Finding, SupplyPoint, Utility, WorkOrder
from central.times import millis

LONGEST_INSTRUCTIONS = 500


@dataclass(frozen=True)
class Wanted:
    """An order to be made: what, where and why; ``details`` what its kind needs besides ("final": a last reading)."""

    kind: str
    supply: str
    cause: str = "staff"
    instructions: str = ""
    planned_on: date | None = None
    due_by: datetime | None = None
    contract: str | None = None
    finding_id: int | None = None
    route_id: int | None = None
    details: dict[str, Any] = field(default_factory=dict)


def order_work(
    session: Session, utility_id: int, wanted: Wanted, *, device: Device | None = None, by: Change
) -> WorkOrder:
    """Make an order, and give it to a device where one is named.

    Raises :class:`RegisterError` naming field, value and rule: where a cut is not lawful on its day, the law's rule.
    """
    point = find_supply_point(session, utility_id, wanted.supply)
    if point is None:
        raise RegisterError("order.supply", wanted.supply, "is not a supply point of this utility")
    _check_words(wanted)
    contract = _contract(session, point, wanted)
    meter_id = _meter(session, point, wanted, by)
    _refuse_second(session, point, wanted)
    details = dict(wanted.details)
    if wanted.kind == kinds.CUT:
        details |= cuts.allowed(session, contract, wanted.cause, wanted.planned_on, by.at)
    order = WorkOrder(
        utility_id=utility_id,
        id=new_id(),
        code=_next_code(session, utility_id),
        kind=wanted.kind,
        cause=wanted.cause,
        status=kinds.PLANNED,
        supply_point_id=point.id,
        meter_id=meter_id,
        contract_id=contract.id if contract else None,
        finding_id=_finding(session, utility_id, wanted.finding_id),
        route_id=wanted.route_id,
        device_id=None,
        planned_on=wanted.planned_on,
        due_by=wanted.due_by,
        instructions=wanted.instructions.strip(),
        details=details,
        created_by=by.actor,
        created_at=by.at,
        closed_at=None,
    )
    session.add(order)
    session.flush()
    after = {"code": order.code, "kind": order.kind, "cause": order.cause, "supply_point": point.code}
    journalled(session, utility_id, by, "order", "work_order", order.id, after=after)
    if device is not None:
        assign_order(session, order, device, planned_on=wanted.planned_on, by=by)
    return order


def assign_order(
    session: Session, order: WorkOrder, device: Device, *, planned_on: date | None = None, by: Change
) -> None:
    """Give an order to a device, or to another one than it had; one that was not possible is tried again."""
    _hold(session, order)
    if device.utility_id != order.utility_id:
        raise RegisterError("order.device", device.name, "belongs to another utility")
    if device.revoked_at is not None:
        raise RegisterError("order.device", device.name, "is revoked")
    if planned_on is not None and planned_on != order.planned_on and order.kind == kinds.CUT:
        contract = session.get(Contract, (order.utility_id, order.contract_id)) if order.contract_id else None
        order.details = order.details | cuts.allowed(session, contract, order.cause, planned_on, by.at)
    before = {"status": order.status, "device_id": order.device_id, "planned_on": _iso(order.planned_on)}
    former, order.device_id = order.device_id, device.id
    order.planned_on = planned_on or order.planned_on
    order.status, order.closed_at = kinds.PLANNED, None
    session.flush()
    for told in {former or device.id, device.id}:
        mail.want(session, order.utility_id, told, mail.ORDERS)
    after = {"status": order.status, "device_id": device.id, "planned_on": _iso(order.planned_on)}
    journalled(session, order.utility_id, by, "assign", "work_order", order.id, before=before, after=after)


def cancel_order(session: Session, order: WorkOrder, *, by: Change) -> None:
    """Withdraw an order that is not done; the reason is the change's."""
    _hold(session, order)
    if not by.reason.strip():
        raise RegisterError("order.reason", by.reason, "a withdrawn order needs its reason")
    before, order.status, order.closed_at = order.status, kinds.CANCELLED, by.at
    session.flush()
    if order.device_id is not None:
        mail.want(session, order.utility_id, order.device_id, mail.ORDERS)
    journalled(
        session,
        order.utility_id,
        by,
        "cancel",
        "work_order",
        order.id,
        before={"status": before},
        after={"status": order.status},
    )


def find_order(session: Session, utility_id: int, code: str) -> WorkOrder | None:
    """The order with this code."""
    return session.scalar(select(WorkOrder).where(WorkOrder.utility_id == utility_id, WorkOrder.code == code))


def open_orders_of(session: Session, point: SupplyPoint, kind: str | None = None) -> Sequence[WorkOrder]:
    """What is open at a supply point, the oldest first."""
    query = select(WorkOrder).where(
        WorkOrder.utility_id == point.utility_id,
        WorkOrder.supply_point_id == point.id,
        WorkOrder.status.in_(kinds.OPEN),
    )
    if kind is not None:
        query = query.where(WorkOrder.kind == kind)
    return session.scalars(query.order_by(WorkOrder.id)).all()


def _hold(session: Session, order: WorkOrder) -> None:
    """Wait for others at work on the order and see what they did; RegisterError where it is closed by now."""
    session.refresh(order, with_for_update={"key_share": True})
    if order.status not in (*kinds.OPEN, kinds.IMPOSSIBLE):
        raise RegisterError("order.status", order.status, f"order {order.code} is closed")


def _check_words(wanted: Wanted) -> None:
    check.one_of("order.kind", wanted.kind, tuple(kinds.KINDS))
    check.one_of("order.cause", wanted.cause, kinds.KINDS[wanted.kind].causes)
    if len(wanted.instructions) > LONGEST_INSTRUCTIONS:
        raise RegisterError(
            "order.instructions", wanted.instructions[:40], f"must have at most {LONGEST_INSTRUCTIONS} characters"
        )


def _contract(session: Session, point: SupplyPoint, wanted: Wanted) -> Contract | None:
    """The contract an order is about: the one that is named, or the one that holds at the supply point."""
    if wanted.contract is not None:
        contract = find_contract(session, point.utility_id, wanted.contract)
        if contract is None or contract.supply_point_id != point.id:
            raise RegisterError("order.contract", wanted.contract, f"is not a contract at supply point {point.code}")
        return contract
    return session.scalar(
        select(Contract)
        .where(Contract.utility_id == point.utility_id, Contract.supply_point_id == point.id)
        .order_by(Contract.valid_from.desc())
        .limit(1)
    )


def _meter(session: Session, point: SupplyPoint, wanted: Wanted, by: Change) -> int | None:
    """The meter that hangs there now; refuses where the kind needs one, or none."""
    hanging = installation_at(session, point, millis(by.at))
    needed = kinds.KINDS[wanted.kind].hangs
    if needed is True and hanging is None:
        raise RegisterError("order.supply", point.code, f"no meter hangs there, which {wanted.kind!r} needs")
    if needed is False and hanging is not None:
        raise RegisterError("order.supply", point.code, f"a meter hangs there already, order {kinds.REPLACE!r}")
    return None if hanging is None else hanging.meter_id


def _refuse_second(session: Session, point: SupplyPoint, wanted: Wanted) -> None:
    for other in open_orders_of(session, point, wanted.kind):
        raise RegisterError("order.kind", wanted.kind, f"order {other.code} of this kind is open at {point.code}")


def _finding(session: Session, utility_id: int, finding_id: int | None) -> int | None:
    if finding_id is not None and session.get(Finding, (utility_id, finding_id)) is None:
        raise RegisterError("order.finding", finding_id, "is not a finding of this utility")
    return finding_id


def _next_code(session: Session, utility_id: int) -> str:
    """The next code of the utility; whoever makes an order at the same time waits here."""
    session.execute(select(Utility.id).where(Utility.id == utility_id).with_for_update(key_share=True)).one()
    made = session.scalar(select(func.count()).select_from(WorkOrder).where(WorkOrder.utility_id == utility_id))
    return f"OT-{(made or 0) + 1:06d}"


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
