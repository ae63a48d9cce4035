"""Log-in, second factor, proof again, sessions and users on the pages, without any script."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import Engine, select, update

from central import register
from central.access import create_user, load_site
from central.access.rules import set_rules
from central.ops.log import set_up_logs
from central.store import open_engine, read_session, write_session
from central.store.models import AuditEntry, LoginSession
from portal.agents import device
from portal.app import create_app
from portal.config import PortalConfig
from portal.security import HEADERS
from tests.central.api.conftest import Inside
from tests.central.conftest import Town, found_town

PASSWORD = "una clave muy larga"
HOUR = timedelta(hours=1)


@dataclass
class Office:
    """A portal over a small utility, and who works there."""

    app: FastAPI
    engine: Engine
    town: Town
    ids: dict[str, int] = field(default_factory=dict)

    def visitor(self, host: str = "http://sgc.test") -> httpx.Client:
        headers = {"Origin": host, "User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"}
        return httpx.Client(transport=Inside(self.app), base_url=host, headers=headers, follow_redirects=True)

    def logged_in(self, login: str) -> httpx.Client:
        made = self.visitor()
        answer = made.post("/entrar", data={"usuario": login, "clave": PASSWORD}, follow_redirects=False)
        assert answer.status_code == 303, words(answer)
        return made

    def rules(self, **changes: Any) -> None:
        with write_session(self.engine) as session:
            set_rules(session, self.town.utility_id, changes, "test", datetime.now(UTC))

    def age(self, **ago: timedelta) -> None:
        """Move instants of every session into the past."""
        with write_session(self.engine) as session:
            values = {name: datetime.now(UTC) - by for name, by in ago.items()}
            session.execute(update(LoginSession).values(**values))

    def audited(self) -> list[tuple[str, str]]:
        with read_session(self.engine) as session:
            entries = session.scalars(select(AuditEntry).where(AuditEntry.subject == "user")).all()
            return [(one.actor, one.action) for one in entries if one.action != "user.created"]


@pytest.fixture
def office(sqlite_database: str, tmp_path: Path) -> Iterator[Office]:
    engine = open_engine(sqlite_database)
    keys = tmp_path / "portal.keys"
    town = found_town(engine, register.KeyRing.create(keys))
    app = create_app(PortalConfig(sqlite_database, "agost", secure=False, keys=keys, origin="http://localhost:8080"))
    app.state.engine = engine
    made = Office(app, engine, town)
    with write_session(engine) as session:
        for login, role in (("jordi", "supervisor"), ("maria", "clerk"), ("jefa", "admin"), ("leo", "reader")):
            user = create_user(session, town.utility_id, login, PASSWORD, role=role, name=login.title())
            made.ids[login] = user.id
        app.state.site = load_site(session, "agost")
    yield made
    engine.dispose()


def words(page: httpx.Response) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))).replace("\u00a0", " ")


def with_codes(client: httpx.Client) -> tuple[str, list[str]]:
    """Add an application; its secret and the recovery codes that were shown."""
    page = client.post("/seguridad/codigos")
    assert page.url.path == "/seguridad/codigos", words(page)
    assert 'class="qr"' in page.text
    secret = re.sub(r"\s", "", re.search(r"<strong>([A-Z2-7 ]{32,})</strong>", page.text)[1])  # type: ignore[index]
    done = client.post("/seguridad/codigos/confirmar", data={"codigo": pyotp.TOTP(secret).now()})
    assert done.status_code == 200, words(done)
    codes = re.findall(r"<li>(\d-[A-Z0-9-]{14})</li>", done.text)
    assert len(codes) == 10
    return secret, codes


def next_code(secret: str) -> str:
    return pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30))


def test_codes_are_added_and_then_asked_for(office: Office) -> None:
    first = office.logged_in("jordi")
    elsewhere = office.logged_in("jordi")
    secret, _ = with_codes(first)
    assert "activa" in words(first.get("/seguridad"))
    assert elsewhere.get("/oficina/").url.path == "/entrar", "other sessions end when factors change"
    again = office.logged_in("jordi")
    asked = again.get("/oficina/estudio")
    assert asked.url.path == "/entrar/segundo"
    token = again.cookies["sgc"]
    wrong = again.post("/entrar/segundo", data={"codigo": "123"})
    assert wrong.status_code == 401
    assert 'href="#codigo"' in wrong.text
    code = next_code(secret)
    done = again.post("/entrar/segundo", data={"codigo": code, "a": "/oficina/estudio"})
    assert done.url.path == "/oficina/estudio"
    assert again.cookies["sgc"] != token, "the session's name changes with its rights"
    replay = office.logged_in("jordi")
    assert replay.post("/entrar/segundo", data={"codigo": code}).status_code == 401


def test_half_a_log_in_reaches_nothing_else(office: Office) -> None:
    with_codes(office.logged_in("jefa"))
    half = office.logged_in("jefa")
    for path in ("/oficina/usuarios", "/oficina/credenciales", "/seguridad", "/confirmar", "/seguridad/codigos"):
        assert half.get(path).url.path == "/entrar/segundo", path
    made = half.post("/seguridad/clave", data={"actual": PASSWORD, "nueva": "otra bien larga"}, follow_redirects=False)
    assert made.headers["location"].startswith("/entrar/segundo")
    assert half.post("/oficina/usuarios", data={"usuario": "mal"}, follow_redirects=False).status_code == 303
    assert "Salir" in words(half.get("/entrar/segundo"))


def test_a_recovery_code_opens_once_and_fresh_ones_end_the_old(office: Office) -> None:
    _, codes = with_codes(office.logged_in("jordi"))
    client = office.logged_in("jordi")
    assert client.post("/entrar/segundo", data={"codigo": codes[4]}).url.path == "/oficina/"
    assert "Te quedan 9 de 10" in words(client.get("/seguridad"))
    again = office.logged_in("jordi")
    assert again.post("/entrar/segundo", data={"codigo": codes[4]}).status_code == 401
    fresh = re.findall(r"<li>(\d-[A-Z0-9-]{14})</li>", client.post("/seguridad/recuperacion").text)
    assert len(set(fresh) - set(codes)) == 10
    assert again.post("/entrar/segundo", data={"codigo": codes[5]}).status_code == 401
    assert again.post("/entrar/segundo", data={"codigo": fresh[5]}).url.path == "/oficina/"


def test_after_the_grace_a_role_that_needs_a_factor_reaches_only_the_page_that_adds_one(office: Office) -> None:
    client = office.logged_in("maria")
    assert "Añádelo antes del" in words(client.get("/seguridad"))
    assert client.get("/oficina/").status_code == 200
    office.rules(grace_days=0)
    for path in ("/oficina/", "/oficina/fiscal"):
        page = client.get(path)
        assert page.url.path == "/seguridad"
        assert "exige un segundo paso" in words(page)
    assert client.post("/seguridad/sesiones/cerrar", follow_redirects=False).headers["location"] == "/seguridad"
    with_codes(client)
    assert client.get("/oficina/").status_code == 200
    assert client.post("/seguridad/codigos/quitar").status_code == 422
    assert office.logged_in("leo").get("/seguridad").status_code == 200
    office.rules(factor_roles=[])
    assert client.post("/seguridad/codigos/quitar").status_code == 200


def test_what_lets_others_in_wants_a_proof_of_the_last_minutes(office: Office) -> None:
    client = office.logged_in("jefa")
    form = {"usuario": "nuevo", "nombre": "Nuevo", "puesto": "clerk"}
    office.age(proved_at=timedelta(minutes=11))
    page = client.post("/oficina/usuarios", data=form, headers={"Referer": "http://sgc.test/oficina/usuarios"})
    assert page.url.path == "/confirmar"
    assert client.get("/oficina/usuarios").status_code == 200, "looking needs no proof"
    assert client.post("/confirmar", data={"clave": "no es"}).status_code == 401
    token = client.cookies["sgc"]
    back = client.post("/confirmar", data={"clave": PASSWORD, "a": page.url.params["a"]})
    assert back.url.path == "/oficina/usuarios"
    assert client.cookies["sgc"] != token
    assert "Enlace para nuevo" in words(client.post("/oficina/usuarios", data=form))


@pytest.mark.parametrize(
    ("login", "path"),
    [
        ("jefa", "/oficina/credenciales"),
        ("jefa", "/oficina/credenciales/1/revocar"),
        ("jefa", "/oficina/usuarios/1/enlace"),
        ("jefa", "/oficina/usuarios/1/factores"),
        ("jefa", "/oficina/usuarios/1/sesiones"),
        ("jefa", "/oficina/usuarios/1/baja"),
        ("jefa", "/oficina/webhooks"),
        ("jefa", "/oficina/webhooks/1/secreto"),
        ("jordi", "/oficina/rectificativas/1/emitir"),
        ("jordi", "/oficina/rectificativas/1/rechazar"),
        ("jordi", "/oficina/devoluciones/1/aprobar"),
        ("jordi", "/oficina/devoluciones/1/rechazar"),
        ("jordi", "/oficina/devoluciones/ordenes"),
        ("jordi", "/seguridad/codigos"),
        ("jordi", "/seguridad/codigos/confirmar"),
        ("jordi", "/seguridad/codigos/quitar"),
        ("jordi", "/seguridad/llaves"),
        ("jordi", "/seguridad/llaves/1/quitar"),
        ("jordi", "/seguridad/llaves/reto"),
        ("jordi", "/seguridad/recuperacion"),
    ],
)
def test_every_guarded_act_asks_again(office: Office, login: str, path: str) -> None:
    client = office.logged_in(login)
    office.age(proved_at=HOUR)
    answer = client.post(path, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/confirmar?a=")


def test_with_a_factor_the_proof_is_a_code_and_not_the_password(office: Office) -> None:
    client = office.logged_in("jefa")
    secret, _ = with_codes(client)
    assert client.post("/confirmar", data={"clave": PASSWORD}).status_code == 401
    assert client.post("/confirmar", data={"codigo": next_code(secret), "a": "/seguridad"}).url.path == "/seguridad"


def test_a_place_on_another_site_is_no_place_to_go_back_to(office: Office) -> None:
    client = office.visitor()
    for target in ("https://evil.test/", "//evil.test", "/\\evil.test"):
        answer = client.post("/entrar", data={"usuario": "leo", "clave": PASSWORD, "a": target}, follow_redirects=False)
        assert answer.headers["location"] == "/ruta"
    office.age(proved_at=HOUR)
    jefa = office.logged_in("jefa")
    office.age(proved_at=HOUR)
    asked = jefa.post("/oficina/usuarios", headers={"Referer": "https://evil.test/x"}, follow_redirects=False)
    assert asked.headers["location"] == "/confirmar?a=/"


def test_ones_sessions_are_shown_and_ended(office: Office) -> None:
    here, there, third = (office.logged_in("maria") for _ in range(3))
    page = here.get("/seguridad")
    assert words(page).count("Firefox en Windows") == 3
    assert page.text.count(">esta<") == 1
    path = re.search(r'action="(/seguridad/sesiones/\d+/cerrar)"', page.text)
    assert path
    assert office.logged_in("leo").post(path[1]).status_code == 404, "not another's"
    here.post(path[1])
    assert words(here.get("/seguridad")).count("Firefox en Windows") == 2
    here.post("/seguridad/sesiones/cerrar")
    assert words(here.get("/seguridad")).count("Firefox en Windows") == 1
    assert {one.get("/oficina/").url.path for one in (there, third)} == {"/entrar"}
    assert here.get("/oficina/").url.path == "/oficina/"


@pytest.mark.parametrize("ago", [{"seen_at": timedelta(minutes=31)}, {"created_at": timedelta(hours=13)}])
def test_a_session_ends_by_rest_and_by_age(office: Office, ago: dict[str, timedelta]) -> None:
    client = office.logged_in("maria")
    office.age(**ago)
    assert client.get("/oficina/").url.path == "/entrar"


def test_logging_out_ends_it_at_the_server_and_logging_in_renames_it(office: Office) -> None:
    client = office.logged_in("maria")
    first = client.cookies["sgc"]
    client.post("/entrar", data={"usuario": "maria", "clave": PASSWORD})
    second = client.cookies["sgc"]
    assert first != second
    client.post("/salir")
    for token in (first, second, "made up"):
        with office.visitor() as thief:
            thief.cookies.set("sgc", token)
            assert thief.get("/oficina/").url.path == "/entrar"


def test_a_password_is_changed_by_who_knows_the_old_one(office: Office) -> None:
    client, other = office.logged_in("maria"), office.logged_in("maria")
    for old, new, told in (
        ("no es", "otra bien larga", "La contraseña actual no es correcta"),
        (PASSWORD, "corta", "demasiado corta"),
        (PASSWORD, "qwertyuiop", "listas de contraseñas robadas"),
        (PASSWORD, PASSWORD, "la misma que la actual"),
    ):
        page = client.post("/seguridad/clave", data={"actual": old, "nueva": new})
        assert page.status_code == 422
        assert told in words(page)
    assert client.post("/seguridad/clave", data={"actual": PASSWORD, "nueva": "otra bien larga"}).status_code == 200
    assert client.get("/oficina/").status_code == 200
    assert other.get("/oficina/").url.path == "/entrar"
    denied = office.visitor().post("/entrar", data={"usuario": "maria", "clave": PASSWORD})
    assert denied.status_code == 401


def test_guesses_of_the_old_password_are_counted(office: Office) -> None:
    client = office.logged_in("maria")
    for _ in range(5):
        client.post("/seguridad/clave", data={"actual": "no es", "nueva": "otra bien larga"})
    answer = client.post("/seguridad/clave", data={"actual": PASSWORD, "nueva": "otra bien larga"})
    assert answer.status_code == 429


def test_a_manager_makes_a_user_who_chooses_a_password_once(office: Office) -> None:
    jefa = office.logged_in("jefa")
    page = jefa.post("/oficina/usuarios", data={"usuario": "nuevo", "nombre": "Nuevo", "puesto": "reader"})
    link = re.search(r"http://localhost:8080(/clave/[\w-]{43})", page.text)
    assert link
    guest = office.visitor()
    assert "listas de contraseñas robadas" in words(guest.post(link[1], data={"nueva": "password1"}))
    assert "Ya puedes entrar como nuevo" in words(guest.post(link[1], data={"nueva": PASSWORD}))
    assert guest.get(link[1]).status_code == 404
    assert guest.post(link[1], data={"nueva": "otra bien larga"}).status_code == 404
    assert office.logged_in("nuevo")
    taken = jefa.post("/oficina/usuarios", data={"usuario": "nuevo", "nombre": "x"})
    assert (taken.status_code, "El usuario nuevo ya existe: cada nombre" in words(taken)) == (422, True)


def test_a_manager_helps_and_shuts_out_others_but_not_themselves(office: Office) -> None:
    jordi = office.logged_in("jordi")
    with_codes(jordi)
    jefa = office.logged_in("jefa")
    base = f"/oficina/usuarios/{office.ids['jordi']}"
    assert "con segundo paso" in words(jefa.get("/oficina/usuarios"))
    jefa.post(f"{base}/enlace")
    assert jordi.get("/oficina/").status_code == 200, "a link alone changes nothing"
    jefa.post(f"{base}/factores", data={"motivo": "perdió el móvil"})
    assert jordi.get("/oficina/").url.path == "/entrar"
    jordi = office.logged_in("jordi")
    assert jordi.get("/oficina/").status_code == 200
    jefa.post(f"{base}/sesiones")
    assert jordi.get("/oficina/").url.path == "/entrar"
    jordi = office.logged_in("jordi")
    jefa.post(f"{base}/baja", data={"motivo": "se va"})
    assert jordi.get("/oficina/").url.path == "/entrar"
    for act in ("factores", "sesiones", "baja"):
        assert jefa.post(f"/oficina/usuarios/{office.ids['jefa']}/{act}").status_code == 422
    assert office.audited() == [
        ("jordi", "totp.added"),
        ("jordi", "recovery.made"),
        ("jefa", "password.link"),
        ("jefa", "totp.removed"),
        ("jefa", "factors.reset"),
        ("jefa", "session.ended"),
        ("jefa", "user.disabled"),
    ]


def test_a_token_is_made_shown_once_and_revoked(office: Office) -> None:
    jefa = office.logged_in("jefa")
    made = jefa.post("/oficina/credenciales", data={"usuario": "maria", "nombre": "ERP", "dias": "30"})
    secret = re.search(r"<strong>(sgc_[\w-]+)</strong>", made.text)
    assert secret
    listed = jefa.get("/oficina/credenciales")
    assert secret[1] not in listed.text
    path = re.search(r'action="(/oficina/credenciales/\d+/revocar)"', listed.text)
    assert path
    assert "anulada" in words(jefa.post(path[1]))
    assert (
        jefa.post("/oficina/credenciales", data={"usuario": "maria", "nombre": "x", "dias": "999"}).status_code == 422
    )
    assert office.logged_in("jordi").get("/oficina/credenciales").status_code == 404


def test_who_is_shut_out_by_strangers_still_gets_in_where_they_were_before(office: Office) -> None:
    client = office.logged_in("maria")
    client.post("/salir")
    stranger = office.visitor()
    for _ in range(10):
        assert stranger.post("/entrar", data={"usuario": "maria", "clave": "no es"}).status_code == 401
    assert stranger.post("/entrar", data={"usuario": "maria", "clave": PASSWORD}).status_code == 429
    assert client.post("/entrar", data={"usuario": "maria", "clave": PASSWORD}).url.path == "/oficina/"


def test_an_unknown_name_is_answered_like_a_wrong_password(office: Office) -> None:
    answers = [office.visitor().post("/entrar", data={"usuario": one, "clave": "no es"}) for one in ("maria", "nadie")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text.replace("nadie", "maria") for answer in answers}) == 1


def test_no_secret_is_kept_by_a_cache_and_every_page_has_its_headers(office: Office) -> None:
    client = office.logged_in("jefa")
    for path in ("/entrar", "/seguridad", "/oficina/usuarios", "/clave/nothing", "/confirmar", "/nowhere"):
        answer = client.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS, path
        assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_a_fault_of_the_program_tells_nothing_and_keeps_its_headers(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("portal.routes.safety.factors_of", broken)
    answer = office.logged_in("maria").get("/seguridad")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/metrics", "/healthz", "/.git/config"])
def test_what_is_for_operators_is_not_for_the_public(office: Office, path: str) -> None:
    assert office.app.debug is False
    assert office.visitor().get(path).status_code == 404


def test_scripts_keep_nothing_in_the_browser_and_no_page_holds_a_script_of_its_own() -> None:
    scripts = "".join(file.read_text() for file in Path("portal/static").glob("*.js"))
    assert "fetch(" in scripts
    for store in ("localStorage", "sessionStorage", "indexedDB", "document.cookie", "caches."):
        assert store not in scripts
    pages = "".join(file.read_text() for file in Path("portal/templates").rglob("*.html"))
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|style=", pages)


def test_passwords_may_be_pasted_and_kept_by_a_manager(office: Office) -> None:
    client = office.logged_in("maria")
    fields = re.findall(r"<input[^>]*type=.password.[^>]*>", office.visitor().get("/entrar").text)
    fields += re.findall(r"<input[^>]*type=.password.[^>]*>", client.get("/seguridad").text)
    assert len(fields) == 3
    for one in fields:
        assert re.search(r'autocomplete="(current|new)-password"', one)
        assert "maxlength" not in one
        assert "pattern" not in one


def test_a_line_of_the_log_is_one_line_whatever_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs()
    structlog.get_logger().info("login", how='a\n{"event": "forged"}\r\u2028b')
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "login"


def test_a_log_in_is_in_the_log_without_name_or_password(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs()
    office.logged_in("maria")
    said = json.loads(capsys.readouterr().err)
    assert (said["event"], said["how"], said["network"]) == ("login", "password", "127.0.0.0/24")
    assert "maria" not in str(said)


def test_cookies_are_for_this_host_over_https_and_no_script(office: Office, sqlite_database: str) -> None:
    app = create_app(PortalConfig(sqlite_database, "agost"))
    app.state.engine, app.state.site = office.engine, office.app.state.site
    office.app = app
    answer = office.visitor("https://sgc.test").post(
        "/entrar", data={"usuario": "maria", "clave": PASSWORD}, follow_redirects=False
    )
    cookies = answer.headers.get_list("set-cookie")
    assert {cookie.split("=")[0] for cookie in cookies} == {"__Host-sgc", "__Host-sgc-known"}
    for cookie in cookies:
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize(
    "origin", ["https://oficina.example.es/", "http://oficina.example.es", "oficina.example.es", "https://", "ftp://x"]
)
def test_an_origin_that_browsers_do_not_know_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="origin: "):
        PortalConfig("sqlite://", "agost", origin=origin)


def test_without_a_key_file_or_an_origin_the_page_says_so(office: Office, sqlite_database: str) -> None:
    app = create_app(PortalConfig(sqlite_database, "agost", secure=False))
    app.state.engine, app.state.site = office.engine, office.app.state.site
    office.app = app
    client = office.logged_in("maria")
    page = words(client.get("/seguridad"))
    assert "el portal no tiene fichero de claves" in page
    assert "el portal no tiene dirección pública configurada" in page
    assert client.post("/seguridad/codigos").status_code == 422
    assert client.post("/seguridad/llaves/reto").status_code == 422
    assert client.post("/entrar/llave", data={"respuesta": "{}"}).status_code == 401


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", '{"rawId": 1}', "x" * 30_000, '{"response": {"clientDataJSON": "eyJ9"}}']
)
def test_what_is_no_answer_of_a_browser_is_refused_and_told(office: Office, answer: str) -> None:
    assert office.visitor().post("/entrar/llave", data={"respuesta": answer}).status_code == 401
    client = office.logged_in("jordi")
    assert client.post("/seguridad/llaves", data={"respuesta": answer, "nombre": "x"}).status_code == 422
    assert client.post("/confirmar/llave", data={"respuesta": answer}).status_code == 401
    assert [action for _, action in office.audited()] == ["login.refused"] * 2


def test_browsers_are_known_again_by_their_owner() -> None:
    chrome = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
    assert device(chrome) == "Chrome en Android"
    assert device("curl/8") == "Navegador"
