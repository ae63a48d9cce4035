"""The register as tables: CSV and XLSX as utilities send them, every line's fate, out and back, hostile files."""

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import Engine, func, select

from central import register
from central.register import ImportPlan, KeyRing, RegisterError, exporting
from central.register.importing import (
    fates_csv,
    fates_workbook,
    plan_table,
    read_table_mapping,
    read_tables,
    writing,
)
from central.register.importing.columns import SHAPES
from central.store import migrate, open_engine, read_session, write_session
from central.store.models import BankAccount, Contract, Customer, Meter, SupplyPoint
from tests.central.conftest import BY, Town
from tests.central.register.test_importing import document, load

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SUPPLIES = (
    "Código;Calle;Nº;Piso;CP;Municipio INE;Latitud;Longitud\r\n"
    "00017;Carrer Nou;3;1º A;03698;03002;38,4387;-0,638\r\n"
    "S1;Carrer Major;1;;03698;03002;;\r\n"
    "MAL;Carrer Nou;5;;3698;03002;;\r\n"
)
Cells = list[list[Any]]


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "tables.keys")


def book(**sheets: Cells) -> bytes:
    made = openpyxl.Workbook(write_only=True)
    for title, rows in sheets.items():
        page = made.create_sheet(title)
        for row in rows:
            page.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def planned(engine: Engine, *files: tuple[str, bytes], mapping: str = "", apply: bool = False) -> ImportPlan:
    with write_session(engine) as session:
        known = register.find_utility(session, "agost")
        read = read_table_mapping(mapping, "mapping") if mapping else None
        table = read_tables([(name, io.BytesIO(data)) for name, data in files], read, known)
        plan = plan_table(session, table, None, BY)
        if apply:
            register.apply_import(session, plan, BY, without_refused=True)
    return plan


def fate_of(plan: ImportPlan, key: str) -> Any:
    return next(fate for fate in plan.fates if fate.key == key)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "cp1252", "utf-16"])
def test_a_csv_of_any_usual_encoding_says_every_lines_fate(town: Town, encoding: str) -> None:
    plan = planned(town.engine, ("suministros.csv", SUPPLIES.encode(encoding)), apply=True)
    assert plan.counts() == {"supply_points": {"added": 1, "unchanged": 1, "refused": 1}}
    refused = fate_of(plan, "MAL")
    assert (refused.sheet, refused.line, refused.field, refused.value) == (
        "suministros", 4, "supply_point.postal_code", "3698",
    )  # fmt: skip
    assert "must be a Spanish postal code of 5 digits" in refused.rule
    with read_session(town.engine) as session:
        point = register.find_supply_point(session, town.utility_id, "00017")
        assert point is not None
        assert (point.detail, point.lat_e7, point.lon_e7) == ("1º A", 384_387_000, -6_380_000)


def test_a_change_says_what_it_was_and_what_it_becomes(town: Town) -> None:
    changed = SUPPLIES.replace("Carrer Major;1;;", "Carrer Major;1;Baixos;")
    plan = planned(town.engine, ("suministros.csv", changed.encode()), apply=True)
    assert fate_of(plan, "S1").changes == {"detail": ("", "Baixos")}
    again = planned(town.engine, ("suministros.csv", changed.encode()), apply=True)
    assert again.counts() == {"supply_points": {"unchanged": 2, "refused": 1}}


def test_a_workbook_keeps_leading_zeros_dates_and_both_languages(town: Town) -> None:
    data = book(
        supply_points=[
            ["code", "street", "number", "postal_code", "ine_code"],
            ["000123", "Carrer Nou", 7, "03698", "03002"],
        ],
        contadores=[["nº serie", "calibre", "telelectura", "dígitos"], ["0042", 13, "no", 5]],
        instalaciones=[
            ["contador", "suministro", "desde", "lectura instalación m3"],
            ["0042", "000123", date(2026, 5, 4), "1,5"],
        ],
        clientes=[["cliente", "dni", "nombre"], ["C-9", "12345678z", "Núria"]],
        cuentas=[["cliente", "iban", "desde"], ["C-9", "ES91 2100 0418 4502 0005 1332", date(2026, 5, 4)]],
        contratos=[
            ["contrato", "suministro", "alta", "titular", "uso", "personas"],
            ["K-9", "000123", date(2026, 5, 4), "C-9", "domestic", 2],
        ],
        notas=[["lo que sea"], ["nada"]],
    )
    plan = planned(town.engine, ("padron.xlsx", data), apply=True)
    assert {fate.fate for fate in plan.fates} == {"added"}, [f for f in plan.fates if f.fate != "added"]
    with read_session(town.engine) as session:
        meter = session.scalars(select(Meter).where(Meter.serial == "0042")).one()
        assert (meter.address, meter.modulus_litres) == ("MECH-0042", 10**8)
        assert session.scalars(select(BankAccount.iban)).one() == "ES9121000418450200051332"
        assert session.scalars(select(Customer.nif).where(Customer.code == "C-9")).one() == "12345678Z"
    assert {fate.fate for fate in planned(town.engine, ("padron.xlsx", data)).fates} == {"unchanged"}


