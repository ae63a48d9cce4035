"""A meter that hung somewhere before the year it was made, or that is to be made in a year to come."""

from collections.abc import Iterator

from sqlalchemy import BigInteger, cast, func, or_, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Installation, Meter
from central.times import local_day

# Local midnight of 1 January, give or take a leap day: the text says the exact day.
_YEAR_MS, _ZERO = 31_556_952_000, 1970


def _find(asked: Asked) -> Iterator[Hit]:
    first = (
        select(Installation.meter_id, func.min(Installation.from_ms).label("from_ms"))
        .where(Installation.utility_id == asked.utility_id, Installation.retired_at.is_(None))
        .group_by(Installation.meter_id)
        .subquery()
    )
    made_ms = (cast(Meter.made_year, BigInteger) - _ZERO) * _YEAR_MS
    rows = asked.session.execute(
        select(Meter.address, Meter.made_year, first.c.from_ms)
        .outerjoin(first, first.c.meter_id == Meter.id)
        .where(
            Meter.utility_id == asked.utility_id,
            or_(Meter.made_year > asked.today.year, first.c.from_ms < made_ms),
        )
    )
    for address, year, from_ms in rows:
        hung = local_day(from_ms) if from_ms is not None else None
        if year > asked.today.year:
            yield Hit(address, f"fabricado en {year}")
        elif hung is not None and hung.year < year:
            yield Hit(address, f"fabricado en {year} e instalado el {hung:%d/%m/%Y}")


RULE = Rule(
    "installed_before_made",
    "Contador instalado antes de fabricarse",
    "warning",
    "clerk",
    _find,
    about="meter",
    advice="Corrija el año de fabricación o la fecha de instalación.",
)
