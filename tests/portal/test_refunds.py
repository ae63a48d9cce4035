"""Paying credits back on the office's pages: two people, the bank's file, and what the ledger holds at the end."""

import re
from collections.abc import Iterator

import httpx
import lxml.etree as xml
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select

from central.collection import refund_queries as queries
from central.collection import refunds as service
from central.store import open_engine, read_session
from central.store.models import AuditEntry, Refund
from tests.central.collection.test_refunds import IBAN, PAYER, clean, has_account, leaves, owes
from tests.central.collection.test_refunds import town as town  # a fixture, taken over
from tests.central.factories import UTILITY, Town
from tests.portal.office import Client, office, visitors, words

PAGE = "/oficina/devoluciones"
PEOPLE = (("maria", "clerk"), ("jordi", "supervisor"), ("jefa", "supervisor"), ("inspe", "auditor"), ("leo", "reader"))


@pytest.fixture
def engine(sqlite_database: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_database)
    yield engine
    engine.dispose()


@pytest.fixture
def app(town: Town, sqlite_database: str) -> FastAPI:
    return office(town.engine, sqlite_database, PEOPLE)


@pytest.fixture
def client(app: FastAPI, town: Town) -> Iterator[Client]:
    with visitors(app, town.engine) as enter:
        yield enter


def asked(client: httpx.Client, **changes: str) -> httpx.Response:
    form = {"contrato": "K-0000001", "importe": "", "iban": IBAN, "motivo": "Lo pide el titular"}
    return client.post(PAGE, data=form | changes)


def euros(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d} €"


def test_from_the_credit_to_the_bank_and_back(client: Client, town: Town) -> None:
    credit = -owes(town, 0)
    maria, jordi = client("maria"), client("jordi")
    listed = words(maria.get(f"{PAGE}/saldos?destino=net"))
    assert f"K-0000001 Vecina 1 {euros(credit)} – no se sabe se descuenta en la próxima factura Devolverlo" in listed
    mine = asked(maria)
    assert mine.status_code == 200, words(mine)
    path = mine.url.path
    assert re.fullmatch(rf"{PAGE}/\d+", path)
    assert "Tiene que decidirla otra persona" in words(mine)
    assert "ES79****************6789" in words(mine)
    assert IBAN not in mine.text
    assert owes(town, 0) == -credit
    approved = jordi.post(f"{path}/aprobar")
    assert "aprobada" in words(approved)
    assert owes(town, 0) == 0
    assert f"Hay una aprobada sin enviar: {euros(credit)}" in words(jordi.get(PAGE))
    order = jordi.post(f"{PAGE}/ordenes", data={"iban": PAYER, "fecha": "2026-05-04"})
    assert order.status_code == 200, words(order)
    assert "1 transferencia" in words(order)
    file = jordi.get(f"{order.url.path}/fichero.xml")
    assert file.headers["content-type"] == "application/xml"
    assert file.headers["content-disposition"] == f'attachment; filename="{order.url.path.rpartition("/")[2]}.xml"'
    found = xml.fromstring(file.content)
    assert [one.text for one in found.findall(".//{*}CdtrAcct//{*}IBAN")] == [IBAN]
    assert [one.text for one in found.findall(".//{*}InstdAmt")] == [f"{credit // 100}.{credit % 100:02d}"]
    paid = maria.post(f"{order.url.path}/pagada", data={"fecha": "2026-05-05"})
    assert "contestada" in words(paid)
    assert "Pagada 05/05/2026, lo anotó maria" in words(maria.get(path))
    back = maria.post(f"{path}/devuelta", data={"fecha": "2026-05-08", "motivo": "AC04 cuenta cerrada"})
    assert "Vuelta del banco 08/05/2026: AC04 cuenta cerrada" in words(back)
    assert owes(town, 0) == -credit
    assert clean(town)
    with read_session(town.engine) as session:
        told = session.execute(
            select(AuditEntry.action, AuditEntry.actor)
            .where(AuditEntry.action.startswith("refund."))
            .order_by(AuditEntry.position)
        ).all()
    assert [tuple(row) for row in told] == [
        ("refund.asked", "maria"),
        ("refund.approved", "jordi"),
        ("refund.exported", "jordi"),
        ("refund.paid", "maria"),
        ("refund.returned", "maria"),
    ]