def test_a_wrong_part_refuses_the_row_it_belongs_to_and_says_where(town: Town) -> None:
    data = book(
        contratos=[["contrato", "suministro", "desde"], ["K-9", "S1", "2030-01-01"], ["K-8", "S9", "2030-01-01"]],
        titulares=[["contrato", "cliente", "desde"], ["K-9", "C1", 47_000], ["K-7", "C1", "2030-01-01"]],
        condiciones=[["contrato", "uso"], ["K-9", "domestic"], ["K-8", ""]],
    )
    plan = planned(town.engine, ("p.xlsx", data))
    assert {fate.fate for fate in plan.fates} == {"refused"}
    said = {(fate.section, fate.line): f"{fate.field}: {fate.rule}" for fate in plan.fates}
    assert "holders.start: is a number; a date must be" in said["contracts", 2]
    assert said["contracts", 2] == said["holders", 2] == said["terms", 2]
    assert "terms.use: must not be empty" in said["contracts", 3]
    assert "must be in the sheet contratos of the same file" in said["holders", 3]


MAPPING = """
name: Programa viejo
date: "%d/%m/%y"
sheets:
  supply_points:
    from: ABONADOS
    columns: {code: "Nº suministro", street: Vía, number: Portal, postal_code: CP}
    constants: {ine_code: "03002"}
  customers:
    from: ABONADOS
    columns: {code: Abonado, nif: DNI, name: Nombre, kind: Tipo}
    values: {kind: {F: person, J: company}}
    once: true
  contracts:
    from: ABONADOS
    columns: {code: Póliza, supply_point: "Nº suministro", start: Alta, customer: Abonado, use: Uso}
    values: {use: {D: domestic}}
"""
OLD = (
    "Abonado,DNI,Nombre,Tipo,Póliza,Nº suministro,Vía,Portal,CP,Alta,Uso,Sobra\n"
    'A1,12345678Z,"Soler, Núria",F,P1,N1,Carrer Nou,1,03698,01/02/26,D,x\n'
    'A1,12345678Z,"Soler, Núria",F,P2,N2,Carrer Nou,2,03698,01/02/26,D,x\n'
)


