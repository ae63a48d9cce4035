"""Fiscal records on the office's pages: what was refused, why, and mending it."""

import re
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path

import httpx
import pytest
from lxml import etree
from sqlalchemy import Engine, select

from central.access import create_user, load_site
from central.config import BodyConfig, FacturaeConfig
from central.invoicing import regimes
from central.store import open_engine, read_session, write_session
from central.store.models import AuditEntry, Customer
from portal.app import create_app
from portal.config import PortalConfig
from tests.central.api.conftest import Inside
from tests.central.factories import NIF, NOW, Town, found
from tests.central.fiscal.conftest import DAYS, Office
from tests.central.fiscal.test_line import certificate
from tests.central.invoicing.driving import issued
from tests.fixtures.agency import tax_agency

PASSWORD = "una clave muy larga"
REJECTED = "AG2026/000001"
CHANGE = date(2026, 6, 1)


@pytest.fixture
def engine(sqlite_database: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_database)
    yield engine
    engine.dispose()


@pytest.fixture
def office(engine: Engine, shared: Path) -> Iterator[Office]:
    """Three houses, the first of a town hall; its record was rejected."""
    town: Town = found(engine, 3)
    with write_session(engine) as session:
        first = session.scalars(select(Customer).order_by(Customer.id)).first()
        assert first is not None
        first.nif, first.name, first.kind = "P0300200C", "Ayuntamiento de Agost", "company"
        first.address = {
            "street": "Plaça d'Espanya, 1",
            "postal_code": "03698",
            "town": "Agost",
            "province": "Alicante",
        }
        for login, role in (("maria", "clerk"), ("lector", "reader")):
            create_user(session, town.utility_id, login, PASSWORD, role=role, name=login.title())
    town.read_all(DAYS)
    issued(town)
    with tax_agency(shared / "data/billing/xsd/verifactu") as agency:
        made = Office(town, agency)
        agency.rejects = {REJECTED: (1110, "El NIF no está identificado en el censo de la AEAT.")}
        made.send()
        made.clock.advance(60)
        yield made


@pytest.fixture
def client(office: Office, sqlite_database: str, tmp_path: Path) -> Iterator[httpx.Client]:
    _, packed, secret = certificate(tmp_path, "sello")
    body = BodyConfig("P0300200C", "L01030020", "L01030020", "L01030020")
    config = PortalConfig(
        sqlite_database, "agost", secure=False, facturae=FacturaeConfig(str(packed), str(secret), (body,))
    )
    app = create_app(config)
    app.state.engine = office.town.engine
    with read_session(office.town.engine) as session:
        app.state.site = load_site(session, config.utility)
    headers = {"Origin": "http://sgc.test"}
    with httpx.Client(
        transport=Inside(app), base_url="http://sgc.test", headers=headers, follow_redirects=True
    ) as client:
        enter(client, "maria")
        yield client


def enter(client: httpx.Client, login: str) -> None:
    assert client.post("/entrar", data={"usuario": login, "clave": PASSWORD}, follow_redirects=False).status_code == 303


def words(text: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))).replace("\u00a0", " ")


def record_path(client: httpx.Client, number: str) -> str:
    found = re.search(rf'href="(/oficina/fiscal/\d+)">{number}<', client.get("/oficina/fiscal").text)
    assert found
    return found[1]


def test_the_list_says_how_far_each_record_is(client: httpx.Client) -> None:
    page = words(client.get("/oficina/fiscal").text)
    assert "rechazado (1)" in page
    assert "aceptado (2)" in page
    assert "CSV A-TEST0001" in page
    only = client.get("/oficina/fiscal", params={"estado": "rejected"}).text
    assert REJECTED in only
    assert "AG2026/000002" not in only
    assert client.get("/oficina/fiscal", params={"estado": "perdido"}).status_code == 404


