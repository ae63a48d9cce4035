"""A contract in force without holder on the day: it cannot be billed."""

from collections.abc import Iterator

from sqlalchemy import exists, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Contract, ContractHolder


def _find(asked: Asked) -> Iterator[Hit]:
    stated = exists().where(asked.stated(ContractHolder), ContractHolder.contract_id == Contract.id)
    for code in asked.session.scalars(select(Contract.code).where(asked.contract_holds(), ~stated)):
        yield Hit(code, f"sin titular el {asked.today:%d/%m/%Y}")


RULE = Rule(
    "contract_without_holder",
    "Contrato en vigor sin titular",
    "error",
    "clerk",
    _find,
    about="contract",
    advice="Registre a quién corresponde el contrato, o dele de baja.",
)
