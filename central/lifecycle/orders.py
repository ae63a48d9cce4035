"""Work in the street that a case asks for: a meter for a new contract, a meter taken down after the last one."""

from sqlalchemy.orm import Session

from central.fleet import kinds
from central.fleet.orders import Wanted, open_orders_of, order_work
from central.register.change import Change
from central.register.installations import installation_at
from central.store.models import Contract, SupplyPoint
from central.times import millis


def order_meter(session: Session, point: SupplyPoint, contract: Contract, by: Change) -> str | None:
    """Have a meter hung where none hangs; returns the order's code, of one that is open already too."""
    if installation_at(session, point, millis(by.at)) is not None:
        return None
    return _ordered(session, point, contract, kinds.INSTALL, by)


def order_removal(session: Session, point: SupplyPoint, contract: Contract, by: Change) -> str | None:
    """Have the meter taken down that still hangs there; None where none does."""
    if installation_at(session, point, millis(by.at)) is None:
        return None
    return _ordered(session, point, contract, kinds.REMOVE, by)


def _ordered(session: Session, point: SupplyPoint, contract: Contract, kind: str, by: Change) -> str:
    known = open_orders_of(session, point, kind)
    if known:
        return known[0].code
    wanted = Wanted(kind, point.code, cause="contract", contract=contract.code)
    return order_work(session, point.utility_id, wanted, by=by).code
