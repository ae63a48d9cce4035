"""General meters and divided supplies on the office's pages: stated, looked at, billed, ended."""

import re
from collections.abc import Iterator
from datetime import date
from html import unescape

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select

from central.register import sharing
from central.register import sharing_queries as queries
from central.store import open_engine, read_session
from central.store.models import AuditEntry, SupplyPoint
from tests.central.factories import NEXT_PERIOD, UTILITY, Town
from tests.central.invoicing.test_sharing import billed, litres, without_meter
from tests.central.invoicing.test_sharing import block as block  # a fixture, taken over
from tests.portal.office import Client, office, visitors, words

PAGE = "/oficina/repartos"
BULK = {
    "suministro": "PS-0000001",
    "divisionarios": "PS-0000002\nPS-0000003\n\n PS-0000004 = 2 \n",
    "diferencia": "shared",
    "reparto": "weight",
    "desde": "2025-01-01",
    "motivo": "Plano de la instalación",
}
SHARES = {
    "suministro": "PS-0000001",
    "partes": "K-0000001 = 50 %\nK-A = 0,25\nK-B=1/4",
    "modo": "litres",
    "desde": "2025-01-01",
}


@pytest.fixture
def engine(sqlite_database: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_database)
    yield engine
    engine.dispose()


@pytest.fixture
def app(block: Town, sqlite_database: str) -> FastAPI:
    without_meter(block, "K-A", "K-B")
    return office(block.engine, sqlite_database, (("maria", "clerk"), ("inspe", "auditor"), ("leo", "reader")))


@pytest.fixture
def client(app: FastAPI, block: Town) -> Iterator[Client]:
    with visitors(app, block.engine) as enter:
        yield enter


# ---- general meters --------------------------------------------------------------------------------------------------


def test_a_general_meter_is_stated_billed_and_shown_with_its_balance(client: Client, block: Town) -> None:
    maria = client("maria")
    stated = maria.post(f"{PAGE}/general", data=BULK)
    assert stated.status_code == 200, words(stated)
    assert (stated.url.path, stated.url.params["suministro"]) == (f"{PAGE}/general", "PS-0000001")
    assert "La pagan los suministros que cuelgan de él, por el peso de cada uno" in words(stated)
    assert "Todavía no se ha facturado ningún periodo con él" in words(stated)
    assert "PS-0000004 Carrer Major, 4 2" in words(stated)
    billed(block)
    assert litres(block) == {"1": 0, "2": 11_250, "3": 21_250, "4": 32_500}
    shown = words(maria.get(f"{PAGE}/general?suministro=PS-0000001"))
    assert "Del 01/01/2026 al 31/01/2026, como lo guarda la factura AG2026/" in shown
    assert "General PS-0000001 65,000 m³ PS-0000002 10,000 m³" in shown
    assert "Diferencia (8 % del general) 5,000 m³" in shown
    billed(block, NEXT_PERIOD)
    assert "Del 01/02/2026 al 28/02/2026" in words(maria.get(f"{PAGE}/general?suministro=PS-0000001"))
    with read_session(block.engine) as session:
        row = session.scalars(select(AuditEntry).where(AuditEntry.action == "set_bulk")).one()
    assert (row.actor, row.reason) == ("maria", "Plano de la instalación")


def test_sub_meters_above_the_general_meter_are_told(client: Client, block: Town) -> None:
    block.read(2, date(2026, 2, 1), 1_000 + 26_000, revision=1)
    maria = client("maria")
    maria.post(f"{PAGE}/general", data=BULK | {"diferencia": "difference"})
    billed(block)
    shown = words(maria.get(f"{PAGE}/general?suministro=PS-0000001"))
    assert "Diferencia (-2 % del general) -1,000 m³" in shown
    assert "Los divisionarios suman más que el general" in shown


