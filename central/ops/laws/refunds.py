"""Money paid back: each refund is in the ledger as far as it has come, and no order paid more than was decided."""

from typing import Any

from sqlalchemy import and_, func, select

from central.collection.refunds import transactions_of
from central.ops.laws.law import Case, Report
from central.store.models import Contract, LedgerEntry, LedgerTransaction, Refund, RefundOrder

KINDS = ("refund_due", "refund_paid", "refund_returned")


def refunds_are_posted(case: Case, report: Report) -> None:
    """What each refund must have posted by now is there, once, and nothing else is called a refund."""
    posted = _posted(case)
    contract = and_(Contract.utility_id == Refund.utility_id, Contract.id == Refund.contract_id)
    rows = select(Refund, Contract.code).join(Contract, contract).where(Refund.utility_id == case.utility_id)
    for row, code in case.session.execute(rows):
        report.saw()
        for transaction in transactions_of(row, code):
            wanted = {str(entry.account): entry.cents for entry in transaction.entries}
            found = posted.pop(transaction.key, None)
            if found != wanted:
                report.breach(f"refund {row.id}: {transaction.key} must post {wanted}, the ledger has {found}")
    for key in posted:
        report.breach(f"ledger_transaction {key}: belongs to no refund")


def orders_pay_what_was_decided(case: Case, report: Report) -> None:
    """Each order's sum and count are those of the approved refunds in it."""
    mine = and_(Refund.utility_id == RefundOrder.utility_id, Refund.order_id == RefundOrder.id)
    rows: Any = (
        select(RefundOrder, func.count(Refund.id), func.coalesce(func.sum(Refund.cents), 0))
        .outerjoin(Refund, and_(mine, Refund.decision == "approved"))
        .where(RefundOrder.utility_id == case.utility_id)
        .group_by(RefundOrder.utility_id, RefundOrder.id)
    )
    for order, count, cents in case.session.execute(rows):
        report.saw()
        if (order.transfers, order.total_cents) != (count, int(cents)):
            told = f"{order.transfers} transfers of {order.total_cents} cents"
            report.breach(f"refund_order {order.code}: {told}, its refunds are {count} of {cents}")


def _posted(case: Case) -> dict[str, dict[str, int]]:
    rows: Any = (
        select(LedgerTransaction.key, LedgerEntry.account, LedgerEntry.amount_cents)
        .join(
            LedgerEntry,
            and_(
                LedgerEntry.utility_id == LedgerTransaction.utility_id,
                LedgerEntry.transaction_id == LedgerTransaction.id,
            ),
        )
        .where(LedgerTransaction.utility_id == case.utility_id, LedgerTransaction.kind.in_(KINDS))
    )
    found: dict[str, dict[str, int]] = {}
    for key, account, cents in case.session.execute(rows):
        found.setdefault(key, {})[account] = cents
    return found
