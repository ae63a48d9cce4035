"""Where a contract stands: who holds it when, up to which day it is billed, who owes what of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from central.collection.owed import holds, owed
from central.invoicing.states import RunStatus
from central.store.models import (
    BillingRun,
    Consumption,
    Contract,
    ContractHolder,
    ContractTerms,
    Customer,
    DraftBill,
    LedgerEntry,
)

DEPOSIT = "deposit/"
IN_FLIGHT = (RunStatus.APPROVED, RunStatus.NUMBERED)


@dataclass(frozen=True)
class Debt:
    """What a person owes of a contract, in cents."""

    contract: str
    cents: int


def holders(session: Session, contract: Contract) -> Sequence[ContractHolder]:
    """The holders of a contract as they are believed now, oldest first."""
    rows = select(ContractHolder).where(
        ContractHolder.utility_id == contract.utility_id,
        ContractHolder.contract_id == contract.id,
        ContractHolder.retired_at.is_(None),
    )
    return session.scalars(rows.order_by(ContractHolder.valid_from)).all()


def holder_on(session: Session, contract: Contract, day: date) -> ContractHolder | None:
    """Who holds a contract on a day."""
    return next((row for row in holders(session, contract) if holds(row, day)), None)


def terms_on(session: Session, contract: Contract, day: date) -> ContractTerms | None:
    """The terms of a contract on a day, as they are believed now."""
    return session.scalar(
        select(ContractTerms).where(
            ContractTerms.utility_id == contract.utility_id,
            ContractTerms.contract_id == contract.id,
            ContractTerms.retired_at.is_(None),
            ContractTerms.valid_from <= day,
            or_(ContractTerms.valid_to.is_(None), ContractTerms.valid_to > day),
        )
    )


def customer_of(session: Session, holder: ContractHolder) -> Customer:
    """The person behind a holder's row."""
    return session.get_one(Customer, (holder.utility_id, holder.customer_id))


def billed_until(session: Session, utility_id: int, supply_point_id: int) -> tuple[date, str] | None:
    """The first day at a supply point that no bill covers yet, and the contract of the bill before it."""
    row = session.execute(
        select(Consumption.period_to, Contract.code)
        .join(Contract, and_(Contract.utility_id == Consumption.utility_id, Contract.id == Consumption.contract_id))
        .where(Consumption.utility_id == utility_id, Consumption.supply_point_id == supply_point_id)
        .order_by(Consumption.period_to.desc())
        .limit(1)
    ).first()
    return (row[0], row[1]) if row else None


def run_in_flight(session: Session, contract: Contract, after: date) -> str | None:
    """The code of a run that is approved and about to bill days of a contract from a day on."""
    return session.scalar(
        select(BillingRun.code)
        .join(DraftBill, and_(DraftBill.utility_id == BillingRun.utility_id, DraftBill.run_id == BillingRun.id))
        .where(
            BillingRun.utility_id == contract.utility_id,
            BillingRun.status.in_(IN_FLIGHT),
            DraftBill.contract_id == contract.id,
            DraftBill.period_to > after,
        )
        .limit(1)
    )


def contracts_at(session: Session, utility_id: int, supply_point_id: int) -> Sequence[Contract]:
    """Every contract there ever was at a supply point, oldest first."""
    rows = select(Contract).where(Contract.utility_id == utility_id, Contract.supply_point_id == supply_point_id)
    return session.scalars(rows.order_by(Contract.valid_from, Contract.id)).all()


def debts_at(session: Session, utility_id: int, supply_point_id: int, nif: str) -> list[Debt]:
    """What everybody with this NIF owes at a supply point, by contract; nothing where they owe nothing."""
    same = select(Customer.id).where(Customer.utility_id == utility_id, Customer.nif == nif)
    mine = set(session.scalars(same))
    if not mine:
        return []
    found = []
    for contract in contracts_at(session, utility_id, supply_point_id):
        by_person = debts(session, contract)
        cents = sum(by_person.get(customer, 0) for customer in mine)
        if cents > 0:
            found.append(Debt(contract.code, cents))
    return found


def debts(session: Session, contract: Contract) -> dict[int, int]:
    """Cents by customer of a contract: owed where positive, to their credit where negative."""
    return owed(session, contract.utility_id, [contract.id]).get(contract.id, {})


def deposit_of(session: Session, contract: Contract, customer: Customer) -> int:
    """The cents of a person's deposit that the utility keeps for a contract."""
    account = f"{DEPOSIT}{contract.code}/{customer.code}"
    rows: Any = select(func.coalesce(func.sum(LedgerEntry.amount_cents), 0)).where(
        LedgerEntry.utility_id == contract.utility_id,
        LedgerEntry.contract_id == contract.id,
        LedgerEntry.account == account,
    )
    return -int(session.scalar(rows))


def day_before(day: date) -> date:
    """The last day of what ends on a day, half-open."""
    return day - timedelta(1)