def test_who_asked_does_not_decide_and_a_clerk_does_not_approve(client: Client, town: Town) -> None:
    jordi = client("jordi")
    path = asked(jordi).url.path
    refused = jordi.post(f"{path}/aprobar")
    assert (refused.status_code, "debe decidir otra persona" in words(refused)) == (422, True)
    assert client("maria").post(f"{path}/aprobar").status_code == 404
    assert client("maria").post(f"{PAGE}/ordenes", data={"iban": PAYER, "fecha": "2026-05-04"}).status_code == 404
    assert "asked" in counted(town)


def counted(town: Town) -> dict[str, int]:
    with read_session(town.engine) as session:
        return {state: count for state, count in queries.counts(session, UTILITY).items() if count}


def test_a_rejection_says_why_and_leaves_the_credit(client: Client, town: Town) -> None:
    credit = owes(town, 0)
    path = asked(client("maria")).url.path
    jordi = client("jordi")
    silent = jordi.post(f"{path}/rechazar", data={"motivo": " "})
    assert (silent.status_code, "un rechazo dice por qué" in words(silent)) == (422, True)
    done = jordi.post(f"{path}/rechazar", data={"motivo": "Prefiere descontarlo"})
    assert "por jordi: Prefiere descontarlo" in words(done)
    assert owes(town, 0) == credit
    assert counted(town) == {"rejected": 1}


def test_those_who_left_are_asked_for_at_once(client: Client, town: Town) -> None:
    maria = client("maria")
    silent = maria.post(f"{PAGE}/bajas", data={"motivo": ""})
    assert (silent.status_code, "Motivo: una devolución dice por qué" in words(silent)) == (422, True)
    assert "No se ha pedido ninguna" in words(maria.post(f"{PAGE}/bajas", data={"motivo": "Baja"}))
    leaves(town, 0)
    has_account(town, 0)
    assert "No se ha pedido ninguna" in words(maria.post(f"{PAGE}/bajas", data={"motivo": "Baja", "desde": "9999"}))
    done = maria.post(f"{PAGE}/bajas", data={"motivo": "Baja", "desde": "0,01"})
    assert "Se ha pedido una devolución" in words(done)
    assert counted(town) == {"asked": 1}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"importe": "12,345"}, "Importe «12,345»: deben ser euros con dos decimales como mucho"),
        ({"importe": "9999"}, "Céntimos «999900»: debe estar entre 1 y"),
        ({"iban": "ES00"}, "IBAN «ES00»: debe ser una cuenta de Vecina 1"),
        ({"iban": ""}, "IBAN: debe ser una cuenta de Vecina 1"),
        ({"motivo": " "}, "Motivo: una devolución dice por qué"),
        ({"contrato": "K-9"}, "Contrato «K-9»: no existe"),
        ({"contrato": "K-0000002"}, "Contrato «K-0000002»: no tiene saldo a favor"),
    ],
)
def test_what_is_wrong_is_told_on_the_page_and_nothing_typed_is_lost(
    client: Client, town: Town, changes: dict[str, str], told: str
) -> None:
    page = asked(client("maria"), **({"motivo": "Llamó el lunes"} | changes))
    assert page.status_code == 422
    assert told in words(page)
    for field, value in changes.items():
        assert f'name="{field}"' in page.text
        assert f'value="{value}"' in page.text
    assert counted(town) == {}


def test_a_day_that_is_none_and_a_wrong_account_are_told_beside_the_order(client: Client) -> None:
    jordi = client("jordi")
    path = asked(client("maria")).url.path
    jordi.post(f"{path}/aprobar")
    day = jordi.post(f"{PAGE}/ordenes", data={"iban": PAYER, "fecha": "2026-02-30"})
    assert (day.status_code, "Fecha «2026-02-30»: debe ser una fecha" in words(day)) == (422, True)
    account = jordi.post(f"{PAGE}/ordenes", data={"iban": "ES11", "fecha": "2026-05-04"})
    assert (account.status_code, "IBAN «ES11»: debe ser un IBAN" in words(account)) == (422, True)
    assert 'value="ES11"' in account.text


