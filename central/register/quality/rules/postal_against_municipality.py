"""The first two digits of a postal code are the province of its municipality; real exceptions exist at borders."""

from collections.abc import Iterator

from sqlalchemy import func, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import SupplyPoint


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(SupplyPoint.code, SupplyPoint.postal_code, SupplyPoint.ine_code).where(
            SupplyPoint.utility_id == asked.utility_id,
            func.substr(SupplyPoint.postal_code, 1, 2) != func.substr(SupplyPoint.ine_code, 1, 2),
        )
    )
    for code, postal, ine in rows:
        yield Hit(code, f"código postal {postal}, municipio INE {ine}: provincias distintas")


RULE = Rule(
    "postal_against_municipality",
    "Código postal de otra provincia que el municipio",
    "warning",
    "clerk",
    _find,
    about="supply_point",
    advice="Compruebe código postal y municipio; algunos pueblos limítrofes son excepción.",
)
