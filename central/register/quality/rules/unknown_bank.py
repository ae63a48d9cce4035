"""A Spanish account of a bank that the register of banks does not list: it was merged away, or never was.

The list is schwifty's, made of the Banco de España's register of entities.
"""

from collections.abc import Iterator
from functools import cache

from sqlalchemy import func, or_, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import BankAccount, Customer


@cache
def _banks() -> frozenset[str]:
    from schwifty import registry  # reads its lists of all countries when it is loaded

    return frozenset(str(bank.bank_code) for bank in registry.get_banks_by_country("ES"))


def _find(asked: Asked) -> Iterator[Hit]:
    code = func.substr(BankAccount.iban, 5, 4)
    in_force = (
        (BankAccount.utility_id == asked.utility_id)
        & BankAccount.retired_at.is_(None)
        & or_(BankAccount.valid_to.is_(None), BankAccount.valid_to > asked.today)
        & BankAccount.iban.like("ES%")
    )
    gone = sorted(set(asked.session.scalars(select(code).where(in_force).distinct())) - _banks())
    if not gone:
        return
    rows = asked.session.execute(
        select(Customer.code, BankAccount.iban)
        .join(Customer, (Customer.utility_id == BankAccount.utility_id) & (Customer.id == BankAccount.customer_id))
        .where(in_force, code.in_(gone))
    )
    for customer, iban in rows:
        yield Hit(customer, f"cuenta …{iban[-4:]} de la entidad {iban[4:8]}, que no consta en el Banco de España")


RULE = Rule(
    "unknown_bank",
    "Cuenta de un banco que ya no existe",
    "error",
    "clerk",
    _find,
    about="customer",
    advice="Pida la cuenta nueva antes de la próxima remesa; el banco la devolvería.",
)
