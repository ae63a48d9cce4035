"""Posting to the ledger: transactions of ``billing.ledger`` as rows, and balances as projections of them.

Nothing posted is ever changed; a key posted twice is refused by the database.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from billing.ledger import Transaction
from central.events.kinds import LedgerPosted, Side, text_of
from central.events.money import tell_charges, tell_postings
from central.store import new_id
from central.store.bulk import Row, insert_rows, table_of
from central.store.columns import Column, Texts, insert_columns
from central.store.models import Invoice, LedgerEntry, LedgerTransaction

RECEIVABLE = "receivable/"

_TRANSACTION = (
    "utility_id",
    "id",
    "key",
    "kind",
    "effective_on",
    "recorded_at",
    "invoice_id",
    "description",
)
_ENTRY = ("utility_id", "transaction_id", "position", "account", "contract_id", "amount_cents", "invoice_id")


@dataclass(slots=True)
class Postings:
    """Transactions of one utility, collected and then written at once."""

    utility_id: int
    recorded_at: datetime
    transactions: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)

    def add(
        self, transaction: Transaction, kind: str, *, contract_id: int | None = None, invoice_id: int | None = None
    ) -> None:
        """Take a transaction up; its entries belong to the contract."""
        row = new_id()
        self.transactions.append(
            (
                self.utility_id,
                row,
                transaction.key,
                kind,
                transaction.day,
                self.recorded_at,
                invoice_id,
                transaction.memo,
            )
        )
        self.entries += [
            (
                self.utility_id,
                row,
                position,
                str(entry.account),
                contract_id,
                entry.cents,
                invoice_id if str(entry.account).startswith(RECEIVABLE) else None,
            )
            for position, entry in enumerate(transaction.entries)
        ]

    def write(self, session: Session) -> None:
        """Insert all that was collected, in the caller's transaction."""
        insert_rows(session, LedgerTransaction, _TRANSACTION, self.transactions)
        insert_rows(session, LedgerEntry, _ENTRY, self.entries)
        tell_postings(session, _TRANSACTION, self.transactions, _ENTRY, self.entries)


@dataclass(frozen=True, slots=True)
class Charges:
    """Bills charged to their contracts in one transaction: what each owes, and the sums of what it is for."""

    contract_ids: NDArray[np.int64]
    contracts: Texts
    invoice_ids: NDArray[np.int64]
    cents: NDArray[np.int64]
    credits: Mapping[str, int]
    credits_of: Callable[[int], Mapping[str, int]]  # of the bill at a place


def post_charges(session: Session, of: Transaction, kind: str, charges: Charges, utility_id: int, at: datetime) -> int:
    """Post many bills as one transaction, which ``of`` names; gives its id.

    ``credits`` are cents by account, negative, and balance the charges; ValueError where they do not.
    """
    count = len(charges.cents)
    if (total := int(charges.cents.sum()) + sum(charges.credits.values())) != 0:
        raise ValueError(f"transaction {of.key}: entries sum to {total} cents, must be 0")
    row = new_id()
    said = (utility_id, row, of.key, kind, of.day, at, None, of.memo)
    insert_rows(session, LedgerTransaction, _TRANSACTION, [said])
    accounts = [RECEIVABLE.encode() + charges.contracts[place] for place in range(count)]
    columns: dict[str, Column] = {
        "utility_id": utility_id,
        "transaction_id": row,
        "position": np.arange(count, dtype=np.int64),
        "account": Texts.of(accounts),
        "contract_id": charges.contract_ids,
        "amount_cents": charges.cents,
        "invoice_id": charges.invoice_ids,
    }
    insert_columns(session.connection(), table_of(LedgerEntry), columns, count)
    credited = [
        (utility_id, row, count + place, account, None, cents, None)
        for place, (account, cents) in enumerate(charges.credits.items())
    ]
    insert_rows(session, LedgerEntry, _ENTRY, credited)
    tell_charges(session, utility_id, lambda: _told(row, kind, of.day, at, charges))
    return row


def _told(row: int, kind: str, day: date, at: datetime, charges: Charges) -> Iterator[tuple[datetime, LedgerPosted]]:
    """Each charge with its own credits, as if it were posted alone."""
    for place, invoice_id in enumerate(charges.invoice_ids.tolist()):
        owed = {RECEIVABLE + charges.contracts[place].decode(): int(charges.cents[place])}
        sides = [Side(account, text_of(cents)) for account, cents in (owed | dict(charges.credits_of(place))).items()]
        yield at, LedgerPosted(row, kind, day, invoice_id, [int(charges.contract_ids[place])], sides)


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry on an account of a contract, in cents, debit positive."""

    on: date
    kind: str
    description: str
    account: str
    cents: int
    invoice_id: int | None


def balance(session: Session, utility_id: int, contract_id: int, on: date | None = None) -> int:
    """What a contract owes, in cents, up to and including a day: the sum of its receivable entries."""
    conditions = [LedgerEntry.contract_id == contract_id, LedgerEntry.account.startswith(RECEIVABLE)]
    return sum(_sums(session, utility_id, conditions, on).values())


def balances(session: Session, utility_id: int, on: date | None = None) -> dict[str, int]:
    """Cents of every account that moved, up to and including a day; they sum to zero."""
    return _sums(session, utility_id, [], on)


def statement(session: Session, utility_id: int, contract_ids: Sequence[int]) -> list[Movement]:
    """What was charged to and paid for contracts, oldest first."""
    rows = (
        select(
            LedgerTransaction.effective_on,
            LedgerTransaction.kind,
            func.coalesce(Invoice.number_text, LedgerTransaction.description),
            LedgerEntry.account,
            LedgerEntry.amount_cents,
            func.coalesce(LedgerEntry.invoice_id, LedgerTransaction.invoice_id),
        )
        .join(LedgerTransaction, _same_transaction())
        .outerjoin(Invoice, and_(Invoice.utility_id == LedgerEntry.utility_id, Invoice.id == LedgerEntry.invoice_id))
        .where(
            LedgerEntry.utility_id == utility_id,
            LedgerEntry.contract_id.in_(contract_ids),
            LedgerEntry.account.startswith(RECEIVABLE),
        )
        .order_by(LedgerTransaction.effective_on, LedgerTransaction.id, LedgerEntry.position)
    )
    return [Movement(*row) for row in session.execute(rows)]


def _sums(
    session: Session, utility_id: int, conditions: Sequence[ColumnElement[bool]], on: date | None
) -> dict[str, int]:
    rows: Any = (
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.utility_id == utility_id, *conditions)
        .group_by(LedgerEntry.account)
    )
    if on is not None:
        rows = rows.join(LedgerTransaction, _same_transaction()).where(LedgerTransaction.effective_on <= on)
    return {account: int(cents) for account, cents in session.execute(rows)}


def _same_transaction() -> ColumnElement[bool]:
    return and_(
        LedgerTransaction.utility_id == LedgerEntry.utility_id, LedgerTransaction.id == LedgerEntry.transaction_id
    )
