"""What a utility owes its customers: credits of contracts, whose they are, and what will become of them.

A credit of who still holds the contract is taken off the next bill, unless somebody decides to pay it back; that of
who left has no next bill and is paid back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from billing.document import Credit as Shown
from central.collection.posting import RECEIVABLE
from central.store.models import (
    BankAccount,
    Contract,
    ContractHolder,
    Customer,
    Invoice,
    LedgerEntry,
    LedgerTransaction,
    Refund,
)
from central.store.parts import in_parts
from central.times import MADRID

NET, REFUND = "net", "refund"


@dataclass(frozen=True, slots=True)
class Credit:
    """What is owed to a contract's holder, in cents; ``fate`` is "net" (off the next bill) or "refund".

    ``iban`` is the holder's account, empty where none is known; ``asked`` are cents of refunds not decided yet.
    """

    contract_id: int
    contract: str
    customer_id: int
    holder: str
    cents: int
    fate: str
    iban: str
    asked: int


def credits_of(session: Session, utility_id: int, on: date, contracts: Sequence[int] | None = None) -> list[Credit]:
    """Every contract with a credit, by code."""
    rows: Any = (
        select(LedgerEntry.contract_id, func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.utility_id == utility_id, LedgerEntry.account.startswith(RECEIVABLE))
        .group_by(LedgerEntry.contract_id)
        .having(func.sum(LedgerEntry.amount_cents) < 0)
    )
    if contracts is not None:
        rows = rows.where(LedgerEntry.contract_id.in_(contracts))
    owed = {row[0]: -int(row[1]) for row in session.execute(rows) if row[0] is not None}
    asked = _asked(session, utility_id, owed)
    found = []
    for part in in_parts(sorted(owed)):
        owners = owners_of(session, utility_id, part)
        holders = _holding(session, utility_id, part, on)
        people = _people(session, utility_id, {*owners.values(), *holders.values()}, on)
        codes = select(Contract.id, Contract.code).where(Contract.utility_id == utility_id, Contract.id.in_(part))
        for contract, code in session.execute(codes):
            owner = owners.get(contract) or holders.get(contract)
            if owner is None:
                continue
            name, iban = people[owner]
            fate = NET if holders.get(contract) == owner else REFUND
            mine = asked.get(contract, 0)
            found.append(Credit(contract, code, owner, name, owed[contract], fate, iban, mine))
    return sorted(found, key=lambda one: one.contract)


def contracts_in_credit(
    session: Session, utility_id: int, after: int, limit: int, contract: int | None = None
) -> list[int]:
    """The ids of contracts that are owed something, in their order: the first ``limit`` after ``after``, or one."""
    rows: Any = (
        select(LedgerEntry.contract_id)
        .where(
            LedgerEntry.utility_id == utility_id,
            LedgerEntry.account.startswith(RECEIVABLE),
            LedgerEntry.contract_id > after,
        )
        .group_by(LedgerEntry.contract_id)
        .having(func.sum(LedgerEntry.amount_cents) < 0)
        .order_by(LedgerEntry.contract_id)
        .limit(limit)
    )
    if contract is not None:
        rows = rows.where(LedgerEntry.contract_id == contract)
    return list(session.scalars(rows))


def shown_credits(session: Session, utility_id: int, invoices: Sequence[Invoice]) -> dict[int, Shown]:
    """What each invoice's document says of credits, by the invoice's id; those with nothing to say are left out."""
    before = credits_before(session, utility_id, [row for row in invoices if row.total_cents > 0])
    found = {row: Shown(before=cents) for row, cents in before.items()}
    negative = [row for row in invoices if row.total_cents < 0]
    if not negative:
        return found
    on = max(row.issue_date for row in negative)
    holders = _holding(session, utility_id, [row.contract_id for row in negative], on)
    people = _people(session, utility_id, {row.customer_id for row in negative}, on)
    for row in negative:
        if holders.get(row.contract_id) != row.customer_id:
            found[row.id] = Shown(paid_back=True, iban=hidden(people[row.customer_id][1]))
    return found


def hidden(iban: str) -> str:
    """An account with its middle hidden, as documents and the audit log show it."""
    return iban[:4] + "*" * (len(iban) - 8) + iban[-4:] if iban else ""


def credits_before(session: Session, utility_id: int, invoices: Sequence[Invoice]) -> dict[int, int]:
    """Cents that each invoice's holder had in his favour when it was issued, by the invoice's id.

    Of a contract that another held before, nothing is taken off: whose the credit is, is looked at by a person.
    """
    found: dict[int, int] = {}
    for part in in_parts(invoices):
        before = _balances_before(session, utility_id, part)
        ids = sorted({row.contract_id for row in part})
        several = _with_several_holders(session, utility_id, ids)
        for row in part:
            cents = -before.get(row.id, 0)
            if cents > 0 and row.contract_id not in several:
                found[row.id] = cents
    return found


def owners_of(session: Session, utility_id: int, contracts: Sequence[int]) -> dict[int, int]:
    """Whose a contract's credit is: who got its last invoice in the customer's favour, else its last one."""
    rows = (
        select(Invoice.contract_id, Invoice.customer_id)
        .where(Invoice.utility_id == utility_id, Invoice.contract_id.in_(contracts))
        .order_by(Invoice.contract_id, (Invoice.total_cents < 0), Invoice.issued_at, Invoice.id)
    )
    return {row.contract_id: row.customer_id for row in session.execute(rows)}


def _balances_before(session: Session, utility_id: int, invoices: Sequence[Invoice]) -> dict[int, int]:
    """The balance of each invoice's contract without it, at the instant it was posted.

    What a substitution undoes is posted with it and counts: it is no longer owed. What stands on the account of another
    person (a deposit of who holds the contract next) does not.
    """
    of_contract = literal(RECEIVABLE) + Contract.code
    of_customer = of_contract + "/" + Customer.code
    rows: Any = (
        select(Invoice.id, Invoice.total_cents, func.sum(LedgerEntry.amount_cents))
        .join(
            LedgerEntry,
            and_(LedgerEntry.utility_id == Invoice.utility_id, LedgerEntry.contract_id == Invoice.contract_id),
        )
        .join(
            LedgerTransaction,
            and_(
                LedgerTransaction.utility_id == LedgerEntry.utility_id,
                LedgerTransaction.id == LedgerEntry.transaction_id,
            ),
        )
        .join(Contract, and_(Contract.utility_id == Invoice.utility_id, Contract.id == Invoice.contract_id))
        .join(Customer, and_(Customer.utility_id == Invoice.utility_id, Customer.id == Invoice.customer_id))
        .where(
            Invoice.utility_id == utility_id,
            Invoice.id.in_([row.id for row in invoices]),
            LedgerEntry.account.in_((of_contract, of_customer)),
            LedgerTransaction.recorded_at <= Invoice.issued_at,
        )
        .group_by(Invoice.utility_id, Invoice.id, Invoice.total_cents)
    )
    return {row[0]: int(row[2]) - row[1] for row in session.execute(rows)}


def _with_several_holders(session: Session, utility_id: int, contracts: Sequence[int]) -> set[int]:
    rows = (
        select(Invoice.contract_id)
        .where(Invoice.utility_id == utility_id, Invoice.contract_id.in_(contracts))
        .group_by(Invoice.contract_id)
        .having(func.count(Invoice.customer_id.distinct()) > 1)
    )
    return set(session.scalars(rows))


def _asked(session: Session, utility_id: int, contracts: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for part in in_parts(sorted(contracts)):
        rows = (
            select(Refund.contract_id, func.sum(Refund.cents))
            .where(Refund.utility_id == utility_id, Refund.contract_id.in_(part), Refund.decision.is_(None))
            .group_by(Refund.contract_id)
        )
        found |= {row[0]: int(row[1]) for row in session.execute(rows)}
    return found


def _holding(session: Session, utility_id: int, contracts: Sequence[int], on: date) -> dict[int, int]:
    """Who holds each contract on a day."""
    rows = select(ContractHolder.contract_id, ContractHolder.customer_id).where(
        ContractHolder.utility_id == utility_id,
        ContractHolder.contract_id.in_(contracts),
        ContractHolder.retired_at.is_(None),
        *_on(ContractHolder, on),
    )
    return {row.contract_id: row.customer_id for row in session.execute(rows)}


def _people(session: Session, utility_id: int, customers: Iterable[int], on: date) -> dict[int, tuple[str, str]]:
    """Name and account of each customer."""
    found: dict[int, tuple[str, str]] = {}
    for part in in_parts(sorted(customers)):
        account = and_(
            BankAccount.utility_id == Customer.utility_id,
            BankAccount.customer_id == Customer.id,
            BankAccount.retired_at.is_(None),
            *_on(BankAccount, on),
        )
        rows = (
            select(Customer.id, Customer.name, BankAccount.iban)
            .outerjoin(BankAccount, account)
            .where(Customer.utility_id == utility_id, Customer.id.in_(part))
        )
        found |= {row.id: (row.name, row.iban or "") for row in session.execute(rows)}
    return found


def _on(model: Any, day: date) -> tuple[ColumnElement[bool], ...]:
    return (model.valid_from <= day, or_(model.valid_to.is_(None), model.valid_to > day))


def today(at: datetime) -> date:
    """The legal date of an instant."""
    return at.astimezone(MADRID).date()
