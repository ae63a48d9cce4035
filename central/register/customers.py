"""Customers and their bank accounts."""

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled, succeed
from central.register.errors import RegisterError
from central.store import new_id
from central.store.models import BankAccount, Customer

KINDS = ("person", "company", "community", "public_body")
LANGUAGES = ("es", "ca", "gl", "eu", "en")


def add_customer(
    session: Session,
    utility_id: int,
    code: str,
    *,
    nif: str,
    name: str,
    kind: str = "person",
    email: str | None = None,
    phone: str | None = None,
    language: str = "es",
    address: dict[str, Any] | None = None,
    by: Change,
) -> Customer:
    """A new customer."""
    if find_customer(session, utility_id, code) is not None:
        raise RegisterError("customer.code", code, "exists already")
    customer = checked_customer(
        Customer(
            utility_id=utility_id,
            id=new_id(),
            code=code,
            nif=nif,
            name=name,
            kind=kind,
            email=email,
            phone=phone,
            language=language,
            address=address or {},
            created_at=by.at,
        )
    )
    session.add(customer)
    session.flush()
    journalled(session, utility_id, by, "add", "customer", customer.id, after={"code": code})
    return customer


def find_customer(session: Session, utility_id: int, code: str) -> Customer | None:
    """The customer with this code."""
    return session.scalar(select(Customer).where(Customer.utility_id == utility_id, Customer.code == code))


def checked_customer(customer: Customer) -> Customer:
    """The same customer with every value checked and in normal form; a NIF that nobody knows is empty."""
    customer.code = check.code("customer.code", customer.code)
    customer.nif = check.nif("customer.nif", customer.nif) if customer.nif else ""
    customer.name = check.name("customer.name", customer.name)
    customer.kind = check.one_of("customer.kind", customer.kind, KINDS)
    customer.email = check.optional(check.email, "customer.email", customer.email)
    customer.language = check.one_of("customer.language", customer.language, LANGUAGES)
    if customer.ended_on is not None:
        check.name("customer.ended_source", customer.ended_source or "")
    return customer


def end_customer(session: Session, customer: Customer, on: date, source: str, *, by: Change) -> None:
    """Say that a person died or a body was dissolved on a day, and who says so; their contracts stay as they are."""
    before = {"ended_on": customer.ended_on.isoformat() if customer.ended_on else None}
    customer.ended_on, customer.ended_source = on, check.name("customer.ended_source", source)
    session.flush()
    after = {"ended_on": on.isoformat(), "ended_source": customer.ended_source}
    journalled(session, customer.utility_id, by, "end", "customer", customer.id, before=before, after=after)


def add_bank_account(
    session: Session,
    customer: Customer,
    iban: str,
    valid_from: date,
    *,
    mandate_ref: str | None = None,
    mandate_signed_on: date | None = None,
    by: Change,
) -> BankAccount:
    """The account a customer's receipts are drawn on from a day; the account before it ends that day."""
    current = session.scalar(
        select(BankAccount).where(
            BankAccount.utility_id == customer.utility_id,
            BankAccount.customer_id == customer.id,
            BankAccount.retired_at.is_(None),
            BankAccount.valid_to.is_(None),
        )
    )
    if current is not None and current.valid_from > valid_from:
        raise RegisterError("bank_account.valid_from", valid_from.isoformat(), f"one since {current.valid_from} exists")
    account = BankAccount(
        utility_id=customer.utility_id,
        id=new_id(),
        customer_id=customer.id,
        iban=check.iban("bank_account.iban", iban),
        mandate_ref=mandate_ref,
        mandate_signed_on=mandate_signed_on,
        valid_from=valid_from,
        recorded_at=by.at,
        recorded_by=by.actor,
    )
    if current is not None:
        succeed(session, current, by, valid_to=valid_from)
    session.add(account)
    session.flush()
    after = {"customer": customer.code, "iban_end": account.iban[-4:], "valid_from": valid_from.isoformat()}
    journalled(session, customer.utility_id, by, "add", "bank_account", account.id, after=after)
    return account