def test_a_mapping_says_what_another_programs_one_table_means(town: Town) -> None:
    plan = planned(town.engine, ("ABONADOS.csv", OLD.encode("cp1252")), mapping=MAPPING, apply=True)
    assert plan.counts() == {"supply_points": {"added": 2}, "customers": {"added": 1}, "contracts": {"added": 2}}
    with read_session(town.engine) as session:
        assert session.scalars(select(Customer.name).where(Customer.code == "A1")).one() == "Soler, Núria"
        assert session.scalars(select(Contract.valid_from).where(Contract.code == "P2")).one() == date(2026, 2, 1)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("sheets: [", "mapping"),
        ("name: x\nsheets: {gatos: {from: A}}", "must be one of utility"),
        ("name: x\nsheets: {meters: {from: A, columns: {colour: B}}}", "'colour', is no column of meters"),
        ("name: x\nencoding: nothing\nsheets: {}", "unknown encoding"),
    ],
)
def test_a_wrong_mapping_is_refused(text: str, rule: str) -> None:
    with pytest.raises(RegisterError, match=rule):
        read_table_mapping(text, "m.yaml")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_exported_comes_back_the_same(engine: Engine, ring: KeyRing, tmp_path: Path, form: str) -> None:
    data = document()
    data["supply_points"][0] |= {"cadastral_ref": "9872023VH5797S0001WX", "zone": "Ñ-1", "lat_e7": 1, "lon_e7": -5}
    data["supply_points"][1] |= {"detail": "=1+1"}
    data["customers"][0] |= {"phone": "+34 965", "address": {"street": "@casa", "town": "Agost", "floor": "-1"}}
    data["customers"][1] |= {"name": 'Blai; "el de la font"', "ended_on": "2026-02-01", "ended_source": "BORME"}
    data["contracts"][0]["terms"][0] |= {"parameters": {"a": "1"}, "bonuses": [{"b": 2}], "note": "una\ndos"}
    load(engine, data, ring)
    with read_session(engine) as session:
        out = exported(session, form, ring)
    assert back(engine, out, ring).counts().values().__str__().count("added") == 0
    assert {fate.fate for fate in back(engine, out, ring).fates} == {"unchanged"}
    other = open_engine(f"sqlite:///{tmp_path}/other.db")
    migrate(other)
    assert {fate.fate for fate in back(other, out, ring, apply=True).fates} == {"added"}
    with read_session(other) as session, read_session(engine) as first:
        for shape in SHAPES:
            mine = list(exporting.sheet_rows(first, 1, shape, ring))
            assert list(exporting.sheet_rows(session, 1, shape, ring)) == mine
            assert not any(cell[:1] in ("=", "@", "+") for row in mine for cell in row)
    other.dispose()


def exported(session: Any, form: str, ring: KeyRing | None) -> bytes:
    if form == "csv":
        return b"".join(exporting.csv_set(session, 1, ring))
    out = io.BytesIO()
    exporting.write_workbook(session, 1, out, ring)
    return out.getvalue()


def back(engine: Engine, data: bytes, ring: KeyRing, apply: bool = False) -> ImportPlan:
    with write_session(engine) as session:
        plan = plan_table(session, read_tables([("p", io.BytesIO(data))], None, None), ring, BY)
        if apply:
            register.apply_import(session, plan, BY)
    return plan


@ONE_DATABASE
def test_without_a_ring_no_key_leaves(town: Town) -> None:
    with read_session(town.engine) as session:
        data = zipfile.ZipFile(io.BytesIO(exported(session, "csv", None))).read("contadores.csv").decode()
        assert "clave" not in data
        keyed = zipfile.ZipFile(io.BytesIO(exported(session, "csv", town.ring))).read("contadores.csv").decode()
    assert "01" * 16 in keyed


