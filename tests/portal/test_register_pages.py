"""The register and its quality board on the office's pages: by requests, and in a real browser without scripts."""

import io
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import httpx
import openpyxl
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, select

from central import register
from central.access import create_user, load_site
from central.access.sessions import open_session
from central.store import open_engine, read_session, write_session
from central.store.models import AuditEntry, RegisterImport, SupplyPoint, User, Utility
from demo.broker import free_port
from portal.app import create_app
from portal.config import PortalConfig
from tests.central.api.conftest import Inside
from tests.central.conftest import Town, found_town

PASSWORD = "una clave muy larga"
PAGE = "/oficina/padron"
NEW = "codigo;calle;numero;cp;ine\r\nS9;Carrer Nou;9;03698;03002\r\nS1;Carrer Major;1;03698;03002\r\n"
WITH_REFUSED = f"{NEW}MAL;Carrer Nou;11;3698;03002\r\n"
Client = Callable[[str], httpx.Client]


@pytest.fixture
def engine(sqlite_database: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_database)
    yield engine
    engine.dispose()


@pytest.fixture
def town(engine: Engine, tmp_path: Path) -> Town:
    town = found_town(engine, register.KeyRing.create(tmp_path / "town.keys"))
    with write_session(engine) as session:
        for login, role in (("maria", "clerk"), ("jordi", "supervisor"), ("inspe", "auditor"), ("lector", "reader")):
            create_user(session, town.utility_id, login, PASSWORD, role=role, name=login.title())
    return town


@pytest.fixture
def app(town: Town, sqlite_database: str) -> FastAPI:
    app = create_app(PortalConfig(sqlite_database, "agost", secure=False))
    app.state.engine = town.engine
    with read_session(town.engine) as session:
        app.state.site = load_site(session, "agost")
    return app


def token(town: Town, login: str) -> str:
    with write_session(town.engine) as session:
        return open_session(session, session.scalars(select(User).where(User.login == login)).one())


@pytest.fixture
def client(app: FastAPI, town: Town) -> Iterator[Client]:
    made: list[httpx.Client] = []

    def enter(login: str) -> httpx.Client:
        headers, cookies = {"Origin": "http://sgc.test"}, {"sgc": token(town, login)}
        made.append(
            httpx.Client(
                transport=Inside(app),
                base_url="http://sgc.test",
                headers=headers,
                cookies=cookies,
                follow_redirects=True,
            )
        )
        return made[-1]

    yield enter
    for one in made:
        one.close()


