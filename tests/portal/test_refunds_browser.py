"""The pages of refunds in a real browser: accessible, on a phone, and one paid back without scripts."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Literal

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from central.access import create_user
from central.collection import refunds as service
from central.store import open_engine, write_session
from demo.broker import free_port
from portal.app import create_app
from portal.config import PortalConfig
from tests.central.collection.test_refunds import IBAN, PAYER
from tests.central.collection.test_refunds import town as town  # a fixture, taken over
from tests.central.factories import UTILITY, Town

pytestmark = pytest.mark.browser

Axe = Callable[[Page], None]
PASSWORD = "una clave muy larga"
PAGE = "/oficina/devoluciones"


@pytest.fixture
def engine(sqlite_database: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_database)
    yield engine
    engine.dispose()


@pytest.fixture
def url(town: Town, sqlite_database: str) -> Iterator[str]:
    """A supervisor's office over a credit: a part of it is asked for, one is approved, one sent."""
    with write_session(town.engine) as session:
        create_user(session, UTILITY, "jordi", PASSWORD, role="supervisor", name="Jordi")
        now = datetime.now(UTC)
        for number in range(3):
            row = service.ask(
                session, UTILITY, "K-0000001", "maria", now, reason="Lo pide el titular", cents=100, iban=IBAN
            )
            if number < 2:
                service.approve(session, row, "jefa", now)
            if number == 0:
                service.export(session, UTILITY, "jefa", now, iban=PAYER, execute_on=date(2026, 5, 4))
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
    page.get_by_label("Usuario").fill("jordi")
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
    page.get_by_role("link", name="Devoluciones").click()
    linked = [str(link.get_attribute("href")) for link in page.locator("tbody a").all()]
    assert len(linked) == 4
    for path in (PAGE, *linked, f"{PAGE}/saldos?destino=net", f"{PAGE}/saldos?contrato=K-9"):
        page.goto(url + path)
        for summary in page.locator("summary").all():
            summary.click()
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


def test_a_refund_is_approved_sent_and_paid_without_scripts(browser: Browser, url: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="es-ES")
    page = context.new_page()
    log_in(page, url)
    page.goto(f"{url}{PAGE}?estado=asked")
    page.get_by_role("link", name="K-0000001").click()
    page.get_by_role("button", name="Aprobar 1,00 €").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("aprobada")
    page.get_by_role("link", name="fichero para el banco").click()
    expect(page.get_by_text("Hay 2 aprobadas sin enviar: 2,00 €")).to_be_visible()
    expect(page.get_by_label("IBAN de la cuenta que paga")).to_have_value(PAYER)
    page.get_by_role("button", name="Hacer el fichero").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Descargar el fichero").click()
    assert download.value.path().read_bytes().count(b"<EndToEndId>") == 2
    page.get_by_role("button", name="Anotar como pagada").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("contestada")
    context.close()