def test_it_changes_and_ends_on_a_day_and_its_history_stays(client: Client, block: Town) -> None:
    maria = client("maria")
    maria.post(f"{PAGE}/general", data=BULK)
    changed = BULK | {"divisionarios": "PS-0000002", "diferencia": "watch_only", "desde": "2026-02-01"}
    maria.post(f"{PAGE}/general", data=changed)
    ended = maria.post(f"{PAGE}/general/fin", data={"suministro": "PS-0000001", "dia": "2026-03-01", "motivo": "Obra"})
    assert "no rige el 01/03/2026" in words(ended)
    assert "Del 01/01/2025 al 31/01/2026: 3 suministros; la pagan los suministros que cuelgan de él" in words(ended)
    assert "Del 01/02/2026 al 28/02/2026: 1 suministro; no la paga nadie" in words(ended)
    january = words(maria.get(f"{PAGE}/general?suministro=PS-0000001&dia=2026-01-15"))
    assert "rige el 15/01/2026" in january
    assert "PS-0000004" in january
    listed = words(maria.get(f"{PAGE}?dia=2026-01-15"))
    assert "PS-0000001 Carrer Major, 1 3 la pagan los suministros" in listed
    assert "Lo que empieza después 01/02/2026: PS-0000001 , Carrer Major, 1: contador general de 1" in listed
    assert "Contadores generales No hay ninguno" in words(maria.get(f"{PAGE}?dia=2026-03-01"))
    again = maria.post(f"{PAGE}/general/fin", data={"suministro": "PS-0000001", "dia": "2026-03-01"})
    assert (again.status_code, "no tiene suministros debajo el 01/03/2026" in words(again)) == (422, True)


def test_a_supply_is_found_wherever_it_hangs(client: Client) -> None:
    maria = client("maria")
    maria.post(f"{PAGE}/general", data=BULK)
    for code in ("PS-0000001", "PS-0000004"):
        assert "PS-0000001 Carrer Major, 1 3" in words(maria.get(PAGE, params={"texto": code}))
    assert "Contadores generales No hay ninguno" in words(maria.get(PAGE, params={"texto": "PS-K-A"}))
    unknown = maria.get(PAGE, params={"texto": "PS-9"})
    assert (unknown.status_code, "Código del suministro «PS-9»: no está en el padrón" in words(unknown)) == (422, True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"suministro": "PS-9"}, "Código del suministro «PS-9»: no está en el padrón"),
        (
            {"divisionarios": " \n"},
            "Suministro bajo el contador general «PS-0000001»: necesita al menos un suministro debajo",
        ),
        ({"divisionarios": "PS-9"}, "Suministro bajo el contador general «PS-9»: no está en el padrón"),
        ({"divisionarios": "PS-0000002\nPS-0000002=3"}, "«PS-0000002»: está escrito dos veces"),
        ({"divisionarios": "PS-0000002=x"}, "Peso «PS-0000002 = x»: debe ser un número entero"),
        ({"divisionarios": "PS-0000002=0"}, "Peso «0»: debe ser 1 como mínimo"),
        ({"divisionarios": "PS-0000001"}, "no puede colgar de sí mismo"),
        ({"diferencia": "perhaps"}, "Quién paga la diferencia «perhaps»: debe ser uno de estos"),
        ({"reparto": "perhaps"}, "Reparto «perhaps»: debe ser uno de estos"),
        ({"desde": "01/01/2025"}, "Desde «01/01/2025»: debe ser una fecha"),
    ],
)
def test_what_cannot_be_a_group_is_told_and_nothing_typed_is_lost(
    client: Client, block: Town, changes: dict[str, str], told: str
) -> None:
    page = client("maria").post(f"{PAGE}/general", data=BULK | changes)
    assert page.status_code == 422
    assert told in words(page)
    assert 'value="Plano de la instalación"' in page.text
    assert (BULK | changes)["divisionarios"] in page.text
    with read_session(block.engine) as session:
        assert sharing.groups(session, UTILITY, date(2026, 1, 1)) == []


