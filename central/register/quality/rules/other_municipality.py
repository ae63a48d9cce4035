"""A supply point in another municipality than its utility's."""

from collections.abc import Iterator

from sqlalchemy import select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import SupplyPoint


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(SupplyPoint.code, SupplyPoint.ine_code).where(
            SupplyPoint.utility_id == asked.utility_id, SupplyPoint.ine_code != asked.utility.ine_code
        )
    )
    for code, ine in rows:
        yield Hit(code, f"municipio INE {ine}, el del servicio es {asked.utility.ine_code}")


RULE = Rule(
    "other_municipality",
    "Suministro en otro municipio",
    "info",
    "clerk",
    _find,
    about="supply_point",
    advice="Compruebe el municipio; si el servicio abastece allí, descártelo con ese motivo.",
)
