"""A contract in force without terms on the day: it cannot be billed."""

from collections.abc import Iterator

from sqlalchemy import exists, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Contract, ContractTerms


def _find(asked: Asked) -> Iterator[Hit]:
    stated = exists().where(asked.stated(ContractTerms), ContractTerms.contract_id == Contract.id)
    for code in asked.session.scalars(select(Contract.code).where(asked.contract_holds(), ~stated)):
        yield Hit(code, f"sin condiciones el {asked.today:%d/%m/%Y}")


RULE = Rule(
    "contract_without_terms",
    "Contrato en vigor sin condiciones",
    "error",
    "clerk",
    _find,
    about="contract",
    advice="Registre el uso y las condiciones del contrato.",
)