def words(text: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def upload(client: httpx.Client, text: str, name: str = "suministros.csv") -> httpx.Response:
    return client.post(f"{PAGE}/importaciones", files={"fichero": (name, text.encode(), "text/csv")})


def points(town: Town) -> list[str]:
    with read_session(town.engine) as session:
        return list(session.scalars(select(SupplyPoint.code).order_by(SupplyPoint.code)))


def test_a_file_is_looked_at_and_then_applied_with_its_audit(client: Client, town: Town) -> None:
    maria = client("maria")
    shown = upload(maria, NEW)
    assert "Suministros 1 Suministros: nueva 0 1 Suministros: igual 0" in words(shown.text)
    assert points(town) == ["S1", "S2", "S3"]
    done = maria.post(f"{shown.url.path}/aplicar")
    assert "aplicada por maria" in words(done.text)
    assert points(town) == ["S1", "S2", "S3", "S9"]
    with read_session(town.engine) as session:
        row = session.scalars(select(RegisterImport)).one()
        told = session.scalars(select(AuditEntry).where(AuditEntry.actor == "maria")).all()
        assert row.content is None
        assert [(one.action, one.subject) for one in told] == [
            ("plan", "register_import"), ("import", "register"), ("applied", "register_import"),
        ]  # fmt: skip
        assert told[2].after == {"digest": row.digest, "without_refused": False}
    again = maria.post(f"{shown.url.path}/aplicar")
    assert (again.status_code, "ya está aplicada por maria" in words(again.text)) == (422, True)


def test_refused_rows_keep_the_file_out_unless_they_are_left_out(client: Client, town: Town) -> None:
    maria = client("maria")
    shown = upload(maria, WITH_REFUSED)
    assert "Código postal «3698»: debe ser un código postal español de 5 cifras" in words(
        maria.get(f"{shown.url.path}?destino=refused").text
    )
    whole = maria.post(f"{shown.url.path}/aplicar")
    assert (
        whole.status_code,
        "Fichero «agost»: no se cambia nada, porque hay filas rechazadas (1); la primera: Suministros"
        in words(whole.text),
    ) == (422, True)
    assert points(town) == ["S1", "S2", "S3"]
    done = maria.post(f"{shown.url.path}/aplicar", data={"sin_rechazadas": "true"})
    assert "sin las filas rechazadas" in words(done.text)
    assert points(town) == ["S1", "S2", "S3", "S9"]
    fates = maria.get(f"{shown.url.path}/destinos.csv")
    assert ";Código postal;3698;debe ser un código postal español de 5 cifras;" in fates.text
    book = openpyxl.load_workbook(io.BytesIO(maria.get(f"{shown.url.path}/destinos.xlsx").content))
    assert book.sheetnames == ["destinos"]
    assert maria.get(f"{shown.url.path}/destinos.pdf").status_code == 404


def test_what_was_shown_is_applied_or_nothing(client: Client, town: Town) -> None:
    maria, first = client("maria"), upload(client("maria"), NEW)
    other = upload(maria, NEW)
    maria.post(f"{other.url.path}/aplicar")
    late = maria.post(f"{first.url.path}/aplicar")
    assert (late.status_code, "ya no es el de cuando se mostraron los destinos" in words(late.text)) == (422, True)
    again = maria.post(f"{first.url.path}/repasar")
    assert "Suministros 0 0 2 Suministros: igual 0" in words(again.text)
    gone = maria.post(f"{first.url.path}/descartar")
    assert "descartada" in words(gone.text)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("suministros.csv", "codigo\nS1", "Hoja Suministros «suministros»: no tiene la columna calle"),
        ("padron.json", '{"schema": 1}', "Fichero «padron.json»: es JSON, que se importa con la orden"),
        (
            "contadores.csv",
            "numero_serie;calibre;radio;clave\nX;13;no;00000000000000000000000000000000",
            "trae claves de contadores",
        ),
        ("servicio.csv", "codigo;nombre;nif;ine\nagost;Otro;P0300200C;03002", "debe ser el servicio mismo"),
        ("servicio.csv", "codigo;nombre;nif;ine\nbusot;Otro;P0300200C;03046", "debe ser el servicio mismo"),
    ],
)
def test_a_file_that_has_no_business_here_is_refused(
    client: Client, town: Town, name: str, text: str, said: str
) -> None:
    answer = upload(client("maria"), text, name)
    assert (answer.status_code, said in words(answer.text)) == (422, True), words(answer.text)
    with read_session(town.engine) as session:
        assert session.scalars(select(RegisterImport)).all() == []


def test_the_register_is_exported_by_who_may_and_told(client: Client, town: Town) -> None:
    answer = client("jordi").post(f"{PAGE}/exportar", data={"formato": "csv"})
    packed = zipfile.ZipFile(io.BytesIO(answer.content))
    assert "Carrer Major" in packed.read("suministros.csv").decode()
    assert "clave" not in packed.read("contadores.csv").decode()
    book = openpyxl.load_workbook(io.BytesIO(client("jordi").post(f"{PAGE}/exportar").content))
    assert book.sheetnames[:2] == ["servicio", "suministros"]
    assert client("maria").post(f"{PAGE}/exportar").status_code == 404
    with read_session(town.engine) as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "export")).all()
        assert [one.after for one in told] == [{"form": "csv", "keys": False}, {"form": "xlsx", "keys": False}]


def test_a_thing_is_found_by_any_of_its_codes(client: Client, town: Town) -> None:
    maria = client("maria")
    for kind, code in (("contract", "K-2"), ("meter", town.meters[1]), ("serial", "K2"), ("supply_point", "S2")):
        page = words(maria.get(PAGE, params={"que": kind, "codigo": code}).text)
        assert "Carrer Major, 2" in page, kind
        assert "K-3" not in page
    assert "No hay ningún suministro con NIF «X»" in words(maria.get(PAGE, params={"que": "nif", "codigo": "X"}).text)
    assert maria.get(PAGE, params={"que": "gato", "codigo": "X"}).status_code == 404


