"""The pages of contract cases in a real browser: accessible, on a phone, without scripts, and by keyboard."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from central.access import create_user
from central.lifecycle import Asked, Closing, Details, Person, open_case, receive
from central.register import Change
from central.store import open_engine, write_session
from demo.broker import free_port
from portal.app import create_app
from portal.config import PortalConfig
from tests.central.factories import found

pytestmark = pytest.mark.browser

Axe = Callable[[Page], None]
PASSWORD = "una clave muy larga"
NOW = datetime.now(UTC)
BY = Change("clerk", NOW)
ON = NOW.date() - timedelta(10)


def change(contract: str, on: date, litres: int) -> Asked:
    details = Details(holder=Person(nif="12345678Z", name="Joan Pérez"), closing=Closing("real", litres))
    return Asked("change_of_holder", on, details, contract=contract)


@pytest.fixture
def url(sqlite_database: str) -> Iterator[str]:
    """A clerk's office over two houses, with a case that lacks a document and one that cannot be completed."""
    engine = open_engine(sqlite_database)
    town = found(engine, 2)
    town.read_all((NOW.date() - timedelta(30),))
    with write_session(engine) as session:
        create_user(session, town.utility_id, "maria", PASSWORD, role="clerk", name="Maria")
        case = open_case(session, town.utility_id, change("K-0000001", ON, 4_000), by=BY)
        receive(session, case, "identity", b"%PDF-1.7", by=BY)
        stuck = open_case(session, town.utility_id, change("K-0000002", ON, 10), by=BY)
        for code in ("identity", "title"):
            receive(session, stuck, code, b"%PDF-1.7", by=BY)
    engine.dispose()
    port = free_port()
    app = create_app(PortalConfig(sqlite_database, "agost", secure=False))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def log_in(page: Page, url: str) -> None:
    page.goto(f"{url}/entrar")
    page.get_by_label("Usuario").fill("maria")
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Salir")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
def test_the_pages_are_accessible_and_reflow(
    browser: Browser, url: str, axe: Axe, width: int, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740}, color_scheme=scheme, locale="es-ES")
    page = context.new_page()
    log_in(page, url)
    page.goto(f"{url}/oficina/contratos")
    cases = [link.get_attribute("href") for link in page.locator("tbody a").all()]
    assert len(cases) == 2
    new = [f"/oficina/contratos/nuevo/{path}" for path in ("alta", "cambio-de-titular", "subrogacion", "baja")]
    for path in ("/oficina/contratos", *map(str, cases), *new):
        page.goto(url + path)
        for summary in page.locator("summary").all():
            if summary.locator("..").get_attribute("open") is None:
                summary.click()
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


def test_a_document_is_brought_and_the_case_completed_without_scripts(
    browser: Browser, url: str, tmp_path: Path
) -> None:
    paper = tmp_path / "contrato.pdf"
    paper.write_bytes(b"%PDF-1.7 arrendamiento")
    context = browser.new_context(java_script_enabled=False, locale="es-ES")
    page = context.new_page()
    log_in(page, url)
    page.goto(f"{url}/oficina/contratos")
    page.get_by_role("link", name="EXP-000001").click()
    expect(page.get_by_text("Reúne los documentos que faltan")).to_be_visible()
    page.locator("#fichero-title").set_input_files(paper)
    page.get_by_role("region", name="Título de ocupación").get_by_role("button", name="Guardar el documento").click()
    page.get_by_role("button", name="Completar cambio de titular").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("hecho")
    expect(page.get_by_role("heading", name="Lo que se ha hecho")).to_be_visible()
    context.close()


def test_an_error_takes_the_focus_and_what_was_typed_stays(page: Page, url: str) -> None:
    log_in(page, url)
    page.goto(f"{url}/oficina/contratos/nuevo/baja")
    page.get_by_label("Contrato", exact=True).fill("K-0000009")
    page.get_by_label("Nota").fill("Llama a la puerta azul")
    page.get_by_role("button", name="Abrir expediente").click()
    expect(page.locator("#errores")).to_be_focused()
    expect(page).to_have_title("Error: Baja · Aguas de Agost, S. A.")
    expect(page.get_by_label("Nota")).to_have_value("Llama a la puerta azul")


def test_the_closing_bill_is_made_on_the_case_on_a_phone(browser: Browser, url: str, axe: Axe, tmp_path: Path) -> None:
    paper = tmp_path / "contrato.pdf"
    paper.write_bytes(b"%PDF-1.7 arrendamiento")
    context = browser.new_context(viewport={"width": 320, "height": 740}, locale="es-ES")
    page = context.new_page()
    log_in(page, url)
    page.goto(f"{url}/oficina/contratos")
    page.get_by_role("link", name="EXP-000001").click()
    page.locator("#fichero-title").set_input_files(paper)
    page.get_by_role("region", name="Título de ocupación").get_by_role("button", name="Guardar el documento").click()
    page.get_by_role("button", name="Completar cambio de titular").click()
    axe(page)
    page.get_by_label("Serie").fill("C26")
    page.get_by_label("Desde").fill((NOW.date() - timedelta(30)).isoformat())
    page.get_by_role("button", name="Hacer la factura de cierre").click()
    closing = page.get_by_role("region", name="Factura de cierre en revisión")
    expect(closing.get_by_text("3,000 m³")).to_be_visible()
    closing.locator("summary").click()
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    closing.get_by_role("link", name="CIERRE-000001").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("CIERRE-000001")
    context.close()
