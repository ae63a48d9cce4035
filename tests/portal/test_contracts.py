"""A change of holder and the other procedures on the office's pages, over plain HTTP."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from central.access import create_user, load_site
from central.store import open_engine, read_session, write_session
from portal.app import create_app
from portal.cases import CaseForm, Prefill
from portal.config import PortalConfig
from tests.central.api.conftest import Inside
from tests.central.factories import Town, found

PASSWORD = "una clave muy larga"
PAGE = "/oficina/contratos"
TODAY = datetime.now(UTC).date()
FORM = {
    "contrato": "K-0000001",
    "fecha": (TODAY - timedelta(10)).isoformat(),
    "causa": "lease",
    "nif": "12345678Z",
    "nombre": "Joan Pérez",
    "tipo": "person",
    "origen": "real",
    "lectura": "14,5",
}


@pytest.fixture
def engine(sqlite_database: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_database)
    yield engine
    engine.dispose()


@pytest.fixture
def app(engine: Engine, sqlite_database: str) -> FastAPI:
    """Three houses read a month ago, a clerk, a supervisor, an auditor and a reader."""
    town: Town = found(engine, 3)
    town.read_all((TODAY - timedelta(30),))
    with write_session(engine) as session:
        people = (("maria", "clerk"), ("jordi", "supervisor"), ("inspector", "auditor"), ("lector", "reader"))
        for login, role in people:
            create_user(session, town.utility_id, login, PASSWORD, role=role, name=login.title())
    app = create_app(PortalConfig(sqlite_database, "agost", secure=False))
    app.state.engine = engine
    with read_session(engine) as session:
        app.state.site = load_site(session, "agost")
    return app


def client(app: FastAPI, login: str) -> httpx.Client:
    headers = {"Origin": "http://sgc.test"}
    made = httpx.Client(transport=Inside(app), base_url="http://sgc.test", headers=headers, follow_redirects=True)
    assert made.post("/entrar", data={"usuario": login, "clave": PASSWORD}, follow_redirects=False).status_code == 303
    return made


def words(page: httpx.Response) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))).replace("\u00a0", " ")


def opened(clerk: httpx.Client, **changes: str) -> str:
    """The path of a case opened on the form."""
    answer = clerk.post(f"{PAGE}/nuevo/cambio-de-titular", data=FORM | changes, follow_redirects=False)
    assert answer.status_code == 303, words(answer)
    return answer.headers["location"]


def bring(clerk: httpx.Client, path: str, code: str, content: bytes = b"%PDF-1.7 dni") -> httpx.Response:
    files = {"fichero": ("../dni.exe", content, "text/html")}
    return clerk.post(f"{path}/documentos", data={"codigo": code, "accion": "recibir"}, files=files)


def test_a_change_of_holder_from_the_form_to_its_end(app: FastAPI) -> None:
    clerk = client(app, "maria")
    path = opened(clerk)
    page = words(clerk.get(path))
    assert "Próximo paso: Reúne los documentos que faltan" in page
    assert "14,500 m³, leída en el sitio" in page
    assert "Título de ocupación" in page
    assert "Ley 39/2015, art. 68.1" in page
    assert "recibido" in words(bring(clerk, path, "identity"))
    ready = words(bring(clerk, path, "title"))
    assert "Está todo: complétalo." in ready
    done = words(clerk.post(f"{path}/completar"))
    assert "Lo que se ha hecho Contrato K-0000001 Lectura 14,500 m³" in done
    assert "Corregir los datos" not in done
    assert "EXP-000001" not in words(clerk.get(PAGE))
    assert "EXP-000001" in words(clerk.get(PAGE, params={"estado": "done", "texto": "joan"}))


def test_a_document_is_given_back_as_its_bytes_say_under_a_name_of_ours(app: FastAPI) -> None:
    clerk = client(app, "maria")
    path = opened(clerk)
    page = bring(clerk, path, "identity", b"\x89PNG\r\n\x1a\n...")
    link = re.search(r'href="([^"]+/documentos/\d+)"', page.text)
    assert link
    answer = clerk.get(link[1])
    assert answer.content == b"\x89PNG\r\n\x1a\n..."
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'attachment; filename="identity-1.png"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert clerk.get(link[1].replace("/documentos/", "9/documentos/")).status_code == 404
    refused = bring(clerk, path, "title", b"<html>")
    assert refused.status_code == 422
    assert "debe ser un fichero PDF, JPEG, PNG o TIFF" in words(refused)


def test_who_waives_cannot_complete_and_another_person_can(app: FastAPI) -> None:
    clerk = client(app, "maria")
    path = opened(clerk)
    bring(clerk, path, "identity")
    waived = clerk.post(f"{path}/documentos", data={"codigo": "title", "accion": "dispensar", "motivo": "consta"})
    assert "dispensado" in words(waived)
    assert "debe completar el expediente otra persona" in words(clerk.post(f"{path}/completar"))
    assert "hecho" in words(client(app, "jordi").post(f"{path}/completar"))


def test_what_is_wrong_is_told_beside_the_form_and_nothing_typed_is_lost(app: FastAPI) -> None:
    clerk = client(app, "maria")
    page = clerk.post(f"{PAGE}/nuevo/cambio-de-titular", data=FORM | {"nif": "12345678A"})
    assert page.status_code == 422
    assert "debe ser un NIF, NIE o CIF válido" in words(page)
    assert 'value="Joan Pérez"' in page.text
    assert 'value="14,5"' in page.text
    wrong = clerk.post(f"{PAGE}/nuevo/baja", data=FORM | {"lectura": "mucha"})
    assert "Lectura «mucha»: deben ser metros cúbicos con tres decimales como mucho" in words(wrong)
    path = opened(clerk)
    amended = clerk.post(f"{path}/datos", data=FORM | {"lectura": "1"})
    assert "es menor que" not in words(amended)  # the form is read; whether the index can be is told as a problem
    bring(clerk, path, "identity")
    assert "es menor que los 1000" not in words(bring(clerk, path, "title"))


def test_what_forbids_it_stands_on_the_page_before_anybody_tries(app: FastAPI) -> None:
    clerk = client(app, "maria")
    path = opened(clerk, lectura="0,5")
    page = words(clerk.get(path))
    assert "Lo que impide completarlo" in page
    assert "Lectura «500»: es menor que los 1000 litros leídos el" in page


def test_it_is_rejected_or_withdrawn_with_a_reason(app: FastAPI) -> None:
    clerk = client(app, "maria")
    path = opened(clerk)
    assert "Motivo: di por qué el expediente 1 queda rechazado" in words(
        clerk.post(f"{path}/rechazar", data={"motivo": " "})
    )
    assert "desistido" in words(clerk.post(f"{path}/desistir", data={"motivo": "se lo piensa"}))


def test_an_auditor_sees_and_changes_nothing_and_a_reader_sees_nothing(app: FastAPI) -> None:
    path = opened(client(app, "maria"))
    auditor = client(app, "inspector")
    assert "Completar" not in words(auditor.get(path))
    assert auditor.get(f"{PAGE}/nuevo/baja").status_code == 404
    assert auditor.post(f"{path}/completar").status_code == 404
    assert client(app, "lector").get(PAGE).status_code == 404


def test_the_form_of_a_case_says_what_the_case_says() -> None:
    form = CaseForm(**FORM, iban="ES91 2100 0418 4502 0005 1332", uso="domestic", personas="3", fianza="60,5", fin="")
    asked = form.asked("subrogation")
    again = Prefill(asked.details, asked.effective_on).form().asked("subrogation")
    assert again.details == asked.details
    assert asked.details.deposit_cents == 6050
    assert asked.details.closing is not None
    assert asked.details.closing.litres == 14_500


def test_a_cancellation_is_listed_and_found_by_who_holds_the_contract(app: FastAPI) -> None:
    clerk = client(app, "maria")
    made = clerk.post(f"{PAGE}/nuevo/baja", data={"contrato": "K-0000002", "fecha": FORM["fecha"]})
    assert "Completa los datos que faltan. Falta la lectura del contador al empezar ese día." in words(made)
    assert "Vecina 2" in words(clerk.get(PAGE, params={"texto": "vecina 2"}))
    assert "EXP-000001" not in words(clerk.get(PAGE, params={"texto": "vecina 3"}))
