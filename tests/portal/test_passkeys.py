"""Passkeys in Chromium with a virtual authenticator: made, used to log in without a password and beside one."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import Engine, select, update

from central import register
from central.access import AccessError, create_user, passkeys
from central.access.passkeys import RelyingParty
from central.access.rules import set_rules
from central.store import open_engine, read_session, write_session
from central.store.models import AuditEntry, Passkey
from demo.broker import free_port
from portal.app import create_app
from portal.config import PortalConfig
from tests.central.conftest import Town, found_town

pytestmark = pytest.mark.browser

PASSWORD = "una clave muy larga"
Axe = Callable[[Page], None]


@dataclass
class Running:
    """A portal that answers at ``url``, and the utility behind it."""

    url: str
    engine: Engine
    town: Town

    def registered(self) -> list[Passkey]:
        with read_session(self.engine) as session:
            return list(session.scalars(select(Passkey).order_by(Passkey.id)))

    def actions(self) -> list[str]:
        with read_session(self.engine) as session:
            entries = session.scalars(select(AuditEntry).order_by(AuditEntry.position)).all()
            return [one.action for one in entries if one.subject == "user" and one.action != "user.created"]


@pytest.fixture
def running(sqlite_database: str, tmp_path: Path) -> Iterator[Running]:
    """On ``localhost``: browsers take it for secure, and an address of numbers for no relying party."""
    engine = open_engine(sqlite_database)
    keys = tmp_path / "portal.keys"
    town = found_town(engine, register.KeyRing.create(keys))
    with write_session(engine) as session:
        for login, role in (("jordi", "supervisor"), ("jefa", "admin"), ("maria", "clerk")):
            create_user(session, town.utility_id, login, PASSWORD, role=role, name=login.title())
        set_rules(
            session, town.utility_id, {"factor_roles": ["supervisor"], "grace_days": 0}, "test", datetime.now(UTC)
        )
    port = free_port()
    url = f"http://localhost:{port}"
    app = create_app(PortalConfig(sqlite_database, "agost", secure=False, keys=keys, origin=url))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the portal ended"
        thread.join(0.05)
    yield Running(url, engine, town)
    server.should_exit = True
    thread.join()
    engine.dispose()


@dataclass
class Authenticator:
    """A virtual device of the browser, through the DevTools protocol."""

    page: Page

    def __post_init__(self) -> None:
        self.cdp = self.page.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def verifies(self, yes: bool) -> None:
        """Whether the person's PIN or fingerprint is right."""
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": yes})

    def count(self) -> int:
        """How many passkeys it holds."""
        return len(self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"])


def give_password(page: Page, url: str, login: str) -> None:
    page.goto(f"{url}/entrar")
    page.get_by_label("Usuario").fill(login)
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Entrar", exact=True).click()


def add_passkey(page: Page, name: str) -> None:
    page.get_by_label("Nombre, para reconocerla").fill(name)
    page.get_by_role("button", name="Añadir una llave de acceso").click()


def test_a_passkey_is_made_logs_in_without_a_password_and_proves_it_again(
    page: Page, running: Running, axe: Axe
) -> None:
    device = Authenticator(page)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    give_password(page, running.url, "jordi")
    expect(page.get_by_text("Tu puesto exige un segundo paso al entrar. Añade")).to_be_visible()
    axe(page)
    add_passkey(page, "Portátil de la oficina")
    expect(page.get_by_role("heading", name="Tus códigos de recuperación")).to_be_visible()
    axe(page)
    assert device.count() == 1
    page.get_by_role("link", name="Ya los he guardado").click()
    expect(page.get_by_text("sin usar todavía")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Salir").click()

    page.goto(f"{running.url}/entrar")
    axe(page)
    page.get_by_role("button", name="Entrar con una llave de acceso").click()
    expect(page.get_by_role("heading", name="Trabajo pendiente")).to_be_visible()
    (key,) = running.registered()
    assert key.used_at is not None
    assert key.sign_count > 0

    page.goto(f"{running.url}/confirmar?a=/seguridad")
    axe(page)
    page.get_by_role("button", name="Usar mi llave de acceso").click()
    expect(page.get_by_text("usada el")).to_be_visible()
    assert said == [], "no page broke its own policy"
    page.get_by_role("button", name="Quitar la llave Portátil").click()
    expect(page.get_by_text("Añade otro antes de quitar este")).to_be_visible()
    assert running.actions() == ["passkey.added", "recovery.made"]


def test_beside_a_password_the_passkey_is_the_second_factor(page: Page, running: Running, axe: Axe) -> None:
    Authenticator(page)
    give_password(page, running.url, "jordi")
    add_passkey(page, "Móvil")
    page.get_by_role("link", name="Ya los he guardado").click()
    page.get_by_role("button", name="Salir").click()
    give_password(page, running.url, "jordi")
    expect(page.get_by_role("heading", name="Segundo paso")).to_be_visible()
    axe(page)
    page.goto(f"{running.url}/oficina/")
    expect(page.get_by_role("heading", name="Segundo paso")).to_be_visible()
    page.get_by_role("button", name="Usar mi llave de acceso").click()
    expect(page.get_by_role("heading", name="Trabajo pendiente")).to_be_visible()


def test_without_pin_or_fingerprint_nothing_opens(page: Page, running: Running) -> None:
    device = Authenticator(page)
    give_password(page, running.url, "jordi")
    add_passkey(page, "Móvil")
    page.get_by_role("link", name="Ya los he guardado").click()
    page.get_by_role("button", name="Salir").click()
    device.verifies(False)
    page.goto(f"{running.url}/entrar")
    page.get_by_role("button", name="Entrar con una llave de acceso").click()
    expect(page.get_by_role("status")).to_contain_text("No se ha podido usar la llave de acceso")
    assert [key.used_at for key in running.registered()] == [None]


def test_a_counter_that_does_not_rise_is_a_copied_key_and_is_refused(page: Page, running: Running) -> None:
    Authenticator(page)
    give_password(page, running.url, "jordi")
    add_passkey(page, "Móvil")
    page.get_by_role("link", name="Ya los he guardado").click()
    page.get_by_role("button", name="Salir").click()
    with write_session(running.engine) as session:
        session.execute(update(Passkey).values(sign_count=1_000))
    page.goto(f"{running.url}/entrar")
    page.get_by_role("button", name="Entrar con una llave de acceso").click()
    expect(page.get_by_role("alert")).to_contain_text("Esa llave de acceso no sirve aquí")
    assert running.actions()[-1] == "login.refused"


def test_a_removed_passkey_and_another_users_open_nothing(page: Page, running: Running) -> None:
    Authenticator(page)
    give_password(page, running.url, "maria")
    page.goto(f"{running.url}/seguridad")
    add_passkey(page, "Vieja")
    page.get_by_role("link", name="Ya los he guardado").click()
    page.get_by_role("button", name="Quitar la llave Vieja").click()
    page.get_by_role("button", name="Salir").click()
    page.goto(f"{running.url}/entrar")
    page.get_by_role("button", name="Entrar con una llave de acceso").click()
    expect(page.get_by_role("alert")).to_contain_text("Esa llave de acceso no sirve aquí")
    assert running.actions() == ["passkey.added", "recovery.made", "passkey.removed", "login.refused"]


def test_an_answer_is_taken_once_and_for_its_own_question(page: Page, running: Running) -> None:
    Authenticator(page)
    give_password(page, running.url, "jordi")
    add_passkey(page, "Móvil")
    page.get_by_role("link", name="Ya los he guardado").click()
    page.get_by_role("button", name="Salir").click()
    page.goto(f"{running.url}/entrar")
    answer = page.evaluate(
        """async () => {
          const asked = await (await fetch("/entrar/llave/reto", {method: "POST"})).json();
          const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked);
          return JSON.stringify((await navigator.credentials.get({publicKey})).toJSON());
        }"""
    )
    post = (
        "async ([path, respuesta]) => (await fetch(path, {method: 'POST', body: new URLSearchParams({respuesta})})).url"
    )
    assert page.evaluate(post, ["/entrar/llave", answer]).endswith("/oficina/")
    assert page.evaluate(post, ["/entrar/llave", answer]).endswith("/entrar/llave")
    assert page.evaluate(post, ["/confirmar/llave", answer]).endswith("/confirmar/llave")


def test_another_sites_passkey_is_none_of_ours(page: Page, running: Running) -> None:
    """The same browser and key, but the portal's origin is another: what is signed names the first."""
    Authenticator(page)
    give_password(page, running.url, "jordi")
    add_passkey(page, "Móvil")
    page.get_by_role("link", name="Ya los he guardado").click()
    assert running.registered()
    party = RelyingParty("http://localhost:1", "another portal")
    page.goto(f"{running.url}/entrar")
    with write_session(running.engine) as session:
        asked = passkeys.ask(session, running.town.utility_id, None, party, datetime.now(UTC))
    sign = """async (asked) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(asked));
      return JSON.stringify((await navigator.credentials.get({publicKey})).toJSON());
    }"""
    answer = page.evaluate(sign, asked)
    with write_session(running.engine) as session, pytest.raises(AccessError, match="origin"):
        passkeys.accept(session, running.town.utility_id, None, party, answer, datetime.now(UTC))


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_reflow_and_are_accessible(page: Page, running: Running, axe: Axe, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    give_password(page, running.url, "jefa")
    for path in ("/oficina/usuarios", "/oficina/credenciales", "/seguridad", "/confirmar"):
        page.goto(running.url + path)
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.goto(f"{running.url}/seguridad")
    page.get_by_role("button", name="Añadir una aplicación de códigos").click()
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"{running.url}/oficina/usuarios")
    page.get_by_role("button", name="Enlace para la contraseña de maria").click()
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture
def plain(browser: object, browser_context_args: dict[str, object]) -> Iterator[BrowserContext]:
    """A browser that runs no scripts."""
    context = browser.new_context(**browser_context_args, java_script_enabled=False)  # type: ignore[attr-defined]
    yield context
    context.close()


def test_codes_need_no_script_and_passkeys_say_that_they_do(plain: BrowserContext, running: Running) -> None:
    page = plain.new_page()
    give_password(page, running.url, "jordi")
    expect(page.get_by_text("Las llaves de acceso necesitan JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Añadir una llave de acceso")).to_be_hidden()
    page.get_by_role("button", name="Añadir una aplicación de códigos").click()
    secret = re.sub(r"\s", "", page.locator("p.hex").inner_text())
    page.get_by_label("Código de seis cifras").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Confirmar").click()
    expect(page.get_by_role("heading", name="Tus códigos de recuperación")).to_be_visible()
    code = page.locator("ol li").nth(3).inner_text()
    page.get_by_role("link", name="Ya los he guardado").click()
    page.get_by_role("button", name="Salir").click()
    give_password(page, running.url, "jordi")
    page.get_by_label("Código de tu aplicación, o uno de recuperación").fill(code)
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_role("heading", name="Trabajo pendiente")).to_be_visible()
