"""Work orders on the screen, as the reader's browser sees them."""

import datetime
import re

import httpx
import pytest

from edge.screen.context import MADRID
from edge.store import Store
from protocols.sync import OrderReport
from tests.edge.store.test_orders import order, orders

KEY = "000102030405060708090A0B0C0D0E0F"


@pytest.fixture
async def working(reader: httpx.AsyncClient, store: Store) -> httpx.AsyncClient:
    """A reader with one order of each sort."""
    today = datetime.datetime.now(MADRID).date()
    await store.store_orders(
        orders(
            1000,
            order("W1", last_litres=1_000_000, low_litres=1_010_000, high_litres=1_040_000),
            order("W2", kind="seal", supply="S-8", street="Plaza de la Fuente"),
            order("W3", kind="cut", day=(today + datetime.timedelta(days=1)).isoformat()),
            order("W4", kind="read", due_ms=1_790_000_000_000),
            order("W5", kind="cut", day=today.isoformat()),
        )
    )
    return reader


def exchange(**changed: str) -> dict[str, str]:
    form = {"order": "W1", "token": "t1", "m3": "1020,5", "new_serial": "N-1", "new_m3": "0,012"}
    return form | changed


def recorded(store: Store, code: str) -> list[OrderReport]:
    found = store.order(code)
    assert found is not None
    return found.outcomes


async def test_the_list_shows_the_most_urgent_first_and_every_page_counts_it(working: httpx.AsyncClient) -> None:
    page = (await working.get("/ordenes")).text
    assert re.findall(r"order=(W\d)", page) == ["W4", "W1", "W2", "W3", "W5"]
    assert "Por hacer (5)" in page
    assert "Órdenes (5)" in (await working.get("/ruta")).text


async def test_the_stop_of_an_order_leads_to_it(working: httpx.AsyncClient) -> None:
    page = (await working.get("/parada?stop=S-8")).text
    assert 'href="/orden?order=W2"' in page
    assert "Orden aquí: Precintar" in page


async def test_an_exchange_is_recorded_with_both_meters_and_the_place(working: httpx.AsyncClient, store: Store) -> None:
    form = exchange(new_key=KEY, seal="P77", note="en arqueta", lat_e7="384000000", lon_e7="-6000000")
    answer = await working.post("/orden", data=form, files=[("photos", ("a.jpg", b"picture", "image/jpeg"))])
    assert answer.status_code == 303
    assert answer.headers["location"] == "/ordenes?hecha=W1"
    (report,) = recorded(store, "W1")
    assert (report.outcome, report.litres, report.new_serial, report.new_litres) == ("done", 1_020_500, "N-1", 12)
    assert (report.new_key, report.seal, report.note) == (bytes.fromhex(KEY), "P77", "en arqueta")
    assert (report.lat_e7, report.lon_e7, len(report.photos)) == (384_000_000, -6_000_000, 1)
    assert "Guardada ✓" in (await working.get("/ordenes?hecha=W1")).text


async def test_an_index_outside_the_expected_range_is_confirmed_first(working: httpx.AsyncClient, store: Store) -> None:
    answer = await working.post("/orden", data=exchange(m3="1500"))
    assert answer.status_code == 409
    assert "más alta de lo normal" in answer.text
    assert 'value="N-1"' in answer.text
    assert recorded(store, "W1") == []
    assert (await working.post("/orden", data=exchange(m3="1500", confirm="1500000"))).status_code == 303
    assert recorded(store, "W1")[0].litres == 1_500_000


async def test_a_form_sent_twice_is_one_outcome(working: httpx.AsyncClient, store: Store) -> None:
    for _ in range(2):
        assert (await working.post("/orden", data=exchange())).status_code == 303
    assert len(recorded(store, "W1")) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"new_serial": ""}, "número del contador nuevo"),
        ({"new_m3": ""}, "lectura del contador nuevo"),
        ({"new_key": "12"}, "32 cifras"),
        ({"m3": "abc"}, "no es una lectura"),
        ({"new_serial": "76348799"}, "es el del viejo"),
        ({"order": "W2", "seal": ""}, "número del precinto"),
        ({"order": "W4", "m3": ""}, "Escriba la lectura"),
        ({"order": "W3"}, "solo puede hacerse el"),
        ({"reason": "00"}, "no es un motivo"),
    ],
)
async def test_what_is_missing_or_wrong_is_told_and_nothing_recorded(
    working: httpx.AsyncClient, store: Store, changed: dict[str, str], said: str
) -> None:
    answer = await working.post("/orden", data=exchange(**changed))
    assert answer.status_code == 422
    assert said in answer.text
    assert all(view.outcomes == [] for view in store.orders())


async def test_a_cut_is_recorded_on_its_day(working: httpx.AsyncClient, store: Store) -> None:
    assert (await working.post("/orden", data={"order": "W5", "token": "t", "seal": "P1"})).status_code == 303
    assert recorded(store, "W5")[0].outcome == "done"
    assert "Solo puede hacerse" in (await working.get("/orden?order=W3")).text


async def test_without_the_old_meters_index_the_reader_is_asked_once(working: httpx.AsyncClient, store: Store) -> None:
    answer = await working.post("/orden", data=exchange(m3=""))
    assert answer.status_code == 409
    assert "se estimará" in answer.text
    assert (await working.post("/orden", data=exchange(m3="", confirm="None"))).status_code == 303
    assert recorded(store, "W1")[0].litres is None


async def test_what_cannot_be_done_has_a_reason_and_stays_open_to_be_done(
    working: httpx.AsyncClient, store: Store
) -> None:
    assert "Cerrado o sin acceso" in (await working.get("/orden/motivo?order=W1")).text
    form = {"order": "W1", "token": "t", "reason": "02", "note": "perro"}
    assert (await working.post("/orden", data=form)).status_code == 303
    assert [(one.outcome, one.reason, one.note) for one in recorded(store, "W1")] == [("impossible", "02", "perro")]
    assert (await working.post("/orden", data=exchange(token="t2"))).status_code == 303
    assert recorded(store, "W1")[-1].outcome == "done"


async def test_an_order_that_the_office_withdrew_says_so(working: httpx.AsyncClient, store: Store) -> None:
    await store.store_orders(orders(2000))
    assert "La oficina ha retirado esta orden" in (await working.get("/orden?order=W1")).text
    assert (await working.get("/orden?order=W9")).status_code == 404
