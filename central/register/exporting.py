"""The register as tables, row by row: a zip of CSV files, or a workbook. What is exported can be imported again.

Sheets and columns are those of :mod:`central.register.importing.columns`; cells are text, and none begins a formula.
Meters' keys are left out unless a key ring is given to open them with.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import IO, Any

from sqlalchemy import ScalarSelect, Select, select
from sqlalchemy.orm import Session

from central.register.change import Change, journalled
from central.register.importing.cells import guarded
from central.register.importing.columns import (
    ACCOUNTS,
    CONTRACTS,
    CUSTOMERS,
    HOLDERS,
    INSTALLATIONS,
    METERS,
    SHAPES,
    SUPPLY_POINTS,
    TERMS,
    UTILITY,
    Column,
    Shape,
)
from central.register.importing.writing import Rows, batched, write_sheet
from central.register.keys import KeyRing
from central.register.meters import registered_keys
from central.store.models import (
    BankAccount,
    Contract,
    ContractHolder,
    ContractTerms,
    Customer,
    Installation,
    Meter,
    Reading,
    ReadingKind,
    SupplyPoint,
    Utility,
)
from central.times import instant_of, local_day, midnight_ms

AT_ONCE = 2_000
Values = dict[str, Any]


def tell_export(session: Session, utility_id: int, form: str, by: Change, *, keys: bool = False) -> None:
    """Write to the audit that the register leaves the house."""
    journalled(session, utility_id, by, "export", "register", utility_id, after={"form": form, "keys": keys})


def csv_set(session: Session, utility_id: int, ring: KeyRing | None = None) -> Iterator[bytes]:
    """A zip of a CSV file for each sheet, in pieces: UTF-8 with its mark, semicolons, decimal commas."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as packed:
        for shape in SHAPES:
            with packed.open(f"{shape.spanish}.csv", "w", force_zip64=True) as member:
                for part in csv_parts(session, utility_id, shape, ring):
                    member.write(part)
                    if pipe.waiting:
                        yield pipe.take()
    yield pipe.take()


def csv_parts(session: Session, utility_id: int, shape: Shape, ring: KeyRing | None = None) -> Iterator[bytes]:
    """One sheet as CSV, in pieces."""
    mark = "\N{BYTE ORDER MARK}"
    for rows in batched(sheet_rows(session, utility_id, shape, ring, decimal=","), AT_ONCE):
        text = io.StringIO()
        csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
        yield (mark + text.getvalue()).encode()
        mark = ""


def write_workbook(session: Session, utility_id: int, out: IO[bytes], ring: KeyRing | None = None) -> None:
    """The register as a workbook of a sheet for each kind of row, written to disk as it is read."""
    from openpyxl import Workbook  # slow to load

    book = Workbook(write_only=True)
    for shape in SHAPES:
        write_sheet(book, shape.spanish, sheet_rows(session, utility_id, shape, ring))
    book.save(out)


def sheet_rows(
    session: Session, utility_id: int, shape: Shape, ring: KeyRing | None = None, *, decimal: str = "."
) -> Rows:
    """The heads of a sheet and then its rows, in the order of their codes."""
    columns = [column for column in shape.columns if column.exported or (column.name == "key" and ring is not None)]
    yield [column.spanish for column in columns]
    for values in _SOURCES[shape.name](session, utility_id, ring):
        yield [guarded(_cell(values, column, decimal)) for column in columns]


def _cell(values: Values, column: Column, decimal: str) -> str:
    first, *rest = column.path
    value = values.get(first)
    if rest and value is not None:
        stated = {"street", "postal_code", "town", "province", "country"}
        value = {k: v for k, v in value.items() if k not in stated} if rest[0] == "*" else value.get(rest[0])
    if value is None or value in ({}, []):
        return ""
    text = _FORMS.get(column.kind, str)(value)
    return text.replace(".", decimal) if column.kind == "degrees" else text


def _moment(ms: int) -> str:
    day = local_day(ms)
    return day.isoformat() if midnight_ms(day) == ms else instant_of(ms).isoformat()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


_FORMS: dict[str, Callable[[Any], str]] = {
    "degrees": lambda value: format(Decimal(value).scaleb(-7), "f"),
    "yes": lambda value: "sí" if value else "no",
    "day": date.isoformat,
    "moment": _moment,
    "json": _json,
    "list": "|".join,
}


def _streamed(session: Session, query: Any) -> Iterator[Any]:
    return iter(session.execute(query.execution_options(yield_per=AT_ONCE)))


def _utility(session: Session, utility_id: int, _ring: KeyRing | None) -> Iterator[Values]:
    yield _columns(session.get_one(Utility, utility_id))


def _rows_of(model: Any, key: Any) -> Callable[[Session, int, KeyRing | None], Iterator[Values]]:
    def rows(session: Session, utility_id: int, _ring: KeyRing | None) -> Iterator[Values]:
        table = model.__table__
        query = select(*table.columns).where(table.c.utility_id == utility_id).order_by(key)
        return (dict(row._mapping) for row in _streamed(session, query))

    return rows


