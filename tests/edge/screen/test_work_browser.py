"""Work orders in a real Chromium: a thumb, a handheld's screen, with and without JavaScript."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from edge.clock import SystemClock
from edge.store import Store
from tests.edge.agent_process import PIN, AgentProcess
from tests.edge.samples import DEVICE
from tests.edge.store.test_orders import order, orders

pytestmark = pytest.mark.browser

Axe = Callable[[Page], None]
HANDHELD = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
CONFIG = f"""
device = "{DEVICE}"
[store]
path = "edge.db"
"""


async def stored(path: Path) -> None:
    store = Store(path, DEVICE, SystemClock())
    await store.store_orders(
        orders(
            1000,
            order("W1", last_litres=1_000_000, low_litres=1_010_000, high_litres=1_040_000),
            order("W2", kind="seal", street="Calle de la Fuente Vieja", instructions="Precinto roto"),
            order("W3", kind="cut", day="2099-01-07"),
        )
    )
    await store.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    # In a thread of its own: in this one runs the browser's event loop.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, stored(tmp_path / "edge.db")).result()
    found = AgentProcess(tmp_path, CONFIG)
    found.start()
    transport = httpx.HTTPTransport(retries=100)
    with httpx.Client(transport=transport, trust_env=False, timeout=60) as client:
        client.get(f"{found.url}/api/status").raise_for_status()
    yield found
    found.clean_up()


@pytest.fixture
def handheld(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    script: bool = getattr(request, "param", True)
    context = browser.new_context(java_script_enabled=script, locale="es-ES", **HANDHELD)  # type: ignore[arg-type]
    yield context
    context.close()


both_ways = pytest.mark.parametrize("handheld", [True, False], ids=["js", "nojs"], indirect=True)


@pytest.fixture
def page(handheld: BrowserContext, agent: AgentProcess) -> Page:
    found = handheld.new_page()
    found.goto(f"{agent.url}/ordenes")
    found.get_by_label("PIN").fill(PIN)
    found.get_by_role("button", name="Entrar").tap()
    expect(found.get_by_role("heading", name="Órdenes de trabajo")).to_be_visible()
    return found


@both_ways
def test_an_exchange_is_done_with_a_thumb(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe0 a picture")
    page.get_by_role("link", name="Cambiar el contador").tap()
    page.get_by_label("Última lectura del viejo, en m³").fill("1500")
    page.get_by_label("Número del contador nuevo").fill("N-1")
    page.get_by_label("Lectura del nuevo, en m³").fill("0,012")
    page.get_by_label("Fotos").set_input_files(str(photo))
    page.get_by_role("button", name="Hecha").tap()
    expect(page.get_by_role("alert")).to_contain_text("Es más alta de lo normal")
    expect(page.get_by_label("Número del contador nuevo")).to_have_value("N-1")
    page.get_by_role("button", name="Guardar así").tap()
    expect(page.get_by_role("status")).to_contain_text("Guardada ✓")
    expect(page.get_by_text("Por hacer (2)")).to_be_visible()


@both_ways
def test_why_it_cannot_be_done_is_one_key(page: Page) -> None:
    page.get_by_role("link", name="Precintar").tap()
    page.get_by_role("link", name="No se puede").tap()
    page.get_by_role("button", name="Perro o peligro").tap()
    expect(page.get_by_text("No se pudo")).to_be_visible()


def test_a_cut_says_its_day(page: Page) -> None:
    page.get_by_role("link", name="Cortar el suministro").tap()
    expect(page.get_by_role("alert")).to_contain_text("Solo puede hacerse el 07/01/2099")
    page.get_by_role("button", name="Hecha").tap()
    expect(page.locator("#problem")).to_contain_text("solo puede hacerse el 07/01/2099")


def test_every_page_reads_at_320_pixels_with_keys_for_gloves(page: Page, agent: AgentProcess, axe: Axe) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/ordenes", "/orden?order=W1", "/orden?order=W3", "/orden/motivo?order=W1"):
        page.goto(agent.url + path)
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        heights = page.eval_on_selector_all(
            ".key, a.stop, input:not([type=hidden])", "found => found.map(one => one.offsetHeight).filter(Boolean)"
        )
        assert heights
        assert min(heights) >= 72, path
