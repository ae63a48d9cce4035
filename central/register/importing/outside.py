"""Rows of what goes out into the street: devices and routes."""

from sqlalchemy import select

from central.register import identifiers as check
from central.register.devices import KINDS, find_device
from central.register.errors import RegisterError
from central.register.importing.file import DeviceRow, RouteRow
from central.register.importing.state import Planned, State, named
from central.register.routes import PLANNED, find_route, walking_order
from central.store import new_id
from central.store.models import Device, Route, RouteStop, SupplyPoint
from protocols.sync import valid_device


def device(state: State, row: DeviceRow) -> Planned:
    """A device; its name must not belong to another utility, nor have been revoked."""
    if not valid_device(row.name):
        raise RegisterError("device.name", row.name, "must be 1-32 of a-z, 0-9 and '-'")
    known = state.devices.get(row.name) or find_device(state.session, row.name)
    if known is not None:
        if known.utility_id != state.utility_id or known.revoked_at is not None:
            raise RegisterError("device.name", row.name, "belongs to another utility or is revoked")
        return Planned(row.name, "unchanged")
    new = Device(
        utility_id=state.utility_id,
        id=new_id(),
        name=row.name,
        kind=check.one_of("device.kind", row.kind, KINDS),
        enrolled_at=state.by.at,
    )
    state.devices[row.name] = new
    return Planned(row.name, "added", [new])


def route(state: State, row: RouteRow) -> Planned:
    """A route with its stops; a known one must have the same."""
    points = _points(state, row)
    known = find_route(state.session, state.utility_id, row.code)
    if known is not None:
        if _stops(state, known) == [point.id for point in points]:
            return Planned(row.code, "unchanged")
        raise RegisterError("route.code", row.code, "is registered with other stops")
    carrier = None if row.device is None else _device(state, row.device)
    new = Route(
        utility_id=state.utility_id,
        id=new_id(),
        code=check.code("route.code", row.code),
        name=check.name("route.name", row.name),
        device_id=carrier.id if carrier else None,
        planned_on=row.planned_on,
        closed_list=row.closed_list,
        status=PLANNED,
        created_at=state.by.at,
    )
    stops = [
        RouteStop(utility_id=state.utility_id, route_id=new.id, position=position, supply_point_id=point.id)
        for position, point in enumerate(points, 1)
    ]
    return Planned(row.code, "added", [new, *stops])


def _points(state: State, row: RouteRow) -> list[SupplyPoint]:
    if row.stops is None:
        return sorted(state.points.values(), key=walking_order)
    if len(set(row.stops)) != len(row.stops):
        raise RegisterError("route.stops", row.code, "names a supply point twice")
    return [named(state.points, "route.stops", code) for code in row.stops]


def _device(state: State, name: str) -> Device:
    known = state.devices.get(name) or find_device(state.session, name)
    if known is None or known.utility_id != state.utility_id:
        raise RegisterError("route.device", name, "is neither registered nor added by this file")
    return known


def _stops(state: State, known: Route) -> list[int]:
    query = (
        select(RouteStop.supply_point_id)
        .where(RouteStop.utility_id == state.utility_id, RouteStop.route_id == known.id)
        .order_by(RouteStop.position)
    )
    return list(state.session.scalars(query))
