"""A contract of more than 12 months whose supply point's meters gave no reading in them."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import exists, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Contract, Installation, Reading, ReadingKind, ReadingStatus
from central.times import midnight_ms


def _find(asked: Asked) -> Iterator[Hit]:
    since = asked.today - timedelta(days=asked.numbers["days"])
    read = exists().where(
        Installation.utility_id == Contract.utility_id,
        Installation.supply_point_id == Contract.supply_point_id,
        Installation.retired_at.is_(None),
        Reading.utility_id == Installation.utility_id,
        Reading.meter_id == Installation.meter_id,
        Reading.at_ms >= midnight_ms(since),
        Reading.at_ms >= Installation.from_ms,
        Reading.status != int(ReadingStatus.REJECTED),
        Reading.kind != int(ReadingKind.ESTIMATED),
    )
    for code in asked.session.scalars(
        select(Contract.code).where(asked.contract_holds(), Contract.valid_from <= since, ~read)
    ):
        yield Hit(code, f"sin ninguna lectura real desde el {since:%d/%m/%Y}")


RULE = Rule(
    "contract_without_reading",
    "Contrato sin lectura en 12 meses",
    "error",
    "supervisor",
    _find,
    about="contract",
    advice="Ordene una lectura con cita; revise si el contador emite.",
    numbers={"days": 365},
)
