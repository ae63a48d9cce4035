"""The portal in a real browser: keyboard, reflow, accessibility, no script needed."""

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from demo.people import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.journey]

Axe = Callable[[Page], None]


def log_in(page: Page, url: str, login: str) -> None:
    page.goto(f"{url}/entrar")
    page.get_by_label("Usuario").fill(login)
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Salir")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_subscribers_pages_are_accessible_and_reflow(
    browser: Browser, portal_url: str, axe: Axe, width: int, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740}, color_scheme=scheme, locale="es-ES")
    page = context.new_page()
    log_in(page, portal_url, "abonado")
    bill = page.locator("table a").first.get_attribute("href")
    for path in ("/facturas", str(bill), f"{bill}/lineas/1", "/consumo", "/tarifas", "/accesibilidad"):
        page.goto(portal_url + path)
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_offices_pages_are_accessible_and_reflow(browser: Browser, portal_url: str, axe: Axe, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740}, locale="es-ES")
    page = context.new_page()
    log_in(page, portal_url, "facturacion")
    axe(page)
    page.get_by_role("main").get_by_role("link", name="Facturación").first.click()
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("tbody a").first.click()
    axe(page)
    page.goto(f"{portal_url}/oficina/estudio?tarifa=ES-AGOST-2023&desde=2000-01-01&hasta=2100-01-01")
    assert page.locator("svg").count() == 2
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_keyboard_alone_reaches_the_story_of_a_line(page: Page, portal_url: str) -> None:
    log_in(page, portal_url, "abonado")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Ir al contenido")).to_be_focused()
    page.locator("table a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Factura A/")
    page.get_by_role("link", name="¿Por qué?").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("¿Por qué")
    page.get_by_text("El telegrama, byte a byte").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Significado").first).to_be_visible()


def test_everything_works_without_scripts(browser: Browser, portal_url: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="es-ES")
    page = context.new_page()
    log_in(page, portal_url, "abonado")
    page.locator("table a").first.click()
    page.get_by_role("link", name="¿Por qué?").first.click()
    page.get_by_text("El telegrama, byte a byte").first.click()
    expect(page.get_by_role("columnheader", name="Significado").first).to_be_visible()
    context.close()


def test_an_error_takes_the_focus(page: Page, portal_url: str) -> None:
    page.goto(f"{portal_url}/entrar")
    page.get_by_label("Usuario").fill("abonado")
    page.get_by_label("Contraseña").fill("no es esta")
    page.keyboard.press("Enter")
    expect(page.locator("#errores")).to_be_focused()
    expect(page).to_have_title("Error: Entrar · Servicio Municipal de Aguas de Agost (simulado), S.L.")
    expect(page.get_by_label("Usuario")).to_have_value("abonado")


def test_no_page_breaks_its_own_policy(page: Page, portal_url: str) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    log_in(page, portal_url, "abonado")
    for path in ("/facturas", "/consumo", "/tarifas"):
        page.goto(portal_url + path)
    assert said == []