def test_a_transfer_that_was_not_sent_did_not_come_back(client: Client) -> None:
    maria = client("maria")
    path = asked(maria).url.path
    page = maria.post(f"{path}/devuelta", data={"fecha": "2026-05-08", "motivo": "AC04"})
    assert (page.status_code, "no se envió al banco" in words(page)) == (422, True)


def test_the_auditor_looks_and_the_reader_finds_no_such_page(client: Client) -> None:
    path = asked(client("maria")).url.path
    auditor = client("inspe")
    for page in (PAGE, path, f"{PAGE}/saldos"):
        shown = auditor.get(page)
        assert shown.status_code == 200
        assert 'method="post" action="/oficina' not in shown.text
    assert asked(auditor).status_code == 404
    assert client("leo").get(PAGE).status_code == 404


def test_what_does_not_exist_is_not_found(client: Client) -> None:
    jordi = client("jordi")
    for path in ("1", "ordenes/SGC-0", "ordenes/SGC-0/fichero.xml", "saldos?destino=x"):
        assert jordi.get(f"{PAGE}/{path}").status_code == 404, path
    assert jordi.get(f"{PAGE}?estado=x").status_code == 404
    assert jordi.post(f"{PAGE}/1/aprobar").status_code == 404
    assert jordi.get(f"{PAGE}/99999999999999999999").status_code == 422
    missing = jordi.get(f"{PAGE}/saldos?contrato=K-9")
    assert (missing.status_code, "Contrato «K-9»: no está en el padrón" in words(missing)) == (422, True)


def test_lists_go_on_page_by_page(client: Client, town: Town) -> None:
    maria = client("maria")
    paths = [asked(maria, importe="0,01", motivo=f"Parte {number}").url.path for number in range(3)]
    with read_session(town.engine) as session:
        rows = queries.page(session, UTILITY, "asked", limit=2)
        assert [row.refund.reason for row in rows] == ["Parte 2", "Parte 1"]
        rest = queries.page(session, UTILITY, before=rows[-1].refund.id)
        assert [f"{PAGE}/{row.refund.id}" for row in rest] == paths[:1]
    shown = words(maria.get(f"{PAGE}?estado=asked&antes={rows[-1].refund.id}"))
    assert "Parte 0" in shown
    assert "Parte 1" not in shown


def test_every_state_is_counted_as_it_is_told(client: Client, town: Town) -> None:
    maria, jordi = client("maria"), client("jordi")
    paths = [asked(maria, importe="0,01").url.path for _ in range(6)]
    for path in paths[:4]:
        jordi.post(f"{path}/aprobar")
    jordi.post(f"{paths[4]}/rechazar", data={"motivo": "No"})
    order = jordi.post(f"{PAGE}/ordenes", data={"iban": PAYER, "fecha": "2026-05-04"}).url.path
    maria.post(f"{paths[0]}/devuelta", data={"fecha": "2026-05-06", "motivo": "AC04"})
    assert counted(town) == {"asked": 1, "sent": 3, "returned": 1, "rejected": 1}
    maria.post(f"{order}/pagada", data={"fecha": "2026-05-05"})
    again = maria.post(f"{order}/pagada", data={"fecha": "2026-05-05"})
    assert (again.status_code, "ya está pagada" in words(again)) == (422, True)
    jordi.post(f"{asked(maria, importe='0,01').url.path}/aprobar")
    assert counted(town) == {"asked": 1, "approved": 1, "paid": 3, "returned": 1, "rejected": 1}
    with read_session(town.engine) as session:
        for state, count in counted(town).items():
            assert [service.state_of(row.refund) for row in queries.page(session, UTILITY, state)] == [state] * count
        assert len(session.scalars(select(Refund)).all()) == sum(counted(town).values())
