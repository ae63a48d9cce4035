"""The ledger: every transaction sums to zero, and what was invoiced is what was charged."""

from typing import Any

from sqlalchemy import and_, func, select

from central.collection.posting import RECEIVABLE
from central.ops.laws.law import Case, Report
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
    transaction = and_(LedgerTransaction.utility_id == Invoice.utility_id, LedgerTransaction.invoice_id == Invoice.id)
    charge = and_(
        LedgerEntry.utility_id == LedgerTransaction.utility_id,
        LedgerEntry.transaction_id == LedgerTransaction.id,
        LedgerEntry.contract_id == Invoice.contract_id,
        LedgerEntry.account.startswith(RECEIVABLE),
    )
    postings = func.count(LedgerTransaction.id.distinct())
    charged = func.coalesce(func.sum(LedgerEntry.amount_cents), 0)
    rows: Any = (
        select(Invoice.number_text, Invoice.total_cents, postings, charged)
        .outerjoin(LedgerTransaction, transaction)
        .outerjoin(LedgerEntry, charge)
        .where(Invoice.utility_id == case.utility_id)
        .group_by(Invoice.utility_id, Invoice.id, Invoice.number_text, Invoice.total_cents)
        .having((postings != 1) | (charged != Invoice.total_cents))
    )
    for number, total, count, cents in case.session.execute(rows):
        report.breach(f"invoice {number}: total {total} cents, posted {count} times with {cents} cents")
