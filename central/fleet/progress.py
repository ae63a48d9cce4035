"""How far routes are, by what devices have sent: read by radio or by hand, visited without an index, not read yet."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from central.fleet import kinds
from central.store.bulk import chunks
from central.store.models import (
    Device,
    Installation,
    Meter,
    Reading,
    ReadingKind,
    ReadingStatus,
    Route,
    RoutePlan,
    RouteStop,
    SupplyPoint,
    Visit,
    WorkOrder,
)
from central.times import midnight_ms, millis

RADIO, TYPED, VISITED, UNREAD = "radio", "typed", "visited", "unread"
STATES = (RADIO, TYPED, VISITED, UNREAD)
_AT_ONCE = 2000
_WITHDRAWN = "00"
_POINT = (
    SupplyPoint.id,
    SupplyPoint.code,
    SupplyPoint.street,
    SupplyPoint.number,
    SupplyPoint.detail,
    SupplyPoint.lat_e7,
    SupplyPoint.lon_e7,
)


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of a route as it stands: ``litres`` at ``at_ms`` where it was read, ``code`` where it could not be."""

    position: int
    supply: str
    street: str
    number: str
    detail: str
    meter: str
    lat_e7: int | None
    lon_e7: int | None
    state: str
    at_ms: int | None = None
    litres: int | None = None
    code: str = ""
    reread: str = ""  # the order of a second reading that is under way


@dataclass(frozen=True)
class Progress:
    """A route and how many of its stops are in each state; ``stops`` where they were asked for."""

    id: int
    code: str
    name: str
    round: str
    device: str
    planned_on: date
    status: str
    closed_list: bool
    seconds: int
    metres: int
    counts: Mapping[str, int]
    last_ms: int | None
    stops: tuple[Stop, ...] = ()

    @property
    def total(self) -> int:
        """All stops."""
        return sum(self.counts.values())

    @property
    def read(self) -> int:
        """Stops with an index."""
        return self.counts[RADIO] + self.counts[TYPED]


def progress(session: Session, route: Route, now: datetime) -> Progress:
    """A route stop by stop."""
    return progress_of(session, [route], now)[0]


def progress_of(session: Session, routes: Sequence[Route], now: datetime) -> list[Progress]:
    """Routes of one utility stop by stop, those of one day with the same few queries."""
    found: dict[int, Progress] = {}
    if not routes:
        return []
    utility_id = routes[0].utility_id
    plans = _by_id(session, RoutePlan, RoutePlan.route_id, utility_id, [route.id for route in routes])
    carriers = {route.device_id for route in routes if route.device_id is not None}
    devices = _by_id(session, Device, Device.id, utility_id, carriers)
    windows: dict[tuple[int, int], list[Route]] = defaultdict(list)
    for route in routes:
        windows[_window(route, plans.get(route.id), millis(now))].append(route)
    for window, some in windows.items():
        stops = _stops(session, utility_id, [route.id for route in some], window, millis(now))
        for route in some:
            device = None if route.device_id is None else devices.get(route.device_id)
            found[route.id] = _progress(route, plans.get(route.id), device, stops[route.id])
    return [found[route.id] for route in routes]


def _progress(route: Route, plan: RoutePlan | None, device: Device | None, stops: Sequence[Stop]) -> Progress:
    return Progress(
        id=route.id,
        code=route.code,
        name=route.name,
        round=plan.round if plan else "",
        device=device.name if device else "",
        planned_on=route.planned_on,
        status=route.status,
        closed_list=route.closed_list,
        seconds=plan.seconds if plan else 0,
        metres=plan.metres if plan else 0,
        counts={state: sum(stop.state == state for stop in stops) for state in STATES},
        last_ms=max((stop.at_ms for stop in stops if stop.at_ms is not None), default=None),
        stops=tuple(stops),
    )


def _by_id(session: Session, model: type[Any], key: Any, utility_id: int, ids: Iterable[int]) -> dict[int, Any]:
    rows = session.scalars(select(model).where(model.utility_id == utility_id, key.in_(list(ids))))
    return {getattr(row, key.key): row for row in rows}


def list_routes(
    session: Session, utility_id: int, *, round_code: str | None = None, before: int | None = None, limit: int = 50
) -> list[Route]:
    """The routes, the newest first; ``before`` is the id of the last one of the page before."""
    query = select(Route).where(Route.utility_id == utility_id)
    if round_code is not None:
        plans = select(RoutePlan.route_id).where(RoutePlan.utility_id == utility_id, RoutePlan.round == round_code)
        query = query.where(Route.id.in_(plans))
    if before is not None:
        query = query.where(Route.id < before)
    return list(session.scalars(query.order_by(Route.id.desc()).limit(limit)))


def route_by_id(session: Session, utility_id: int, route_id: int) -> Route | None:
    """One route of the utility."""
    return session.get(Route, (utility_id, route_id))


