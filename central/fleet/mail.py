"""What a device is to be told: its route, its open orders. Each change is counted; sending catches up with the count.

The messages are retained on the broker and replace one another, so telling twice does no harm and a device that was
away is told the newest when it comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from central.fleet import kinds
from central.reading.expected import Band, expected_band
from central.reading.routes import Message, histories, route_message
from central.register.routes import PLANNED, PUBLISHED
from central.store.models import Device, DeviceMail, Meter, Route, RoutePlan, SupplyPoint, WorkOrder
from central.times import DAY_MS, local_day, midnight_ms, millis
from protocols import sync

ROUTE, ORDERS = "route", "orders"


@dataclass(frozen=True)
class Due:
    """A device that has not been told the newest of one kind."""

    utility_id: int
    device_id: int
    kind: str
    wanted: int


def want(session: Session, utility_id: int, device_id: int, kind: str) -> None:
    """Say that a device is to be told of a change, in the transaction of the change."""
    mail = session.get(DeviceMail, (utility_id, device_id, kind), with_for_update=True)
    if mail is None:
        mail = DeviceMail(
            utility_id=utility_id, device_id=device_id, kind=kind, route_id=None, wanted=0, sent=0, issued_ms=0
        )
        session.add(mail)
    mail.wanted += 1
    session.flush()


def due(session: Session, utility_id: int | None = None) -> list[Due]:
    """What has to be told, of one utility or of all."""
    query = select(DeviceMail).where(DeviceMail.sent < DeviceMail.wanted)
    if utility_id is not None:
        query = query.where(DeviceMail.utility_id == utility_id)
    rows = session.scalars(query.order_by(DeviceMail.utility_id, DeviceMail.device_id, DeviceMail.kind))
    return [Due(row.utility_id, row.device_id, row.kind, row.wanted) for row in rows]


def message_of(session: Session, one: Due, now: datetime) -> Message | None:
    """The message that tells a device the newest; None where there is nobody to tell (a revoked device)."""
    device = session.get_one(Device, (one.utility_id, one.device_id))
    mail = session.get_one(DeviceMail, (one.utility_id, one.device_id, one.kind))
    if device.revoked_at is not None:
        return None
    issued_ms = max(millis(now), mail.issued_ms + 1)
    if one.kind == ORDERS:
        told = sync.WorkOrders(sync.SCHEMA, device.name, issued_ms, _orders(session, device, millis(now)))
        return Message(sync.orders_topic(device.name), sync.encode_message(told), len(told.orders))
    route = current_route(session, one.utility_id, one.device_id, local_day(millis(now)))
    if route is None:
        route = _former_route(session, mail)
    if route is None:
        return None
    told_route = route_message(session, route, now, carrier=device, issued_ms=issued_ms)
    return Message(sync.route_topic(device.name), sync.encode_message(told_route), len(told_route.stops))


def mark_sent(session: Session, one: Due, now: datetime) -> None:
    """Note that what was wanted then has been told; routes and orders are on their way."""
    mail = session.get_one(DeviceMail, (one.utility_id, one.device_id, one.kind), with_for_update=True)
    mail.sent = max(mail.sent, one.wanted)
    mail.issued_ms = max(millis(now), mail.issued_ms + 1)
    if mail.wanted == one.wanted:
        _on_their_way(session, mail, now)
    session.flush()


def current_route(session: Session, utility_id: int, device_id: int, today: date) -> Route | None:
    """The route a device is to walk: today's, else the next one's, else the last one that is still open."""
    routes = session.scalars(
        select(Route)
        .where(Route.utility_id == utility_id, Route.device_id == device_id, Route.status.in_((PLANNED, PUBLISHED)))
        .order_by(Route.planned_on, Route.id)
    ).all()
    coming = [route for route in routes if route.planned_on >= today]
    return coming[0] if coming else (routes[-1] if routes else None)


def _former_route(session: Session, mail: DeviceMail) -> Route | None:
    """The route that a device has no more: it is told so by the same route without stops."""
    if mail.route_id is not None:
        return session.get_one(Route, (mail.utility_id, mail.route_id))
    query = select(Route).where(Route.utility_id == mail.utility_id, Route.device_id == mail.device_id)
    return session.scalar(query.order_by(Route.id.desc()).limit(1))


def want_todays(session: Session, utility_id: int, today: date) -> int:
    """Have each device told of its route of today where it was told of another one; returns how many."""
    planned = (
        select(Route.device_id, Route.id)
        .join(RoutePlan, (RoutePlan.utility_id == Route.utility_id) & (RoutePlan.route_id == Route.id))
        .where(
            Route.utility_id == utility_id,
            Route.device_id.is_not(None),
            Route.planned_on == today,
            Route.status.in_((PLANNED, PUBLISHED)),
        )
        .order_by(Route.id.desc())
    )
    firsts = {device: route for device, route in session.execute(planned) if device is not None}
    late = 0
    for device_id, route_id in firsts.items():
        mail = session.get(DeviceMail, (utility_id, device_id, ROUTE))
        if mail is not None and (mail.route_id == route_id or mail.sent < mail.wanted):
            continue
        want(session, utility_id, device_id, ROUTE)
        late += 1
    return late


def _on_their_way(session: Session, mail: DeviceMail, now: datetime) -> None:
    """What the message told of is sent; after a change meanwhile nobody knows what it told of."""
    if mail.kind == ORDERS:
        session.execute(
            update(WorkOrder)
            .where(
                WorkOrder.utility_id == mail.utility_id,
                WorkOrder.device_id == mail.device_id,
                WorkOrder.status == kinds.PLANNED,
            )
            .values(status=kinds.SENT)
        )
        return
    route = current_route(session, mail.utility_id, mail.device_id, local_day(millis(now)))
    mail.route_id = route.id if route else None
    if route is not None:
        route.status = PUBLISHED


def _orders(session: Session, device: Device, now_ms: int) -> tuple[sync.WorkOrder, ...]:
    rows = session.execute(
        select(WorkOrder, SupplyPoint, Meter)
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == WorkOrder.utility_id) & (SupplyPoint.id == WorkOrder.supply_point_id),
        )
        .outerjoin(Meter, (Meter.utility_id == WorkOrder.utility_id) & (Meter.id == WorkOrder.meter_id))
        .where(
            WorkOrder.utility_id == device.utility_id,
            WorkOrder.device_id == device.id,
            WorkOrder.status.in_(kinds.OPEN),
        )
        .order_by(WorkOrder.id)
    ).all()
    return tuple(_told(session, rows, now_ms))


def _told(
    session: Session, rows: Sequence[Row[WorkOrder, SupplyPoint, Meter | None]], now_ms: int
) -> list[sync.WorkOrder]:
    meters = [meter.id for _, _, meter in rows if meter is not None]
    utility_id = rows[0][0].utility_id if rows else 0
    known = histories(session, utility_id, meters, now_ms)
    return [
        _order(order, point, meter, None if meter is None else _band(known.get(meter.id), order, now_ms))
        for order, point, meter in rows
    ]


def _band(history: tuple[list[int], list[int]] | None, order: WorkOrder, now_ms: int) -> Band | None:
    """What is expected at the end of the day on which the order is to be done."""
    when_ms = now_ms if order.planned_on is None else max(now_ms, midnight_ms(order.planned_on) + DAY_MS)
    return None if history is None else expected_band(*history, when_ms)


def _order(order: WorkOrder, point: SupplyPoint, meter: Meter | None, band: Band | None) -> sync.WorkOrder:
    planned = order.planned_on.isoformat() if order.planned_on else ""
    fits = band is not None and meter is not None and band.high_litres < meter.modulus_litres
    return sync.WorkOrder(
        code=order.code,
        kind=order.kind,
        supply=point.code,
        street=point.street,
        number=point.number,
        detail=point.detail,
        meter=meter.address if meter else "",
        serial=meter.serial if meter else "",
        modulus_litres=meter.modulus_litres if meter else 0,
        instructions=order.instructions,
        day=planned if order.kind == kinds.CUT else "",
        planned_on=planned,
        due_ms=None if order.due_by is None else millis(order.due_by),
        last_litres=band.last_litres if band else None,
        low_litres=band.low_litres if band and fits else None,
        high_litres=band.high_litres if band and fits else None,
        lat_e7=point.lat_e7,
        lon_e7=point.lon_e7,
    )
