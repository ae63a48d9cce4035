"""One cadastral reference in several streets: a property has one address."""

from collections.abc import Iterator

from sqlalchemy import func, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import SupplyPoint


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(SupplyPoint.cadastral_ref, func.min(SupplyPoint.street), func.max(SupplyPoint.street))
        .where(SupplyPoint.utility_id == asked.utility_id, SupplyPoint.cadastral_ref.is_not(None))
        .group_by(SupplyPoint.cadastral_ref)
        .having(func.count(SupplyPoint.street.distinct()) > 1)
    )
    for reference, first, last in rows:
        yield Hit(str(reference), f"en calles distintas: {first}, {last}")


RULE = Rule(
    "cadastral_against_address",
    "Referencia catastral en varias calles",
    "warning",
    "clerk",
    _find,
    about="cadastral_ref",
    advice="Corrija la referencia en el suministro que no es de esa finca.",
)
