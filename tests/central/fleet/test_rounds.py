"""Rounds in the register, on both databases: made, assigned, followed as devices send, read again, taken back."""

from datetime import date, datetime, timedelta

import pytest

from central import register
from central.fleet import rounds, watch
from central.fleet.mail import due, mark_sent, message_of
from central.fleet.progress import list_routes, progress
from central.fleet.rounds import Round, plan_round, reread, routes_of
from central.reading.ingest import Ingest
from central.register import Change, RegisterError
from central.register.routes import find_route
from central.store import Session, read_session, write_session
from central.store.models import Route
from protocols.sync import Route as ToldRoute
from protocols.sync import decode_route
from tests.central.conftest import BY, INSTALLED, NOW, Town
from tests.central.fleet.support import device_of, report, said, status, told
from tests.central.reading.support import MINUTE, NOW_MS, FakeDevice

TODAY = date(2026, 11, 24)


@pytest.fixture
def street(town: Town) -> Town:
    """The town with a street of twelve more meters and a second device."""
    with write_session(town.engine) as session:
        for number in range(10, 22):
            point = register.add_supply_point(
                session, town.utility_id, f"S{number}", street="Calle Nueva", number=str(number), postal_code="03698",
                ine_code="03002", zone="norte", lat_e7=384_000_000 + number * 900, lon_e7=-6_000_000, by=BY,
            )  # fmt: skip
            meter = register.add_meter(
                session, town.utility_id, serial=f"K{number}", calibre_mm=15, modulus_litres=10**8, radio=False, by=BY
            )
            register.install_meter(session, point, meter, INSTALLED, None, by=BY)
        register.enrol_device(session, town.utility_id, "tpl-2", by=BY)
        rounds.cancel(session, route_of(session, town, "R1"), by=BY)
    messages(town)
    return town


def planned(town: Town, **more: object) -> list[str]:
    values: dict[str, object] = {"code": "2026-11", "days": [TODAY], "devices": ["tpl-1", "tpl-2"]}
    with write_session(town.engine) as session:
        made = plan_round(session, town.utility_id, Round(**(values | more)), by=BY)  # type: ignore[arg-type]
        return [route.code for route in made]


def route_of(session: Session, town: Town, code: str) -> Route:
    found = find_route(session, town.utility_id, code)
    assert found is not None
    return found


def messages(town: Town, now: datetime = NOW) -> dict[str, ToldRoute]:
    """What each device would be told of its route now, noted as sent."""
    found = {}
    with write_session(town.engine) as session:
        for one in due(session, town.utility_id):
            if one.kind == "route":
                message = message_of(session, one, now)
                assert message is not None
                found[message.topic.split("/")[2]] = decode_route(message.payload)
                mark_sent(session, one, now)
    return found


def test_a_round_is_a_route_for_each_device_and_day_with_every_supply_once(street: Town) -> None:
    codes = planned(street, days=[TODAY, TODAY + timedelta(days=1)])
    assert codes == ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"]
    with read_session(street.engine) as session:
        found = [progress(session, route, NOW) for route in routes_of(session, street.utility_id, "2026-11")]
    assert [(one.device, one.planned_on.day) for one in found] == [
        ("tpl-1", 24), ("tpl-2", 24), ("tpl-1", 25), ("tpl-2", 25),
    ]  # fmt: skip
    stops = [stop.supply for one in found for stop in one.stops]
    assert len(stops) == len(set(stops)) == 15
    assert all(one.seconds > 0 and one.total >= 3 for one in found)


def test_each_device_is_told_its_newest_route_with_its_kind(street: Town) -> None:
    planned(street, closed_list=True)
    found = messages(street)
    assert {name: (route.code, route.closed) for name, route in found.items()} == {
        "tpl-1": ("2026-11-01", True), "tpl-2": ("2026-11-02", True),
    }  # fmt: skip
    with read_session(street.engine) as session:
        assert route_of(session, street, "2026-11-01").status == "published"
    assert messages(street) == {}


def test_a_device_with_a_route_for_each_day_is_told_todays(street: Town) -> None:
    planned(street, devices=["tpl-1"], days=[TODAY, TODAY + timedelta(days=1)])
    assert messages(street)["tpl-1"].code == "2026-11-01"
    tomorrow = NOW + timedelta(days=1)
    with write_session(street.engine) as session:
        watch.watch(session, street.utility_id, NOW)
        assert due(session) == []
        watch.watch(session, street.utility_id, tomorrow)
    assert messages(street, tomorrow)["tpl-1"].code == "2026-11-02"
    with write_session(street.engine) as session:
        watch.watch(session, street.utility_id, tomorrow)
        assert due(session) == []


