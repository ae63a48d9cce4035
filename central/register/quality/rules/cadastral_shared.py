"""One cadastral reference at too many supply points: a reference of 20 characters is one property, not a building."""

from collections.abc import Iterator

from sqlalchemy import func, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import SupplyPoint


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(SupplyPoint.cadastral_ref, func.count(), func.min(SupplyPoint.code), func.max(SupplyPoint.code))
        .where(SupplyPoint.utility_id == asked.utility_id, SupplyPoint.cadastral_ref.is_not(None))
        .group_by(SupplyPoint.cadastral_ref)
        .having(func.count() > asked.numbers["supplies"])
    )
    for reference, number, first, last in rows:
        yield Hit(str(reference), f"en {number} suministros, de {first} a {last}")


RULE = Rule(
    "cadastral_shared",
    "Referencia catastral en demasiados suministros",
    "warning",
    "clerk",
    _find,
    about="cadastral_ref",
    advice="Busque en el Catastro la referencia de cada inmueble; la del edificio entero no es de veinte caracteres.",
    numbers={"supplies": 3},
)
