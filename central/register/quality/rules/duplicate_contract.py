"""Two contracts in force at one address: a household signed twice, or one place entered as two supply points.

Where the address says floor and door it must be the same; where it does not, as in many registers, the holder must be.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Contract, ContractHolder, SupplyPoint

_ADDRESS = (func.lower(SupplyPoint.street), func.lower(SupplyPoint.number), SupplyPoint.postal_code)


def _find(asked: Asked) -> Iterator[Hit]:
    placed = (
        select(
            func.min(Contract.code), func.max(Contract.code), func.count(),
            func.min(SupplyPoint.street), func.min(SupplyPoint.number),
        )
        .select_from(Contract)
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == Contract.utility_id) & (SupplyPoint.id == Contract.supply_point_id),
        )
        .where(asked.contract_holds())
        .having(func.count() > 1)
    )  # fmt: skip
    same_door = placed.where(SupplyPoint.detail != "").group_by(*_ADDRESS, func.lower(SupplyPoint.detail))
    held = (ContractHolder.utility_id == Contract.utility_id) & (ContractHolder.contract_id == Contract.id)
    same_holder = (
        placed.join(ContractHolder, held)
        .where(asked.stated(ContractHolder), SupplyPoint.detail == "")
        .group_by(*_ADDRESS, ContractHolder.customer_id)
    )
    yield from _hits(asked, same_door, "misma puerta")
    yield from _hits(asked, same_holder, "mismo titular")


def _hits(asked: Asked, query: Any, what: str) -> Iterator[Hit]:
    for first, last, number, street, door in asked.session.execute(query):
        yield Hit(first, f"{number} contratos en {street}, {door} ({what}): de {first} a {last}")


RULE = Rule(
    "duplicate_contract",
    "Contrato activo duplicado",
    "error",
    "clerk",
    _find,
    advice="Dé de baja el contrato que sobra, o complete piso y puerta si son dos viviendas.",
)
