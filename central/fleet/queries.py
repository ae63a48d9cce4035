"""Work orders as pages and programs show them: lists that page by key, one order with everything said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from central.fleet import kinds
from central.store.models import Contract, Device, Finding, Meter, OrderReport, SupplyPoint, WorkOrder

PAGE = 50
FROM_FINDINGS = 100


@dataclass(frozen=True)
class OrderFilters:
    """What a list of orders is narrowed by; ``open_only``: those that somebody still has to do."""

    status: str | None = None
    kind: str | None = None
    device: str | None = None
    open_only: bool = False


@dataclass(frozen=True)
class OrderRow:
    """An order in a list; ``conflicts`` counts the reports on which a person has to decide."""

    id: int
    code: str
    kind: str
    cause: str
    status: str
    supply: str
    address: str
    meter: str
    contract: str
    device: str
    planned_on: date | None
    due_by: datetime | None
    instructions: str
    created_by: str
    created_at: datetime
    closed_at: datetime | None
    conflicts: int


def orders(
    session: Session,
    utility_id: int,
    filters: OrderFilters = OrderFilters(),
    *,
    before: int | None = None,
    limit: int = PAGE,
) -> list[OrderRow]:
    """Orders, the newest first; ``before`` is the id of the last one of the page before."""
    query = _narrowed(_rows(utility_id), filters)
    if before is not None:
        query = query.where(WorkOrder.id < before)
    found = session.execute(query.order_by(WorkOrder.id.desc()).limit(limit)).all()
    open_reports = _conflicts(session, utility_id, [row[0].id for row in found])
    return [_row(*row, open_reports.get(row[0].id, 0)) for row in found]


def find(session: Session, utility_id: int, code: str) -> OrderRow | None:
    """One order."""
    row = session.execute(_rows(utility_id).where(WorkOrder.code == code)).first()
    if row is None:
        return None
    return _row(*row, _conflicts(session, utility_id, [row[0].id]).get(row[0].id, 0))


def counts(session: Session, utility_id: int) -> dict[str, int]:
    """Orders by status."""
    query = select(WorkOrder.status, func.count()).where(WorkOrder.utility_id == utility_id)
    found = dict(session.execute(query.group_by(WorkOrder.status)).all())
    return {status: found.get(status, 0) for status in kinds.STATUSES}


def reports_of(session: Session, utility_id: int, code: str) -> Sequence[OrderReport]:
    """What devices said of an order, the oldest first."""
    query = select(OrderReport).where(OrderReport.utility_id == utility_id, OrderReport.order_code == code)
    return session.scalars(query.order_by(OrderReport.at_ms, OrderReport.item)).all()


def conflicts(session: Session, utility_id: int, limit: int = PAGE) -> Sequence[OrderReport]:
    """The reports on which a person has to decide, the oldest first."""
    query = select(OrderReport).where(OrderReport.utility_id == utility_id, OrderReport.status == kinds.CONFLICT)
    return session.scalars(query.order_by(OrderReport.id).limit(limit)).all()


def find_report(session: Session, utility_id: int, report_id: int) -> OrderReport | None:
    """One report."""
    return session.get(OrderReport, (utility_id, report_id))


def devices(session: Session, utility_id: int) -> Sequence[Device]:
    """The devices that work may be given to."""
    query = select(Device).where(Device.utility_id == utility_id, Device.revoked_at.is_(None))
    return session.scalars(query.order_by(Device.name)).all()


@dataclass(frozen=True)
class WorkFinding:
    """An open finding about a supply point, on which work may be ordered."""

    id: int
    rule: str
    severity: str
    supply: str
    address: str
    text: str
    numbers: Mapping[str, object]
    since_ms: int


def findings_to_work_on(session: Session, utility_id: int, limit: int = FROM_FINDINGS) -> list[WorkFinding]:
    """Open findings that no order is under way for, the gravest and newest first."""
    under_way = select(WorkOrder.finding_id).where(
        WorkOrder.utility_id == utility_id, WorkOrder.finding_id.is_not(None), WorkOrder.status.in_(kinds.OPEN)
    )
    query = (
        select(Finding, SupplyPoint)
        .join(SupplyPoint, (SupplyPoint.utility_id == Finding.utility_id) & (SupplyPoint.id == Finding.supply_point_id))
        .where(Finding.utility_id == utility_id, Finding.status == "open", Finding.id.not_in(under_way))
        .order_by(Finding.id.desc())
        .limit(limit)
    )
    return [
        WorkFinding(
            finding.id,
            finding.rule,
            finding.severity,
            point.code,
            _address(point),
            finding.text,
            finding.numbers,
            finding.since_ms,
        )
        for finding, point in session.execute(query)
    ]


def _rows(
    utility_id: int,
) -> Select[WorkOrder, SupplyPoint, str | None, str | None, str | None]:
    return (
        select(WorkOrder, SupplyPoint, Meter.serial, Contract.code, Device.name)
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == WorkOrder.utility_id) & (SupplyPoint.id == WorkOrder.supply_point_id),
        )
        .outerjoin(Meter, (Meter.utility_id == WorkOrder.utility_id) & (Meter.id == WorkOrder.meter_id))
        .outerjoin(Contract, (Contract.utility_id == WorkOrder.utility_id) & (Contract.id == WorkOrder.contract_id))
        .outerjoin(Device, (Device.utility_id == WorkOrder.utility_id) & (Device.id == WorkOrder.device_id))
        .where(WorkOrder.utility_id == utility_id)
    )


def _narrowed(
    query: Select[WorkOrder, SupplyPoint, str | None, str | None, str | None], filters: OrderFilters
) -> Select[WorkOrder, SupplyPoint, str | None, str | None, str | None]:
    if filters.open_only:
        query = query.where(WorkOrder.status.in_(kinds.OPEN))
    if filters.status is not None:
        query = query.where(WorkOrder.status == filters.status)
    if filters.kind is not None:
        query = query.where(WorkOrder.kind == filters.kind)
    if filters.device is not None:
        query = query.where(Device.name == filters.device)
    return query


def _conflicts(session: Session, utility_id: int, ids: Sequence[int]) -> dict[int, int]:
    query = (
        select(OrderReport.order_id, func.count())
        .where(
            OrderReport.utility_id == utility_id,
            OrderReport.order_id.in_(ids),
            OrderReport.status == kinds.CONFLICT,
        )
        .group_by(OrderReport.order_id)
    )
    return {order_id: count for order_id, count in session.execute(query) if order_id is not None}


def _row(
    order: WorkOrder,
    point: SupplyPoint,
    serial: str | None,
    contract: str | None,
    device: str | None,
    open_reports: int,
) -> OrderRow:
    return OrderRow(
        id=order.id,
        code=order.code,
        kind=order.kind,
        cause=order.cause,
        status=order.status,
        supply=point.code,
        address=_address(point),
        meter=serial or "",
        contract=contract or "",
        device=device or "",
        planned_on=order.planned_on,
        due_by=order.due_by,
        instructions=order.instructions,
        created_by=order.created_by,
        created_at=order.created_at,
        closed_at=order.closed_at,
        conflicts=open_reports,
    )


def _address(point: SupplyPoint) -> str:
    return ", ".join(part for part in (f"{point.street} {point.number}".strip(), point.detail) if part)
