"""The invoice as rows, and back: what was issued is rebuilt from the database exactly as the value it was."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.fiscal import FiscalRecord
from billing.invoice import (
    Invoice,
    InvoiceLine,
    InvoiceType,
    Party,
    PaymentTerms,
    Rectification,
    Supply,
    VatSum,
)
from billing.ledger import cents_of
from billing.money import euros
from billing.volume import Period, Piece
from central.events.money import tell_invoices
from central.invoicing.draft import Basis, Draft
from central.store.bulk import Row, insert_rows
from central.store.models import Consumption, InvoiceReading
from central.store.models import FiscalRecord as FiscalRow
from central.store.models import Invoice as InvoiceRow
from central.store.models import InvoiceLine as LineRow

KINDS = {"issue": "alta", "cancellation": "anulacion"}

_CONSUMPTION = (
    "utility_id",
    "id",
    "contract_id",
    "supply_point_id",
    "period_from",
    "period_to",
    "generation",
    "litres",
    "estimated_litres",
    "pieces",
    "closing",
    "leak",
    "run_id",
    "recorded_at",
)
_INVOICE = (
    "utility_id",
    "id",
    "series",
    "number",
    "number_text",
    "kind",
    "generation",
    "issue_date",
    "due_date",
    "period_from",
    "period_to",
    "run_id",
    "contract_id",
    "supply_point_id",
    "customer_id",
    "consumption_id",
    "litres",
    "issuer",
    "recipient",
    "supply",
    "vat",
    "base_cents",
    "vat_cents",
    "total_cents",
    "terms",
    "operation_date",
    "description",
    "rectifies",
    "basis",
    "issued_at",
)
_LINE = (
    "utility_id",
    "invoice_id",
    "position",
    "code",
    "description",
    "quantity",
    "unit",
    "unit_price",
    "amount_cents",
    "vat",
    "beneficiary",
    "nature",
    "tariff_version_id",
    "why",
)
_READING = (
    "utility_id",
    "invoice_id",
    "position",
    "role",
    "piece",
    "meter_id",
    "at_ms",
    "kind",
    "revision",
    "litres",
    "telegram_ms",
    "telegram_id",
)
_FISCAL = (
    "utility_id",
    "id",
    "system",
    "position",
    "kind",
    "invoice_id",
    "generated_at",
    "previous_hash",
    "hash",
    "qr_url",
    "record",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Where a bill belongs: its rows' ids, contract, run and generation."""

    utility_id: int
    invoice_id: int
    consumption_id: int
    contract_id: int
    run_id: int
    at: datetime
    generation: int = 0


class Archive:
    """Rows of issued bills, collected and then written at once, parents first."""

    def __init__(self, versions: dict[str, int]) -> None:
        self._versions = versions
        self._consumption: list[Row] = []
        self._invoice: list[Row] = []
        self._line: list[Row] = []
        self._reading: list[Row] = []
        self._fiscal: list[Row] = []

    def add(self, identity: Identity, draft: Draft, invoice: Invoice) -> None:
        """Take up a numbered invoice and what it rests on; ``invoice`` is the draft's with its number and date."""
        self._consumption.append(_consumption_row(identity, draft))
        self._invoice.append(_invoice_row(identity, draft, invoice))
        self._line += [self._line_row(identity, position, line) for position, line in enumerate(invoice.lines)]
        self._reading += [
            (
                identity.utility_id,
                identity.invoice_id,
                position,
                end.role,
                end.piece,
                *_reading_key(end.source),
            )
            for position, end in enumerate(draft.ends)
        ]

    def add_record(self, identity: Identity, record: FiscalRecord, record_id: int, position: int, at: datetime) -> None:
        """Take up the fiscal record of an invoice at its place in the chain; ``at`` is the instant it states."""
        self._fiscal.append(
            (
                identity.utility_id,
                record_id,
                record.system,
                position,
                KINDS[record.kind],
                identity.invoice_id,
                at,
                record.previous.hash if record.previous else "",
                record.hash,
                record.qr_url,
                record.xml.decode(),
            )
        )

    def write(self, session: Session) -> None:
        """Insert all that was collected, in the caller's transaction."""
        insert_rows(session, Consumption, _CONSUMPTION, self._consumption)
        insert_rows(session, InvoiceRow, _INVOICE, self._invoice)
        insert_rows(session, LineRow, _LINE, self._line)
        insert_rows(session, InvoiceReading, _READING, self._reading)
        insert_rows(session, FiscalRow, _FISCAL, self._fiscal)
        tell_invoices(session, _INVOICE, self._invoice)

    def _line_row(self, identity: Identity, position: int, line: InvoiceLine) -> Row:
        return (
            identity.utility_id,
            identity.invoice_id,
            position,
            line.code,
            line.description,
            str(line.quantity),
            line.unit,
            str(line.unit_price),
            cents_of(line.amount),
            line.vat,
            line.beneficiary,
            line.nature,
            self._versions.get(str(line.why.get("version") or "")),
            line.why,
        )


def _consumption_row(identity: Identity, draft: Draft) -> Row:
    invoice = draft.invoice
    return (
        identity.utility_id,
        identity.consumption_id,
        identity.contract_id,
        draft.supply_point_id,
        invoice.period.start,
        invoice.period.end,
        identity.generation,
        invoice.litres,
        draft.estimated_litres,
        invoice.pieces,
        draft.closing,
        bool(draft.basis.case.get("leak")),
        identity.run_id,
        identity.at,
    )


