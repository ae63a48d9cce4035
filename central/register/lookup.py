"""Finds what hangs together: a supply point with its contract, holder and meter, by the code of any of them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from central.register.errors import RegisterError
from central.store.models import Contract, ContractHolder, Customer, Installation, Meter, SupplyPoint

MOST = 100
KINDS = {
    "contract": Contract.code,
    "meter": Meter.address,
    "serial": Meter.serial,
    "customer": Customer.code,
    "nif": Customer.nif,
    "supply_point": SupplyPoint.code,
    "cadastral_ref": SupplyPoint.cadastral_ref,
}


@dataclass(frozen=True)
class Found:
    """A supply point and what is there now; what is not, is empty."""

    supply_point: str
    address: str
    cadastral_ref: str
    contract: str
    contract_from: date | None
    contract_to: date | None
    holder: str
    holder_name: str
    nif: str
    meter: str
    serial: str
    calibre_mm: int | None


def look_up(session: Session, utility_id: int, kind: str, code: str) -> list[Found]:
    """At most a hundred of them, in the order of their codes; raises :class:`RegisterError` for an unknown kind."""
    if kind not in KINDS:
        raise RegisterError("kind", kind, f"must be one of {', '.join(KINDS)}")
    points = _points(session, utility_id, kind, code.strip())
    query = _together(utility_id).where(SupplyPoint.id.in_(points[:MOST]))
    return [_found(*row) for row in session.execute(query.order_by(SupplyPoint.code, Contract.code).limit(MOST))]


def _points(session: Session, utility_id: int, kind: str, code: str) -> list[int]:
    """The supply points, table by table, each by its index: joined in one, a big register would be read whole."""
    column = KINDS[kind]
    model: Any = column.class_
    found = list(session.scalars(select(model.id).where(model.utility_id == utility_id, column == code).limit(MOST)))
    if model is Meter:
        of = (Installation.utility_id == utility_id) & Installation.meter_id.in_(found)
        return list(session.scalars(select(Installation.supply_point_id).where(of, Installation.retired_at.is_(None))))
    if model is Customer:
        held = (ContractHolder.utility_id == utility_id) & ContractHolder.customer_id.in_(found)
        of_holder = select(ContractHolder.contract_id).where(held, ContractHolder.retired_at.is_(None)).limit(MOST)
        found, model = list(session.scalars(of_holder)), Contract
    if model is Contract:
        of = (Contract.utility_id == utility_id) & Contract.id.in_(found)
        return list(session.scalars(select(Contract.supply_point_id).where(of)))
    return found


def _together(utility_id: int) -> Select[SupplyPoint, Contract, Customer, Meter]:
    return (
        select(SupplyPoint, Contract, Customer, Meter)
        .outerjoin(
            Contract,
            (Contract.utility_id == SupplyPoint.utility_id) & (Contract.supply_point_id == SupplyPoint.id),
        )
        .outerjoin(
            ContractHolder,
            (ContractHolder.utility_id == Contract.utility_id)
            & (ContractHolder.contract_id == Contract.id)
            & ContractHolder.retired_at.is_(None)
            & or_(ContractHolder.valid_to.is_(None), ContractHolder.valid_to == Contract.valid_to),
        )
        .outerjoin(
            Customer,
            (Customer.utility_id == ContractHolder.utility_id) & (Customer.id == ContractHolder.customer_id),
        )
        .outerjoin(
            Installation,
            (Installation.utility_id == SupplyPoint.utility_id)
            & (Installation.supply_point_id == SupplyPoint.id)
            & Installation.retired_at.is_(None)
            & Installation.to_ms.is_(None),
        )
        .outerjoin(Meter, (Meter.utility_id == Installation.utility_id) & (Meter.id == Installation.meter_id))
        .where(SupplyPoint.utility_id == utility_id)
    )


def _found(point: SupplyPoint, contract: Contract | None, holder: Customer | None, meter: Meter | None) -> Found:
    address = f"{point.street}, {point.number}" + (f", {point.detail}" if point.detail else "")
    return Found(
        point.code,
        address,
        point.cadastral_ref or "",
        contract.code if contract else "",
        contract.valid_from if contract else None,
        contract.valid_to if contract else None,
        holder.code if holder else "",
        holder.name if holder else "",
        holder.nif if holder else "",
        meter.address if meter else "",
        meter.serial if meter else "",
        meter.calibre_mm if meter else None,
    )
