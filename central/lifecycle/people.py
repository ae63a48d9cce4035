"""From the person a case names to the customer of the register, and the account they pay from."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.lifecycle.details import Bank, Person
from central.register.change import Change
from central.register.customers import add_bank_account, add_customer, find_customer
from central.register.errors import RegisterError
from central.store.models import BankAccount, ContractCase, Customer, Utility


def customer_for(session: Session, utility_id: int, person: Person, *, by: Change) -> Customer:
    """The registered customer with a person's NIF, or a new one; what is registered of one that exists stays."""
    found = session.scalars(
        select(Customer).where(Customer.utility_id == utility_id, Customer.nif == person.nif).order_by(Customer.code)
    ).all()
    if person.customer is not None:
        named = next((one for one in found if one.code == person.customer), None)
        if named is None:
            raise RegisterError("holder.customer", person.customer, f"is no customer with NIF {person.nif}")
        return named
    if len(found) > 1:
        codes = ", ".join(one.code for one in found)
        raise RegisterError("holder.customer", "", f"name one: NIF {person.nif} is that of {codes}")
    return found[0] if found else _added(session, utility_id, person, by)


def give_account(session: Session, case: ContractCase, customer: Customer, bank: Bank, *, by: Change) -> BankAccount:
    """The account receipts are drawn on from the effective day; the same one with a mandate stays as it is."""
    current = session.scalar(
        select(BankAccount).where(
            BankAccount.utility_id == customer.utility_id,
            BankAccount.customer_id == customer.id,
            BankAccount.retired_at.is_(None),
            BankAccount.valid_to.is_(None),
        )
    )
    if current is not None and current.iban == bank.iban and current.mandate_ref:
        return current
    since = case.effective_on if current is None else max(case.effective_on, current.valid_from)
    signed: date = bank.mandate_signed_on or case.effective_on
    utility = session.get_one(Utility, case.utility_id)
    mandate = f"{utility.code}-{case.number:06d}".upper()[-35:]
    return add_bank_account(session, customer, bank.iban, since, mandate_ref=mandate, mandate_signed_on=signed, by=by)


def _added(session: Session, utility_id: int, person: Person, by: Change) -> Customer:
    code = f"C-{person.nif}"
    if find_customer(session, utility_id, code) is not None:
        raise RegisterError("holder.customer", code, "is somebody else's code")
    return add_customer(
        session,
        utility_id,
        code,
        nif=person.nif,
        name=person.name,
        kind=person.kind,
        email=person.email,
        phone=person.phone,
        language=person.language,
        address=dict(person.address),
        by=by,
    )
