"""Bills written as invoices, and back: what was issued is rebuilt from the database exactly as the value it was."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.fiscal import FiscalRecord
from billing.invoice import Invoice
from central.events.money import tell_invoices
from central.invoicing.block import Bills
from central.invoicing.draft import Basis
from central.invoicing.evidence import Evidence
from central.invoicing.records import ISSUE, of_invoices, record_of
from central.invoicing.shared import Shared
from central.invoicing.stored import StoredLine
from central.invoicing.values import content_of, evidence_of, invoice_of
from central.store import new_block
from central.store.bulk import chunks, table_of
from central.store.columns import Column, Texts, insert_columns
from central.store.models import Consumption
from central.store.models import FiscalRecord as FiscalRow
from central.store.models import Invoice as InvoiceRow

AT_ONCE = 500
DAYS = ("due_date", "period_from", "period_to", "operation_date")


@dataclass(frozen=True, slots=True)
class Numbered:
    """What bills get when they are issued together; ``run_id`` is that of their consumption.

    ``rectifies`` is set on a rectifying invoice, which is of no run itself.
    """

    utility_id: int
    series: str
    first_number: int
    kind: str
    generation: int
    issued: date
    run_id: int
    at: datetime
    rectifies: dict[str, Any] | None = None

    def texts(self, count: int) -> list[str]:
        """The numbers as they are printed."""
        return [f"{self.series}/{value:06d}" for value in range(self.first_number, self.first_number + count)]


@dataclass(frozen=True, slots=True)
class Chained:
    """The bills' records of issue: consecutive places in a chain, their digests, and what they state of the system."""

    system: str
    first_position: int
    digests: bytes
    config_id: int
    generated_at: datetime


def write_bills(session: Session, bills: Bills, said: Numbered, records: Chained | None) -> NDArray[np.int64]:
    """Insert invoices, consumption and fiscal records in the caller's transaction; gives the invoices' ids."""
    count = len(bills)
    ids = new_block(2 * count) + np.arange(2 * count, dtype=np.int64)
    invoices, consumption = ids[:count], ids[count:]
    connection = session.connection()
    insert_columns(connection, table_of(Consumption), _consumption(bills, said, consumption), count)
    columns = _invoice(bills, said, invoices, consumption)
    insert_columns(connection, table_of(InvoiceRow), columns, count)
    if records is not None:
        insert_columns(connection, table_of(FiscalRow), _fiscal(said, records, invoices), count)
    tell_invoices(session, said.utility_id, lambda: _told(columns, count))
    return invoices


def _told(columns: Mapping[str, Column], count: int) -> Iterator[dict[str, Any]]:
    """Invoices row by row, for whoever is told of each."""
    for place in range(count):
        row: dict[str, Any] = {}
        for name, values in columns.items():
            if isinstance(values, Texts):
                row[name] = values[place].decode()
            elif isinstance(values, np.ndarray):
                row[name] = date.fromordinal(int(values[place])) if name in DAYS else int(values[place])
            else:
                row[name] = values
        yield row


def _consumption(bills: Bills, said: Numbered, ids: NDArray[np.int64]) -> dict[str, Column]:
    return {
        "utility_id": said.utility_id,
        "id": ids,
        "contract_id": bills.contract,
        "supply_point_id": bills.supply_point,
        "period_from": bills.period_from,
        "period_to": bills.period_to,
        "generation": said.generation,
        "litres": bills.litres,
        "estimated_litres": bills.estimated_litres,
        "leak": bills.leak,
        "run_id": said.run_id,
        "recorded_at": said.at,
        "evidence": bills.evidence,
    }


def _invoice(bills: Bills, said: Numbered, ids: NDArray[np.int64], consumption: NDArray[np.int64]) -> dict[str, Column]:
    count = len(bills)
    return {
        "utility_id": said.utility_id,
        "id": ids,
        "series": said.series,
        "number": said.first_number + np.arange(count, dtype=np.int64),
        "number_text": Texts.of([text.encode() for text in said.texts(count)]),
        "kind": said.kind,
        "generation": said.generation,
        "issue_date": said.issued,
        "due_date": bills.due,
        "period_from": bills.period_from,
        "period_to": bills.period_to,
        "run_id": None if said.rectifies else said.run_id,
        "contract_id": bills.contract,
        "supply_point_id": bills.supply_point,
        "customer_id": bills.customer,
        "consumption_id": consumption,
        "litres": bills.litres,
        "base_cents": bills.base,
        "vat_cents": bills.vat,
        "total_cents": bills.total,
        "operation_date": bills.operation if count and bills.operation.all() else None,
        "rectifies": said.rectifies,
        "issued_at": said.at,
        "form_id": bills.form,
        "content": bills.content,
    }


def _fiscal(said: Numbered, records: Chained, invoices: NDArray[np.int64]) -> dict[str, Column]:
    count = len(invoices)
    return {
        "utility_id": said.utility_id,
        "id": invoices,
        "system": records.system,
        "position": records.first_position + np.arange(count, dtype=np.int64),
        "kind": ISSUE,
        "invoice_id": invoices,
        "generated_at": records.generated_at,
        "hash": np.frombuffer(records.digests, np.uint8).reshape(count, 32),
        "config_id": records.config_id,
        "says": None,
    }


# ---- and back --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Archived:
    """An issued invoice as the value it was, with its rows."""

    invoice: Invoice
    basis: Basis
    row: InvoiceRow
    fiscal: FiscalRecord | None
    evidence: Evidence
    lines: tuple[StoredLine, ...]


def rebuild(session: Session, rows: Sequence[InvoiceRow]) -> Iterator[Archived]:
    """The values behind invoice rows of one utility, in the order given, in a few queries."""
    if not rows:
        return
    utility_id = rows[0].utility_id
    shared = Shared(session, utility_id)
    for some in chunks(rows, AT_ONCE):
        shared.load_forms(row.form_id for row in some)
        evidence = evidence_of(session, utility_id, [row.consumption_id for row in some])
        records = _records(session, utility_id, [row.id for row in some])
        for row in some:
            yield _archived(session, row, shared, evidence[row.consumption_id], records.get(row.id))


def _archived(
    session: Session, row: InvoiceRow, shared: Shared, evidence: Evidence, record: FiscalRow | None
) -> Archived:
    content = content_of(row, shared)
    invoice = invoice_of(row, content, evidence)
    fiscal = None if record is None else record_of(session, record, invoice, shared)
    return Archived(invoice, content.basis(row.litres), row, fiscal, evidence, tuple(content.lines()))


def _records(session: Session, utility_id: int, ids: Sequence[int]) -> dict[int, FiscalRow]:
    rows = select(FiscalRow).where(FiscalRow.utility_id == utility_id, of_invoices(ids), FiscalRow.kind == ISSUE)
    return {row.invoice_id: row for row in session.scalars(rows)}
