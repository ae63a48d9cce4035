"""What a customer holds: the contracts a subscriber may look into, and nothing beside them."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from central.store.models import Contract, ContractHolder, SupplyPoint


@dataclass(frozen=True)
class Holding:
    """A contract at its supply point, and since when (and until when) the customer holds it."""

    contract_id: int
    contract: str
    supply_point_id: int
    supply: str
    address: str
    held_from: date
    held_to: date | None


def holdings(session: Session, utility_id: int, customer_id: int) -> list[Holding]:
    """Every contract the customer holds or held, the newest first."""
    rows = session.execute(_held_by(utility_id, customer_id).order_by(ContractHolder.valid_from.desc(), Contract.code))
    return [_holding(*row) for row in rows]


def holding(session: Session, utility_id: int, customer_id: int, contract: str) -> Holding | None:
    """The customer's contract with this code, or None where it does not exist or is somebody else's."""
    row = session.execute(_held_by(utility_id, customer_id).where(Contract.code == contract)).first()
    return _holding(*row) if row is not None else None


def _held_by(utility_id: int, customer_id: int) -> Select[ContractHolder, Contract, SupplyPoint]:
    return (
        select(ContractHolder, Contract, SupplyPoint)
        .join(
            Contract,
            (Contract.utility_id == ContractHolder.utility_id) & (Contract.id == ContractHolder.contract_id),
        )
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == Contract.utility_id) & (SupplyPoint.id == Contract.supply_point_id),
        )
        .where(
            ContractHolder.utility_id == utility_id,
            ContractHolder.customer_id == customer_id,
            ContractHolder.retired_at.is_(None),
        )
    )


def _holding(holder: ContractHolder, contract: Contract, supply: SupplyPoint) -> Holding:
    address = f"{supply.street}, {supply.number}" + (f", {supply.detail}" if supply.detail else "")
    return Holding(contract.id, contract.code, supply.id, supply.code, address, holder.valid_from, holder.valid_to)