def test_the_board_is_asked_assigned_accepted_and_reopened(client: Client, town: Town) -> None:
    maria = client("maria")
    assert "todavía no se ha revisado" in words(maria.get("/oficina/calidad").text)
    page = maria.post("/oficina/calidad/actualizar")
    assert "Cliente repetido (mismo NIF) aviso administración 1 0 0" in words(page.text)
    rule = maria.get("/oficina/calidad/same_nif")
    assert '<a href="/oficina/padron?que=nif&amp;codigo=12345678Z">12345678Z</a>' in rule.text
    issue = re.search(r'name="incidencia" value="(\d+)"', rule.text)
    assert issue
    chosen = {"incidencia": issue[1]}
    given = maria.post("/oficina/calidad/same_nif", data=chosen | {"accion": "encargar", "persona": "jordi"})
    assert "jordi" in words(given.text)
    why = {"accion": "aceptar", "motivo": "", "hasta": ""}
    assert "Motivo: " in words(maria.post("/oficina/calidad/same_nif", data=chosen | why).text)
    done = maria.post("/oficina/calidad/same_nif", data=chosen | why | {"motivo": "tres viviendas"})
    assert "Ninguna." in words(done.text)
    aside = maria.get("/oficina/calidad/same_nif?estado=dismissed")
    assert "tres viviendas (maria)" in words(aside.text)
    back = maria.post("/oficina/calidad/same_nif", data=chosen | {"accion": "reabrir", "estado": "open"})
    assert "12345678Z" in back.text
    assert maria.post("/oficina/calidad/same_nif", data={"accion": "encargar"}).status_code == 422
    assert maria.get("/oficina/calidad/gatos").status_code == 404
    assert client("lector").get("/oficina/calidad").status_code == 404
    seen = client("inspe").get("/oficina/calidad/same_nif").text
    assert "Elegir" not in seen


def test_wrong_settings_of_a_rule_are_told(client: Client, town: Town) -> None:
    with write_session(town.engine) as session:
        session.get_one(Utility, town.utility_id).settings = {"quality": {"same_nif": {"severity": "terrible"}}}
    maria, said = (
        client("maria"),
        "Ajuste quality.same_nif.severity «terrible»: debe ser uno de estos: error, warning, info",
    )
    for answer in (
        maria.get("/oficina/calidad"),
        maria.get("/oficina/calidad/same_nif"),
        maria.post("/oficina/calidad/actualizar"),
    ):
        assert (answer.status_code, said in words(answer.text)) == (422, True)


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "script"), [(320, True), (1280, False)])
def test_the_pages_work_in_a_browser_small_or_without_scripts(
    browser: Browser, address: str, town: Town, axe: Callable[[Page], None], tmp_path: Path, width: int, script: bool
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740}, locale="es-ES", java_script_enabled=script)
    context.add_cookies([{"name": "sgc", "value": token(town, "jordi"), "url": address}])
    page = context.new_page()

    def look() -> None:
        if script:
            axe(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url

    file = tmp_path / "suministros.csv"
    file.write_text(WITH_REFUSED, encoding="cp1252")
    page.goto(f"{address}{PAGE}")
    look()
    page.get_by_label("Fichero").set_input_files(file)
    page.get_by_role("button", name="Ver qué sería de cada fila").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Importación de suministros.csv")
    look()
    page.get_by_label("Importar sin las filas rechazadas").check()
    page.get_by_role("button", name="Importar", exact=True).click()
    expect(page.get_by_text("sin las filas rechazadas")).to_be_visible()
    page.get_by_role("link", name="Calidad").first.click()
    page.get_by_role("button", name="Revisar ahora").click()
    look()
    page.get_by_role("link", name="Cliente repetido (mismo NIF)").click()
    page.get_by_label("Elegir 12345678Z").check()
    page.get_by_label("Motivo").fill("es una sola persona")
    page.get_by_role("button", name="Aceptar").click()
    look()
    page.get_by_role("link", name="aceptadas").click()
    expect(page.get_by_text("es una sola persona")).to_be_visible()
    page.get_by_role("link", name="12345678Z").click()
    expect(page.get_by_role("link", name="K-1")).to_be_visible()
    look()
    context.close()
