"""Routes: supply points in walking order, given to a device for a day."""

import re
from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled
from central.register.errors import RegisterError
from central.store import new_id
from central.store.models import Device, Route, RouteStop, SupplyPoint

PLANNED, PUBLISHED, DONE, CANCELLED = "planned", "published", "done", "cancelled"


def build_route(
    session: Session,
    utility_id: int,
    code: str,
    name: str,
    planned_on: date,
    *,
    device: Device | None = None,
    supply_codes: Sequence[str] | None = None,
    closed_list: bool = False,
    by: Change,
) -> Route:
    """A route over the named supply points in their order, or over all of them street by street."""
    if find_route(session, utility_id, code) is not None:
        raise RegisterError("route.code", code, "exists already")
    points = _walk(session, utility_id) if supply_codes is None else _named(session, utility_id, supply_codes)
    route = Route(
        utility_id=utility_id,
        id=new_id(),
        code=check.code("route.code", code),
        name=check.name("route.name", name),
        device_id=device.id if device else None,
        planned_on=planned_on,
        closed_list=closed_list,
        status=PLANNED,
        created_at=by.at,
    )
    session.add(route)
    session.flush()
    session.add_all(
        RouteStop(utility_id=utility_id, route_id=route.id, position=position, supply_point_id=point.id)
        for position, point in enumerate(points, 1)
    )
    session.flush()
    after = {"code": code, "device": device.name if device else None, "stops": len(points)}
    journalled(session, utility_id, by, "build", "route", route.id, after=after)
    return route


def assign_route(session: Session, route: Route, device: Device, *, by: Change) -> None:
    """Give a route to a device of the same utility."""
    if device.utility_id != route.utility_id:
        raise RegisterError("route.device", device.name, "belongs to another utility")
    before, route.device_id = route.device_id, device.id
    session.flush()
    journalled(
        session,
        route.utility_id,
        by,
        "assign",
        "route",
        route.id,
        before={"device_id": before},
        after={"device_id": device.id},
    )


def find_route(session: Session, utility_id: int, code: str) -> Route | None:
    """The route with this code."""
    return session.scalar(select(Route).where(Route.utility_id == utility_id, Route.code == code))


def walking_order(point: SupplyPoint) -> tuple[str, int, str, str]:
    """Street by street, numbers as numbers: 9 before 10, 10 before 10B."""
    digits = re.match(r"\d+", point.number)
    return (point.street, int(digits[0]) if digits else 0, point.number, point.detail)


def _walk(session: Session, utility_id: int) -> list[SupplyPoint]:
    points = session.scalars(select(SupplyPoint).where(SupplyPoint.utility_id == utility_id))
    return sorted(points, key=walking_order)


def _named(session: Session, utility_id: int, codes: Sequence[str]) -> list[SupplyPoint]:
    if len(set(codes)) != len(codes):
        twice = next(code for code in codes if codes.count(code) > 1)
        raise RegisterError("route.stops", twice, "is named twice")
    found = {
        point.code: point
        for point in session.scalars(
            select(SupplyPoint).where(SupplyPoint.utility_id == utility_id, SupplyPoint.code.in_(codes))
        )
    }
    missing = next((code for code in codes if code not in found), None)
    if missing is not None:
        raise RegisterError("route.stops", missing, "is not a supply point of this utility")
    return [found[code] for code in codes]
