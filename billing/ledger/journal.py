"""A journal is the list of posted transactions; balances are computed from it, never stored apart."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from billing.ledger.value import Account, Transaction


class LedgerError(ValueError):
    """A transaction that contradicts the journal."""


@dataclass(slots=True)
class Journal:
    """Posted transactions by key. In service the database plays this part with a unique key."""

    transactions: dict[str, Transaction] = field(default_factory=dict)

    def post(self, transaction: Transaction) -> bool:
        """Add a transaction; False when the very same one is there already, LedgerError when it differs."""
        known = self.transactions.get(transaction.key)
        if known is None:
            self.transactions[transaction.key] = transaction
            return True
        if known != transaction:
            raise LedgerError(f"transaction {transaction.key}: already posted with other entries")
        return False

    def balance(self, account: Account, on: date | None = None) -> int:
        """Cents of one account, up to and including ``on``."""
        return self.balances(on).get(account, 0)

    def balances(self, on: date | None = None) -> dict[Account, int]:
        """Cents of every account that moved, up to and including ``on``."""
        return project(item for item in self.transactions.values() if on is None or item.day <= on)


def project(transactions: Iterable[Transaction]) -> dict[Account, int]:
    """Balances that a set of transactions leaves."""
    sums: dict[Account, int] = {}
    for transaction in transactions:
        for entry in transaction.entries:
            sums[entry.account] = sums.get(entry.account, 0) + entry.cents
    return sums
