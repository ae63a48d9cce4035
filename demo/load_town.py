"""A believable utility of any size: names, streets, meters and households, the same for the same numbers every time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from central.store import new_block
from central.store.bulk import Row, insert_rows
from central.store.models import (
    BankAccount,
    Contract,
    ContractHolder,
    ContractTerms,
    Customer,
    Installation,
    Meter,
    SupplyPoint,
)
from central.times import midnight_ms

GIVEN = (
    "Ana", "Luis", "Carmen", "Antonio", "María", "José", "Lucía", "Manuel", "Empar", "Vicent", "Rosa", "Francesc",
    "Pilar", "Javier", "Teresa", "Ángel", "Inés", "Jordi", "Nerea", "Pablo", "Sara", "Xavier", "Elena", "Rafael",
)  # fmt: skip
FAMILY = (
    "García", "Martínez", "López", "Sánchez", "Pérez", "Gómez", "Ruiz", "Ferrer", "Navarro", "Torres", "Molina",
    "Blasco", "Soler", "Esteve", "Vidal", "Iborra", "Castelló", "Ramos", "Gil", "Serrano", "Blanco", "Marín", "Núñez",
)  # fmt: skip
STREETS = (
    "Carrer Major", "Avenida de la Constitución", "Calle del Pozo", "Calle de la Fuente", "Carrer de la Mar",
    "Plaza de España", "Calle San Roque", "Camino Viejo", "Calle Cervantes", "Avinguda del País Valencià",
    "Calle de los Olivos", "Ronda Norte", "Calle Miguel Hernández", "Calle del Agua", "Travessia del Molí",
)  # fmt: skip
CALIBRES = ((13, 2_500),) * 7 + ((15, 2_500),) * 9 + ((20, 4_000),) * 3 + ((25, 6_300),)
LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
CLERK = "carga"
MODULUS_LITRES = 10**8
# One in so many contracts: a shop or a workshop; a household that does not pay by direct debit.
SHOPS, CASH = 12, 6


@dataclass(frozen=True)
class Block:
    """The contracts [first, first + count) of a utility, all in service since ``since``."""

    utility_id: int
    first: int
    count: int
    since: date
    recorded: datetime


@dataclass(frozen=True)
class House:
    """One contract and all that belongs to it."""

    number: int
    point: int
    meter: int
    customer: int
    contract: int
    persons: int
    shop: bool
    street: str
    door: str
    name: str
    calibre: tuple[int, int]

    @property
    def nif(self) -> str:
        """A number with its control letter."""
        personal = (self.number * 7_919 + 10_000_000) % 89_999_999
        return f"{personal:08d}{LETTERS[personal % 23]}"

    @property
    def iban(self) -> str:
        """An account with its control digits: those of the Spanish account and of the IBAN (ISO 7064 mod 97)."""
        bank, number = f"2100{self.number % 9_000 + 1_000:04d}", f"{self.number:010d}"
        account = f"{bank}{_control(f'00{bank}')}{_control(number)}{number}"
        return f"ES{98 - int(account + '142800') % 97:02d}{account}"


def _control(digits: str) -> int:
    """A control digit of a Spanish account (código cuenta cliente)."""
    rest = 11 - sum(int(digit) << place for place, digit in enumerate(digits)) % 11
    return {10: 1, 11: 0}.get(rest, rest)


def houses(block: Block) -> list[House]:
    """The houses of a block with fresh identifiers."""
    first_id = new_block(4 * block.count)
    return list(_houses(block, first_id))


def _houses(block: Block, first_id: int) -> Iterator[House]:
    for place in range(block.count):
        number = block.first + place
        chance = Random(number)  # noqa: S311 - not a secret, the same town each time
        ids = first_id + 4 * place
        street = f"{STREETS[number // 400 % len(STREETS)]}{'' if number < 6_000 else f' {number // 6_000}'}"
        name = f"{chance.choice(GIVEN)} {chance.choice(FAMILY)} {chance.choice(FAMILY)}"
        yield House(
            number, ids, ids + 1, ids + 2, ids + 3, chance.choice((1, 2, 2, 3, 3, 4, 5)), number % SHOPS == 7,
            street, f"{number % 8 // 2 + 1}º {'AB'[number % 2]}", name, chance.choice(CALIBRES),
        )  # fmt: skip


def add_houses(session: Session, block: Block, made: list[House]) -> None:
    """Register the houses of a block."""
    utility, said = block.utility_id, (block.recorded, CLERK)
    links = new_block(4 * len(made))
    hung = midnight_ms(block.since)
    insert_rows(session, SupplyPoint, _POINT, [_point(utility, house, block.recorded) for house in made])
    insert_rows(session, Meter, _METER, [_meter(utility, house, block.recorded) for house in made])
    insert_rows(session, Customer, _CUSTOMER, [_customer(utility, house, block.recorded) for house in made])
    rows: list[Row] = [
        (utility, links + 4 * place, house.meter, house.point, hung, *said) for place, house in enumerate(made)
    ]
    insert_rows(session, Installation, _INSTALLATION, rows)
    rows = [(utility, house.contract, f"K-{house.number:07d}", house.point, block.since, said[0]) for house in made]
    insert_rows(session, Contract, _CONTRACT, rows)
    rows = [
        (utility, links + 4 * place + 1, house.contract, house.customer, block.since, *said)
        for place, house in enumerate(made)
    ]
    insert_rows(session, ContractHolder, _HOLDER, rows)
    rows = [
        (utility, links + 4 * place + 2, house.contract, *_terms(house), block.since, *said)
        for place, house in enumerate(made)
    ]
    insert_rows(session, ContractTerms, _TERMS, rows)
    rows = [
        (utility, links + 4 * place + 3, house.customer, house.iban, f"M-{house.number:07d}", *[block.since] * 2, *said)
        for place, house in enumerate(made)
        if house.number % CASH
    ]
    insert_rows(session, BankAccount, _ACCOUNT, rows)


def _point(utility: int, house: House, recorded: datetime) -> Row:
    number, east = str(house.number % 400 // 8 + 1), house.number % 1_000
    return (
        utility, house.point, f"PS-{house.number:07d}", house.street, number, house.door, "03698", "03002",
        384_387_000 + house.number // 1_000 * 40, -6_380_000 + east * 90, recorded,
    )  # fmt: skip


def _meter(utility: int, house: House, recorded: datetime) -> Row:
    calibre, flow = house.calibre
    address = f"KAM-{house.number:08d}-1B-16"
    return (
        utility, house.meter, address, f"K{house.number:08d}", calibre, flow, MODULUS_LITRES, True,
        2012 + house.number % 13, recorded,
    )  # fmt: skip


def _customer(utility: int, house: House, recorded: datetime) -> Row:
    address = {
        "street": f"{house.street}, {house.number % 400 // 8 + 1} {house.door}",
        "postal_code": "03698",
        "town": "Agost",
        "province": "Alicante",
    }
    return (
        utility, house.customer, f"C-{house.number:07d}", house.nif, house.name, "person", "ca" if house.number % 5 == 2
        else "es", address, recorded,
    )  # fmt: skip


def _terms(house: House) -> tuple[Any, ...]:
    if house.shop:
        return ("commercial", 0, 1, None, [], [], {}, False, False, "")
    return ("domestic", 1, 0, house.persons, [], [], {}, True, False, "")


_POINT = (
    "utility_id", "id", "code", "street", "number", "detail", "postal_code", "ine_code", "lat_e7", "lon_e7",
    "created_at",
)  # fmt: skip
_METER = (
    "utility_id", "id", "address", "serial", "calibre_mm", "q3_litres_hour", "modulus_litres", "radio", "made_year",
    "created_at",
)  # fmt: skip
_CUSTOMER = ("utility_id", "id", "code", "nif", "name", "kind", "language", "address", "created_at")
_INSTALLATION = ("utility_id", "id", "meter_id", "supply_point_id", "from_ms", "recorded_at", "recorded_by")
_CONTRACT = ("utility_id", "id", "code", "supply_point_id", "valid_from", "created_at")
_HOLDER = ("utility_id", "id", "contract_id", "customer_id", "valid_from", "recorded_at", "recorded_by")
_TERMS = (
    "utility_id", "id", "contract_id", "use", "dwellings", "premises", "persons", "groups", "bonuses", "parameters",
    "habitual_home", "vulnerable", "note", "valid_from", "recorded_at", "recorded_by",
)  # fmt: skip
_ACCOUNT = (
    "utility_id", "id", "customer_id", "iban", "mandate_ref", "mandate_signed_on", "valid_from", "recorded_at",
    "recorded_by",
)  # fmt: skip
