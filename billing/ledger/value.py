"""Accounts, entries and transactions. Amounts are integer cents; debit is positive, credit negative."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """An account by its path: ``receivable/C-1001``, ``revenue/price/AGUA_CONS``, ``vat/10``, ``levy/EPSAR``."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Account":
        """The account of a path; ValueError when it has no kind or no name."""
        kind, slash, name = text.partition("/")
        if not (kind and slash and name):
            raise ValueError(f"account {text!r}: must be kind/name")
        return cls(kind, name)


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a movement, in cents."""

    account: Account
    cents: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """Entries that sum to zero, identified by ``key``: posting the same key again changes nothing."""

    key: str
    day: date
    memo: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        total = sum(entry.cents for entry in self.entries)
        if total:
            raise ValueError(f"transaction {self.key}: entries sum to {total} cents, must be 0")
        if not self.key:
            raise ValueError("transaction key: (empty): must identify what is posted")


def cents_of(euros: Decimal) -> int:
    """Whole cents of an amount in euros; ValueError when there is a fraction of a cent."""
    cents = euros * 100
    if cents != cents.to_integral_value():
        raise ValueError(f"amount {euros}: must be whole cents")
    return int(cents)


def entries_of(amounts: Iterable[tuple[Account, int]]) -> tuple[Entry, ...]:
    """One entry per account, zero ones left out, in order of first appearance."""
    sums: dict[Account, int] = {}
    for account, cents in amounts:
        sums[account] = sums.get(account, 0) + cents
    return tuple(Entry(account, cents) for account, cents in sums.items() if cents)
