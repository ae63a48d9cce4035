"""Rectifying a bill on the office's pages, and what its subscriber then sees."""

import re
from collections.abc import Iterator
from datetime import date
from html import unescape

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select

from central.access import create_user, load_site
from central.store import open_engine, read_session, write_session
from central.store.models import Invoice
from portal.app import create_app
from portal.config import PortalConfig
from tests.central.api.conftest import Inside
from tests.central.factories import Town, found
from tests.central.invoicing.driving import issued

PASSWORD = "una clave muy larga"
WRONG = "AG2026/000002"
PAGE = "/oficina/rectificativas"
FORM = {
    "facturas": WRONG,
    "causa": "correct",
    "tipo": "R4",
    "metodo": "I",
    "serie": "AR2026",
    "motivo": "Lectura errónea",
    "hasta": "",
}


@pytest.fixture
def engine(sqlite_database: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_database)
    yield engine
    engine.dispose()


@pytest.fixture
def app(engine: Engine, sqlite_database: str) -> FastAPI:
    """Three houses' issued January; the second one's last index was read 2 m3 too high."""
    town: Town = found(engine, 3)
    town.read_all((date(2026, 1, 1), date(2026, 2, 1)))
    issued(town)
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    with write_session(engine) as session:
        row = session.scalars(select(Invoice).where(Invoice.number_text == WRONG)).one()
        people = (
            ("maria", "clerk", None),
            ("jordi", "supervisor", None),
            ("ana", "subscriber", row.customer_id),
            ("lector", "reader", None),
        )
        for login, role, customer in people:
            create_user(session, town.utility_id, login, PASSWORD, role=role, name=login.title(), customer_id=customer)
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


def proposed(app: FastAPI, login: str = "maria") -> str:
    """The path of a proposal made on the form."""
    answer = client(app, login).post(PAGE, data=FORM, follow_redirects=False)
    assert answer.status_code == 303, words(answer)
    return answer.headers["location"]


def test_a_bill_is_proposed_seen_before_and_after_and_issued_by_another(app: FastAPI) -> None:
    path = proposed(app)
    preview = words(client(app, "maria").get(path))
    assert re.search(r"10.100 (l|litros) → 8.?100 (l|litros)", preview)
    assert "→ 11,98 €" in preview
    assert "Tiene que decidirla otra persona" in preview
    supervisor = client(app, "jordi")
    assert "pendiente" in words(supervisor.get(PAGE))
    done = supervisor.post(f"{path}/emitir", data={"vence": "2099-01-31"})
    assert done.status_code == 200, words(done)
    assert "emitida por jordi" in words(done)
    assert f"Factura {WRONG} → AR2026/000001" in words(done)


def test_the_subscriber_sees_the_way_from_the_bill_to_its_rectification_and_back(app: FastAPI) -> None:
    path = proposed(app)
    client(app, "jordi").post(f"{path}/emitir", data={"vence": "2099-01-31"})
    subscriber = client(app, "ana")
    bills = re.findall(r'href="(/facturas/\d+)"', subscriber.get("/facturas").text)
    pages = {one: subscriber.get(one) for one in dict.fromkeys(bills)}
    original = next(page for page in pages.values() if "Esta factura está rectificada por" in words(page))
    rectifying = next(page for page in pages.values() if "Rectifica tu factura" in words(page))
    assert "queda en 11,98 €" in words(original)
    assert re.search(r'href="(/facturas/\d+)">factura AR2026/000001', original.text)
    assert f"factura {WRONG}" in words(rectifying)
    assert "Motivo: Lectura errónea" in words(rectifying)


def test_the_proposer_cannot_issue_it_and_a_clerk_cannot_approve(app: FastAPI) -> None:
    path = proposed(app, "jordi")
    refused = client(app, "jordi").post(f"{path}/emitir", data={"vence": "2099-01-31"})
    assert refused.status_code == 422
    assert "debe decidir otra persona" in words(refused)
    assert client(app, "maria").post(f"{path}/emitir", data={"vence": "2099-01-31"}).status_code == 404


def test_a_supervisor_may_reject_it(app: FastAPI) -> None:
    path = proposed(app)
    done = client(app, "jordi").post(f"{path}/rechazar", data={"motivo": "La lectura era buena"})
    assert "rechazada por jordi" in words(done)


def test_what_is_wrong_is_told_beside_the_form_and_nothing_typed_is_lost(app: FastAPI) -> None:
    page = client(app, "maria").post(PAGE, data={**FORM, "facturas": "AG2026/000001"})
    assert page.status_code == 422
    assert "no hay nada que rectificar" in words(page)
    assert 'value="Lectura errónea"' in page.text


def test_a_leak_without_evidence_is_refused_by_its_conditions(app: FastAPI) -> None:
    page = client(app, "maria").post(PAGE, data={**FORM, "causa": "leak"})
    assert page.status_code == 422
    assert "La fuga no era oculta; Falta la factura de la reparación" in words(page)


def test_it_does_not_exist_for_a_reader(app: FastAPI) -> None:
    assert client(app, "lector").get(PAGE).status_code == 404
