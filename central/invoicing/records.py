"""Fiscal records as they are stored, and the text of each derived again by what first made it.

A row keeps what cannot be derived: place, hash, instant, what it states of the invoicing system, and what it states
otherwise than its invoice. The hash covers all the rest, and ``sgc audit`` works it out again for every record.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from billing.fiscal import FiscalRecord, Link, Sii, qr_url
from billing.fiscal.sii import accrued_on
from billing.fiscal.stamps import stamp_of
from billing.fiscal.verifactu import Verifactu
from billing.invoice import Invoice, Party
from central.invoicing.settings import FiscalSettings
from central.invoicing.shared import FISCAL, Pool, Shared
from central.invoicing.values import invoices_by_id
from central.store.bulk import chunks
from central.store.models import FiscalRecord as FiscalRow
from central.store.models import Invoice as InvoiceRow

ISSUE, CANCELLATION = "alta", "anulacion"
AT_ONCE = 500


class Says(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a record states otherwise than its invoice: a mended recipient, and what the agency did before.

    ``unknown``: it rejected the record and holds none (RechazoPrevio X); ``rejected``: a cancellation was rejected.
    """

    recipient: Party | None = None
    unknown: bool = False
    rejected: bool = False


def config_id(fiscal: FiscalSettings) -> int:
    """The id of what records state of the invoicing system."""
    return Pool().add(FISCAL, fiscal)


def store_config(session: Session, utility_id: int, fiscal: FiscalSettings) -> int:
    """The same, stored if it is not yet."""
    pool = Pool()
    found = pool.add(FISCAL, fiscal)
    pool.write(session, utility_id)
    return found


def of_invoices(ids: Sequence[int]) -> ColumnElement[bool]:
    """Whether a record is of one of some invoices, the one written with it or a later one."""
    later = and_(FiscalRow.id != FiscalRow.invoice_id, FiscalRow.invoice_id.in_(ids))
    return or_(FiscalRow.id.in_(ids), later)


def record_of(session: Session, row: FiscalRow, invoice: Invoice, shared: Shared) -> FiscalRecord:
    """The record of an issued invoice; its XML is derived when it is asked for."""
    nif, number, issued = invoice.issuer.nif, invoice.full_number, invoice.reference.issued
    port = shared.fiscal(row.config_id).registry()
    url = ""
    if isinstance(port, Verifactu):
        url = qr_url(nif, number, issued, invoice.total, port.config.environment, verifactu=port.config.submits)
    stamp = stamp_of(row.generated_at)
    return FiscalRecord(
        row.system, "issue", nif, number, issued, stamp, row.hash, None, url, lambda: texts_of(session, [row])[row.id]
    )


def texts_of(session: Session, rows: Sequence[FiscalRow]) -> dict[int, bytes]:
    """The XML of records of one chain, by the record's id."""
    if not rows:
        return {}
    shared = Shared(session, rows[0].utility_id)
    shared.load(row.config_id for row in rows)
    configs = {one: shared.fiscal(one) for one in {row.config_id for row in rows}}
    previous = _previous(session, rows, shared)
    invoices = invoices_by_id(session, rows[0].utility_id, [row.invoice_id for row in rows])
    return {
        row.id: _made(row, invoices[row.invoice_id], configs[row.config_id], previous.get(row.position - 1)).xml
        for row in rows
    }


def hashes_before(session: Session, rows: Sequence[FiscalRow]) -> dict[int, str]:
    """The hash that each of some records of one chain follows, by the record's id; empty for the first."""
    if not rows:
        return {}
    previous = _previous(session, rows, Shared(session, rows[0].utility_id))
    return {row.id: previous[row.position - 1].hash if row.position - 1 in previous else "" for row in rows}


def _made(row: FiscalRow, invoice: Invoice, fiscal: FiscalSettings, previous: Link | None) -> FiscalRecord:
    says, port, at = msgspec.convert(row.says or {}, Says), fiscal.registry(), row.generated_at
    if not isinstance(port, Verifactu | Sii):
        raise ValueError(f"fiscal_record {row.system} {row.position}: its system keeps no records")
    if isinstance(port, Sii):
        previous = None  # entries of the SII's book are not chained
    if says.recipient is not None:
        invoice = replace(invoice, recipient=says.recipient)
    if row.kind == ISSUE:
        return port.record_for(invoice, previous, at)
    if row.kind != CANCELLATION:
        return port.correction_for(invoice, previous, at, unknown=says.unknown)
    if isinstance(port, Sii):
        return port.cancellation_for(invoice.issuer, invoice.reference, None, at, accrued=accrued_on(invoice))
    return port.cancellation_for(invoice.issuer, invoice.reference, previous, at, after_rejection=says.rejected)


def _previous(session: Session, rows: Sequence[FiscalRow], shared: Shared) -> dict[int, Link]:
    """By position, the records of a chain just before ``rows``, as those are linked to them."""
    own = (FiscalRow.utility_id == InvoiceRow.utility_id) & (FiscalRow.invoice_id == InvoiceRow.id)
    found: dict[int, Link] = {}
    for some in chunks(sorted({row.position - 1 for row in rows}), AT_ONCE):
        before: Any = (
            select(
                FiscalRow.position, FiscalRow.hash, InvoiceRow.number_text, InvoiceRow.issue_date, InvoiceRow.form_id
            )
            .join(InvoiceRow, own)
            .where(
                FiscalRow.utility_id == rows[0].utility_id,
                FiscalRow.system == rows[0].system,
                FiscalRow.position.in_(some),
            )
        )
        for one in session.execute(before):
            nif = shared.form(one.form_id).issuer.nif
            found[one.position] = Link(nif, one.number_text, one.issue_date, one.hash)
    return found