def test_a_rejected_record_is_mended_on_its_page(client: httpx.Client, office: Office) -> None:
    path = record_path(client, REJECTED)
    assert "Compruebe nombre y NIF del titular" in client.get(path).text
    refused = client.post(f"{path}/subsanar", data={"motivo": "NIF", "nif": "P0300200C"})
    assert (refused.status_code, "escriba el nombre" in refused.text) == (422, True)
    done = client.post(f"{path}/subsanar", data={"motivo": "NIF", "nombre": "Ajuntament d'Agost", "nif": "P0300200C"})
    assert done.status_code == 200
    assert "pendiente de respuesta" in done.text
    with read_session(office.town.engine) as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "fiscal.correct")).one()
    assert told.actor == "maria"
    (sent,) = office.send()
    assert sent.verdicts == {"accepted": 1}
    assert "subsanado" in client.get(path).text


def test_the_invoice_of_a_public_body_is_downloaded_signed(client: httpx.Client) -> None:
    answer = client.get(f"{record_path(client, REJECTED)}/facturae.xsig")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="AG2026-000001.xsig"'
    made = etree.fromstring(answer.content)
    assert made.findtext(".//SellerParty//TaxIdentificationNumber") == NIF
    assert made.find(".//{http://www.w3.org/2000/09/xmldsig#}SignatureValue") is not None
    other = client.get(f"{record_path(client, 'AG2026/000002')}/facturae.xsig")
    assert other.status_code == 422


def test_who_may_not_see_them_finds_nothing(client: httpx.Client, office: Office) -> None:
    path = record_path(client, REJECTED)
    client.post("/salir")
    enter(client, "lector")
    for page in ("/oficina/fiscal", path, f"{path}/facturae.xsig"):
        assert client.get(page).status_code == 404
    assert client.post(f"{path}/subsanar", data={"motivo": "x"}).status_code == 404


def test_a_failing_line_is_told(client: httpx.Client, office: Office) -> None:
    office.agency.mishaps = ["503"]
    path = record_path(client, REJECTED)
    client.post(f"{path}/subsanar", data={"motivo": "El NIF ya consta"})
    office.send()
    assert "La línea con la Agencia falla" in words(client.get("/oficina/fiscal").text)


def test_a_change_of_system_is_decided_by_another_person(client: httpx.Client, office: Office) -> None:
    with write_session(office.town.engine) as session:
        create_user(session, office.town.utility_id, "jefa", PASSWORD, role="supervisor", name="Jefa")
        row = regimes.propose(session, office.town.utility_id, CHANGE, {"system": "sii"}, "jefa", NOW, "Más de 6 M€")
        change = f"/oficina/fiscal/sistemas/{row.id}"
    page = words(client.get("/oficina/fiscal").text)
    assert "Propuesto: desde el" in page
    assert "Tiene que decidirlo otra persona" in page
    assert client.post(f"{change}/confirmar").status_code == 404
    enter(client, "jefa")
    assert "debe confirmarlo otra persona" in client.post(f"{change}/confirmar").text
    with write_session(office.town.engine) as session:
        create_user(session, office.town.utility_id, "otra", PASSWORD, role="supervisor", name="Otra")
    enter(client, "otra")
    assert "Confirmar el cambio" in client.get("/oficina/fiscal").text
    done = client.post(f"{change}/confirmar")
    assert (done.status_code, done.request.url.path) == (200, "/oficina/fiscal")
    assert "SII, suministro inmediato de información" in words(done.text)
    again = client.post(f"{change}/rechazar", data={"motivo": "tarde"})
    assert (again.status_code, "Ese cambio de sistema fiscal ya está decidido" in again.text) == (409, True)


def test_each_system_has_its_records(client: httpx.Client) -> None:
    assert "No hay ninguno" in client.get("/oficina/fiscal", params={"sistema": "sii"}).text
    assert REJECTED in client.get("/oficina/fiscal", params={"sistema": "verifactu"}).text
    assert client.get("/oficina/fiscal", params={"sistema": "ticketbai"}).status_code == 404
