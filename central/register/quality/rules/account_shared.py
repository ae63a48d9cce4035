"""One account that pays for many holders with different NIFs: a number copied down a column, or somebody's agent."""

from collections.abc import Iterator

from sqlalchemy import func, or_, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import BankAccount, Customer


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(BankAccount.iban, func.count(Customer.nif.distinct()), func.min(Customer.code), func.max(Customer.code))
        .join(Customer, (Customer.utility_id == BankAccount.utility_id) & (Customer.id == BankAccount.customer_id))
        .where(
            BankAccount.utility_id == asked.utility_id,
            BankAccount.retired_at.is_(None),
            or_(BankAccount.valid_to.is_(None), BankAccount.valid_to > asked.today),
        )
        .group_by(BankAccount.iban)
        .having(func.count(Customer.nif.distinct()) > asked.numbers["holders"])
    )
    for iban, number, first, last in rows:
        yield Hit(first, f"cuenta …{iban[-4:]}: de {number} titulares distintos, de {first} a {last}")


RULE = Rule(
    "account_shared",
    "Cuenta compartida por muchos titulares",
    "warning",
    "clerk",
    _find,
    about="customer",
    advice="Compruebe los mandatos; si la cuenta es de un administrador de fincas, descártelo con ese motivo.",
    numbers={"holders": 4},
)