def _invoice_row(identity: Identity, draft: Draft, invoice: Invoice) -> Row:
    return (
        identity.utility_id,
        identity.invoice_id,
        invoice.series,
        invoice.number,
        invoice.full_number,
        invoice.type.value,
        identity.generation,
        invoice.issued,
        invoice.terms.due,
        invoice.period.start,
        invoice.period.end,
        None if invoice.rectification else identity.run_id,  # a rectifying invoice is of no run
        identity.contract_id,
        draft.supply_point_id,
        draft.customer_id,
        identity.consumption_id,
        invoice.litres,
        invoice.issuer,
        invoice.recipient,
        invoice.supply,
        {item.code: {"base_cents": cents_of(item.base), "vat_cents": cents_of(item.vat)} for item in invoice.vat},
        cents_of(invoice.base),
        cents_of(invoice.vat_total),
        cents_of(invoice.total),
        invoice.terms,
        invoice.operation_date,
        invoice.description,
        invoice.rectification,
        draft.basis,
        identity.at,
    )


def _reading_key(source: Any) -> tuple[Any, ...]:
    return (
        source.meter_id,
        source.at_ms,
        source.kind,
        source.revision,
        source.litres,
        source.telegram_ms,
        source.telegram_id,
    )


# ---- and back --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Archived:
    """An issued invoice as the value it was, with its rows."""

    invoice: Invoice
    basis: Basis
    row: InvoiceRow
    fiscal: FiscalRecord | None


def rebuild(session: Session, rows: Sequence[InvoiceRow]) -> Iterator[Archived]:
    """The values behind invoice rows of one utility, in the order given, in four queries."""
    if not rows:
        return
    utility_id, ids = rows[0].utility_id, [row.id for row in rows]
    lines = _lines(session, utility_id, ids)
    pieces = _pieces(session, utility_id, [row.consumption_id for row in rows])
    records = _records(session, utility_id, ids)
    for row in rows:
        invoice = _invoice(row, lines[row.id], pieces[row.consumption_id])
        fiscal = _record(records[row.id], invoice) if row.id in records else None
        yield Archived(invoice, msgspec.convert(row.basis, Basis), row, fiscal)


def _lines(session: Session, utility_id: int, ids: Sequence[int]) -> dict[int, list[InvoiceLine]]:
    found: dict[int, list[InvoiceLine]] = defaultdict(list)
    rows = (
        select(LineRow)
        .where(LineRow.utility_id == utility_id, LineRow.invoice_id.in_(ids))
        .order_by(LineRow.invoice_id, LineRow.position)
    )
    for row in session.scalars(rows):
        line = InvoiceLine(
            row.code,
            row.description,
            Decimal(row.quantity),
            row.unit,
            Decimal(row.unit_price),
            euros(row.amount_cents),
            row.vat,
            row.beneficiary,
            row.nature,
            row.why,
        )
        found[row.invoice_id].append(line)
    return found


def _pieces(session: Session, utility_id: int, ids: Sequence[int]) -> dict[int, tuple[Piece, ...]]:
    rows = select(Consumption.id, Consumption.pieces).where(
        Consumption.utility_id == utility_id, Consumption.id.in_(ids)
    )
    return {row.id: msgspec.convert(row.pieces, tuple[Piece, ...]) for row in session.execute(rows)}


def _records(session: Session, utility_id: int, ids: Sequence[int]) -> dict[int, FiscalRow]:
    rows = select(FiscalRow).where(
        FiscalRow.utility_id == utility_id, FiscalRow.invoice_id.in_(ids), FiscalRow.kind == KINDS["issue"]
    )
    return {row.invoice_id: row for row in session.scalars(rows)}


def _invoice(row: InvoiceRow, lines: Iterable[InvoiceLine], pieces: tuple[Piece, ...]) -> Invoice:
    lines = tuple(lines)
    # Bases stand in the order in which their rates appear; JSON of a database keeps no order.
    codes = dict.fromkeys([*(line.vat for line in lines), *sorted(row.vat)])
    sums = {code: row.vat[code] for code in codes if code in row.vat}
    return Invoice(
        series=row.series,
        number=row.number,
        issued=row.issue_date,
        issuer=msgspec.convert(row.issuer, Party),
        recipient=msgspec.convert(row.recipient, Party),
        supply=msgspec.convert(row.supply, Supply),
        period=Period(row.period_from, row.period_to),
        litres=row.litres,
        pieces=pieces,
        lines=lines,
        vat=tuple(VatSum(code, euros(item["base_cents"]), euros(item["vat_cents"])) for code, item in sums.items()),
        total=euros(row.total_cents),
        terms=msgspec.convert(row.terms, PaymentTerms),
        type=InvoiceType(row.kind),
        operation_date=row.operation_date,
        description=row.description,
        rectification=msgspec.convert(row.rectifies, Rectification | None),
    )


def _record(row: FiscalRow, invoice: Invoice) -> FiscalRecord:
    """The stored record; its XML is the stored text and never built again."""
    return FiscalRecord(
        row.system,
        "issue",
        invoice.issuer.nif,
        invoice.full_number,
        invoice.reference.issued,
        "",
        row.hash,
        None,
        row.qr_url,
        lambda: row.record.encode(),
    )
