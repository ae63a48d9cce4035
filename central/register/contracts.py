"""Contracts over time: signed, passed from holder to holder, their terms changed, cancelled."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled, retire, succeed
from central.register.errors import RegisterError
from central.store import new_id
from central.store.models import Contract, ContractHolder, ContractTerms, Customer, SupplyPoint

OfContract = TypeVar("OfContract", ContractHolder, ContractTerms)


@dataclass(frozen=True)
class Terms:
    """What the tariff needs to know of a contract; ``bonuses`` and ``parameters`` as in `sgc rate`."""

    use: str
    dwellings: int = 1
    premises: int = 1
    persons: int | None = None
    groups: tuple[str, ...] = ()
    bonuses: tuple[dict[str, Any], ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    habitual_home: bool = False
    vulnerable: bool = False
    note: str = ""

    def checked(self) -> "Terms":
        """The same terms; raises :class:`RegisterError`."""
        check.code("contract.use", self.use)
        check.at_least("contract.dwellings", self.dwellings, 0)
        check.at_least("contract.premises", self.premises, 0)
        if self.persons is not None:
            check.at_least("contract.persons", self.persons, 0)
        return self


def sign_contract(
    session: Session, point: SupplyPoint, code: str, customer: Customer, terms: Terms, valid_from: date, *, by: Change
) -> Contract:
    """A new contract at a supply point with its first holder and terms."""
    if find_contract(session, point.utility_id, code) is not None:
        raise RegisterError("contract.code", code, "exists already")
    _refuse_second(session, point, valid_from)
    contract = Contract(
        utility_id=point.utility_id,
        id=new_id(),
        code=check.code("contract.code", code),
        supply_point_id=point.id,
        valid_from=valid_from,
        created_at=by.at,
    )
    session.add(contract)
    session.flush()
    session.add(holder_row(contract, customer, valid_from, None, by))
    session.add(terms_row(contract, terms, valid_from, None, by))
    session.flush()
    after = {"code": code, "supply_point": point.code, "customer": customer.code, "valid_from": valid_from.isoformat()}
    journalled(session, point.utility_id, by, "sign", "contract", contract.id, after=after)
    return contract


def change_holder(session: Session, contract: Contract, customer: Customer, on: date, *, by: Change) -> ContractHolder:
    """From ``on`` the contract has another holder; ``on`` lies within the contract."""
    _refuse_outside(contract, "contract_holder.valid_from", on)
    before = _end(session, ContractHolder, contract, on, by)
    holder = holder_row(contract, customer, on, contract.valid_to, by)
    session.add(holder)
    session.flush()
    journalled(
        session,
        contract.utility_id,
        by,
        "change_holder",
        "contract",
        contract.id,
        before={"customer_id": before.customer_id},
        after={"customer_id": customer.id, "on": on.isoformat()},
    )
    return holder


def change_terms(session: Session, contract: Contract, terms: Terms, on: date, *, by: Change) -> ContractTerms:
    """From ``on`` other terms hold; ``on`` lies within the contract."""
    _refuse_outside(contract, "contract_terms.valid_from", on)
    before = _end(session, ContractTerms, contract, on, by)
    row = terms_row(contract, terms, on, contract.valid_to, by)
    session.add(row)
    session.flush()
    journalled(
        session,
        contract.utility_id,
        by,
        "change_terms",
        "contract",
        contract.id,
        before={"terms_id": before.id, "use": before.use},
        after={"terms_id": row.id, "use": row.use, "on": on.isoformat()},
    )
    return row


def _refuse_outside(contract: Contract, field: str, on: date) -> None:
    """A statement of a contract begins while there is one."""
    if on < contract.valid_from:
        raise RegisterError(field, on.isoformat(), f"must not lie before the contract's start {contract.valid_from}")
    if contract.valid_to is not None and on >= contract.valid_to:
        raise RegisterError(field, on.isoformat(), f"must lie before the contract's end {contract.valid_to}")


def cancel_contract(session: Session, contract: Contract, on: date, *, by: Change) -> None:
    """The contract, its holder and its terms end on ``on`` (the first day without contract)."""
    if contract.valid_to is not None and contract.valid_to <= on:
        raise RegisterError("contract.code", contract.code, f"ended on {contract.valid_to}")
    if on < contract.valid_from:
        raise RegisterError("contract.valid_to", on.isoformat(), f"must not lie before its start {contract.valid_from}")
    before = contract.valid_to
    _end(session, ContractHolder, contract, on, by)
    _end(session, ContractTerms, contract, on, by)
    contract.valid_to = on
    session.flush()
    journalled(
        session,
        contract.utility_id,
        by,
        "cancel",
        "contract",
        contract.id,
        before={"valid_to": before.isoformat() if before else None},
        after={"valid_to": on.isoformat()},
    )


def find_contract(session: Session, utility_id: int, code: str) -> Contract | None:
    """The contract with this code."""
    return session.scalar(select(Contract).where(Contract.utility_id == utility_id, Contract.code == code))


def holder_row(
    contract: Contract, customer: Customer, valid_from: date, valid_to: date | None, by: Change
) -> ContractHolder:
    """The row of one holder."""
    return ContractHolder(
        utility_id=contract.utility_id,
        id=new_id(),
        contract_id=contract.id,
        customer_id=customer.id,
        valid_from=valid_from,
        valid_to=valid_to,
        recorded_at=by.at,
        recorded_by=by.actor,
    )


def terms_row(contract: Contract, terms: Terms, valid_from: date, valid_to: date | None, by: Change) -> ContractTerms:
    """The row of one set of terms."""
    terms.checked()
    return ContractTerms(
        utility_id=contract.utility_id,
        id=new_id(),
        contract_id=contract.id,
        use=terms.use,
        dwellings=terms.dwellings,
        premises=terms.premises,
        persons=terms.persons,
        groups=list(terms.groups),
        bonuses=list(terms.bonuses),
        parameters=terms.parameters,
        habitual_home=terms.habitual_home,
        vulnerable=terms.vulnerable,
        note=terms.note,
        valid_from=valid_from,
        valid_to=valid_to,
        recorded_at=by.at,
        recorded_by=by.actor,
    )


def _end(session: Session, model: type[OfContract], contract: Contract, on: date, by: Change) -> OfContract:
    """End the statement that holds on a day, and retire those that would only begin later."""
    rows = session.scalars(
        select(model)
        .where(
            model.utility_id == contract.utility_id,
            model.contract_id == contract.id,
            model.retired_at.is_(None),
            or_(model.valid_to.is_(None), model.valid_to > on),
        )
        .order_by(model.valid_from)
    ).all()
    if not rows:
        raise RegisterError(
            f"{model.__tablename__}.valid_from", on.isoformat(), f"contract {contract.code} has none then"
        )
    for row in rows:
        if row.valid_from < on:
            succeed(session, row, by, valid_to=on)
        else:
            retire(session, row, by)
    return rows[0]


def _refuse_second(session: Session, point: SupplyPoint, valid_from: date) -> None:
    other = session.scalar(
        select(Contract.code).where(
            Contract.utility_id == point.utility_id,
            Contract.supply_point_id == point.id,
            or_(Contract.valid_to.is_(None), Contract.valid_to > valid_from),
        )
    )
    if other is not None:
        raise RegisterError("contract.supply_point", point.code, f"has contract {other} on {valid_from} or later")
