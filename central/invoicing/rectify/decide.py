"""Deciding a rectification: another person rejects it, or issues it in one transaction."""

import hashlib
from dataclasses import replace
from datetime import date, datetime

import msgspec
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from billing.document import Credit, InvoiceView, render
from billing.fiscal import Link
from billing.invoice import Invoice as InvoiceValue
from billing.invoice import ensure
from billing.ledger import post_invoice, reverse
from central import journal
from central.collection.credits import shown_credits
from central.collection.posting import Postings
from central.invoicing import explain
from central.invoicing.archive import Chained, Numbered, rebuild, write_bills
from central.invoicing.block import Bills
from central.invoicing.deliver import PDF, contact_of, history_of
from central.invoicing.draft import Draft
from central.invoicing.numbering import take_numbers
from central.invoicing.records import store_config
from central.invoicing.rectify.remake import settings_of_bill
from central.invoicing.rectify.standing import standing
from central.invoicing.regimes import fiscal_on
from central.invoicing.settings import FiscalSettings, RunSettings
from central.invoicing.shared import Pool
from central.invoicing.states import RunError
from central.invoicing.tariffs import book_of
from central.register import KeyRing
from central.store.bulk import add_missing_rows, changed, insert_rows
from central.store.models import (
    Consumption,
    Customer,
    FiscalChain,
    Invoice,
    InvoiceDocument,
    Reading,
    ReadingStatus,
    Rectification,
    RectificationItem,
    Utility,
)
from central.store.partitions import ensure_partitions
from central.times import millis

ISSUED, REJECTED = "issued", "rejected"
POSTED, REPLACED = "invoice", "replaced"

_ESTIMATE = ("utility_id", "at_ms", "meter_id", "kind", "revision", "litres", "status", "reason", "recorded_ms")


def reject(session: Session, row: Rectification, actor: str, at: datetime, reason: str) -> None:
    """Decide against a rectification; it stays on record."""
    if not reason.strip():
        raise RunError(f"rectification {row.id}: reason: (empty): a rejection says why")
    _decide(session, row, REJECTED, actor, at, reason.strip())


def issue(
    session: Session,
    row: Rectification,
    actor: str,
    at: datetime,
    *,
    issue_date: date,
    due_date: date,
    ring: KeyRing | None = None,
) -> list[Invoice]:
    """Number, chain, post and document every invoice of a rectification, in the caller's transaction.

    RunError where the same person proposed it, or where a bill was rectified by somebody else meanwhile.
    """
    if actor == row.proposed_by:
        raise RunError(f"rectification {row.id}: {actor} proposed it; another person must decide")
    if due_date < issue_date:
        raise RunError(f"due date {due_date}: must not precede the issue date {issue_date}")
    at = at.replace(microsecond=0)
    _decide(session, row, ISSUED, actor, at, "")
    items = items_of(session, row)
    number = take_numbers(session, row.utility_id, row.series, len(items), issue_date)
    issued = []
    for offset, item in enumerate(items):
        draft = draft_of(item)
        terms = replace(draft.invoice.terms, due=due_date)
        invoice = ensure(replace(draft.invoice, terms=terms).numbered(number + offset, issue_date))
        issued.append(_issue_one(session, item, draft, invoice, at, ring))
    told = {"invoices": [one.number_text for one in issued], "cents": sum(one.total_cents for one in issued)}
    journal.record(session, row.utility_id, actor, "rectification.issued", "rectification", row.id, at=at, after=told)
    return issued


def items_of(session: Session, row: Rectification) -> list[RectificationItem]:
    """The bills of a rectification, oldest period first."""
    rows = select(RectificationItem).where(
        RectificationItem.utility_id == row.utility_id, RectificationItem.rectification_id == row.id
    )
    return list(session.scalars(rows.order_by(RectificationItem.position)))


def draft_of(item: RectificationItem) -> Draft:
    """The draft of one rectifying invoice."""
    return msgspec.convert(item.draft, Draft)


def _decide(session: Session, row: Rectification, decision: str, actor: str, at: datetime, why: str) -> None:
    """Of two who decide at once one gets RunError."""
    statement = (
        update(Rectification)
        .where(Rectification.utility_id == row.utility_id, Rectification.id == row.id, Rectification.decision.is_(None))
        .values(decision=decision, decided_by=actor, decided_at=at, decided_why=why)
    )
    if changed(session, statement) != 1:
        raise RunError(f"rectification {row.id}: is decided already")
    session.refresh(row)
    if decision == REJECTED:
        journal.record(
            session, row.utility_id, actor, "rectification.rejected", "rectification", row.id, at=at, reason=why
        )


