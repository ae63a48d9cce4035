"""Whom a stretch of contracts bills: supply points, terms, holders and accounts as known at the cut-off, in bulk."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from billing.invoice import Address, ForeignId, Party, PaymentMethod, PaymentTerms
from billing.volume import Period
from central.invoicing.fees import one_off_charges, within
from central.invoicing.plan import in_run
from central.invoicing.settings import RunSettings
from central.invoicing.tenancies import Held, Tenancy, known_at, without
from central.store.models import (
    BankAccount,
    Consumption,
    Contract,
    ContractHolder,
    ContractTerms,
    Customer,
    Finding,
    Invoice,
    SupplyPoint,
    SupplyShare,
    Utility,
)

NOT_IN_CENSUS = "07"


@dataclass(frozen=True, slots=True)
class Scope:
    """A stretch of a run's contracts and the moment whose knowledge counts; ``rebilling`` bills billed days again."""

    utility_id: int
    contracts: tuple[int, int]
    period: Period
    cutoff: datetime
    settings: RunSettings
    rebilling: bool = False


@dataclass(frozen=True, slots=True)
class LastBill:
    """The bill before this one."""

    period: Period
    litres: int
    total_cents: int


@dataclass(frozen=True, slots=True)
class Subject:
    """One holder's days of a contract, to be billed. ``customer`` is None where the register has none for them.

    ``stages`` are the terms that hold in the period, one after the other; ``terms`` are those of its last day, None
    where there are none. ``once`` are codes of one-off charges that fall on these days.
    """

    contract: Contract
    supply: SupplyPoint
    period: Period
    billed_until: date | None
    terms: ContractTerms | None
    stages: tuple[ContractTerms, ...]
    customer: Customer | None
    account: BankAccount | None
    last_bill: LastBill | None
    findings: tuple[Finding, ...]
    once: tuple[str, ...] = ()


def subjects(session: Session, scope: Scope) -> list[Subject]:
    """Every contract of the stretch that still has days to bill in the period, by contract id and day.

    A contract whose holder changes in the period comes once for each holder, with his own days.
    """
    billed = {} if scope.rebilling else _billed(session, scope)
    terms = _statements(session, scope, ContractTerms)
    holders = _statements(session, scope, ContractHolder)
    customers = _customers(session, scope)
    accounts = _accounts(session, scope)
    last_bills = _last_bills(session, scope)
    findings = _findings(session, scope)
    fees = one_off_charges(session, scope.utility_id, scope.contracts, scope.period, scope.cutoff)
    _by_the_terms_of_the_supply(session, scope, terms)
    found = []
    for contract, supply in session.execute(_contracts(scope)).all():
        before = billed.get(contract.id, [])
        for tenancy in _own_days(contract, holders.get(contract.id, []), before, scope.period):
            stages, last = _in_force(terms.get(contract.id, []), tenancy.period)
            customer = customers.get(tenancy.customer_id or 0)
            found.append(
                Subject(
                    contract=contract,
                    supply=supply,
                    period=tenancy.period,
                    billed_until=max((one.end for one in before if one.end <= tenancy.period.start), default=None),
                    terms=last,
                    stages=stages,
                    customer=customer,
                    account=accounts.get(customer.id) if customer else None,
                    last_bill=last_bills.get(contract.id),
                    findings=tuple(findings.get(supply.id, ())),
                    once=within(fees, contract.id, tenancy.period),
                )
            )
    return found


def issuer_of(utility: Utility) -> Party:
    """The utility as the invoice names it."""
    return Party(utility.name, utility.nif, address_of(utility.address), business=True)


def recipient_of(customer: Customer) -> Party:
    """The holder as the invoice names them; without a NIF they are declared as not in the tax agency's census."""
    other = None if customer.nif else ForeignId(NOT_IN_CENSUS, customer.code)
    address = address_of(customer.address)
    return Party(customer.name, customer.nif, address, business=customer.kind != "person", foreign_id=other)


def supply_address(supply: SupplyPoint, utility: Utility) -> Address:
    """Where the water is supplied."""
    street = " ".join(part for part in (f"{supply.street}, {supply.number}", supply.detail) if part)
    return Address(street, supply.postal_code, str(utility.address.get("town", "")))


def address_of(data: Mapping[str, Any]) -> Address:
    """An address as the register keeps it: street, postal_code, town, province, country."""
    known = {name: str(data[name]) for name in ("province", "country") if data.get(name)}
    return Address(*(str(data.get(name, "")) for name in ("street", "postal_code", "town")), **known)


def terms_of_payment(account: BankAccount | None, due: date) -> PaymentTerms:
    """Direct debit where the holder has an account with a mandate, else a payment slip."""
    if account is None or not account.mandate_ref:
        return PaymentTerms(PaymentMethod.SLIP, due)
    hidden = "*" * (len(account.iban) - 8)
    return PaymentTerms(
        PaymentMethod.DIRECT_DEBIT, due, account.iban[:4] + hidden + account.iban[-4:], account.mandate_ref
    )


def _own_days(
    contract: Contract, holders: Iterable[ContractHolder], billed: Iterable[Period], period: Period
) -> Iterator[Tenancy]:
    """The days of a contract that are still to be billed, each holder's apart."""
    holdings = tuple((row.customer_id, row.valid_from, row.valid_to) for row in holders)
    held = Held(contract.id, contract.valid_from, contract.valid_to, holdings)
    for part in without(period, billed):
        yield from held.during(part)


def _contracts(scope: Scope) -> Any:
    at = and_(SupplyPoint.utility_id == Contract.utility_id, SupplyPoint.id == Contract.supply_point_id)
    return (
        select(Contract, SupplyPoint)
        .join(SupplyPoint, at)
        .where(
            Contract.utility_id == scope.utility_id,
            Contract.id.between(*scope.contracts),
            *in_run(scope.period, scope.settings),
        )
        .order_by(Contract.id)
    )


