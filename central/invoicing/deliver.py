"""The documents of a partition's bills: made once, kept as they were delivered."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from billing.document import LANGUAGES, Contact, Credit, InvoiceView, render
from billing.invoice import Invoice as InvoiceValue
from billing.volume import PastPeriod, Period
from central.collection.credits import shown_credits
from central.invoicing import partitions
from central.invoicing.archive import rebuild
from central.invoicing.settings import settings_of
from central.invoicing.states import RunStatus
from central.store import read_session, write_session
from central.store.bulk import Row, chunks, insert_rows
from central.store.models import BillingRun, Consumption, Customer, Invoice, InvoiceDocument, RunPartition, Utility

PDF = "application/pdf"
AT_ONCE = 200
DAYS_OF_HISTORY = 430
AVERAGE = "average_domestic_litres"

_DOCUMENT = ("utility_id", "invoice_id", "language", "media_type", "sha256", "content", "made_at")


def deliver(engine: Engine, task: partitions.Task) -> int:
    """Make the documents of a partition; returns how many contracts it holds, 0 where somebody else did it."""
    token = partitions.claim(engine, task)
    if token is None:
        return 0
    with read_session(engine) as session:
        run, partition = partitions.load(session, task)
        rows = _documents(session, run, partition) if settings_of(run).documents else []
        contracts = partition.contracts
    with write_session(engine) as session:
        partitions.finish(session, task, token, RunStatus.ISSUED, datetime.now(UTC))
        insert_rows(session, InvoiceDocument, _DOCUMENT, rows)
    return contracts


def history_of(
    session: Session, utility_id: int, contract_ids: Sequence[int], before: date
) -> dict[int, tuple[PastPeriod, ...]]:
    """What each contract was billed in the thirteen months before a day, oldest first."""
    rows = (
        select(Consumption)
        .where(
            Consumption.utility_id == utility_id,
            Consumption.contract_id.in_(contract_ids),
            Consumption.period_from < before,
        )
        .order_by(Consumption.contract_id, Consumption.period_from, Consumption.generation)
    )
    found: dict[int, dict[date, PastPeriod]] = defaultdict(dict)
    for row in session.scalars(rows):
        if (before - row.period_to).days <= DAYS_OF_HISTORY:
            past = PastPeriod(Period(row.period_from, row.period_to), row.litres, row.estimated_litres > 0, row.leak)
            found[row.contract_id][row.period_from] = past
    return {contract: tuple(periods.values()) for contract, periods in found.items()}


def contact_of(utility: Utility) -> Contact:
    """How to reach the utility, as its bills say."""
    known = {field.name for field in fields(Contact)}
    return Contact(**{name: value for name, value in utility.contact.items() if name in known})


def _documents(session: Session, run: BillingRun, partition: RunPartition) -> list[Row]:
    utility = session.get_one(Utility, run.utility_id)
    made_at = datetime.now(UTC)
    rows: list[Row] = []
    for invoices in chunks(_invoices(session, run, partition), AT_ONCE):
        languages = languages_of(session, run, {row.customer_id for row in invoices})
        for invoice, view in views_of(session, run, utility, invoices):
            language = languages[invoice.customer_id]
            content = render(view, language)
            digest = hashlib.sha256(content).hexdigest()
            rows.append((run.utility_id, invoice.id, language, PDF, digest, content, made_at))
    return rows


def _invoices(session: Session, run: BillingRun, partition: RunPartition) -> Sequence[Invoice]:
    return session.scalars(
        select(Invoice)
        .where(
            Invoice.utility_id == run.utility_id,
            Invoice.run_id == run.id,
            Invoice.contract_id.between(partition.first_contract, partition.last_contract),
        )
        .order_by(Invoice.contract_id)
    ).all()


def views_of(
    session: Session, run: BillingRun, utility: Utility, invoices: Sequence[Invoice]
) -> Iterator[tuple[Invoice, InvoiceView]]:
    """Each invoice of a run as its document shows it, in the order given."""
    history = history_of(session, run.utility_id, [row.contract_id for row in invoices], run.period_from)
    contact = contact_of(utility)
    average = run.summary.get(AVERAGE)
    credits = shown_credits(session, run.utility_id, invoices)
    for item in rebuild(session, invoices):
        past, usual = history.get(item.row.contract_id, ()), _average(average, item.invoice)
        credit = credits.get(item.row.id, Credit())
        yield item.row, InvoiceView(item.invoice, item.fiscal, past, contact, usual, credit=credit)


def _average(average: int | None, invoice: InvoiceValue) -> int | None:
    """A like household is compared with households only."""
    return average if invoice.supply.use == "domestic" else None


def languages_of(session: Session, run: BillingRun, customers: Collection[int]) -> Mapping[int, str]:
    """Each customer's language, or the run's where there is no catalogue for it."""
    default = settings_of(run).language
    found = {}
    for some in chunks(sorted(customers), AT_ONCE):
        rows: Any = select(Customer.id, Customer.language).where(
            Customer.utility_id == run.utility_id, Customer.id.in_(some)
        )
        for row in session.execute(rows):
            found[row.id] = row.language if row.language in LANGUAGES else default
    return found
