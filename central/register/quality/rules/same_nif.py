"""Several customers with one NIF: most often one person entered twice."""

from collections.abc import Iterator

from sqlalchemy import func, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Customer


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(Customer.nif, func.count(), func.min(Customer.code), func.max(Customer.code))
        .where(Customer.utility_id == asked.utility_id, Customer.nif != "")
        .group_by(Customer.nif)
        .having(func.count() > 1)
    )
    for nif, number, first, last in rows:
        yield Hit(nif, f"{number} clientes con este NIF, de {first} a {last}")


RULE = Rule(
    "same_nif",
    "Cliente repetido (mismo NIF)",
    "warning",
    "clerk",
    _find,
    about="nif",
    advice="Compruebe si es la misma persona y una sus contratos en un solo cliente.",
)
