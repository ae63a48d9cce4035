"""Routes as messages: each stop with its meter, its last reading and the index expected on the day of the round."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from central.config import BrokerConfig
from central.reading.expected import HISTORY_DAYS, Band, expected_band
from central.reading.mqtt import open_publisher
from central.register.change import Change, journalled
from central.register.errors import RegisterError
from central.register.routes import CANCELLED, DONE, PUBLISHED
from central.store.bulk import chunks
from central.store.models import (
    Device,
    Installation,
    Meter,
    Reading,
    ReadingKind,
    ReadingStatus,
    Route,
    RouteStop,
    SupplyPoint,
)
from central.times import DAY_MS, midnight_ms, millis
from protocols import sync

_METERS_A_QUERY = 300

History = tuple[list[int], list[int]]
_Stop = Row[RouteStop, SupplyPoint, Meter | None]


@dataclass(frozen=True)
class Message:
    """A route ready to be sent: where to, and its bytes (empty bytes take a retained route away)."""

    topic: str
    payload: bytes
    stops: int


def route_message(
    session: Session, route: Route, issued_at: datetime, *, carrier: Device | None = None, issued_ms: int | None = None
) -> sync.Route:
    """The message for the device that has the route (``carrier``: that had it, and is told that it has it no more).

    Raises :class:`RegisterError` where no device has it. A route that is closed has no stops.
    """
    if route.device_id is None and carrier is None:
        raise RegisterError("route.device", route.code, "no device has this route")
    device = carrier or session.get_one(Device, (route.utility_id, route.device_id))
    if device.revoked_at is not None:
        raise RegisterError("route.device", device.name, "is revoked")
    # The bands are those of the end of the round's day, or of now where that day is past.
    when_ms = max(millis(issued_at), midnight_ms(route.planned_on) + DAY_MS)
    gone = route.status in (DONE, CANCELLED) or route.device_id != device.id
    rows = [] if gone else _stops(session, route, millis(issued_at))
    meters = [meter.id for _, _, meter in rows if meter is not None]
    known = histories(session, route.utility_id, meters, when_ms)
    return sync.Route(
        schema=sync.SCHEMA,
        device=device.name,
        code=route.code,
        name=route.name,
        planned_on=route.planned_on.isoformat(),
        issued_ms=millis(issued_at) if issued_ms is None else issued_ms,
        stops=tuple(_stop(row, known, when_ms) for row in rows),
        closed=route.closed_list,
    )


def prepare_route(session: Session, route: Route, *, by: Change) -> Message:
    """The message of a route that is now published; call it in the transaction that commits before it is sent."""
    if route.status in (DONE, CANCELLED):
        raise RegisterError("route.status", route.status, f"route {route.code} is closed")
    message = route_message(session, route, by.at)
    before, route.status = route.status, PUBLISHED
    session.flush()
    journalled(
        session,
        route.utility_id,
        by,
        "publish",
        "route",
        route.id,
        before={"status": before},
        after={"status": PUBLISHED, "device": message.device, "stops": len(message.stops)},
    )
    return Message(sync.route_topic(message.device), sync.encode_message(message), len(message.stops))


async def send(config: BrokerConfig, message: Message) -> None:
    """Leave a message on its topic, retained; raises :class:`aiomqtt.MqttError`."""
    async with open_publisher(config, f"{config.client_id}-routes") as client:
        await client.publish(message.topic, message.payload, qos=1, retain=True)


def _stops(session: Session, route: Route, now_ms: int) -> Sequence[_Stop]:
    """Each stop with its supply point and the meter that hangs there now."""
    hangs = (
        (Installation.utility_id == SupplyPoint.utility_id)
        & (Installation.supply_point_id == SupplyPoint.id)
        & Installation.retired_at.is_(None)
        & (Installation.from_ms <= now_ms)
        & or_(Installation.to_ms.is_(None), Installation.to_ms > now_ms)
    )
    return session.execute(
        select(RouteStop, SupplyPoint, Meter)
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == RouteStop.utility_id) & (SupplyPoint.id == RouteStop.supply_point_id),
        )
        .outerjoin(Installation, hangs)
        .outerjoin(Meter, (Meter.utility_id == Installation.utility_id) & (Meter.id == Installation.meter_id))
        .where(RouteStop.utility_id == route.utility_id, RouteStop.route_id == route.id)
        .order_by(RouteStop.position)
    ).all()


def histories(session: Session, utility_id: int, meters: Sequence[int], when_ms: int) -> Mapping[int, History]:
    """Instants and indices of the valid readings of the year before, by meter, in the order of time."""
    found: dict[int, History] = defaultdict(lambda: ([], []))
    for some in chunks(meters, _METERS_A_QUERY):
        query = (
            select(Reading.meter_id, Reading.at_ms, Reading.litres)
            .where(
                Reading.utility_id == utility_id,
                Reading.meter_id.in_(some),
                Reading.at_ms.between(when_ms - HISTORY_DAYS * DAY_MS, when_ms),
                Reading.status == ReadingStatus.VALID,
                Reading.kind != ReadingKind.ESTIMATED,
            )
            .order_by(Reading.meter_id, Reading.at_ms, Reading.litres)
        )
        for meter_id, at_ms, litres in session.execute(query):
            found[meter_id][0].append(at_ms)
            found[meter_id][1].append(litres)
    return found


def _stop(row: _Stop, known: Mapping[int, History], when_ms: int) -> sync.RouteStop:
    stop, point, meter = row
    band = None if meter is None else expected_band(*known.get(meter.id, ([], [])), when_ms)
    return sync.RouteStop(
        position=stop.position,
        supply=point.code,
        street=point.street,
        number=point.number,
        detail=point.detail,
        meter=meter.address if meter else "",
        serial=meter.serial if meter else "",
        radio=bool(meter and meter.radio),
        modulus_litres=meter.modulus_litres if meter else 0,
        lat_e7=point.lat_e7,
        lon_e7=point.lon_e7,
        hint=stop.hint,
        **_expected(band, meter),
    )


def _expected(band: Band | None, meter: Meter | None) -> dict[str, int | None]:
    """The last reading and the band; none where the register would start again within it."""
    if band is None or meter is None:
        return {}
    expected: dict[str, int | None] = {"last_litres": band.last_litres, "last_at_ms": band.last_ms}
    if band.high_litres < meter.modulus_litres:
        expected |= {"low_litres": band.low_litres, "high_litres": band.high_litres}
    return expected
