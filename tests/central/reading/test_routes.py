"""Routes as messages: what a reader needs at each stop, with the index expected there."""

from datetime import date

import aiomqtt
import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from central import register
from central.config import BrokerConfig
from central.reading.expected import expected_band
from central.reading.ingest import Ingest
from central.reading.routes import prepare_route, route_message, send
from central.register import RegisterError
from central.register.routes import assign_route, find_route
from central.store import read_session, write_session
from central.store.models import Route
from central.times import DAY_MS, midnight_ms
from protocols.sync import decode_route, route_topic
from tests.central.conftest import BY, NOW, Town, point_of
from tests.central.reading.support import NOW_MS, FakeDevice
from tests.fixtures.mosquitto import Mosquitto


def route_of(session: Session, town: Town) -> Route:
    route = find_route(session, town.utility_id, "R1")
    assert route is not None
    return route


def test_a_stop_carries_its_meter_its_last_reading_and_what_is_expected(town: Town) -> None:
    device = FakeDevice()
    items = [device.telegram(town.meters[0], 10_000 + n * 300, NOW_MS - (10 - n) * DAY_MS) for n in range(10)]
    Ingest(town.engine).apply([device.arrival(*items)])
    with read_session(town.engine) as session:
        message = route_message(session, route_of(session, town), NOW)
    assert (message.device, message.code, message.planned_on) == ("tpl-1", "R1", "2026-11-24")
    assert [stop.supply for stop in message.stops] == ["S1", "S2", "S3"]
    first, second = message.stops[:2]
    assert (first.meter, first.serial, first.radio, first.modulus_litres) == (town.meters[0], "K1", True, 10**8)
    assert (first.last_litres, first.last_at_ms) == (12_700, NOW_MS - DAY_MS)
    # 300 l a day; the band ends with the day of the round, 35 hours after the last reading.
    days = (midnight_ms(date(2026, 11, 25)) - (NOW_MS - DAY_MS)) / DAY_MS
    assert (first.low_litres, first.high_litres) == (12_700, 12_700 + round(3 * 300 * days) + 2000)
    assert (second.last_litres, second.low_litres, second.high_litres) == (None, None, None)


def test_a_place_without_a_meter_is_a_stop_without_one(town: Town) -> None:
    with write_session(town.engine) as session:
        register.remove_meter(session, point_of(session, town, 1), NOW, None, by=BY)
    with read_session(town.engine) as session:
        stop = route_message(session, route_of(session, town), NOW).stops[0]
    assert (stop.supply, stop.meter, stop.radio) == ("S1", "", False)


def test_near_the_end_of_the_register_nothing_is_expected(town: Town) -> None:
    device = FakeDevice()
    Ingest(town.engine).apply([device.arrival(device.telegram(town.meters[0], 99_999_500))])
    with read_session(town.engine) as session:
        stop = route_message(session, route_of(session, town), NOW).stops[0]
    assert (stop.last_litres, stop.low_litres, stop.high_litres) == (99_999_500, None, None)


def test_a_route_nobody_carries_is_refused(town: Town) -> None:
    with write_session(town.engine) as session:
        session.execute(update(Route).values(device_id=None))
    with read_session(town.engine) as session, pytest.raises(RegisterError, match=r"route.device: 'R1', no device has"):
        route_message(session, route_of(session, town), NOW)
    with write_session(town.engine) as session:
        found = register.find_device(session, "tpl-1")
        assert found is not None
        assign_route(session, route_of(session, town), found, by=BY)
        register.revoke_device(session, "tpl-1", by=BY)
    with read_session(town.engine) as session, pytest.raises(RegisterError, match=r"route.device: 'tpl-1', is revoked"):
        route_message(session, route_of(session, town), NOW)


@pytest.mark.mosquitto
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_published_route_waits_for_its_device(town: Town, mosquitto: Mosquitto) -> None:
    with write_session(town.engine) as session:
        message = prepare_route(session, route_of(session, town), by=BY)
    await send(BrokerConfig(host=mosquitto.host, port=mosquitto.port), message)
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
        await client.subscribe(route_topic("tpl-1"), qos=1)
        arrived = await anext(client.messages)
    assert arrived.retain
    assert len(decode_route(bytes(arrived.payload)).stops) == message.stops == 3
    with read_session(town.engine) as session:
        assert route_of(session, town).status == "published"


def test_a_band_starts_at_the_last_reading_and_grows_with_the_days() -> None:
    start, day = NOW_MS, DAY_MS
    assert expected_band([], [], start) is None
    once = expected_band([start], [5000], start + 10 * day)
    assert once is not None
    assert (once.low_litres, once.high_litres) == (5000, 5000 + 3 * 400 * 10 + 2000)
    history = expected_band([start, start + 10 * day], [5000, 6000], start + 20 * day)
    assert history is not None
    assert (history.low_litres, history.high_litres, history.litres_a_day) == (6000, 6000 + 3 * 100 * 10 + 2000, 100)
    past = expected_band([start], [5000], start - day)
    assert past is not None
    assert past.high_litres == 7000
