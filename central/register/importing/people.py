"""Rows of people: customers with their accounts, contracts with their holders and terms."""

from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import select

from central.register import identifiers as check
from central.register.contracts import Terms, holder_row, terms_row
from central.register.customers import add_bank_account, checked_customer
from central.register.errors import RegisterError
from central.register.importing.file import BankRow, ContractRow, CustomerRow, HolderRow, TermsRow
from central.register.importing.ranges import Ranges, before
from central.register.importing.state import Planned, State, against, fields, named
from central.store import new_id
from central.store.models import BankAccount, Contract, ContractHolder, ContractTerms, Customer


def customer(state: State, row: CustomerRow) -> Planned:
    """A customer; a known one may change but for the code, and a new account follows the old one."""
    values = fields(row)
    bank: BankRow | None = values.pop("bank")
    wanted = checked_customer(Customer(utility_id=state.utility_id, id=new_id(), created_at=state.by.at, **values))
    iban = None if bank is None else check.iban("customer.bank.iban", bank.iban)
    known = state.customers.setdefault(wanted.code, wanted)
    if known is not wanted:
        planned = against(row.code, known, wanted, tuple(values))
        if bank is not None and not _has_account(state, known, iban):
            planned.fate = "changed"
            planned.changes.append(partial(_change_account, state, known, bank))
        return planned
    planned = Planned(row.code, "added", [wanted])
    if bank is not None and iban is not None:
        planned.new.append(_account(state, wanted, bank, iban))
    return planned


def _account(state: State, owner: Customer, bank: BankRow, iban: str) -> BankAccount:
    return BankAccount(
        utility_id=owner.utility_id,
        id=new_id(),
        customer_id=owner.id,
        iban=iban,
        mandate_ref=bank.mandate_ref,
        mandate_signed_on=bank.mandate_signed_on,
        valid_from=bank.valid_from,
        recorded_at=state.by.at,
        recorded_by=state.by.actor,
    )


def _has_account(state: State, owner: Customer, iban: str | None) -> bool:
    query = select(BankAccount.id).where(
        BankAccount.utility_id == owner.utility_id,
        BankAccount.customer_id == owner.id,
        BankAccount.iban == iban,
        BankAccount.retired_at.is_(None),
    )
    return state.session.scalar(query) is not None


def _change_account(state: State, owner: Customer, bank: BankRow) -> None:
    add_bank_account(
        state.session,
        owner,
        bank.iban,
        bank.valid_from,
        mandate_ref=bank.mandate_ref,
        mandate_signed_on=bank.mandate_signed_on,
        by=state.by,
    )


def contract(state: State, row: ContractRow) -> Planned:
    """A contract with its history; a known one must say the same, for history is changed by the services only."""
    point = named(state.points, "contract.supply_point", row.supply_point)
    if not before(row.start, row.end) or not row.holders or not row.terms:
        raise RegisterError("contract", row.code, "must have a start before its end, a holder and terms")
    new = Contract(
        utility_id=state.utility_id,
        id=new_id(),
        code=check.code("contract.code", row.code),
        supply_point_id=point.id,
        valid_from=row.start,
        valid_to=row.end,
        created_at=state.by.at,
    )
    history = [*_holders(state, new, row), *_terms(state, new, row)]
    known = state.contracts.get(row.code)
    if known is not None:
        return _known_contract(state, row, known, new, history)
    if state.contract_ranges.overlapped(point.id, row.start, row.end):
        raise RegisterError("contract.supply_point", row.supply_point, "has another contract within that time")
    state.sign(new)
    return Planned(row.code, "added", [new, *history])


def _holders(state: State, of: Contract, row: ContractRow) -> list[ContractHolder]:
    ranges: Ranges[date] = Ranges()
    rows = []
    for holder in row.holders:
        start, end = _within(row, holder, "holder", ranges)
        who = named(state.customers, "contract.holder", holder.customer)
        rows.append(holder_row(of, who, start, end, state.by))
    return rows


def _terms(state: State, of: Contract, row: ContractRow) -> list[ContractTerms]:
    ranges: Ranges[date] = Ranges()
    rows = []
    for terms in row.terms:
        start, end = _within(row, terms, "terms", ranges)
        values = {name: value for name, value in fields(terms).items() if name not in ("start", "end")}
        rows.append(terms_row(of, Terms(**values), start, end, state.by))
    return rows


def _within(row: ContractRow, part: HolderRow | TermsRow, what: str, ranges: Ranges[date]) -> tuple[date, date | None]:
    start = part.start or row.start
    end = part.end or row.end
    if start < row.start or not before(start, end) or (row.end is not None and (end is None or end > row.end)):
        raise RegisterError(
            f"contract.{what}", f"{start} to {end}", f"must lie within the contract {row.start} to {row.end}"
        )
    if ranges.overlapped(what, start, end):
        raise RegisterError(f"contract.{what}", f"{start} to {end}", "overlaps another one of this contract")
    ranges.add(what, start, end)
    return start, end


def _known_contract(state: State, row: ContractRow, known: Contract, new: Contract, history: list[Any]) -> Planned:
    registered: list[Any] = [
        said
        for model in (ContractHolder, ContractTerms)
        for said in state.session.scalars(
            select(model).where(
                model.utility_id == state.utility_id, model.contract_id == known.id, model.retired_at.is_(None)
            )
        )
    ]
    if _says(known) == _says(new) and sorted(map(_says, registered)) == sorted(map(_says, history)):
        return Planned(row.code, "unchanged")
    raise RegisterError("contract.code", row.code, "is registered with another history; use the services to change it")


_HISTORY = ("id", "contract_id", "recorded_at", "recorded_by", "retired_at", "created_at")


def _says(statement: Contract | ContractHolder | ContractTerms) -> str:
    """What a row states, without when and by whom it was recorded."""
    names = (column.name for column in statement.__table__.columns if column.name not in _HISTORY)
    return repr([(name, getattr(statement, name)) for name in sorted(names)])
