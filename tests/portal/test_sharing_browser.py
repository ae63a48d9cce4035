"""The pages of general meters and divided supplies in a real browser: accessible, on a phone, without scripts."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Literal

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from central.access import create_user
from central.register import sharing, sharing_lines
from central.store import open_engine, write_session
from demo.broker import free_port
from portal.app import create_app
from portal.config import PortalConfig
from tests.central.factories import UTILITY, Town
from tests.central.invoicing.test_sharing import BY, billed, without_meter
from tests.central.invoicing.test_sharing import block as block  # a fixture, taken over

pytestmark = pytest.mark.browser

Axe = Callable[[Page], None]
PASSWORD = "una clave muy larga"
PAGE = "/oficina/repartos"


@pytest.fixture
def engine(sqlite_database: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_database)
    yield engine
    engine.dispose()


@pytest.fixture
def url(block: Town, sqlite_database: str) -> Iterator[str]:
    """A clerk's office over a general meter that was billed, and a supply that two contracts divide."""
    without_meter(block, "K-A")
    with write_session(block.engine) as session:
        create_user(session, UTILITY, "maria", PASSWORD, role="clerk", name="Maria")
        point = sharing_lines.supply(session, UTILITY, "PS-0000001")
        members = sharing_lines.members(session, UTILITY, "PS-0000002\nPS-0000003 = 2")
        sharing.set_bulk(session, point, members, date(2025, 1, 1), policy="shared", shared="weight", by=BY)
        point = sharing_lines.supply(session, UTILITY, "PS-0000004")
        parts = sharing_lines.parts(session, UTILITY, "K-0000004 = 2/3\nK-A = 1/3")
        sharing.set_shares(session, point, parts, date(2025, 1, 1), shared="litres", by=BY)
    billed(block)
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
    page.get_by_role("link", name="Repartos").click()
    linked = [str(link.get_attribute("href")) for link in page.locator("tbody a").all()]
    assert len(linked) == 2
    for path in (PAGE, *linked, f"{PAGE}?dia=2024-01-01", f"{PAGE}?texto=PS-9"):
        page.goto(url + path)
        for summary in page.locator("summary").all():
            summary.click()
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


def test_a_general_meter_is_changed_and_ended_without_scripts(browser: Browser, url: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="es-ES")
    page = context.new_page()
    log_in(page, url)
    page.goto(url + PAGE)
    page.get_by_role("link", name="PS-0000001").click()
    expect(page.get_by_role("heading", name="Último balance facturado")).to_be_visible()
    page.get_by_text("Otros suministros u otra forma desde un día").click()
    expect(page.get_by_label("Suministros que cuelgan de él")).to_have_value("PS-0000002 = 1\nPS-0000003 = 2")
    page.get_by_label("Suministros que cuelgan de él").fill("PS-0000002\nPS-9")
    page.get_by_label("Primer día", exact=True).fill("2026-05-01")
    page.get_by_role("button", name="Cambiar desde ese día").click()
    expect(page.get_by_role("alert")).to_contain_text("«PS-9»: no está en el padrón")
    page.get_by_label("Suministros que cuelgan de él").fill("PS-0000002")
    page.get_by_role("button", name="Declarar el contador general").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("rige el 01/05/2026")
    page.get_by_text("Dejar de ser contador general").click()
    page.get_by_label("Primer día en que ya nada cuelga de él").fill("2026-06-01")
    page.get_by_role("button", name="Terminar ese día").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("no rige el 01/06/2026")
    context.close()
