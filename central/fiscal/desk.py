"""What staff do about a record that the agency rejected or took with errors: a new record that mends it (subsanación).

Only what the register can mend is mended: who the recipient is. Amounts are the invoice's; wrong ones need a rectifying
invoice.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from billing.fiscal import FiscalError, Link, Sii
from billing.fiscal import FiscalRecord as Record
from billing.fiscal.sii import accrued_on
from billing.fiscal.verifactu import Verifactu
from billing.invoice import Invoice as Value
from billing.invoice import Party
from central import journal
from central.fiscal.systems import CANCELLATION, CORRECTION, SENT_AGAIN, SII, SUBMITTED
from central.invoicing.archive import rebuild
from central.invoicing.records import Says, of_invoices, store_config
from central.invoicing.regimes import fiscal_on
from central.store import new_id
from central.store.models import (
    FiscalChain,
    FiscalCorrection,
    FiscalOutcome,
    FiscalRecord,
    Invoice,
)

ACCEPTED, REJECTED = "accepted", "rejected"
REGISTERED = frozenset({"accepted", "accepted_with_errors"})


class Mended(NamedTuple):
    """The new record and where it stands in the chain."""

    record_id: int
    position: int
    hash: str


def correct(
    session: Session,
    utility_id: int,
    record_id: int,
    recipient: Party | None,
    actor: str,
    at: datetime,
    reason: str,
) -> Mended:
    """Chain a record that mends ``record_id``, with the invoice's recipient or a corrected one.

    FiscalError where the record needs no mending, was mended already, or the utility submits nothing.
    """
    if not reason.strip():
        raise FiscalError("reason: (empty): say why the record is sent again")
    old, unknown = _to_be_mended(session, utility_id, record_id)
    invoice_row = session.get_one(Invoice, (utility_id, old.invoice_id))
    chain = _chain(session, utility_id, old.system)
    at = at.replace(microsecond=0)
    made = _record(session, invoice_row, old, recipient, _previous(chain), at, unknown=unknown)
    says = Says(recipient, unknown=unknown, rejected=old.kind == CANCELLATION)
    row = _append(session, chain, old, made, _kind(old, unknown=unknown), says, at)
    said = FiscalCorrection(utility_id=utility_id, record_id=row.id, corrects_id=old.id, made_at=at, made_by=actor)
    said.reason = reason
    session.add(said)
    after: dict[str, Any] = {"record": row.id, "invoice": invoice_row.number_text}
    journal.record(
        session, utility_id, actor, "fiscal.correct", "fiscal_record", old.id, at=at, after=after, reason=reason
    )
    return Mended(row.id, row.position, row.hash)


def withdraw(session: Session, utility_id: int, number: str, actor: str, at: datetime, reason: str) -> Mended:
    """Chain the record that takes back one that the agency holds, of an invoice that should not have been recorded.

    The invoice stays as it is. FiscalError where the agency holds no record, or one that takes it back waits already.
    """
    if not reason.strip():
        raise FiscalError("reason: (empty): say why the record is taken back")
    invoice_row = session.scalars(
        select(Invoice).where(Invoice.utility_id == utility_id, Invoice.number_text == number)
    ).one_or_none()
    if invoice_row is None:
        raise FiscalError(f"invoice {number}: must be one that was issued")
    old = _held(session, invoice_row)
    chain = _chain(session, utility_id, old.system)
    at = at.replace(microsecond=0)
    (archived,) = rebuild(session, [invoice_row])
    made = _cancellation(_registry(session, invoice_row), archived.invoice, _previous(chain), at)
    row = _append(session, chain, old, made, CANCELLATION, Says(), at)
    after: dict[str, Any] = {"record": row.id, "invoice": number}
    journal.record(
        session, utility_id, actor, "fiscal.withdraw", "fiscal_record", old.id, at=at, after=after, reason=reason
    )
    return Mended(row.id, row.position, row.hash)


def _held(session: Session, invoice: Invoice) -> FiscalRecord:
    """The newest record of an invoice that the agency accepted and that nothing takes back."""
    own = and_(FiscalOutcome.utility_id == FiscalRecord.utility_id, FiscalOutcome.record_id == FiscalRecord.id)
    mine = (FiscalRecord.utility_id == invoice.utility_id, of_invoices([invoice.id]))
    rows = select(FiscalRecord, FiscalOutcome.verdict).outerjoin(FiscalOutcome, own).where(*mine)
    found: FiscalRecord | None = None
    for row, verdict in session.execute(rows.order_by(FiscalRecord.position)):
        if row.kind == CANCELLATION and verdict != REJECTED:
            raise FiscalError(f"invoice {invoice.number_text}: record {row.id} takes it back already")
        if verdict in REGISTERED:
            found = row
    if found is None or found.system not in SUBMITTED:
        raise FiscalError(f"invoice {invoice.number_text}: the tax agency holds no record of it")
    return found


def _registry(session: Session, invoice: Invoice) -> Verifactu | Sii:
    """The registry of the day on which an invoice was issued."""
    registry = fiscal_on(session, invoice.utility_id, invoice.issue_date).registry()
    if not isinstance(registry, Verifactu | Sii):
        raise FiscalError(f"invoice {invoice.number_text}: no fiscal.system held when it was issued")
    return registry


def _cancellation(
    registry: Verifactu | Sii, invoice: Value, previous: Link | None, at: datetime, *, after_rejection: bool = False
) -> Record:
    if isinstance(registry, Sii):
        return registry.cancellation_for(invoice.issuer, invoice.reference, None, at, accrued=accrued_on(invoice))
    return registry.cancellation_for(invoice.issuer, invoice.reference, previous, at, after_rejection=after_rejection)


def _to_be_mended(session: Session, utility_id: int, record_id: int) -> tuple[FiscalRecord, bool]:
    """The record, and whether the agency holds none of its invoice."""
    old = session.get(FiscalRecord, (utility_id, record_id))
    outcome = session.get(FiscalOutcome, (utility_id, record_id))
    if old is None or outcome is None:
        raise FiscalError(f"record {record_id}: must be one that the tax agency has answered")
    if outcome.verdict == ACCEPTED:
        raise FiscalError(f"record {record_id}: was accepted, there is nothing to mend")
    later = session.scalar(
        select(FiscalCorrection.record_id).where(
            FiscalCorrection.utility_id == utility_id, FiscalCorrection.corrects_id == record_id
        )
    )
    if later is not None:
        raise FiscalError(f"record {record_id}: record {later} mends it already")
    known = session.scalars(
        select(FiscalOutcome.verdict)
        .join(
            FiscalRecord,
            (FiscalRecord.utility_id == FiscalOutcome.utility_id) & (FiscalRecord.id == FiscalOutcome.record_id),
        )
        .where(FiscalOutcome.utility_id == utility_id, of_invoices([old.invoice_id]))
        .where(FiscalRecord.kind != CANCELLATION)
    )
    return old, REGISTERED.isdisjoint(known)


def _chain(session: Session, utility_id: int, system: str) -> FiscalChain:
    query = select(FiscalChain).where(FiscalChain.utility_id == utility_id, FiscalChain.system == system)
    found = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise FiscalError(f"utility {utility_id}: has no chain of {system} records")
    return found


def _previous(chain: FiscalChain) -> Link | None:
    """What the next record is chained to; the SII's are not."""
    return msgspec.convert(chain.head, Link) if chain.head and chain.system != SII else None