def _stops(
    session: Session, utility_id: int, routes: Sequence[int], window: tuple[int, int], now_ms: int
) -> dict[int, list[Stop]]:
    """The stops of routes whose readings count within one window, in walking order."""
    rows = session.execute(
        select(RouteStop.route_id, RouteStop.position, *_POINT)
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == RouteStop.utility_id) & (SupplyPoint.id == RouteStop.supply_point_id),
        )
        .where(RouteStop.utility_id == utility_id, RouteStop.route_id.in_(routes))
        .order_by(RouteStop.route_id, RouteStop.position)
    ).all()
    points = sorted({row.id for row in rows})
    visits = _visits(session, utility_id, points, *window)
    meters = _meters(session, utility_id, points, now_ms)
    heard = _readings(session, utility_id, [meter for meter, _ in meters.values()], *window)
    again = _rereads(session, utility_id, routes)
    found: dict[int, list[Stop]] = {route: [] for route in routes}
    for row in rows:
        order = again.get((row.route_id, row.id), "")
        found[row.route_id].append(_stop(row, meters.get(row.id), visits.get(row.id), heard, order))
    return found


def _window(route: Route, plan: RoutePlan | None, now_ms: int) -> tuple[int, int]:
    """When readings count for a route: from the day it is planned for until it is closed, whoever brought them."""
    start = midnight_ms(route.planned_on)
    return start, millis(plan.finished_at) if plan and plan.finished_at else max(now_ms, start) + 1


def _stop(
    row: Any,
    meter: tuple[int, str] | None,
    visit: Visit | None,
    heard: Mapping[int, tuple[int, int]],
    again: str,
) -> Stop:
    state, at_ms, litres, code = UNREAD, None, None, ""
    reading = None if meter is None else heard.get(meter[0])
    if visit is not None:
        state = VISITED if visit.litres is None else TYPED
        at_ms, litres, code = visit.at_ms, visit.litres, visit.code
    if reading is not None and (visit is None or visit.litres is None):
        state, (at_ms, litres) = RADIO, reading
    return Stop(
        position=row.position,
        supply=row.code,
        street=row.street,
        number=row.number,
        detail=row.detail,
        meter=meter[1] if meter else "",
        lat_e7=row.lat_e7,
        lon_e7=row.lon_e7,
        state=state,
        at_ms=at_ms,
        litres=litres,
        code=code,
        reread=again,
    )


def _visits(session: Session, utility_id: int, points: Sequence[int], from_ms: int, to_ms: int) -> dict[int, Visit]:
    """The visit that stands at each supply point: the newest that nothing replaced, and that took none back."""
    found: dict[int, list[Visit]] = defaultdict(list)
    for some in chunks(points, _AT_ONCE):
        query = select(Visit).where(
            Visit.utility_id == utility_id,
            Visit.supply_point_id.in_(some),
            Visit.at_ms >= from_ms,
            Visit.at_ms < to_ms,
        )
        for visit in session.scalars(query.order_by(Visit.at_ms, Visit.item)):
            found[visit.supply_point_id].append(visit)
    standing = {}
    for point, visits in found.items():
        replaced = {(visit.device_id, visit.replaces_item) for visit in visits if visit.replaces_item is not None}
        left = [visit for visit in visits if (visit.device_id, visit.item) not in replaced and not _withdraws(visit)]
        if left:
            standing[point] = left[-1]
    return standing


def _withdraws(visit: Visit) -> bool:
    return visit.replaces_item is not None and visit.litres is None and visit.code == _WITHDRAWN


def _meters(session: Session, utility_id: int, points: Sequence[int], now_ms: int) -> dict[int, tuple[int, str]]:
    """The meter that hangs at each supply point: its id and address."""
    found: dict[int, tuple[int, str]] = {}
    for some in chunks(points, _AT_ONCE):
        query = (
            select(Installation.supply_point_id, Meter.id, Meter.address)
            .join(Meter, (Meter.utility_id == Installation.utility_id) & (Meter.id == Installation.meter_id))
            .where(
                Installation.utility_id == utility_id,
                Installation.supply_point_id.in_(some),
                Installation.retired_at.is_(None),
                Installation.from_ms <= now_ms,
                or_(Installation.to_ms.is_(None), Installation.to_ms > now_ms),
            )
        )
        found |= {point: (meter, address) for point, meter, address in session.execute(query)}
    return found


def _readings(
    session: Session, utility_id: int, meters: Sequence[int], from_ms: int, to_ms: int
) -> dict[int, tuple[int, int]]:
    """When each meter was last heard by a receiver within the window, and its index then."""
    found: dict[int, tuple[int, int]] = {}
    for some in chunks(meters, _AT_ONCE):
        query = (
            select(Reading.meter_id, func.max(Reading.at_ms), func.max(Reading.litres))
            .where(
                Reading.utility_id == utility_id,
                Reading.meter_id.in_(some),
                Reading.at_ms >= from_ms,
                Reading.at_ms < to_ms,
                Reading.kind == ReadingKind.RADIO,
                Reading.status != ReadingStatus.REJECTED,
            )
            .group_by(Reading.meter_id)
        )
        found |= {meter: (at_ms, litres) for meter, at_ms, litres in session.execute(query)}
    return found


def _rereads(session: Session, utility_id: int, routes: Sequence[int]) -> dict[tuple[int, int], str]:
    """The order of a second reading that is under way, by route and supply point."""
    query = select(WorkOrder.route_id, WorkOrder.supply_point_id, WorkOrder.code).where(
        WorkOrder.utility_id == utility_id,
        WorkOrder.route_id.in_(routes),
        WorkOrder.status.in_(kinds.OPEN),
    )
    return {(route, point): code for route, point, code in session.execute(query) if route is not None}
