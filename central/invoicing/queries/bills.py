"""Bills as their holder or the office sees them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from billing.fiscal import FiscalRecord
from billing.invoice import Invoice
from billing.money import euros
from central.invoicing.archive import rebuild
from central.invoicing.draft import Basis
from central.invoicing.queries.stories import BillLine, BillReading, lines_of, readings_of
from central.store.models import Consumption, Contract, ContractHolder, InvoiceDocument
from central.store.models import Invoice as InvoiceRow

MONTHS = 13


@dataclass(frozen=True, slots=True)
class BillSummary:
    """A bill in a list; ``total`` in euros, ``estimated`` where part of the volume rests on an estimate."""

    id: int
    number: str
    kind: str
    contract_id: int
    contract: str
    issued: date
    due: date
    period_from: date
    period_to: date
    litres: int
    estimated: bool
    total: Decimal
    document: bool


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill with all that explains it. ``invoice`` is the issued value, ``fiscal`` its record where there is one.

    ``basis`` is what the amounts follow from.
    """

    summary: BillSummary
    invoice: Invoice
    fiscal: FiscalRecord | None
    basis: Basis
    lines: tuple[BillLine, ...]
    readings: tuple[BillReading, ...]


@dataclass(frozen=True, slots=True)
class UsedPeriod:
    """What was used in a billed period, for the chart of the last thirteen months."""

    period_from: date
    period_to: date
    litres: int
    estimated: bool


@dataclass(frozen=True, slots=True)
class Document:
    """The document a bill was delivered as."""

    name: str
    media_type: str
    content: bytes
    sha256: str


def bills_of_customer(
    session: Session,
    utility_id: int,
    customer_id: int,
    *,
    contract_id: int | None = None,
    before: tuple[date, int] | None = None,
    limit: int = 24,
) -> list[BillSummary]:
    """The newest bills made out to a customer; ``before`` is (issued, id) of the last one already seen."""
    # Bills are found by their contract: those the customer holds or ever held.
    held = select(ContractHolder.contract_id).where(
        ContractHolder.utility_id == utility_id, ContractHolder.customer_id == customer_id
    )
    conditions = [InvoiceRow.customer_id == customer_id, InvoiceRow.contract_id.in_(held)]
    if contract_id is not None:
        conditions.append(InvoiceRow.contract_id == contract_id)
    return _summaries(session, utility_id, conditions, before, limit)


def bill(session: Session, utility_id: int, invoice_id: int, *, customer_id: int | None) -> Bill | None:
    """One bill with lines, whys, readings and telegrams; ``customer_id`` None is the office, which sees every bill."""
    row = _row(session, utility_id, invoice_id, customer_id)
    if row is None:
        return None
    summary = _summaries(session, utility_id, [InvoiceRow.id == invoice_id], None, 1)[0]
    archived = next(rebuild(session, [row]))
    lines, readings = lines_of(session, archived), readings_of(session, archived)
    return Bill(summary, archived.invoice, archived.fiscal, archived.basis, lines, readings)


def history(
    session: Session,
    utility_id: int,
    contract_id: int,
    until: date,
    *,
    customer_id: int | None,
    months: int = MONTHS,
) -> list[UsedPeriod]:
    """The billed periods of a contract in the months before a day, oldest first; a subscriber's own bills only."""
    since = _months_before(until, months)
    conditions = [InvoiceRow.customer_id == customer_id] if customer_id is not None else []
    rows: Any = (
        select(Consumption.period_from, Consumption.period_to, Consumption.litres, Consumption.estimated_litres)
        .join(
            InvoiceRow,
            and_(InvoiceRow.utility_id == Consumption.utility_id, InvoiceRow.consumption_id == Consumption.id),
        )
        .where(
            Consumption.utility_id == utility_id,
            Consumption.contract_id == contract_id,
            InvoiceRow.contract_id == contract_id,
            Consumption.period_to > since,
            Consumption.period_from < until,
            *conditions,
        )
        .order_by(Consumption.period_from, Consumption.generation)
    )
    found = {
        row.period_from: UsedPeriod(row.period_from, row.period_to, row.litres, row.estimated_litres > 0)
        for row in session.execute(rows)
    }
    return list(found.values())


def document(
    session: Session, utility_id: int, invoice_id: int, *, customer_id: int | None, language: str | None = None
) -> Document | None:
    """A bill's document, in a language or in the one it was delivered in."""
    row = _row(session, utility_id, invoice_id, customer_id)
    if row is None:
        return None
    found = select(InvoiceDocument).where(
        InvoiceDocument.utility_id == utility_id, InvoiceDocument.invoice_id == invoice_id
    )
    if language is not None:
        found = found.where(InvoiceDocument.language == language)
    stored = session.scalars(found.order_by(InvoiceDocument.made_at).limit(1)).first()
    if stored is None:
        return None
    name = f"{row.number_text.replace('/', '-')}.pdf"
    return Document(name, stored.media_type, stored.content, stored.sha256)


def _row(session: Session, utility_id: int, invoice_id: int, customer_id: int | None) -> InvoiceRow | None:
    row = session.get(InvoiceRow, (utility_id, invoice_id))
    return row if row is not None and customer_id in (None, row.customer_id) else None


def _summaries(
    session: Session,
    utility_id: int,
    conditions: list[ColumnElement[bool]],
    before: tuple[date, int] | None,
    limit: int,
) -> list[BillSummary]:
    has_document = (
        select(InvoiceDocument.invoice_id)
        .where(InvoiceDocument.utility_id == InvoiceRow.utility_id, InvoiceDocument.invoice_id == InvoiceRow.id)
        .exists()
    )
    rows = (
        select(InvoiceRow, Contract.code, Consumption.estimated_litres, has_document)
        .join(Contract, and_(Contract.utility_id == InvoiceRow.utility_id, Contract.id == InvoiceRow.contract_id))
        .join(
            Consumption,
            and_(Consumption.utility_id == InvoiceRow.utility_id, Consumption.id == InvoiceRow.consumption_id),
        )
        .where(InvoiceRow.utility_id == utility_id, *conditions)
        .order_by(InvoiceRow.issue_date.desc(), InvoiceRow.id.desc())
        .limit(limit)
    )
    if before is not None:
        day, last = before
        earlier = InvoiceRow.issue_date < day
        rows = rows.where(earlier | and_(InvoiceRow.issue_date == day, InvoiceRow.id < last))
    return [_summary(*row) for row in session.execute(rows)]


def _summary(row: InvoiceRow, contract: str, estimated_litres: int, has_document: bool) -> BillSummary:
    return BillSummary(
        row.id,
        row.number_text,
        row.kind,
        row.contract_id,
        contract,
        row.issue_date,
        row.due_date,
        row.period_from,
        row.period_to,
        row.litres,
        estimated_litres > 0,
        euros(row.total_cents),
        has_document,
    )


def _months_before(day: date, months: int) -> date:
    """The first day of the month that lies so many months before the month of ``day``."""
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)