def _kind(old: FiscalRecord, *, unknown: bool) -> str:
    if old.kind == CANCELLATION:
        return CANCELLATION
    return SENT_AGAIN if old.system == SII and unknown else CORRECTION


def _append(
    session: Session, chain: FiscalChain, old: FiscalRecord, made: Record, kind: str, says: Says, at: datetime
) -> FiscalRecord:
    """The next record of a chain, about the invoice of an earlier one."""
    row = _row(session, old, made, kind, says, chain.next_position)
    row.generated_at = at
    chain.next_position += 1
    if chain.system != SII:
        chain.head = msgspec.to_builtins(made.link)
    session.add(row)
    session.flush()
    return row


def _record(
    session: Session,
    row: Invoice,
    old: FiscalRecord,
    recipient: Party | None,
    previous: Link | None,
    at: datetime,
    *,
    unknown: bool,
) -> Record:
    registry = _registry(session, row)
    (archived,) = rebuild(session, [row])
    invoice = archived.invoice
    if old.kind == CANCELLATION:
        return _cancellation(registry, invoice, previous, at, after_rejection=True)
    if recipient is not None:
        invoice = replace(invoice, recipient=recipient)
    return registry.correction_for(invoice, previous, at, unknown=unknown)


def _row(session: Session, old: FiscalRecord, made: Record, kind: str, says: Says, position: int) -> FiscalRecord:
    made.build_xml()  # what cannot be declared is refused now
    issued = session.get_one(Invoice, (old.utility_id, old.invoice_id)).issue_date
    return FiscalRecord(
        utility_id=old.utility_id,
        id=new_id(),
        system=old.system,
        position=position,
        kind=kind,
        invoice_id=old.invoice_id,
        hash=made.hash,
        config_id=store_config(session, old.utility_id, fiscal_on(session, old.utility_id, issued)),
        says=msgspec.to_builtins(says),
    )
