"""Programs that are told, on the office's pages: in a browser with and without script, and what is refused."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from central import register
from central.access import create_user
from central.store import open_engine, read_session, write_session
from central.webhooks import queries
from demo.broker import free_port
from portal.app import create_app
from portal.config import PortalConfig
from tests.central.conftest import Town, found_town

pytestmark = [pytest.mark.browser]

Axe = Callable[[Page], None]
PASSWORD = "una clave muy larga"
PLACE = "/oficina/webhooks"


@pytest.fixture
def town(sqlite_database: str, tmp_path: Path) -> Iterator[Town]:
    """Three houses and an owner of the service."""
    engine = open_engine(sqlite_database)
    town = found_town(engine, register.KeyRing.create(tmp_path / "town.keys"))
    with write_session(engine) as session:
        create_user(session, town.utility_id, "olga", PASSWORD, role="owner", name="Olga")
        create_user(session, town.utility_id, "jordi", PASSWORD, role="clerk", name="Jordi")
    yield town
    engine.dispose()


@pytest.fixture
def office_url(town: Town, sqlite_database: str, tmp_path: Path) -> Iterator[str]:
    """The portal over it, with its key file."""
    port = free_port()
    app = create_app(PortalConfig(sqlite_database, "agost", secure=False, keys=tmp_path / "town.keys"))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def enter(page: Page, url: str, login: str) -> None:
    page.goto(f"{url}/entrar")
    page.get_by_label("Usuario").fill(login)
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Entrar").click()


@pytest.mark.parametrize(("width", "script"), [(320, False), (1280, True)])
def test_an_address_is_added_tried_paused_and_removed(
    browser: Browser, office_url: str, town: Town, axe: Axe, width: int, script: bool
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740}, locale="es-ES", java_script_enabled=script)
    page = context.new_page()
    enter(page, office_url, "olga")
    page.goto(office_url + PLACE)
    looked_at(page, axe, script)
    page.get_by_label("Dirección (https)").fill("https://erp.example/in")
    page.get_by_label("Para qué es").fill("Contabilidad")
    page.get_by_label("Factura emitida invoice.issued").check()
    page.get_by_role("button", name="Añadir").click()
    expect(page.get_by_text("whsec_")).to_be_visible()
    page.get_by_role("button", name="Enviar una prueba").click()
    expect(page.get_by_text("whsec_")).to_have_count(0)
    expect(page.get_by_role("row", name="Prueba evt_")).to_contain_text("pendiente")
    looked_at(page, axe, script)
    page.get_by_role("button", name="Dar otro secreto").click()
    expect(page.get_by_text("whsec_")).to_be_visible()
    page.get_by_role("button", name="Poner en pausa").click()
    expect(page.get_by_text("en pausa", exact=True)).to_be_visible()
    with read_session(town.engine) as session:
        (row,) = queries.endpoints(session, town.utility_id)
    assert (row.state, row.events) == ("paused", ["invoice.issued"])
    page.get_by_role("button", name="Retirar esta dirección").click()
    expect(page.get_by_text("No hay ninguna.")).to_be_visible()
    context.close()


def looked_at(page: Page, axe: Axe, script: bool) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    if script:
        axe(page)


def test_an_address_that_leads_inside_is_refused_in_words(browser: Browser, office_url: str) -> None:
    context = browser.new_context(locale="es-ES")
    page = context.new_page()
    enter(page, office_url, "olga")
    page.goto(office_url + PLACE)
    page.get_by_label("Dirección (https)").fill("https://169.254.169.254/latest")
    page.get_by_role("button", name="Añadir").click()
    expect(page.get_by_role("alert")).to_contain_text("lleva a 169.254.169.254, que no es una")
    context.close()


def test_a_clerk_finds_no_such_page(browser: Browser, office_url: str) -> None:
    context = browser.new_context(locale="es-ES")
    page = context.new_page()
    enter(page, office_url, "jordi")
    answer = page.goto(office_url + PLACE)
    assert answer is not None
    assert answer.status == 404
    context.close()
