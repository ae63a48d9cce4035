"""A contract in force whose holder died or was dissolved, as the customer's ``ended_on`` and ``ended_source`` say."""

from collections.abc import Iterator

from sqlalchemy import select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Contract, ContractHolder, Customer


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(Contract.code, Customer.code, Customer.kind, Customer.ended_on, Customer.ended_source)
        .select_from(Customer)
        .join(
            ContractHolder,
            (ContractHolder.utility_id == Customer.utility_id) & (ContractHolder.customer_id == Customer.id),
        )
        .join(
            Contract,
            (Contract.utility_id == ContractHolder.utility_id) & (Contract.id == ContractHolder.contract_id),
        )
        .where(
            asked.contract_holds(),
            asked.stated(ContractHolder),
            Customer.ended_on <= asked.today,
        )
    )
    for contract, customer, kind, on, source in rows:
        what = "fallecido" if kind == "person" else "disuelto o extinguido"
        yield Hit(contract, f"el titular {customer} consta {what} el {on:%d/%m/%Y} (fuente: {source})")


RULE = Rule(
    "dead_holder",
    "Titular fallecido o sociedad disuelta",
    "error",
    "clerk",
    _find,
    advice="Ofrezca la subrogación a quien usa el agua; no gire más recibos a esa cuenta sin confirmarla.",
)