# ---- divided supplies ------------------------------------------------------------------------------------------------


def test_a_supply_is_divided_billed_and_given_back(client: Client, block: Town) -> None:
    maria = client("maria")
    stated = maria.post(f"{PAGE}/compartido", data=SHARES)
    assert stated.status_code == 200, words(stated)
    assert "K-0000001 Vecina 1 1/2 K-A Vecina 2 1/4 K-B Vecina 3 1/4" in words(stated).replace("nadie", "")
    assert "K-0000001: 1/2 K-A: 1/4 K-B: 1/4" in words(maria.get(PAGE))
    billed(block)
    found = litres(block)
    assert (found["1"], found["K-A"], found["K-B"]) == (32_500, 16_250, 16_250)
    ended = maria.post(f"{PAGE}/compartido/fin", data={"suministro": "PS-0000001", "dia": "2026-02-01"})
    assert "no rige el 01/02/2026" in words(ended)
    again = maria.post(f"{PAGE}/compartido/fin", data={"suministro": "PS-0000001", "dia": "2026-02-01"})
    assert (again.status_code, "no está repartido el 01/02/2026" in words(again)) == (422, True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"partes": "K-0000001=1/2"}, "Parte «1/2»: las partes de PS-0000001 deben sumar 1 exactamente"),
        ({"partes": "K-0000001=x\nK-A=1/2"}, "Parte «K-0000001 = x»: debe ser una parte como 1/3"),
        ({"partes": "K-0000001=1/0\nK-A=1/2"}, "«K-0000001 = 1/0»: debe ser una parte como 1/3"),
        ({"partes": "K-0000001=1e-99999999\nK-A=1/2"}, "«K-0000001 = 1e-99999999»: debe ser una parte como 1/3"),
        ({"partes": "K-0000001=150%"}, "«K-0000001 = 150%»: debe ser mayor que 0"),
        ({"partes": "K-0000001=1/2\nK-0000001=1/2"}, "Contrato que paga una parte «K-0000001»: está escrito dos veces"),
        ({"partes": "K-9"}, "Contrato que paga una parte «K-9»: no está en el padrón"),
        ({"partes": "K-A=1/2\nK-B=1/2"}, "dale también una parte"),
        ({"partes": "K-0000001=1/2\nK-0000002=1/2", "modo": "amount"}, "tiene contador propio"),
        ({"partes": "K-0000001=0.333333333\nK-A=0.666666667"}, ""),
        ({"partes": "K-0000001=1/999999937\nK-A=1/3\nK-B=1999999871/2999999811"}, "debe ser una parte como 1/3"),
        ({"modo": "perhaps"}, "Reparto «perhaps»: debe ser uno de estos"),
        ({"desde": ""}, "Desde: debe ser una fecha"),
    ],
)
def test_parts_that_cannot_be_are_told_and_nothing_typed_is_lost(
    client: Client, block: Town, changes: dict[str, str], told: str
) -> None:
    page = client("maria").post(f"{PAGE}/compartido", data=SHARES | changes)
    assert page.status_code == (422 if told else 200), words(page)
    assert told in words(page)
    assert (SHARES | changes)["partes"] in page.text or not told
    with read_session(block.engine) as session:
        assert len(sharing.divisions(session, UTILITY, date(2026, 1, 1))) == (0 if told else 1)


def test_parts_finer_than_their_column_are_refused(client: Client, block: Town) -> None:
    parts = "K-0000001=1/99991\nK-A=1/99989\nK-B=9997800040/9998000099"
    page = client("maria").post(f"{PAGE}/compartido", data=SHARES | {"partes": parts})
    assert page.status_code == 422
    finest = {"K-0000001": "0,000000001", "K-A": "0,999999998", "K-B": "0,000000001"}
    page = client("maria").post(
        f"{PAGE}/compartido", data=SHARES | {"partes": "\n".join(f"{k}={v}" for k, v in finest.items())}
    )
    assert page.status_code == 200, words(page)
    percent = "K-0000001=33,333333333%\nK-A=33,333333333%\nK-B=33,333333334%"
    page = client("maria").post(f"{PAGE}/compartido", data=SHARES | {"partes": percent})
    assert (page.status_code, "denominador común" in words(page)) == (422, True)


