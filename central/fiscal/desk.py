"""What staff do about a record that the agency rejected or took with errors: a new record that mends it (subsanación).

Only what the register can mend is mended: who the recipient is. Amounts are the invoice's; wrong ones need a rectifying
invoice.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.fiscal import FiscalError, Link
from billing.fiscal import FiscalRecord as Record
from billing.fiscal.verifactu import Verifactu
from billing.invoice import Party
from central import journal
from central.fiscal.queue import CANCELLATION, CORRECTION
from central.fiscal.sending import SUBMITTED
from central.invoicing.archive import rebuild
from central.invoicing.settings import settings_for
from central.store import new_id
from central.store.models import (
    FiscalChain,
    FiscalCorrection,
    FiscalOutcome,
    FiscalRecord,
    Invoice,
    Utility,
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
    chain = _chain(session, utility_id)
    previous = msgspec.convert(chain.head, Link) if chain.head else None
    at = at.replace(microsecond=0)
    made = _record(session, invoice_row, old, recipient, previous, at, unknown=unknown)
    row = _row(old, made, chain.next_position, at)
    chain.next_position += 1
    chain.head = msgspec.to_builtins(made.link)
    session.add(row)
    session.flush()
    said = FiscalCorrection(utility_id=utility_id, record_id=row.id, corrects_id=old.id, made_at=at, made_by=actor)
    said.reason = reason
    session.add(said)
    after: dict[str, Any] = {"record": row.id, "invoice": invoice_row.number_text}
    journal.record(
        session, utility_id, actor, "fiscal.correct", "fiscal_record", old.id, at=at, after=after, reason=reason
    )
    return Mended(row.id, row.position, row.hash)


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
        .where(FiscalOutcome.utility_id == utility_id, FiscalRecord.invoice_id == old.invoice_id)
        .where(FiscalRecord.kind != CANCELLATION)
    )
    return old, REGISTERED.isdisjoint(known)


def _chain(session: Session, utility_id: int) -> FiscalChain:
    query = select(FiscalChain).where(FiscalChain.utility_id == utility_id, FiscalChain.system == SUBMITTED)
    found = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise FiscalError(f"utility {utility_id}: has no chain of {SUBMITTED} records")
    return found


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
    utility = session.get_one(Utility, row.utility_id)
    registry = settings_for(utility.settings, {}).fiscal.registry()
    if not isinstance(registry, Verifactu):
        raise FiscalError(f"fiscal.system of {utility.code}: must be {SUBMITTED} to submit records")
    (archived,) = rebuild(session, [row])
    invoice = archived.invoice
    if old.kind == CANCELLATION:
        return registry.cancellation_for(invoice.issuer, invoice.reference, previous, at, after_rejection=True)
    if recipient is not None:
        invoice = replace(invoice, recipient=recipient)
    return registry.correction_for(invoice, previous, at, unknown=unknown)


def _row(old: FiscalRecord, made: Record, position: int, at: datetime) -> FiscalRecord:
    return FiscalRecord(
        utility_id=old.utility_id,
        id=new_id(),
        system=old.system,
        position=position,
        kind=CANCELLATION if old.kind == CANCELLATION else CORRECTION,
        invoice_id=old.invoice_id,
        generated_at=at,
        previous_hash=made.previous.hash if made.previous else "",
        hash=made.hash,
        qr_url=made.qr_url,
        record=made.xml.decode(),
    )
