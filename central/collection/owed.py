"""Who owes what of a contract, and who is owed.

One contract may pass through many hands and its ledger entries name only the contract, so each is laid at a person's
door: by the account that names them (``receivable/<contract>/<customer>``), else by the recipient of the invoice that
is charged, replaced or paid, or who was paid a credit back, else by who held the contract on the day.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import String, and_, cast, func, select
from sqlalchemy.orm import Session, aliased

from central.collection.posting import RECEIVABLE
from central.store.models import (
    Contract,
    ContractHolder,
    Customer,
    Invoice,
    LedgerEntry,
    LedgerTransaction,
    Refund,
    Utility,
)
from central.store.parts import in_parts


class _Moved(NamedTuple):
    """Cents of one contract's receivables; ``person`` is who the bill or the refund behind them is of."""

    contract_id: int
    contract: str
    account: str
    person: int | None
    day: date
    cents: int


def owed(session: Session, utility_id: int, contracts: Iterable[int]) -> dict[int, dict[int, int]]:
    """Cents by customer of each contract: owed where positive, to their credit where negative; none that is zero."""
    found: dict[int, dict[int, int]] = {}
    for part in in_parts(sorted(set(contracts))):
        moved = _receivables(session, utility_id, part)
        named = _named(session, utility_id, moved)
        held = _holders(session, utility_id, part)
        for one in moved:
            person = named.get(_code(one)) or one.person or _on_day(held.get(one.contract_id, ()), one.day)
            if person is not None:
                sums = found.setdefault(one.contract_id, {})
                sums[person] = sums.get(person, 0) + one.cents
    return {contract: {who: cents for who, cents in sums.items() if cents} for contract, sums in found.items()}


def holds(row: ContractHolder, day: date) -> bool:
    """Whether a holder's row is of a day."""
    return row.valid_from <= day and (row.valid_to is None or day < row.valid_to)


def _on_day(rows: Sequence[ContractHolder], day: date) -> int | None:
    """Who held on a day; before the first and after the last, the nearest."""
    if not rows:
        return None
    held = next((row for row in rows if holds(row, day)), None)
    nearest = rows[0] if day < rows[0].valid_from else rows[-1]
    return (held or nearest).customer_id


def _holders(session: Session, utility_id: int, contracts: Sequence[int]) -> Mapping[int, Sequence[ContractHolder]]:
    """The holders of each contract as they are believed now, oldest first."""
    rows = select(ContractHolder).where(
        ContractHolder.utility_id == utility_id,
        ContractHolder.contract_id.in_(contracts),
        ContractHolder.retired_at.is_(None),
    )
    found: dict[int, list[ContractHolder]] = {}
    for row in session.scalars(rows.order_by(ContractHolder.contract_id, ContractHolder.valid_from)):
        found.setdefault(row.contract_id, []).append(row)
    return found


def _code(one: _Moved) -> str:
    """The customer that a receivable's account names, if any."""
    return one.account.removeprefix(f"{RECEIVABLE}{one.contract}").removeprefix("/")


def _named(session: Session, utility_id: int, moved: Iterable[_Moved]) -> dict[str, int]:
    codes = sorted({_code(one) for one in moved} - {""})
    found: dict[str, int] = {}
    for part in in_parts(codes):
        people = select(Customer.code, Customer.id).where(Customer.utility_id == utility_id, Customer.code.in_(part))
        found |= {row.code: row.id for row in session.execute(people)}
    return found


def _receivables(session: Session, utility_id: int, contracts: Sequence[int]) -> list[_Moved]:
    behind = aliased(Invoice)
    person = func.coalesce(Invoice.customer_id, behind.customer_id, Refund.customer_id)
    issuer = session.get_one(Utility, utility_id).nif
    refund = "refund:" + cast(Refund.id, String)
    payment = "payment:" + behind.number_text
    named = (f"reversal:invoice:{issuer}:" + behind.number_text, payment, "reversal:" + payment)
    rows: Any = (
        select(
            LedgerEntry.contract_id,
            Contract.code,
            LedgerEntry.account,
            person,
            LedgerTransaction.effective_on,
            func.sum(LedgerEntry.amount_cents),
        )
        .join(
            LedgerTransaction,
            and_(
                LedgerTransaction.utility_id == LedgerEntry.utility_id,
                LedgerTransaction.id == LedgerEntry.transaction_id,
            ),
        )
        .join(Contract, and_(Contract.utility_id == LedgerEntry.utility_id, Contract.id == LedgerEntry.contract_id))
        .outerjoin(
            Invoice,
            and_(Invoice.utility_id == LedgerEntry.utility_id, Invoice.id == LedgerEntry.invoice_id),
        )
        .outerjoin(
            behind,
            and_(
                behind.utility_id == LedgerEntry.utility_id,
                behind.contract_id == LedgerEntry.contract_id,
                LedgerTransaction.key.in_(named),
            ),
        )
        .outerjoin(
            Refund,
            and_(
                Refund.utility_id == LedgerEntry.utility_id,
                Refund.contract_id == LedgerEntry.contract_id,
                LedgerTransaction.key.in_((refund, "reversal:" + refund)),
            ),
        )
        .where(
            LedgerEntry.utility_id == utility_id,
            LedgerEntry.contract_id.in_(contracts),
            LedgerEntry.account.startswith(RECEIVABLE),
        )
        .group_by(LedgerEntry.contract_id, Contract.code, LedgerEntry.account, person, LedgerTransaction.effective_on)
    )
    return [
        _Moved(contract_id, code, account, customer, day, int(cents))
        for contract_id, code, account, customer, day, cents in session.execute(rows)
    ]
