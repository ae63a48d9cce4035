"""A contract in force at a supply point where no meter hangs: it can only be estimated."""

from collections.abc import Iterator

from sqlalchemy import exists, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Contract, Installation


def _find(asked: Asked) -> Iterator[Hit]:
    meter = exists().where(asked.hangs(), Installation.supply_point_id == Contract.supply_point_id)
    for code, since in asked.session.execute(
        select(Contract.code, Contract.valid_from).where(asked.contract_holds(), ~meter)
    ):
        yield Hit(code, f"en vigor desde {since:%d/%m/%Y}, sin contador instalado")


RULE = Rule(
    "contract_without_meter",
    "Contrato en vigor sin contador",
    "error",
    "clerk",
    _find,
    about="contract",
    advice="Instale un contador, o dé de baja el contrato si el suministro ya no existe.",
)
