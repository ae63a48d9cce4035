"""The office's routes and orders in a real browser: reflow, accessibility, a form filled in."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from central import register
from central.access import create_user
from central.fleet.orders import Wanted, order_work
from central.fleet.rounds import Round, plan_round
from central.store import open_engine, write_session
from demo.broker import free_port
from portal.app import create_app
from portal.config import PortalConfig
from tests.central.conftest import BY, INSTALLED, NOW, found_town

pytestmark = [pytest.mark.browser]

Axe = Callable[[Page], None]
PASSWORD = "una clave muy larga"
ORDERS = "/oficina/ordenes"
PAGES = ("/oficina/rutas", ORDERS, f"{ORDERS}/OT-000001", f"{ORDERS}/cortes?contrato=K-1")


@pytest.fixture
def office_url(sqlite_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A portal over a street of thirty meters with a planned round and an order."""
    engine = open_engine(sqlite_database)
    town = found_town(engine, register.KeyRing.create(tmp_path_factory.mktemp("keys") / "town.keys"))
    with write_session(engine) as session:
        for number in range(10, 40):
            point = register.add_supply_point(
                session, town.utility_id, f"S{number}", street="Calle de la Fuente Vieja", number=str(number),
                postal_code="03698", ine_code="03002", lat_e7=384_000_000 + 700 * number,
                lon_e7=-6_000_000 + 900 * (number % 7), by=BY,
            )  # fmt: skip
            meter = register.add_meter(
                session, town.utility_id, serial=f"M{number}", calibre_mm=15, modulus_litres=10**8, radio=False, by=BY
            )
            register.install_meter(session, point, meter, INSTALLED, None, by=BY)
        create_user(session, town.utility_id, "jordi", PASSWORD, role="supervisor", name="Jordi")
        wanted = Round("2026-12", [date(2026, 12, 1)], ["tpl-1"], streets=["Calle de la Fuente Vieja"])
        plan_round(session, town.utility_id, wanted, by=register.Change("jordi", NOW))
        order_work(session, town.utility_id, Wanted("seal", "S10", instructions="Precinto roto"), by=BY)
    engine.dispose()
    port = free_port()
    app = create_app(PortalConfig(sqlite_database, "agost", secure=False))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize(("width", "script"), [(320, False), (1280, True)])
def test_the_pages_of_the_street_are_accessible_and_reflow(
    browser: Browser, office_url: str, axe: Axe, width: int, script: bool
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740}, locale="es-ES", java_script_enabled=script)
    page = context.new_page()
    page.goto(f"{office_url}/entrar")
    page.get_by_label("Usuario").fill("jordi")
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Salir")).to_be_visible()
    for path in (
        "/oficina/rutas",
        "/oficina/ordenes",
        "/oficina/ordenes/OT-000001",
        "/oficina/ordenes/cortes?contrato=K-1",
    ):
        page.goto(office_url + path)
        if script:
            axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.goto(f"{office_url}/oficina/rutas")
    page.get_by_role("link", name="2026-12-01").click()
    expect(page.get_by_role("img", name="Ruta 2026-12-01")).to_be_visible()
    if script:
        axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_label("Leer otra vez S12", exact=True).check()
    page.get_by_role("button", name="Pedir otra lectura de las marcadas").click()
    expect(page.get_by_role("link", name="OT-000002")).to_be_visible()
    context.close()
