"""Rounds: supply points divided among readers and days, each part a route for one device and one day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, Row, Select, insert, or_, select
from sqlalchemy.orm import Session

from central.fleet import mail
from central.fleet.dividing import CLUSTERS, WAYS, Pace, divide
from central.fleet.orders import Wanted, order_work
from central.fleet.walking import Place, length
from central.register import Change, RegisterError
from central.register import identifiers as check
from central.register.change import journalled
from central.register.routes import CANCELLED, DONE, PLANNED, find_route
from central.store import new_id
from central.store.bulk import chunks
from central.store.models import Device, Installation, Route, RoutePlan, RouteStop, SupplyPoint, WorkOrder
from central.times import millis

MOST_ROUTES = 2_000


@dataclass(frozen=True)
class Round:
    """A round to be made: of which supply points, in how many routes, by whom and when.

    One route for each of ``days`` and each of ``devices``, or ``routes`` of them on the first day without a device.
    ``supplies`` names them; otherwise those with a meter (of ``zone``, of ``streets``, where these say so).
    """

    code: str
    days: Sequence[date]
    devices: Sequence[str] = ()
    routes: int = 1
    zone: str | None = None
    streets: Sequence[str] = ()
    supplies: Sequence[str] | None = None
    closed_list: bool = False
    way: str = CLUSTERS
    pace: Pace = field(default_factory=Pace)


def plan_round(session: Session, utility_id: int, wanted: Round, *, by: Change) -> list[Route]:
    """Make the routes of a round, balanced by the time they take; they are sent with the next message."""
    check.code("round.code", wanted.code)
    check.one_of("round.way", wanted.way, WAYS)
    if not wanted.days:
        raise RegisterError("round.days", [], "must name at least one day")
    carriers = [_device(session, utility_id, name) for name in wanted.devices]
    slots: list[tuple[date, Device | None]] = [(day, carrier) for day in wanted.days for carrier in carriers]
    if not carriers:
        slots = [(wanted.days[number % len(wanted.days)], None) for number in range(wanted.routes)]
    if not 1 <= len(slots) <= MOST_ROUTES:
        raise RegisterError("round.routes", len(slots), f"must be 1 to {MOST_ROUTES}")
    if session.scalar(select(RoutePlan.route_id).where(_of_round(utility_id, wanted.code)).limit(1)) is not None:
        raise RegisterError("round.code", wanted.code, "exists already")
    places = _places(session, utility_id, wanted, millis(by.at))
    if len(places) < len(slots):
        raise RegisterError("round.routes", len(slots), f"there are {len(places)} supply points to read")
    parts = divide(places, len(slots), wanted.pace, wanted.way)
    made = [
        _route(session, utility_id, wanted, number, part, slot, by)
        for number, (part, slot) in enumerate(zip(parts, slots, strict=True), 1)
    ]
    after = {
        "round": wanted.code,
        "routes": [route.code for route in made],
        "stops": len(places),
        "way": wanted.way,
        "closed_list": wanted.closed_list,
    }
    journalled(session, utility_id, by, "plan", "round", made[0].id, after=after)
    return made


def _route(
    session: Session,
    utility_id: int,
    wanted: Round,
    number: int,
    part: Sequence[Place],
    slot: tuple[date, Device | None],
    by: Change,
) -> Route:
    day, carrier = slot
    code = f"{wanted.code}-{number:02d}"
    if find_route(session, utility_id, code) is not None:
        raise RegisterError("route.code", code, "exists already")
    route = Route(
        utility_id=utility_id,
        id=new_id(),
        code=check.code("route.code", code),
        name=f"{wanted.code} · {part[0].street}"[:200],
        device_id=carrier.id if carrier else None,
        planned_on=day,
        closed_list=wanted.closed_list,
        status=PLANNED,
        created_at=by.at,
    )
    session.add(route)
    session.flush()
    session.add(
        RoutePlan(
            utility_id=utility_id,
            route_id=route.id,
            round=wanted.code,
            seconds=wanted.pace.seconds(part),
            metres=round(length(part)),
            finished_at=None,
        )
    )
    session.flush()
    # Not by COPY: a role that sees one utility's rows alone may not (central.store.isolation).
    session.execute(
        insert(RouteStop),
        [
            {
                "utility_id": utility_id,
                "route_id": route.id,
                "position": position,
                "supply_point_id": place.key,
                "hint": "",
                "weight": None,
            }
            for position, place in enumerate(part, 1)
        ],
    )
    if carrier is not None:
        _tell(session, route, carrier.id)
    return route


def assign(session: Session, route: Route, device: Device, *, planned_on: date | None = None, by: Change) -> None:
    """Give a route to a device, or to another one than it had, and to another day."""
    _hold(session, route)
    if device.utility_id != route.utility_id:
        raise RegisterError("route.device", device.name, "belongs to another utility")
    if device.revoked_at is not None:
        raise RegisterError("route.device", device.name, "is revoked")
    before = {"device_id": route.device_id, "planned_on": route.planned_on.isoformat()}
    former, route.device_id = route.device_id, device.id
    route.planned_on = planned_on or route.planned_on
    session.flush()
    if former not in (None, device.id):
        _tell(session, route, former)
    _tell(session, route, device.id)
    after = {"device_id": device.id, "planned_on": route.planned_on.isoformat()}
    journalled(session, route.utility_id, by, "assign", "route", route.id, before=before, after=after)


def cancel(session: Session, route: Route, *, by: Change) -> None:
    """Take a route back; what was read of it stays read."""
    _end(session, route, CANCELLED, "cancel", by)


def finish(session: Session, route: Route, *, by: Change) -> None:
    """Close a route: what is read from now on does not count for it."""
    _end(session, route, DONE, "finish", by)


def _end(session: Session, route: Route, status: str, action: str, by: Change) -> None:
    _hold(session, route)
    before, route.status = route.status, status
    plan = session.get(RoutePlan, (route.utility_id, route.id))
    if plan is None:
        plan = RoutePlan(utility_id=route.utility_id, route_id=route.id, round=route.code, seconds=0, metres=0)
        session.add(plan)
    plan.finished_at = by.at
    session.flush()
    if route.device_id is not None:
        _tell(session, route, route.device_id)
    journalled(
        session, route.utility_id, by, action, "route", route.id, before={"status": before}, after={"status": status}
    )


def reread(
    session: Session,
    route: Route,
    supplies: Sequence[str],
    *,
    planned_on: date | None = None,
    device: Device | None = None,
    instructions: str = "Leer otra vez",
    by: Change,
) -> list[WorkOrder]:
    """Order a second reading of chosen supply points of a route; without a device, the route's own.

    Each is an order of the kind "read": it reaches the device beside its route, whatever route that is by then.
    """
    if not supplies:
        raise RegisterError("reread.supplies", [], "must name at least one supply point of the route")
    on_route = _codes_of(session, route)
    for code in supplies:
        if code not in on_route:
            raise RegisterError("reread.supplies", code, f"is not on route {route.code}")
    carrier = device
    if carrier is None and route.device_id is not None:
        carrier = session.get_one(Device, (route.utility_id, route.device_id))
    return [
        order_work(
            session,
            route.utility_id,
            Wanted("read", code, "reread", instructions, planned_on, route_id=route.id),
            device=carrier,
            by=by,
        )
        for code in supplies
    ]


def routes_of(session: Session, utility_id: int, round_code: str) -> Sequence[Route]:
    """The routes of a round, in the order they were made."""
    plans = select(RoutePlan.route_id).where(_of_round(utility_id, round_code))
    query = select(Route).where(Route.utility_id == utility_id, Route.id.in_(plans))
    return session.scalars(query.order_by(Route.code)).all()


def _of_round(utility_id: int, round_code: str) -> ColumnElement[bool]:
    return (RoutePlan.utility_id == utility_id) & (RoutePlan.round == round_code)


def _codes_of(session: Session, route: Route) -> set[str]:
    query = (
        select(SupplyPoint.code)
        .join(
            RouteStop,
            (RouteStop.utility_id == SupplyPoint.utility_id) & (RouteStop.supply_point_id == SupplyPoint.id),
        )
        .where(RouteStop.utility_id == route.utility_id, RouteStop.route_id == route.id)
    )
    return set(session.scalars(query))


def _tell(session: Session, route: Route, device_id: int) -> None:
    mail.want(session, route.utility_id, device_id, mail.ROUTE)


def _hold(session: Session, route: Route) -> None:
    """Wait for others at work on the route and see what they did; RegisterError where it is closed by now."""
    session.refresh(route, with_for_update={"key_share": True})
    if route.status in (DONE, CANCELLED):
        raise RegisterError("route.status", route.status, f"route {route.code} is closed")


def _device(session: Session, utility_id: int, name: str) -> Device:
    device = session.scalar(select(Device).where(Device.utility_id == utility_id, Device.name == name))
    if device is None:
        raise RegisterError("round.devices", name, "is not enrolled")
    if device.revoked_at is not None:
        raise RegisterError("round.devices", name, "is revoked")
    return device


def _places(session: Session, utility_id: int, wanted: Round, now_ms: int) -> list[Place]:
    """The supply points to be read, in the order of streets and numbers."""
    columns = (
        SupplyPoint.id,
        SupplyPoint.code,
        SupplyPoint.street,
        SupplyPoint.number,
        SupplyPoint.detail,
        SupplyPoint.lat_e7,
        SupplyPoint.lon_e7,
    )
    query = select(*columns).where(SupplyPoint.utility_id == utility_id)
    if wanted.supplies is not None:
        return _named(session, query, wanted.supplies)
    hangs = (
        select(Installation.supply_point_id)
        .where(
            Installation.utility_id == utility_id,
            Installation.retired_at.is_(None),
            Installation.from_ms <= now_ms,
            or_(Installation.to_ms.is_(None), Installation.to_ms > now_ms),
        )
        .scalar_subquery()
    )
    query = query.where(SupplyPoint.id.in_(hangs))
    if wanted.zone is not None:
        query = query.where(SupplyPoint.zone == wanted.zone)
    if wanted.streets:
        query = query.where(SupplyPoint.street.in_(wanted.streets))
    rows = session.execute(query.order_by(SupplyPoint.street, SupplyPoint.number, SupplyPoint.code))
    return [_place(row) for row in rows]


def _named(
    session: Session, query: Select[int, str, str, str, str, int | None, int | None], codes: Sequence[str]
) -> list[Place]:
    found: dict[str, Place] = {}
    for some in chunks(codes, 400):
        found |= {row.code: _place(row) for row in session.execute(query.where(SupplyPoint.code.in_(some)))}
    seen = set()
    for code in codes:
        if code not in found:
            raise RegisterError("round.supplies", code, "is not a supply point of this utility")
        if code in seen:
            raise RegisterError("round.supplies", code, "is named twice")
        seen.add(code)
    return [found[code] for code in codes]


def _place(row: Row[int, str, str, str, str, int | None, int | None]) -> Place:
    return Place(row[0], row[2], row[3], row[4], row[5], row[6])
