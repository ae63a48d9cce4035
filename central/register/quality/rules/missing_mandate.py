"""An account without a signed mandate: a SEPA debit on it can be returned for 13 months."""

from collections.abc import Iterator

from sqlalchemy import or_, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import BankAccount, Customer


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(Customer.code, BankAccount.iban)
        .join(Customer, (Customer.utility_id == BankAccount.utility_id) & (Customer.id == BankAccount.customer_id))
        .where(
            BankAccount.utility_id == asked.utility_id,
            BankAccount.retired_at.is_(None),
            BankAccount.valid_from <= asked.today,
            or_(BankAccount.valid_to.is_(None), BankAccount.valid_to > asked.today),
            or_(BankAccount.mandate_ref.is_(None), BankAccount.mandate_signed_on.is_(None)),
        )
    )
    for code, iban in rows:
        yield Hit(code, f"cuenta …{iban[-4:]} sin referencia o fecha de mandato")


RULE = Rule(
    "missing_mandate",
    "Domiciliación sin mandato",
    "warning",
    "clerk",
    _find,
    about="customer",
    advice="Pida el mandato firmado; sin él, un adeudo puede devolverse durante 13 meses.",
)
