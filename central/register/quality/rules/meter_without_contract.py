"""A meter hangs and may run, and nobody holds a contract at its supply point."""

from collections.abc import Iterator

from sqlalchemy import exists, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Contract, Installation, Meter, SupplyPoint


def _find(asked: Asked) -> Iterator[Hit]:
    contract = exists().where(asked.contract_holds(), Contract.supply_point_id == Installation.supply_point_id)
    rows = asked.session.execute(
        select(Meter.address, SupplyPoint.code)
        .select_from(Installation)
        .join(Meter, (Meter.utility_id == Installation.utility_id) & (Meter.id == Installation.meter_id))
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == Installation.utility_id) & (SupplyPoint.id == Installation.supply_point_id),
        )
        .where(asked.hangs(), ~contract)
    )
    for address, point in rows:
        yield Hit(address, f"cuelga en {point}, que no tiene contrato en vigor")


RULE = Rule(
    "meter_without_contract",
    "Contador instalado sin contrato",
    "error",
    "clerk",
    _find,
    about="meter",
    advice="Averigüe quién usa el agua: contrate el suministro o retire el contador.",
)
