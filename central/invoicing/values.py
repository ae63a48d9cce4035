"""Issued invoices as the values they were, from their rows; nothing here knows of fiscal records."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.invoice import Invoice
from billing.volume import Period
from central.invoicing.evidence import Evidence
from central.invoicing.shared import Shared
from central.invoicing.stored import Content, Face
from central.store.bulk import chunks
from central.store.models import Consumption
from central.store.models import Invoice as InvoiceRow

AT_ONCE = 500


def evidence_of(session: Session, utility_id: int, consumption_ids: Sequence[int]) -> dict[int, Evidence]:
    """What billed volumes rest on, by the consumption's id."""
    found: dict[int, Evidence] = {}
    for some in chunks(consumption_ids, AT_ONCE):
        rows = select(Consumption.id, Consumption.evidence).where(
            Consumption.utility_id == utility_id, Consumption.id.in_(some)
        )
        found |= {row.id: Evidence.of(row.evidence) for row in session.execute(rows)}
    return found


def content_of(row: InvoiceRow, shared: Shared) -> Content:
    """What a row holds beside its columns."""
    return Content(row.form_id, row.content, shared)


def invoice_of(row: InvoiceRow, content: Content, evidence: Evidence) -> Invoice:
    """The invoice of a row, with what was read of it."""
    period = Period(row.period_from, row.period_to)
    face = Face(
        row.series,
        row.number,
        row.issue_date,
        row.kind,
        period,
        row.litres,
        row.total_cents,
        row.operation_date,
        row.rectifies,
    )
    return content.invoice(face, evidence.pieces)


def invoices_by_id(session: Session, utility_id: int, ids: Iterable[int]) -> dict[int, Invoice]:
    """Several invoices of a utility."""
    shared, found = Shared(session, utility_id), dict[int, Invoice]()
    for some in chunks(sorted(set(ids)), AT_ONCE):
        rows = session.scalars(
            select(InvoiceRow).where(InvoiceRow.utility_id == utility_id, InvoiceRow.id.in_(some))
        ).all()
        shared.load_forms(row.form_id for row in rows)
        kept = evidence_of(session, utility_id, [row.consumption_id for row in rows])
        found |= {row.id: invoice_of(row, content_of(row, shared), kept[row.consumption_id]) for row in rows}
    return found