@ONE_DATABASE
def test_more_rows_than_a_sheet_holds_go_on_in_the_next(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHEET_ROWS", 2)
    with read_session(town.engine) as session:
        data = exported(session, "xlsx", None)
    titles = openpyxl.load_workbook(io.BytesIO(data), read_only=True).sheetnames
    assert {"suministros", "suministros_2"} <= set(titles)
    plan = planned(town.engine, ("p.xlsx", data))
    assert plan.counts()["supply_points"] == {"unchanged": 3}


@ONE_DATABASE
def test_the_fates_are_handed_back_as_a_table(town: Town) -> None:
    wrong = SUPPLIES.replace("MAL;", "=MAL;")
    plan = planned(town.engine, ("suministros.csv", wrong.encode()))
    rows = list(csv.reader(io.StringIO(b"".join(fates_csv(plan.fates)).decode("utf-8-sig")), delimiter=";"))
    assert rows[0][:4] == ["hoja", "fila", "clave", "destino"]
    assert rows[3][:7] == ["suministros", "4", "", "rechazada", "", "supply_points.code", "'=MAL"]
    out = io.BytesIO()
    fates_workbook(out, plan.fates)
    assert len(list(openpyxl.load_workbook(out).active.rows)) == len(rows)  # type: ignore[union-attr]


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("suministros.csv", b"0" * 50_000_000)
    return out.getvalue()


def with_part(name: str, content: bytes) -> bytes:
    out = io.BytesIO(book(suministros=[["codigo"], ["x"]]))
    with zipfile.ZipFile(out, "a") as packed:
        packed.writestr(name, content)
    return out.getvalue()


def doctored(change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    made = zipfile.ZipFile(io.BytesIO(book(suministros=[["codigo"], ["x"]])))
    with zipfile.ZipFile(out, "w") as packed:
        for name in made.namelist():
            data = made.read(name)
            packed.writestr(name, change(data) if name.startswith("xl/worksheets") else data)
    return out.getvalue()


LAUGHS = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    ("name", "data", "rule"),
    [
        ("p.zip", bomb(), "grows .* times when unpacked"),
        ("p.xlsx", with_part("xl/vbaProject.bin", b"x"), "has macros"),
        ("p.xlsx", with_part("xl/externalLinks/externalLink1.xml", b"<x/>"), "links to other files"),
        ("p.xlsx", with_part("xl/theme/x.xml", LAUGHS + b"<x>&b;</x>"), "declares a document type"),
        ("p.xlsx", doctored(lambda data: data[: len(data) // 2]), "is a damaged workbook"),
        ("p.xlsx", book(suministros=[["codigo", *[f"c{n}" for n in range(300)]]]), "has 301 columns, at most 200"),
        ("p.xlsx", book(gatos=[["nombre del gato"], ["Mishi"]]), "no sheet is one of servicio/utility"),
        ("p.zip", b"PK\x03\x04" + b"x" * 40, "is a damaged zip"),
        ("p.xls", b"\xd0\xcf\x11\xe0" + b"x" * 40, "an old or protected workbook"),
        ("suministros.csv", b"codigo;" + b";" * 1_000_000, "has 1000002 columns"),
        ("suministros.csv", b"codigo;calle\n\x00;x", "zero bytes"),
        ("suministros.csv", b'codigo;calle;numero;cp;ine\n"abierta', "is not CSV"),
        ("suministros.csv", b"", "has no line of heads"),
        ("suministros.csv", b"codigo;codigo\n", "has two columns 'codigo'"),
        ("suministros.csv", b"codigo;calle;color\n", "column 'color' is not known"),
        ("suministros.csv", b"codigo;calle\nS1;x\n", "has no column numero"),
        ("suministros.csv", b"codigo;" + b"x" * 200_000, "is not CSV"),
        ("suministros.csv", b"codigo;\x81", "is not text in cp1252"),
    ],
)
@ONE_DATABASE
def test_a_hostile_or_damaged_file_is_refused_with_its_reason(town: Town, name: str, data: bytes, rule: str) -> None:
    with pytest.raises(RegisterError, match=rule):
        planned(town.engine, (name, data))


@ONE_DATABASE
def test_formulas_lost_digits_and_a_million_empty_columns(town: Town) -> None:
    heads = ["codigo", "calle", "numero", "cp", "ine"]
    data = book(
        suministros=[
            heads,
            ["F1", "=1+1", "1", "03698", "03002"],
            ["F2", "Carrer Nou", 12345678901234567890, "03698", "03002"],
            ["F3", "Carrer Nou", "1", 3698, "03002"],
            ["F4", "Carrer Nou", "1", "03698", "03002", *[None] * 16_000],
        ]
    )
    plan = planned(town.engine, ("p.xlsx", data))
    assert "is a formula" in fate_of(plan, "F1").rule
    assert "more than 15 digits" in fate_of(plan, "F2").rule
    assert fate_of(plan, "F3").value == "3698"
    assert fate_of(plan, "F4").fate == "added"


@ONE_DATABASE
def test_a_sheet_that_says_it_is_huge_is_read_as_it_is(town: Town) -> None:
    huge = doctored(lambda data: data.replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>'))
    with pytest.raises(RegisterError, match="has no column calle"):
        planned(town.engine, ("p.xlsx", huge))


def test_only_what_a_file_names_is_looked_up(town: Town) -> None:
    with read_session(town.engine) as session:
        assert session.scalar(select(func.count()).select_from(SupplyPoint)) == 3
    plan = planned(
        town.engine, ("contratos.csv", b"contrato;suministro;desde;titular;uso\nK-1;S1;01/01/2026;C1;domestic")
    )
    (fate,) = plan.fates
    assert (fate.fate, fate.rule) == ("refused", "is registered with another history; use the services to change it")


def test_the_manual_names_every_sheet_and_column() -> None:
    manual = (Path(__file__).parents[3] / "docs/importacion.md").read_text()
    for shape in SHAPES:
        assert f"### {shape.spanish} (`{shape.name}`)" in manual
        for column in shape.columns:
            assert f"`{column.spanish}`" in manual
            assert f"| `{column.name}` |" in manual
