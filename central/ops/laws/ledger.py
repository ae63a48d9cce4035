"""The ledger: every transaction sums to zero, and what was invoiced is what was charged."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import and_, func, select

from billing.invoice import Invoice as InvoiceValue
from billing.ledger import account_of, cents_of, vat_account
from central.collection.posting import RECEIVABLE
from central.invoicing.archive import rebuild
from central.ops.laws.law import Case, Report, pages
from central.store.models import Invoice, LedgerEntry, LedgerTransaction


def transactions_balance(case: Case, report: Report) -> None:
    """The entries of each transaction sum to zero, and each has some."""
    mine = LedgerTransaction.utility_id == case.utility_id
    report.saw(case.session.scalar(select(func.count()).select_from(LedgerTransaction).where(mine)) or 0)
    own = and_(
        LedgerEntry.utility_id == LedgerTransaction.utility_id, LedgerEntry.transaction_id == LedgerTransaction.id
    )
    entries, total = func.count(LedgerEntry.position), func.coalesce(func.sum(LedgerEntry.amount_cents), 0)
    rows: Any = (
        select(LedgerTransaction.key, entries, total)
        .outerjoin(LedgerEntry, own)
        .where(mine)
        .group_by(LedgerTransaction.utility_id, LedgerTransaction.id, LedgerTransaction.key)
        .having((entries == 0) | (total != 0))
    )
    for key, count, cents in case.session.execute(rows):
        report.breach(f"ledger_transaction {key}: {count} entries sum to {cents} cents, must sum to 0")


def invoices_are_posted(case: Case, report: Report) -> None:
    """Each invoice is charged to its contract once, with its total."""
    report.saw(
        case.session.scalar(select(func.count()).select_from(Invoice).where(Invoice.utility_id == case.utility_id)) or 0
    )
    charge = and_(
        LedgerEntry.utility_id == Invoice.utility_id,
        LedgerEntry.invoice_id == Invoice.id,
        LedgerEntry.contract_id == Invoice.contract_id,
        LedgerEntry.account.startswith(RECEIVABLE),
    )
    postings = func.count(LedgerEntry.transaction_id)
    charged = func.coalesce(func.sum(LedgerEntry.amount_cents), 0)
    rows: Any = (
        select(Invoice.number_text, Invoice.total_cents, postings, charged)
        .outerjoin(LedgerEntry, charge)
        .where(Invoice.utility_id == case.utility_id)
        .group_by(Invoice.utility_id, Invoice.id, Invoice.number_text, Invoice.total_cents)
        .having((postings > 1) | (charged != Invoice.total_cents))
    )
    for number, total, count, cents in case.session.execute(rows):
        report.breach(f"invoice {number}: total {total} cents, posted {count} times with {cents} cents")


def credits_follow_bills(case: Case, report: Report) -> None:
    """What a transaction of invoices credits is what their lines and VAT come to, account by account."""
    due: dict[int, dict[str, int]] = {}
    rows = select(Invoice).where(Invoice.utility_id == case.utility_id)
    for some in pages(case, rows, Invoice.id):
        report.saw(len(some))
        posted = _posted(case, some)
        for archived in rebuild(case.session, some):
            sums = due.setdefault(posted.get(archived.row.id, 0), {})
            for account, cents in _credits(archived.invoice):
                sums[account] = sums.get(account, 0) + cents
    due.pop(0, None)  # not posted at all: the law before this one says so
    for transaction, sums in due.items():
        credited = _credited(case, transaction)
        for account in sorted(sums.keys() | credited.keys()):
            if sums.get(account, 0) != credited.get(account, 0):
                key = case.session.get_one(LedgerTransaction, (case.utility_id, transaction)).key
                found = f"{credited.get(account, 0)} cents, its invoices come to {sums.get(account, 0)}"
                report.breach(f"ledger_transaction {key}: {account} is credited {found}")


def _credits(invoice: InvoiceValue) -> Iterator[tuple[str, int]]:
    yield from ((str(account_of(line)), -cents_of(line.amount)) for line in invoice.lines)
    yield from ((str(vat_account(item.code)), -cents_of(item.vat)) for item in invoice.vat)


def _posted(case: Case, invoices: Sequence[Invoice]) -> dict[int, int]:
    """The transaction that charged each invoice to its contract, by which entries are indexed."""
    rows: Any = select(LedgerEntry.invoice_id, LedgerEntry.transaction_id).where(
        LedgerEntry.utility_id == case.utility_id,
        LedgerEntry.contract_id.in_({row.contract_id for row in invoices}),
        LedgerEntry.invoice_id.in_([row.id for row in invoices]),
    )
    return {row.invoice_id: row.transaction_id for row in case.session.execute(rows)}


def _credited(case: Case, transaction: int) -> dict[str, int]:
    """Cents of each account of a transaction but for what contracts owe."""
    rows: Any = (
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.utility_id == case.utility_id, LedgerEntry.transaction_id == transaction)
        .where(LedgerEntry.invoice_id.is_(None))
        .group_by(LedgerEntry.account)
    )
    return {account: int(cents) for account, cents in case.session.execute(rows)}
