"""Routes and work orders on the office's pages."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select

from central import register
from central.access import create_user, load_site
from central.fleet.outcomes import settle_all
from central.fleet.progress import Stop
from central.reading.findings import Found, record
from central.reading.ingest import Ingest
from central.store import open_engine, read_session, write_session
from central.store.models import WorkOrder
from portal.app import create_app
from portal.config import PortalConfig
from portal.street_map import route_map
from tests.central.api.conftest import Inside
from tests.central.conftest import Town, found_town
from tests.central.fleet.support import exchanged, said
from tests.central.reading.support import FakeDevice

PASSWORD = "una clave muy larga"
ROUTES, ORDERS = "/oficina/rutas", "/oficina/ordenes"


@pytest.fixture
def town(sqlite_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    engine: Engine = open_engine(sqlite_database)
    keys = tmp_path_factory.mktemp("keys") / "town.keys"
    made = found_town(engine, register.KeyRing.create(keys))
    with write_session(engine) as session:
        for login, role in (("maria", "clerk"), ("jordi", "supervisor"), ("eva", "auditor"), ("lector", "reader")):
            create_user(session, made.utility_id, login, PASSWORD, role=role, name=login.title())
    yield made
    engine.dispose()


@pytest.fixture
def app(town: Town, sqlite_database: str) -> FastAPI:
    app = create_app(PortalConfig(sqlite_database, "agost", secure=False))
    app.state.engine = town.engine
    with read_session(town.engine) as session:
        app.state.site = load_site(session, "agost")
    return app


def client(app: FastAPI, login: str = "maria") -> httpx.Client:
    headers = {"Origin": "http://sgc.test"}
    made = httpx.Client(transport=Inside(app), base_url="http://sgc.test", headers=headers, follow_redirects=True)
    assert made.post("/entrar", data={"usuario": login, "clave": PASSWORD}, follow_redirects=False).status_code == 303
    return made


def words(page: httpx.Response) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))).replace("\u00a0", " ")


def ordered(app: FastAPI, login: str = "maria", **more: str) -> httpx.Response:
    form = {"clase": "replace", "suministro": "S1", "causa": "staff", "terminal": "tpl-1"} | more
    return client(app, login).post(ORDERS, data=form)


def reported(town: Town, *items: object) -> None:
    now = datetime.now(UTC)
    Ingest(town.engine, town.ring).apply([DEVICE.arrival(*items, received_at=now)])  # type: ignore[arg-type]
    settle_all(town.engine, town.ring, now)


DEVICE = FakeDevice()


@pytest.fixture(autouse=True)
def device() -> FakeDevice:
    """A device of its own for each test."""
    global DEVICE
    DEVICE = FakeDevice()
    return DEVICE


def test_a_round_is_made_on_the_form_and_its_route_drawn(app: FastAPI) -> None:
    form = {"ronda": "2026-12", "dias": "2026-12-01 2026-12-02", "terminales": "tpl-1", "cerrada": "si"}
    page = client(app).post(ROUTES, data=form)
    assert page.status_code == 200, words(page)
    assert "2026-12-01" in words(page)
    assert "2026-12-02" in words(page)
    path = re.findall(r'href="(/oficina/rutas/\d+)"', page.text)[-1]
    route = client(app).get(path)
    assert '<svg class="map" role="img"' in route.text
    assert "lista cerrada" in words(route)
    assert "Carrer Major 1" in words(route) or "Carrer Major 2" in words(route)


def test_what_forbids_a_round_is_told_beside_the_form_and_nothing_typed_is_lost(app: FastAPI) -> None:
    page = client(app).post(ROUTES, data={"ronda": "X1", "dias": "mañana", "zona": "norte"})
    assert page.status_code == 422
    assert "Días «mañana»: debe ser una fecha como 2026-01-31" in words(page)
    assert 'value="norte"' in page.text


def test_a_route_is_followed_read_again_and_taken_back(app: FastAPI, town: Town, device: FakeDevice) -> None:
    office = client(app)
    office.post(ROUTES, data={"ronda": "R", "dias": datetime.now(UTC).date().isoformat(), "terminales": "tpl-1"})
    path = re.findall(r'href="(/oficina/rutas/\d+)"', office.get(ROUTES).text)[0]
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    reported(town, device.typed("S2", town.meters[1], 7_000, now_ms - 1000))
    page = office.get(path)
    assert "a mano: 1" in words(page)
    assert "sin leer: 2" in words(page)
    page = office.post(f"{path}/releer", data={"suministros": ["S1", "S2"], "motivo": "Consumo raro"})
    assert "OT-000001" in words(page)
    assert "OT-000002" in words(page)
    assert office.post(f"{path}/releer", data={}).status_code == 422
    assert "retirada" in words(office.post(f"{path}/retirar", data={"motivo": "fiesta"}))


def test_an_order_is_made_reported_and_its_report_shown(app: FastAPI, town: Town, device: FakeDevice) -> None:
    page = ordered(app, instrucciones="Contador parado")
    assert "Orden OT-000001: cambiar el contador" in words(page)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    reported(town, exchanged(device, "OT-000001", at_ms=now_ms - 1000, lat_e7=384_000_000, lon_e7=-6_000_000))
    page = client(app).get(f"{ORDERS}/OT-000001")
    assert "hecha" in words(page)
    assert "N-1, con 0,012 m³, con su clave" in words(page)
    assert "38.40000, -0.60000" in words(page)


def test_a_report_in_conflict_is_decided_on_with_a_reason(app: FastAPI, town: Town, device: FakeDevice) -> None:
    ordered(app)
    office = client(app)
    office.post(f"{ORDERS}/OT-000001/retirar", data={"motivo": "repetida"})
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    reported(town, exchanged(device, "OT-000001", at_ms=now_ms - 1000, new_key=None))
    assert "Partes que contradicen al padrón (1)" in words(office.get(ORDERS))
    assert "Problema La orden se retiró antes de hacerla" in words(office.get(f"{ORDERS}/OT-000001"))
    path = re.findall(r'action="(/oficina/ordenes/OT-000001/partes/\d+)"', office.get(f"{ORDERS}/OT-000001").text)[0]
    silent = office.post(path, data={"decision": "aplicar", "motivo": ""})
    assert (silent.status_code, "Motivo: una decisión necesita su motivo" in words(silent)) == (422, True)
    page = office.post(path, data={"decision": "aplicar", "motivo": "se hizo igual"})
    assert "aplicado" in words(page)
    assert "Partes que contradicen" not in words(office.get(ORDERS))


def test_a_finding_leads_to_its_order(app: FastAPI, town: Town) -> None:
    with write_session(town.engine) as session:
        point = register.find_supply_point(session, town.utility_id, "S3")
        assert point is not None
        found = Found("stopped_meter", "high", town.meters[2], 1, 2, "stopped", supply_point_id=point.id)
        record(session.connection(), town.utility_id, [found], 3)
    office = client(app)
    page = office.get(ORDERS)
    assert "puede estar parado" in words(page)
    link = unescape(re.findall(r'href="(/oficina/ordenes\?suministro=S3[^"#]*)', page.text)[0])
    form = office.get(link).text
    hidden = re.findall(r'name="hallazgo" value="(\d+)"', form)[0]
    assert 'value="replace" selected' in form
    made = office.post(ORDERS, data={"clase": "replace", "suministro": "S3", "causa": "finding", "hallazgo": hidden})
    assert "hallazgo de la validación" in words(made)
    with read_session(town.engine) as session:
        assert session.scalars(select(WorkOrder.finding_id)).one() == int(hidden)


def test_a_cut_shows_what_the_law_still_asks_for(app: FastAPI) -> None:
    day = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    supervisor = client(app, "jordi")
    page = supervisor.get(f"{ORDERS}/cortes", params={"contrato": "K-1", "dia": day})
    assert "No se puede cortar ese día" in words(page)
    assert "debe 0,00 €" in words(page)
    form = {"contrato": "K-1", "hecho": "demand", "desde": "2026-01-10", "importe": "80,25", "referencia": "RR-9"}
    assert "80,25 €: RR-9 (jordi)" in words(supervisor.post(f"{ORDERS}/cortes", data=form))
    wrong = supervisor.post(f"{ORDERS}/cortes", data=form | {"importe": "mucho"})
    assert wrong.status_code == 422
    assert "Importe «mucho»: deben ser euros con dos decimales como mucho" in words(wrong)
    refused = ordered(app, "jordi", clase="cut", causa="debt", dia=day)
    assert refused.status_code == 422
    assert "El corte no procede. Contrato «K-1»: debe 0,00 €" in words(refused)


def test_each_role_does_what_it_may(app: FastAPI) -> None:
    assert "quien supervisa" in words(ordered(app, clase="cut", causa="safety", dia="2099-01-07"))
    assert client(app).post(f"{ORDERS}/cortes", data={"contrato": "K-1"}).status_code == 404
    assert "Ordenar un trabajo" not in words(client(app, "eva").get(ORDERS))
    assert client(app, "eva").post(ORDERS, data={"clase": "seal"}).status_code == 404
    assert client(app, "lector").get(ORDERS).status_code == 404
    assert client(app).get(f"{ORDERS}/OT-9").status_code == 404
    assert client(app).get(f"{ROUTES}/9").status_code == 404


def test_an_order_is_given_to_a_device_later(app: FastAPI, device: FakeDevice, town: Town) -> None:
    ordered(app, terminal="", clase="seal")
    office = client(app)
    assert "sin terminal" in words(office.get(f"{ORDERS}/OT-000001"))
    page = office.post(f"{ORDERS}/OT-000001/asignar", data={"terminal": "tpl-1", "dia": "2099-01-07"})
    assert "07/01/2099" in words(page)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    reported(town, said(device, "OT-000001", "impossible", at_ms=now_ms - 1, reason="02"))
    assert "cerrado o sin acceso" in words(office.get(f"{ORDERS}/OT-000001"))
    assert office.post(f"{ORDERS}/OT-000001/asignar", data={"terminal": "tpl-9"}).status_code == 422


def stop(position: int, state: str, lat: int | None = None, lon: int | None = None) -> Stop:
    return Stop(position, f"S{position}", "Major", "1", "", "", lat, lon, state)


def test_a_map_draws_each_stop_once_by_its_state() -> None:
    stops = [stop(n, state, 384_000_000 + 900 * n, -6_000_000) for n, state in enumerate(["radio", "typed", "unread"])]
    drawing = route_map(stops, "Ruta <1>", "tres")
    assert "Ruta &lt;1&gt;" in drawing
    for state in ("radio", "typed", "unread"):
        (path,) = re.findall(rf'class="stop-{state}" d="([^"]*)"', drawing)
        assert path.count("M") == 1
    assert "stop-visited" not in drawing
    numbers = [int(n) for n in re.findall(r'class="way" fill="none" d="M(\d+) (\d+)L', drawing)[0]]
    assert all(0 <= number <= 720 for number in numbers)


def test_stops_without_coordinates_stand_in_rows() -> None:
    drawing = route_map([stop(n, "unread") for n in range(60)], "Ruta", "sesenta")
    assert re.findall(r'class="stop-unread" d="([^"]*)"', drawing)[0].count("M") == 60
    assert route_map([], "Ruta", "ninguna").startswith("<svg")
