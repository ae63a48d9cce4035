"""The holder of a contract in force without NIF: the bill names them by code, and a bank or a court needs more."""

from collections.abc import Iterator

from sqlalchemy import func, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Contract, ContractHolder, Customer


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(Customer.code, Customer.name, func.count())
        .select_from(Customer)
        .join(
            ContractHolder,
            (ContractHolder.utility_id == Customer.utility_id) & (ContractHolder.customer_id == Customer.id),
        )
        .join(
            Contract,
            (Contract.utility_id == ContractHolder.utility_id) & (Contract.id == ContractHolder.contract_id),
        )
        .where(asked.contract_holds(), asked.stated(ContractHolder), Customer.nif == "")
        .group_by(Customer.code, Customer.name)
    )
    for code, name, number in rows:
        yield Hit(code, f"{name}, titular de {number} {'contrato' if number == 1 else 'contratos'}, sin NIF")


RULE = Rule(
    "missing_nif",
    "Titular sin NIF",
    "warning",
    "clerk",
    _find,
    about="customer",
    advice="Pida el NIF o el NIE.",
)
