"""A calibre that is too big for one dwelling: above 20 mm (Q3 4 m³/h) a home's small flows are not measured."""

from collections.abc import Iterator

from sqlalchemy import select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Contract, ContractTerms, Installation, Meter


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(Meter.address, Meter.calibre_mm, Contract.code)
        .select_from(Contract)
        .join(
            ContractTerms,
            (ContractTerms.utility_id == Contract.utility_id) & (ContractTerms.contract_id == Contract.id),
        )
        .join(
            Installation,
            (Installation.utility_id == Contract.utility_id)
            & (Installation.supply_point_id == Contract.supply_point_id),
        )
        .join(Meter, (Meter.utility_id == Installation.utility_id) & (Meter.id == Installation.meter_id))
        .where(
            asked.contract_holds(),
            asked.stated(ContractTerms),
            asked.hangs(),
            ContractTerms.use == "domestic",
            ContractTerms.dwellings <= 1,
            Meter.calibre_mm > asked.numbers["largest_home_mm"],
        )
    )
    for address, calibre, contract in rows:
        yield Hit(address, f"{calibre} mm en el contrato doméstico {contract} de una vivienda")


RULE = Rule(
    "calibre_against_use",
    "Calibre impropio del uso",
    "warning",
    "supervisor",
    _find,
    about="meter",
    advice="Compruebe el contador en su sitio; si el calibre es ese, revise uso y viviendas o cambie el contador.",
    numbers={"largest_home_mm": 20},
)
