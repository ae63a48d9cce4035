"""A meter that hangs past its 12 years (Orden ICT/155/2020), counted from the year it was made."""

from collections.abc import Iterator

from sqlalchemy import select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Installation, Meter


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(Meter.address, Meter.made_year)
        .join(Installation, (Installation.utility_id == Meter.utility_id) & (Installation.meter_id == Meter.id))
        .where(asked.hangs(), Meter.made_year < asked.today.year - asked.numbers["years"])
    )
    for address, year in rows:
        yield Hit(address, f"fabricado en {year}: más de {asked.numbers['years']} años (Orden ICT/155/2020)")


RULE = Rule(
    "meter_over_life",
    "Contador pasado de su vida útil",
    "warning",
    "supervisor",
    _find,
    about="meter",
    advice="Programe el cambio del contador, o registre la ampliación de su vida (Orden ICT/155/2020).",
    numbers={"years": 12},
)
