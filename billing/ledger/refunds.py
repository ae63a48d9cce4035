"""Money given back: from what a contract is owed, to what is on its way, to what left the bank."""

from datetime import date

from billing.ledger.posting import reverse
from billing.ledger.value import Account, Transaction, entries_of


def refund_due(refund: str, day: date, contract: str, cents: int, memo: str = "") -> Transaction:
    """A credit that is to be paid back: it no longer reduces what the contract owes."""
    amounts = [(Account("receivable", contract), cents), (Account("refund", contract), -cents)]
    return Transaction(f"refund:{refund}", day, memo, entries_of(amounts))


def refund_paid(refund: str, day: date, contract: str, cents: int, source: Account, memo: str = "") -> Transaction:
    """What was to be paid back has left the bank."""
    amounts = [(Account("refund", contract), cents), (source, -cents)]
    return Transaction(f"refund-paid:{refund}", day, memo, entries_of(amounts))


def refund_returned(due: Transaction, paid: Transaction | None, day: date, memo: str) -> list[Transaction]:
    """A transfer that came back: the money is in the bank again, and the contract has its credit again."""
    undone = [reverse(paid, day, memo)] if paid is not None else []
    return [*undone, reverse(due, day, memo)]
