"""A register of any size, made in bulk: for measurements and for tests, never for a real town."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from central.store import new_id, new_ids
from central.store.bulk import Row, insert_rows
from central.store.models import (
    Contract,
    ContractHolder,
    ContractTerms,
    Customer,
    Installation,
    Meter,
    SupplyPoint,
    Utility,
)
from central.times import millis

UTILITY = 1
NIF = "A28015865"
SINCE = date(2024, 1, 1)
HUNG = datetime(2024, 1, 1, tzinfo=UTC)
CONTROL_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


@dataclass
class Houses:
    """The ids of contracts 0 … n-1 and of all that belongs to each, under the same index."""

    contracts: list[int] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    meters: list[int] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    customers: list[int] = field(default_factory=list)


def add_utility_row(session: Session, billing: dict[str, Any], recorded: datetime) -> None:
    """A utility with billing settings."""
    address = {"street": "Plaza de España, 1", "postal_code": "03698", "town": "Agost", "province": "Alicante"}
    utility = Utility(id=UTILITY, code="agost", name="Aguas de Agost, S. A.", nif=NIF, ine_code="03002")
    utility.address, utility.contact, utility.settings = address, {"phone": "965 000 000"}, {"billing": billing}
    utility.created_at = recorded
    session.add(utility)
    session.flush()


def add_houses(session: Session, houses: Houses, count: int, recorded: datetime) -> None:
    """So many houses, each with a meter of 13 mm, a holder and a domestic contract, all as from 2024."""
    for ids in (houses.contracts, houses.points, houses.meters, houses.customers):
        ids.extend(new_ids(count))
    houses.addresses.extend(f"KAM-{house + 1:08d}-1B-16" for house in range(count))
    said = (recorded, "clerk")
    every = list(
        zip(range(1, count + 1), houses.contracts, houses.points, houses.meters, houses.customers, strict=True)
    )
    points = [
        (UTILITY, point, f"PS-{number:07d}", "Carrer Major", str(number), "", "03698", "03002", recorded)
        for number, _, point, _, _ in every
    ]
    insert_rows(session, SupplyPoint, _POINT, points)
    meters = [
        (UTILITY, meter, f"KAM-{number:08d}-1B-16", f"K{number:07d}", 13, 2_500, 10**8, True, recorded)
        for number, _, _, meter, _ in every
    ]
    insert_rows(session, Meter, _METER, meters)
    hung = [(UTILITY, new_id(), meter, point, millis(HUNG), *said) for _, _, point, meter, _ in every]
    insert_rows(session, Installation, _INSTALLATION, hung)
    insert_rows(session, Customer, _CUSTOMER, [_customer(number, row, recorded) for number, _, _, _, row in every])
    contracts = [(UTILITY, row, f"K-{number:07d}", point, SINCE, recorded) for number, row, point, _, _ in every]
    insert_rows(session, Contract, _CONTRACT, contracts)
    holders = [(UTILITY, new_id(), row, customer, SINCE, *said) for _, row, _, _, customer in every]
    insert_rows(session, ContractHolder, _HOLDER, holders)
    plain: Row = ("domestic", 1, 1, 3, [], [], {}, False, False, "", SINCE, *said)
    insert_rows(session, ContractTerms, _TERMS, [(UTILITY, new_id(), row, *plain) for _, row, _, _, _ in every])


def _customer(number: int, row: int, recorded: datetime) -> tuple[Any, ...]:
    personal = number + 9_999_999
    nif = f"{personal:08d}{CONTROL_LETTERS[personal % 23]}"
    address = {"street": f"Carrer Major, {number}", "postal_code": "03698", "town": "Agost"}
    return (UTILITY, row, f"C-{number:07d}", nif, f"Vecina {number}", "person", "es", address, recorded)


_POINT = ("utility_id", "id", "code", "street", "number", "detail", "postal_code", "ine_code", "created_at")
_METER = (
    "utility_id",
    "id",
    "address",
    "serial",
    "calibre_mm",
    "q3_litres_hour",
    "modulus_litres",
    "radio",
    "created_at",
)
_INSTALLATION = ("utility_id", "id", "meter_id", "supply_point_id", "from_ms", "recorded_at", "recorded_by")
_CUSTOMER = ("utility_id", "id", "code", "nif", "name", "kind", "language", "address", "created_at")
_CONTRACT = ("utility_id", "id", "code", "supply_point_id", "valid_from", "created_at")
_HOLDER = ("utility_id", "id", "contract_id", "customer_id", "valid_from", "recorded_at", "recorded_by")
_TERMS = (
    "utility_id",
    "id",
    "contract_id",
    "use",
    "dwellings",
    "premises",
    "persons",
    "groups",
    "bonuses",
    "parameters",
    "habitual_home",
    "vulnerable",
    "note",
    "valid_from",
    "recorded_at",
    "recorded_by",
)