def _columns(row: Any) -> Values:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def _meters(session: Session, utility_id: int, ring: KeyRing | None) -> Iterator[Values]:
    rows = _rows_of(Meter, Meter.address)(session, utility_id, ring)
    for part in batched(rows, AT_ONCE):
        keys = {} if ring is None else _keys(session, utility_id, [row["address"] for row in part], ring)
        for row in part:
            yield row | {"key": keys[row["address"]].hex() if row["address"] in keys else None}


def _keys(session: Session, utility_id: int, addresses: list[str], ring: KeyRing) -> dict[str, bytes]:
    return registered_keys(session, utility_id, addresses, ring).keys


def _index(kind: ReadingKind, at: Any) -> ScalarSelect[int]:
    return (
        select(Reading.litres)
        .where(
            Reading.utility_id == Installation.utility_id,
            Reading.meter_id == Installation.meter_id,
            Reading.at_ms == at,
            Reading.kind == int(kind),
        )
        .order_by(Reading.revision.desc())
        .limit(1)
        .scalar_subquery()
    )


def _installations(session: Session, utility_id: int, _ring: KeyRing | None) -> Iterator[Values]:
    query = (
        select(
            Meter.address.label("meter"),
            SupplyPoint.code.label("supply_point"),
            Installation.from_ms.label("start"),
            Installation.to_ms.label("end"),
            _index(ReadingKind.INSTALLATION, Installation.from_ms).label("installation_litres"),
            _index(ReadingKind.REMOVAL, Installation.to_ms).label("removal_litres"),
        )
        .select_from(Installation)
        .join(Meter, (Meter.utility_id == Installation.utility_id) & (Meter.id == Installation.meter_id))
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == Installation.utility_id) & (SupplyPoint.id == Installation.supply_point_id),
        )
        .where(Installation.utility_id == utility_id, Installation.retired_at.is_(None))
        .order_by(SupplyPoint.code, Installation.from_ms)
    )
    return (dict(row._mapping) for row in _streamed(session, query))


def _accounts(session: Session, utility_id: int, _ring: KeyRing | None) -> Iterator[Values]:
    table = BankAccount.__table__
    query = (
        select(Customer.code.label("customer"), *table.columns)
        .select_from(BankAccount)
        .join(Customer, (Customer.utility_id == BankAccount.utility_id) & (Customer.id == BankAccount.customer_id))
        .where(BankAccount.utility_id == utility_id, BankAccount.retired_at.is_(None))
        .order_by(Customer.code, BankAccount.valid_from)
    )
    return (dict(row._mapping) for row in _streamed(session, query))


def _contracts(session: Session, utility_id: int, _ring: KeyRing | None) -> Iterator[Values]:
    query = (
        select(
            Contract.code,
            SupplyPoint.code.label("supply_point"),
            Contract.valid_from.label("start"),
            Contract.valid_to.label("end"),
        )
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == Contract.utility_id) & (SupplyPoint.id == Contract.supply_point_id),
        )
        .where(Contract.utility_id == utility_id)
        .order_by(Contract.code)
    )
    return (dict(row._mapping) for row in _streamed(session, query))


def _holders(session: Session, utility_id: int, _ring: KeyRing | None) -> Iterator[Values]:
    query = (
        _of_contract(ContractHolder, Customer.code.label("customer"))
        .join(
            Customer,
            (Customer.utility_id == ContractHolder.utility_id) & (Customer.id == ContractHolder.customer_id),
        )
        .where(ContractHolder.utility_id == utility_id, ContractHolder.retired_at.is_(None))
        .order_by(Contract.code, ContractHolder.valid_from)
    )
    return (dict(row._mapping) for row in _streamed(session, query))


def _terms(session: Session, utility_id: int, _ring: KeyRing | None) -> Iterator[Values]:
    own = [column for column in ContractTerms.__table__.columns if column.name not in ("id", "contract_id")]
    query = (
        _of_contract(ContractTerms, *own)
        .where(ContractTerms.utility_id == utility_id, ContractTerms.retired_at.is_(None))
        .order_by(Contract.code, ContractTerms.valid_from)
    )
    return (dict(row._mapping) for row in _streamed(session, query))


def _of_contract(model: type[ContractHolder] | type[ContractTerms], *more: Any) -> Select[Any]:
    ranged = (model.valid_from.label("start"), model.valid_to.label("end"))
    of = (Contract.utility_id == model.utility_id) & (Contract.id == model.contract_id)
    return select(Contract.code.label("contract"), *ranged, *more).select_from(model).join(Contract, of)


_SOURCES: dict[str, Callable[[Session, int, KeyRing | None], Iterator[Values]]] = {
    UTILITY.name: _utility,
    SUPPLY_POINTS.name: _rows_of(SupplyPoint, SupplyPoint.code),
    METERS.name: _meters,
    INSTALLATIONS.name: _installations,
    CUSTOMERS.name: _rows_of(Customer, Customer.code),
    ACCOUNTS.name: _accounts,
    CONTRACTS.name: _contracts,
    HOLDERS.name: _holders,
    TERMS.name: _terms,
}


class _Pipe(io.RawIOBase):
    """What a zip writes, until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = bytearray()

    def writable(self) -> bool:
        """It is written to, and never read or sought."""
        return True

    def write(self, data: Any) -> int:
        """Keep it."""
        self.waiting += data
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken
