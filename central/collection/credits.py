"""What a utility owes its customers: credits of contracts, whose they are, and what will become of them.

A contract that passed through several hands may have several credits, one per person: what one is owed is never
counted against what another owes. A credit of who still holds the contract is taken off the next bill, unless somebody
decides to pay it back; that of who left has no next bill and is paid back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from billing.document import Credit as Shown
from central.collection.owed import owed
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
    """What a person is owed of a contract, in cents; ``fate`` is "net" (off the next bill) or "refund".

    ``holder`` is the name of ``customer``, who holds the contract or held it; ``iban`` is their account, empty where
    none is known; ``asked`` are cents of their refunds not decided yet.
    """

    contract_id: int
    contract: str
    customer_id: int
    customer: str
    holder: str
    cents: int
    fate: str
    iban: str
    asked: int


def credits_of(session: Session, utility_id: int, on: date, contracts: Sequence[int] | None = None) -> list[Credit]:
    """Every credit, by contract and by customer."""
    ids = _candidates(session, utility_id) if contracts is None else contracts
    found = [one for part in in_parts(ids) for one in _credits_in(session, utility_id, on, part)]
    return sorted(found, key=lambda one: (one.contract, one.customer))


def credits_after(
    session: Session,
    utility_id: int,
    on: date,
    after: tuple[int, int],
    limit: int,
    contract: int | None = None,
) -> list[Credit]:
    """The first ``limit`` credits behind a contract's and customer's ids, in the order of these; or one contract's."""
    found: list[Credit] = []
    for part in in_parts(_candidates(session, utility_id, after[0], contract)):
        mine = _credits_in(session, utility_id, on, part)
        found += sorted((one for one in mine if _ids(one) > after), key=_ids)
        if len(found) >= limit:
            break
    return found[:limit]


def _ids(one: Credit) -> tuple[int, int]:
    return one.contract_id, one.customer_id


def _credits_in(session: Session, utility_id: int, on: date, contracts: Sequence[int]) -> list[Credit]:
    owing = {
        (contract, person): -cents
        for contract, people in owed(session, utility_id, contracts).items()
        for person, cents in people.items()
        if cents < 0
    }
    ids = sorted({contract for contract, _ in owing})
    asked = _asked(session, utility_id, ids)
    holders = _holding(session, utility_id, ids, on)
    people = _people(session, utility_id, {person for _, person in owing}, on)
    codes = select(Contract.id, Contract.code).where(Contract.utility_id == utility_id, Contract.id.in_(ids))
    code_of = {row.id: row.code for row in session.execute(codes)}
    found = []
    for (contract, person), cents in owing.items():
        code, name, iban = people[person]
        fate = NET if holders.get(contract) == person else REFUND
        mine = asked.get((contract, person), 0)
        found.append(Credit(contract, code_of[contract], person, code, name, cents, fate, iban, mine))
    return found


def _candidates(session: Session, utility_id: int, since: int = 0, contract: int | None = None) -> list[int]:
    """The contracts, from an id on, that may owe somebody: who owe in all, or had to do with more than one person."""
    if contract is not None:
        return [contract] if contract >= since else []
    in_credit: Any = (
        select(LedgerEntry.contract_id)
        .where(
            LedgerEntry.utility_id == utility_id,
            LedgerEntry.account.startswith(RECEIVABLE),
            LedgerEntry.contract_id >= since,
        )
        .group_by(LedgerEntry.contract_id)
        # A receivable beside the contract's own names a person.
        .having(or_(func.sum(LedgerEntry.amount_cents) < 0, func.max(LedgerEntry.account).like(f"{RECEIVABLE}%/%")))
    )
    seen = union_all(
        select(ContractHolder.contract_id, ContractHolder.customer_id).where(
            ContractHolder.utility_id == utility_id,
            ContractHolder.contract_id >= since,
            ContractHolder.retired_at.is_(None),
        ),
        select(Invoice.contract_id, Invoice.customer_id).where(
            Invoice.utility_id == utility_id, Invoice.contract_id >= since
        ),
    ).subquery()
    several = (
        select(seen.c.contract_id)
        .group_by(seen.c.contract_id)
        .having(func.min(seen.c.customer_id) != func.max(seen.c.customer_id))
    )
    return sorted({*session.scalars(in_credit), *session.scalars(several)})


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
            found[row.id] = Shown(paid_back=True, iban=hidden(people[row.customer_id][2]))
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


def _asked(session: Session, utility_id: int, contracts: Sequence[int]) -> dict[tuple[int, int], int]:
    """Cents of refunds not decided yet, by contract and customer."""
    rows = (
        select(Refund.contract_id, Refund.customer_id, func.sum(Refund.cents))
        .where(Refund.utility_id == utility_id, Refund.contract_id.in_(contracts), Refund.decision.is_(None))
        .group_by(Refund.contract_id, Refund.customer_id)
    )
    return {(row[0], row[1]): int(row[2]) for row in session.execute(rows)}


def _holding(session: Session, utility_id: int, contracts: Sequence[int], on: date) -> dict[int, int]:
    """Who holds each contract on a day."""
    rows = select(ContractHolder.contract_id, ContractHolder.customer_id).where(
        ContractHolder.utility_id == utility_id,
        ContractHolder.contract_id.in_(contracts),
        ContractHolder.retired_at.is_(None),
        *_on(ContractHolder, on),
    )
    return {row.contract_id: row.customer_id for row in session.execute(rows)}


def _people(session: Session, utility_id: int, customers: Iterable[int], on: date) -> dict[int, tuple[str, str, str]]:
    """Code, name and account of each customer."""
    found: dict[int, tuple[str, str, str]] = {}
    for part in in_parts(sorted(customers)):
        account = and_(
            BankAccount.utility_id == Customer.utility_id,
            BankAccount.customer_id == Customer.id,
            BankAccount.retired_at.is_(None),
            *_on(BankAccount, on),
        )
        rows = (
            select(Customer.id, Customer.code, Customer.name, BankAccount.iban)
            .outerjoin(BankAccount, account)
            .where(Customer.utility_id == utility_id, Customer.id.in_(part))
        )
        found |= {row.id: (row.code, row.name, row.iban or "") for row in session.execute(rows)}
    return found


def _on(model: Any, day: date) -> tuple[ColumnElement[bool], ...]:
    return (model.valid_from <= day, or_(model.valid_to.is_(None), model.valid_to > day))


def today(at: datetime) -> date:
    """The legal date of an instant."""
    return at.astimezone(MADRID).date()
