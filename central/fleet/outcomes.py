"""What devices reported of work orders becomes what the register knows, each report once and in its own transaction.

A report is kept as it was said; where the register contradicts it (the meter was replaced meanwhile, the order was
withdrawn, the new meter hangs elsewhere), nothing of it is applied, it becomes a finding, and a person decides.
"""

from datetime import datetime

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.exc import (
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.orm import Session

from central.fleet import kinds, mail
from central.fleet.deeds import apply_deed
from central.reading import findings
from central.reading.clocks import TOLERANCE_MS
from central.reading.findings import Found
from central.register import Change, RegisterError
from central.register.change import journalled
from central.register.keys import KeyRing
from central.register.supply import find_supply_point
from central.store import read_session, write_session
from central.store.models import Finding, OrderReport, WorkOrder
from central.times import instant_of, millis

log = structlog.get_logger("central.fleet")

RULE = "order_conflict"
PAGE = 200
# Not the fault of what was reported: it is tried again when the database answers again.
NOT_THE_REPORT = (OperationalError, ProgrammingError, InternalError, InterfaceError, NotSupportedError, MemoryError)


class ConflictError(Exception):
    """Why a report cannot be applied as it is."""


def settle_all(engine: Engine, ring: KeyRing | None, now: datetime) -> int:
    """Settle every new report of every utility, the oldest first; returns how many were."""
    settled = 0
    while waiting := _waiting(engine):
        for utility_id, report_id in waiting:
            settled += _settle_alone(engine, utility_id, report_id, ring, now)
    return settled


def _settle_alone(engine: Engine, utility_id: int, report_id: int, ring: KeyRing | None, now: datetime) -> bool:
    """One report in its own transaction; what nobody foresaw about it is a conflict, and in no other report's way."""
    try:
        with write_session(engine) as session:
            return _settle(session, utility_id, report_id, ring, now)
    except NOT_THE_REPORT:
        raise
    except Exception as error:
        log.exception("report cannot be settled", report=report_id)
        with write_session(engine) as session:
            report = session.get_one(OrderReport, (utility_id, report_id), with_for_update=True)
            order = session.get(WorkOrder, (utility_id, report.order_id)) if report.order_id else None
            _conflict(session, report, order, f"cannot be settled ({type(error).__name__}: {error})"[:500], now)
        return True


def _waiting(engine: Engine) -> list[tuple[int, int]]:
    query = (
        select(OrderReport.utility_id, OrderReport.id)
        .where(OrderReport.status == kinds.NEW)
        .order_by(OrderReport.at_ms, OrderReport.item)
        .limit(PAGE)
    )
    with read_session(engine) as session:
        return [(utility_id, report_id) for utility_id, report_id in session.execute(query)]


def _settle(session: Session, utility_id: int, report_id: int, ring: KeyRing | None, now: datetime) -> bool:
    report = session.get(OrderReport, (utility_id, report_id), with_for_update=True)
    if report is None or report.status != kinds.NEW:
        return False
    by = Change(report.reader or "device", now, f"report {report.id} of order {report.order_code}")
    order = session.scalar(
        select(WorkOrder)
        .where(WorkOrder.utility_id == utility_id, WorkOrder.code == report.order_code)
        .with_for_update()
    )
    try:
        if order is None:
            raise ConflictError("no such order is known")
        report.order_id = order.id
        _check_time(report)
        _apply(session, report, order, ring, by)
    except ConflictError as conflict:
        _conflict(session, report, order, str(conflict), now)
    return True


def _apply(session: Session, report: OrderReport, order: WorkOrder, ring: KeyRing | None, by: Change) -> None:
    """Move the order on as the report says; raises :class:`ConflictError` where it cannot."""
    if report.outcome == "done":
        if order.status == kinds.DONE:
            raise ConflictError("the order was done already")
        if order.status == kinds.CANCELLED:
            raise ConflictError("the order was withdrawn before it was done")
        _do(session, report, order, ring, by)
    elif report.outcome == "impossible" and order.status in kinds.OPEN:
        _move(session, order, kinds.IMPOSSIBLE, report, by)
    elif report.outcome == "accepted" and order.status in (kinds.PLANNED, kinds.SENT):
        _move(session, order, kinds.ACCEPTED, report, by)
    _settled(report, kinds.APPLIED, by)
    if report.problem:
        _find(session, report, order, report.problem, by.at)


def _do(session: Session, report: OrderReport, order: WorkOrder, ring: KeyRing | None, by: Change) -> None:
    """What was done, in the register and the order; all of it or nothing."""
    try:
        with session.begin_nested():
            apply_deed(session, order, report, ring, by)
    except (RegisterError, ValueError, IntegrityError) as refused:
        raise ConflictError(str(refused).splitlines()[0]) from refused
    _move(session, order, kinds.DONE, report, by)
    if order.finding_id is not None:
        findings.close(session.connection(), order.utility_id, by.at, Finding.id == order.finding_id)


def _move(session: Session, order: WorkOrder, status: str, report: OrderReport, by: Change) -> None:
    before, order.status = order.status, status
    if status != kinds.ACCEPTED:
        order.closed_at = instant_of(report.at_ms)
    session.flush()
    if order.device_id is not None and status != kinds.ACCEPTED:
        mail.want(session, order.utility_id, order.device_id, mail.ORDERS)
    after = {"status": status, "reason": report.reason, "reader": report.reader, "at_ms": report.at_ms}
    journalled(
        session,
        order.utility_id,
        by,
        report.outcome,
        "work_order",
        order.id,
        before={"status": before},
        after=after,
    )


def _check_time(report: OrderReport) -> None:
    if report.at_ms > report.received_ms + TOLERANCE_MS:
        said, arrived = (instant_of(ms).isoformat(timespec="seconds") for ms in (report.at_ms, report.received_ms))
        raise ConflictError(f"report.at: {said}, later than its arrival {arrived}")


def _conflict(session: Session, report: OrderReport, order: WorkOrder | None, text: str, now: datetime) -> None:
    log.warning("report contradicts the register", order=report.order_code, outcome=report.outcome)
    report.status, report.problem = kinds.CONFLICT, text
    session.flush()
    _find(session, report, order, text, now)


def _find(session: Session, report: OrderReport, order: WorkOrder | None, text: str, now: datetime) -> None:
    point = find_supply_point(session, report.utility_id, report.supply)
    found = Found(
        rule=RULE,
        severity="high",
        subject=report.supply or report.meter or report.order_code,
        since_ms=report.at_ms,
        until_ms=report.at_ms,
        text=f"order {report.order_code}, {report.outcome}: {text}",
        meter_id=order.meter_id if order else None,
        supply_point_id=point.id if point else None,
        numbers={"order": report.order_code, "report": report.id, "litres": report.litres},
    )
    findings.record(session.connection(), report.utility_id, [found], millis(now))


def decide(session: Session, report: OrderReport, *, apply: bool, ring: KeyRing | None, by: Change) -> None:
    """Settle a conflict by a person's word: apply the report after all, or leave it aside with a reason.

    Applying it raises :class:`RegisterError` where the register still cannot say so.
    """
    session.refresh(report, with_for_update=True)
    if report.status != kinds.CONFLICT:
        raise RegisterError("report.status", report.status, "only what is in conflict is decided upon")
    if not by.reason.strip():
        raise RegisterError("report.reason", by.reason, "a decision needs its reason")
    key = (report.utility_id, report.order_id)
    order = session.get(WorkOrder, key, with_for_update=True) if report.order_id else None
    if apply:
        if order is None:
            raise RegisterError("report.order", report.order_code, "no such order is known")
        try:
            _do(session, report, order, ring, by)
        except ConflictError as conflict:
            raise RegisterError("report.order", report.order_code, str(conflict)) from conflict
    _settled(report, kinds.APPLIED if apply else kinds.DISMISSED, by)
    session.flush()
    journalled(
        session,
        report.utility_id,
        by,
        "decide",
        "order_report",
        report.id,
        before={"status": kinds.CONFLICT},
        after={"status": report.status, "order": report.order_code},
    )
    findings.close(
        session.connection(),
        report.utility_id,
        by.at,
        Finding.rule == RULE,
        Finding.subject == (report.supply or report.meter or report.order_code),
        Finding.since_ms <= report.at_ms,
        Finding.until_ms >= report.at_ms,
    )


def _settled(report: OrderReport, status: str, by: Change) -> None:
    report.status, report.settled_by, report.settled_at = status, by.actor, by.at
