"""Rows of people: customers with their accounts, contracts with their holders and terms."""

from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any

from central.register import identifiers as check
from central.register.contracts import Terms, holder_row, terms_row
from central.register.customers import add_bank_account, checked_customer
from central.register.errors import RegisterError
from central.register.importing.file import BankRow, ContractRow, CustomerRow, HolderRow, TermsRow
from central.register.importing.ranges import Ranges, before
from central.register.importing.state import Planned, State, against, fields, named, refuse_twin
from central.store import new_id
from central.store.models import BankAccount, Contract, ContractHolder, ContractTerms, Customer


def customer(state: State, row: CustomerRow) -> Planned:
    """A customer; a known one may change but for the code, and a new account follows the old one."""
    values = fields(row)
    bank, accounts = values.pop("bank"), values.pop("accounts")
    wanted = checked_customer(Customer(utility_id=state.utility_id, id=new_id(), created_at=state.by.at, **values))
    banks = [_checked(one) for one in (*accounts, *([bank] if bank is not None else ()))]
    known = state.customers.setdefault(wanted.code, wanted)
    if known is wanted:
        state.accounts[wanted.id] = [_account(state, wanted, one) for one in _in_turn(banks)]
        planned = Planned(row.code, "added", [wanted, *state.accounts[wanted.id]])
    else:
        planned = against(row.code, known, wanted, tuple(values))
        for one in banks:
            _plan_account(state, planned, known, one, exactly=one is not bank)
    if not wanted.nif:
        planned.warning = "customer.nif: '', nobody knows it; bills name the customer by code"
    return planned


def _checked(bank: BankRow) -> BankRow:
    """The same account in normal form."""
    if not before(bank.valid_from, bank.valid_to):
        raise RegisterError("customer.bank.valid_to", str(bank.valid_to), "must lie after its valid_from")
    bank.iban = check.iban("customer.bank.iban", bank.iban)
    return bank


def _in_turn(banks: list[BankRow]) -> list[BankRow]:
    """Accounts in the order of time; each open one ends where the next begins."""
    banks = sorted(banks, key=lambda one: one.valid_from)
    for one, following in pairwise(banks):
        one.valid_to = one.valid_to or following.valid_from
        if one.valid_to > following.valid_from or one.valid_from == following.valid_from:
            raise RegisterError("customer.bank.valid_from", str(following.valid_from), "overlaps another account")
    return banks


def _account(state: State, owner: Customer, bank: BankRow) -> BankAccount:
    return BankAccount(
        utility_id=owner.utility_id,
        id=new_id(),
        customer_id=owner.id,
        iban=bank.iban,
        mandate_ref=bank.mandate_ref,
        mandate_signed_on=bank.mandate_signed_on,
        valid_from=bank.valid_from,
        valid_to=bank.valid_to,
        recorded_at=state.by.at,
        recorded_by=state.by.actor,
    )


def _plan_account(state: State, planned: Planned, owner: Customer, bank: BankRow, exactly: bool) -> None:
    """An account of a known customer: the same one is no change, a later one follows, another past is refused."""
    registered = state.accounts[owner.id]
    same = [one for one in registered if one.iban == bank.iban]
    if any(_same_account(one, bank) for one in same) or (same and not exactly):
        return
    refuse_twin(planned.key, owner)
    current = [one for one in registered if one.valid_to is None]
    if bank.valid_to is not None or any(one.valid_from >= bank.valid_from for one in current):
        since = f"{bank.valid_from} to {bank.valid_to}"
        raise RegisterError("customer.bank", since, "is not how the account is registered; only a later one is added")
    planned.fate = "changed"
    masked = ", ".join(f"…{one.iban[-4:]}" for one in current), f"…{bank.iban[-4:]}"
    planned.said["bank"] = masked
    planned.changes.append(partial(_change_account, state, owner, bank))


def _same_account(known: BankAccount, bank: BankRow) -> bool:
    names = ("valid_from", "valid_to", "mandate_ref", "mandate_signed_on")
    return all(getattr(known, name) == getattr(bank, name) for name in names)


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
    history: list[ContractHolder | ContractTerms] = [*_holders(state, new, row), *_terms(state, new, row)]
    known = state.contracts.get(row.code)
    if known is not None:
        return _known_contract(state, row, known, new, history)
    if state.contract_ranges.overlapped(point.id, row.start, row.end):
        raise RegisterError("contract.supply_point", row.supply_point, "has another contract within that time")
    state.sign(new)
    state.history[new.id] = history
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
    if _says(known) == _says(new) and sorted(map(_says, state.history[known.id])) == sorted(map(_says, history)):
        return Planned(row.code, "unchanged")
    raise RegisterError("contract.code", row.code, "is registered with another history; use the services to change it")


_HISTORY = ("id", "contract_id", "recorded_at", "recorded_by", "retired_at", "created_at")


def _says(statement: Contract | ContractHolder | ContractTerms) -> str:
    """What a row states, without when and by whom it was recorded."""
    names = (column.name for column in statement.__table__.columns if column.name not in _HISTORY)
    return repr([(name, getattr(statement, name)) for name in sorted(names)])