def _by_the_terms_of_the_supply(session: Session, scope: Scope, terms: dict[int, list[Any]]) -> None:
    """Who pays a part of a supply's bill has it made by the terms of the supply's own contract."""
    own = aliased(Contract)
    rows = session.execute(
        select(SupplyShare.contract_id, own.id)
        .join(own, and_(own.utility_id == SupplyShare.utility_id, own.supply_point_id == SupplyShare.supply_point_id))
        .where(
            SupplyShare.utility_id == scope.utility_id,
            SupplyShare.contract_id.between(*scope.contracts),
            SupplyShare.by == "amount",
            own.id != SupplyShare.contract_id,
            own.valid_from < scope.period.end,
            or_(own.valid_to.is_(None), own.valid_to >= scope.period.end),
            known_at(SupplyShare, scope.cutoff),
            SupplyShare.valid_from < scope.period.end,
            or_(SupplyShare.valid_to.is_(None), SupplyShare.valid_to >= scope.period.end),
        )
    ).all()
    for contract, principal in rows:
        theirs = replace(scope, contracts=(principal, principal))
        terms[contract] = _statements(session, theirs, ContractTerms).get(principal, [])


def _billed(session: Session, scope: Scope) -> dict[int, list[Period]]:
    """The last billed period before the one to bill, and all that reach into it, by contract."""
    mine = (Consumption.utility_id == scope.utility_id, Consumption.contract_id.between(*scope.contracts))
    before = (
        select(Consumption.contract_id, func.max(Consumption.period_from), func.max(Consumption.period_to))
        .where(*mine, Consumption.period_to <= scope.period.start)
        .group_by(Consumption.contract_id)
    )
    within = (
        select(Consumption.contract_id, Consumption.period_from, Consumption.period_to)
        .where(*mine, Consumption.period_to > scope.period.start)
        .distinct()
    )
    found: dict[int, list[Period]] = {}
    for query in (before, within):
        for contract, start, end in session.execute(query):
            found.setdefault(contract, []).append(Period(start, end))
    return found


def _statements(session: Session, scope: Scope, model: type[Any]) -> dict[int, list[Any]]:
    """Statements about each contract that touch the period, oldest first."""
    rows = (
        select(model)
        .where(
            model.utility_id == scope.utility_id,
            model.contract_id.between(*scope.contracts),
            known_at(model, scope.cutoff),
            model.valid_from < scope.period.end,
            or_(model.valid_to.is_(None), model.valid_to > scope.period.start),
        )
        .order_by(model.contract_id, model.valid_from)
    )
    found: dict[int, list[Any]] = {}
    for row in session.scalars(rows):
        found.setdefault(row.contract_id, []).append(row)
    return found


def _in_force(rows: Iterable[ContractTerms], period: Period) -> tuple[tuple[ContractTerms, ...], ContractTerms | None]:
    """The terms that hold in the period, oldest first, and those that hold on its last day."""
    touching = [row for row in rows if row.valid_from < period.end and (row.valid_to or date.max) > period.start]
    last = [row for row in touching if (row.valid_to or date.max) >= period.end]
    return tuple(touching), (last[-1] if last else None)


def _customers(session: Session, scope: Scope) -> dict[int, Customer]:
    rows = select(Customer).where(Customer.utility_id == scope.utility_id, Customer.id.in_(_holder_ids(scope)))
    return {customer.id: customer for customer in session.scalars(rows)}


def _accounts(session: Session, scope: Scope) -> dict[int, BankAccount]:
    rows = (
        select(BankAccount)
        .where(
            BankAccount.utility_id == scope.utility_id,
            BankAccount.customer_id.in_(_holder_ids(scope)),
            known_at(BankAccount, scope.cutoff),
            BankAccount.valid_from <= scope.period.end,
            or_(BankAccount.valid_to.is_(None), BankAccount.valid_to > scope.period.end),
        )
        .order_by(BankAccount.customer_id, BankAccount.valid_from)
    )
    return {account.customer_id: account for account in session.scalars(rows)}


def _holder_ids(scope: Scope) -> Any:
    return select(ContractHolder.customer_id).where(
        ContractHolder.utility_id == scope.utility_id, ContractHolder.contract_id.between(*scope.contracts)
    )


def _last_bills(session: Session, scope: Scope) -> dict[int, LastBill]:
    rows = (
        select(Invoice.contract_id, Invoice.period_from, Invoice.period_to, Invoice.litres, Invoice.total_cents)
        .where(
            Invoice.utility_id == scope.utility_id,
            Invoice.contract_id.between(*scope.contracts),
            Invoice.period_from >= scope.period.years_before(1).start,
            Invoice.period_from < scope.period.start,
            Invoice.kind == "F1",
        )
        .order_by(Invoice.contract_id, Invoice.period_from, Invoice.generation)
    )
    return {
        row.contract_id: LastBill(Period(row.period_from, row.period_to), row.litres, row.total_cents)
        for row in session.execute(rows)
    }


def _findings(session: Session, scope: Scope) -> dict[int, list[Finding]]:
    points = select(Contract.supply_point_id).where(
        Contract.utility_id == scope.utility_id, Contract.id.between(*scope.contracts)
    )
    rows = (
        select(Finding)
        .where(Finding.utility_id == scope.utility_id, Finding.status == "open", Finding.supply_point_id.in_(points))
        .order_by(Finding.supply_point_id, Finding.since_ms, Finding.rule)
    )
    found: dict[int, list[Finding]] = {}
    for finding in session.scalars(rows):
        if finding.supply_point_id is not None:
            found.setdefault(finding.supply_point_id, []).append(finding)
    return found
