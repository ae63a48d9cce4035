"""Tables of the register as anybody may send them: a register file, or an error by name."""

import contextlib
import io
import zipfile

import openpyxl

from central.register.errors import RegisterError
from central.register.importing import read_table_mapping, read_tables
from central.store.models import Utility

UTILITY = Utility(
    id=1, code="agost", name="Aguas", nif="P0300200C", ine_code="03002", address={}, contact={}, settings={}
)
CSV = "Código;Calle;Nº;CP;INE;Latitud\r\n00017;Carrer Nou;3;03698;03002;38,4387\r\n"
ROWS = [["contrato", "suministro", "alta", "titular", "uso"], ["K-1", "S1", "24/11/2026", "C1", "domestic"]]
MAPPING = 'name: x\ndate: "%d/%m/%y"\nsheets: {supply_points: {from: A, columns: {code: B}, values: {code: {a: b}}}}'


def book() -> bytes:
    """A workbook."""
    made = openpyxl.Workbook()
    page = made.create_sheet("contratos")
    for row in ROWS:
        page.append(row)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def archive() -> bytes:
    """A zip of two tables, stored: a changed byte is then a changed cell."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("suministros.csv", CSV)
        zipped.writestr("clientes.csv", "cliente,dni,nombre,direccion_otros\nC1,12345678Z,Ana,{}\n")
    return file.getvalue()


SEEDS = [
    b"suministros.csv\x00" + CSV.encode(),
    b"suministros.csv\x00" + CSV.encode("utf-16"),
    b"suministros.csv\x00" + CSV.encode("cp1252"),
    b"p.xlsx\x00" + book(),
    b"p.zip\x00" + archive(),
    b"mapping\x00" + MAPPING.encode(),
]


def fuzz(data: bytes) -> None:
    """Read a file, its name before a zero byte; or, where it is named so, a mapping."""
    name, _, content = data.partition(b"\x00")
    with contextlib.suppress(RegisterError):
        if name == b"mapping":
            read_table_mapping(content.decode("utf-8", "replace"), "mapping")
        else:
            read_tables([(name.decode("latin-1"), io.BytesIO(content))], None, UTILITY)