def test_a_round_may_be_a_zone_some_streets_or_named_supplies(street: Town) -> None:
    assert planned(street, code="A", zone="norte", devices=[], routes=3) == ["A-01", "A-02", "A-03"]
    planned(street, code="B", streets=["Carrer Major"], devices=["tpl-1"], way="streets")
    planned(street, code="C", supplies=["S2", "S21"], devices=["tpl-2"])
    with read_session(street.engine) as session:
        counts = {}
        for code in "ABC":
            found = [progress(session, route, NOW) for route in routes_of(session, street.utility_id, code)]
            counts[code] = sum(one.total for one in found)
    assert counts == {"A": 12, "B": 3, "C": 2}


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"days": []}, "at least one day"),
        ({"devices": ["tpl-9"]}, "round.devices: 'tpl-9', is not enrolled"),
        ({"devices": [], "routes": 16}, "there are 15 supply points"),
        ({"supplies": ["S1", "S99"]}, "'S99', is not a supply point"),
        ({"supplies": ["S1", "S1"]}, "'S1', is named twice"),
        ({"way": "zigzag"}, "round.way"),
        ({"zone": "sur"}, "there are 0 supply points"),
    ],
)
def test_a_round_that_cannot_be_made_is_refused_by_name(street: Town, more: dict[str, object], rule: str) -> None:
    with pytest.raises(RegisterError, match=rule):
        planned(street, **more)


def test_a_rounds_code_is_used_once(street: Town) -> None:
    planned(street)
    with pytest.raises(RegisterError, match=r"round\.code: '2026-11', exists already"):
        planned(street)


def test_progress_follows_what_devices_send(town: Town) -> None:
    device = FakeDevice()
    with read_session(town.engine) as session:
        assert progress(session, route_of(session, town, "R1"), NOW).counts["unread"] == 3
    items = (
        device.telegram(town.meters[0], 5_000),
        device.typed("S2", town.meters[1], 7_000),
        device.typed("S3", town.meters[2], None, code="02"),
    )
    Ingest(town.engine, town.ring).apply([device.arrival(*items)])
    with read_session(town.engine) as session:
        found = progress(session, route_of(session, town, "R1"), NOW)
    assert found.counts == {"radio": 1, "typed": 1, "visited": 1, "unread": 0}
    assert (found.read, found.total, found.last_ms) == (2, 3, NOW_MS - MINUTE)
    assert [(stop.state, stop.litres, stop.code) for stop in found.stops] == [
        ("radio", 5_000, ""), ("typed", 7_000, "00"), ("visited", None, "02"),
    ]  # fmt: skip


def test_a_visit_that_was_taken_back_leaves_the_stop_unread(town: Town) -> None:
    device = FakeDevice()
    first = device.typed("S2", town.meters[1], 7_000)
    undo = device.typed("S2", town.meters[1], None, replaces=first.id)
    Ingest(town.engine, town.ring).apply([device.arrival(first, undo)])
    with read_session(town.engine) as session:
        assert progress(session, route_of(session, town, "R1"), NOW).counts["typed"] == 0


def test_what_is_heard_after_a_route_is_finished_or_before_its_day_does_not_count(town: Town) -> None:
    device = FakeDevice()
    with write_session(town.engine) as session:
        rounds.finish(session, route_of(session, town, "R1"), by=Change("ana", NOW - timedelta(hours=1)))
    early = device.telegram(town.meters[1], 1, NOW_MS - 24 * 60 * MINUTE)
    Ingest(town.engine, town.ring).apply([device.arrival(device.telegram(town.meters[0], 5_000), early)])
    with write_session(town.engine) as session:
        found = progress(session, route_of(session, town, "R1"), NOW)
        assert (found.status, found.counts["unread"]) == ("done", 3)
        with pytest.raises(RegisterError, match="is closed"):
            rounds.cancel(session, route_of(session, town, "R1"), by=BY)


def test_a_second_reading_reaches_the_device_and_comes_back(town: Town) -> None:
    with write_session(town.engine) as session:
        route = route_of(session, town, "R1")
        with pytest.raises(RegisterError, match="'S9', is not on route R1"):
            reread(session, route, ["S9"], by=BY)
        (order,) = reread(session, route, ["S2"], instructions="Consumo excesivo", by=BY)
        code = order.code
    (sent,) = told(town) or ()
    assert (sent.code, sent.kind, sent.supply, sent.instructions) == (code, "read", "S2", "Consumo excesivo")
    with read_session(town.engine) as session:
        assert [stop.reread for stop in progress(session, route_of(session, town, "R1"), NOW).stops] == ["", code, ""]
    device = FakeDevice()
    report(town, device, said(device, code, supply="S2", meter=town.meters[1], litres=8_000))
    assert status(town, code) == "done"
    assert told(town) == ()


def test_a_route_that_moves_or_is_taken_back_leaves_the_device(street: Town) -> None:
    planned(street, devices=["tpl-1"])
    messages(street)
    with write_session(street.engine) as session:
        other = register.find_device(session, "tpl-2")
        assert other is not None
        rounds.assign(session, route_of(session, street, "2026-11-01"), other, planned_on=TODAY, by=BY)
    found = messages(street)
    assert (len(found["tpl-1"].stops), len(found["tpl-2"].stops)) == (0, 15)
    with write_session(street.engine) as session:
        rounds.cancel(session, route_of(session, street, "2026-11-01"), by=BY)
    (gone,) = messages(street).values()
    assert (gone.device, gone.stops) == ("tpl-2", ())
    with write_session(street.engine) as session:
        with pytest.raises(RegisterError, match="is closed"):
            rounds.assign(session, route_of(session, street, "2026-11-01"), device_of(session, street), by=BY)
        assert [route.code for route in list_routes(session, street.utility_id)] == ["2026-11-01", "R1"]