def _issue_one(
    session: Session, item: RectificationItem, draft: Draft, invoice: InvoiceValue, at: datetime, ring: KeyRing | None
) -> Invoice:
    original = session.get_one(Invoice, (item.utility_id, item.invoice_id))
    against = list(rebuild(session, standing(session, original)))
    note = invoice.rectification
    if note is None or note.originals != tuple(one.invoice.reference for one in against):
        raise RunError(f"invoice {original.number_text}: was rectified meanwhile; propose it again")
    settings = settings_of_bill(session, against[0])
    pool = Pool()
    versions = book_of(session, item.utility_id, draft.basis.tariffs).versions
    contract, draft = original.contract_id, msgspec.structs.replace(draft, invoice=invoice)
    bills = Bills.of([(contract, draft)], versions, pool)
    pool.write(session, item.utility_id)
    said = _numbered(session, original, invoice, at)
    fiscal = fiscal_on(session, item.utility_id, invoice.reference.issued, settings.fiscal)
    (invoice_id,) = write_bills(session, bills, said, _chain(session, said, invoice, fiscal)).tolist()
    postings = Postings(item.utility_id, at)
    posted = post_invoice(invoice)
    postings.add(posted, POSTED, contract_id=contract, invoice_id=invoice_id)
    if note.method == "S":
        # What is replaced no longer is owed; a second substitution of the same invoice breaks the key.
        for one in against:
            undone = reverse(post_invoice(one.invoice), posted.day, f"sustituida por {invoice.full_number}")
            postings.add(undone, REPLACED, contract_id=contract)
    _store_estimates(session, item.utility_id, draft, at)
    postings.write(session)
    sources = [end.source for end in draft.ends]
    explain.store(session, explain.explain_readings(session, item.utility_id, sources, ring, at))
    item.result_id = invoice_id
    session.flush()
    row = session.get_one(Invoice, (item.utility_id, invoice_id))
    if settings.documents:
        _document(session, row, settings, at)
    return row


def _numbered(session: Session, original: Invoice, invoice: InvoiceValue, at: datetime) -> Numbered:
    """A rectifying invoice is a generation of its bill's consumption, and belongs to the same run by it."""
    rows = (
        select(Consumption.generation, Consumption.run_id)
        .where(
            Consumption.utility_id == original.utility_id,
            Consumption.contract_id == original.contract_id,
            Consumption.period_from == original.period_from,
        )
        .order_by(Consumption.generation.desc())
    )
    last = session.execute(rows.limit(1)).one()
    return Numbered(
        original.utility_id,
        invoice.series,
        invoice.number or 0,
        invoice.type.value,
        last.generation + 1,
        invoice.reference.issued,
        last.run_id,
        at,
        msgspec.to_builtins(invoice.rectification),
    )


def _chain(session: Session, said: Numbered, invoice: InvoiceValue, fiscal: FiscalSettings) -> Chained | None:
    """The record of issue, after the last of its system's chain; one whose records are not chained has none here."""
    registry, system = fiscal.registry(), fiscal.system
    if not fiscal.chained:
        return None
    add_missing_rows(session, FiscalChain, ("utility_id", "system", "next_position"), [(said.utility_id, system, 1)])
    chain = session.scalars(
        select(FiscalChain)
        .where(FiscalChain.utility_id == said.utility_id, FiscalChain.system == system)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    previous = msgspec.convert(chain.head, Link) if chain.head else None
    record = registry.record_for(invoice, previous, said.at)
    if record is None:
        return None
    record.build_xml()  # what cannot be declared is refused before it is issued
    config = store_config(session, said.utility_id, fiscal)
    made = Chained(system, chain.next_position, bytes.fromhex(record.hash), config, said.at)
    chain.next_position += 1
    chain.head = msgspec.to_builtins(record.link)
    session.flush()
    return made


def _store_estimates(session: Session, utility_id: int, draft: Draft, at: datetime) -> None:
    if not draft.estimates:
        return
    rows = [
        (
            utility_id,
            source.at_ms,
            source.meter_id,
            source.kind,
            source.revision,
            source.litres,
            ReadingStatus.VALID,
            "estimado: rectificación",
            millis(at),
        )
        for source in draft.estimates
    ]
    ensure_partitions(session.connection(), [row[1] for row in rows])
    insert_rows(session, Reading, _ESTIMATE, rows)


def _document(session: Session, row: Invoice, settings: RunSettings, at: datetime) -> None:
    utility = session.get_one(Utility, row.utility_id)
    language = session.get_one(Customer, (row.utility_id, row.customer_id)).language or settings.language
    past = history_of(session, row.utility_id, [row.contract_id], row.period_from).get(row.contract_id, ())
    item = next(rebuild(session, [row]))
    credit = shown_credits(session, row.utility_id, [row]).get(row.id, Credit())
    view = InvoiceView(item.invoice, item.fiscal, past, contact_of(utility), None, credit=credit)
    content = render(view, language)
    session.add(
        InvoiceDocument(
            utility_id=row.utility_id,
            invoice_id=row.id,
            language=language,
            media_type=PDF,
            sha256=hashlib.sha256(content).hexdigest(),
            content=content,
            made_at=at,
        )
    )
    session.flush()