def test_one_contract_may_pay_for_several_supplies(client: Client) -> None:
    data = SHARES | {"suministro": "PS-K-A", "partes": "K-A = 1/2\nK-0000001 = 1/2"}
    maria = client("maria")
    assert maria.post(f"{PAGE}/compartido", data=data).status_code == 200
    whole = maria.post(f"{PAGE}/compartido", data=SHARES | {"partes": "K-0000001"})
    assert "K-0000001 Vecina 1 todo" in words(whole)


# ---- who may, and what is not there ----------------------------------------------------------------------------------


def test_the_auditor_looks_and_the_reader_finds_no_such_page(client: Client) -> None:
    client("maria").post(f"{PAGE}/general", data=BULK)
    auditor = client("inspe")
    for page in (PAGE, f"{PAGE}/general?suministro=PS-0000001"):
        shown = auditor.get(page)
        assert shown.status_code == 200
        assert 'method="post" action="/oficina' not in shown.text
    for path, data in (("general", BULK), ("compartido", SHARES)):
        assert auditor.post(f"{PAGE}/{path}", data=data).status_code == 404
        assert auditor.post(f"{PAGE}/{path}/fin", data={"suministro": "PS-0000001"}).status_code == 404
    assert client("leo").get(PAGE).status_code == 404


def test_what_does_not_exist_is_not_found_and_a_wrong_day_is_told(client: Client) -> None:
    maria = client("maria")
    for path in ("general", "compartido"):
        for code, status in (("PS-9", 404), ("PS-0000001", 404), ("", 422)):
            assert maria.get(f"{PAGE}/{path}?suministro={code}").status_code == status
    maria.post(f"{PAGE}/general", data=BULK)
    for page in (f"{PAGE}?dia=ayer", f"{PAGE}/general?suministro=PS-0000001&dia=ayer"):
        wrong = maria.get(page)
        assert (wrong.status_code, "Día «ayer»: debe ser una fecha" in words(wrong)) == (422, True)


def test_lists_go_on_page_by_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.routes.sharing.PAGE", 1)
    maria = client("maria")
    for general, member in (("PS-0000001", "PS-0000002"), ("PS-0000003", "PS-0000004")):
        maria.post(f"{PAGE}/general", data=BULK | {"suministro": general, "divisionarios": member})
    first = maria.get(PAGE)
    assert "PS-0000003" not in words(first)
    following = re.search(r'href="(/oficina/repartos\?[^"]+generales=\d+[^"]+)"', first.text)
    assert following is not None
    second = words(maria.get(unescape(following[1])))
    assert "PS-0000003" in second
    assert "PS-0000001" not in second


def test_a_supply_that_hangs_elsewhere_later_is_refused(client: Client, block: Town) -> None:
    maria = client("maria")
    maria.post(f"{PAGE}/general", data=BULK | {"desde": "2026-06-01"})
    page = maria.post(f"{PAGE}/general", data=BULK | {"suministro": "PS-K-A", "divisionarios": "PS-0000002"})
    assert (page.status_code, "cuelga de otro contador general" in words(page)) == (422, True)
    with read_session(block.engine) as session:
        point = session.scalars(select(SupplyPoint).where(SupplyPoint.code == "PS-0000001")).one()
        (group,) = queries.groups_of(session, UTILITY, point)
        assert queries.holding([group], date(2026, 1, 1)) is None
        assert queries.holding([group], date(2026, 6, 1)) == group
