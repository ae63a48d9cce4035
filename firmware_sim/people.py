"""Customers who do not exist: Spanish names with valid NIF, IBAN, telephone and reserved e-mail domains."""

import random
import unicodedata
from dataclasses import dataclass

from stdnum.es import ccc, cif, dni, nie

FIRST_NAMES = (
    "María", "Antonio", "Carmen", "José", "Ana", "Manuel", "Isabel", "Francisco", "Laura", "David", "Cristina",
    "Juan", "Marta", "Javier", "Lucía", "Daniel", "Elena", "Carlos", "Pilar", "Jesús", "Raquel", "Alejandro",
    "Rosa", "Miguel", "Teresa", "Rafael", "Paula", "Pedro", "Mercedes", "Pablo", "Julia", "Ángel", "Beatriz",
    "Sergio", "Nuria", "Fernando", "Silvia", "Jorge", "Irene", "Luis", "Encarnación", "Vicente", "Consuelo",
    "Ramón", "Amparo", "Joaquín", "Inmaculada", "Andrés", "Dolores", "Vicent", "Remedios", "Iñaki", "Núria",
)  # fmt: skip
SURNAMES = (
    "García", "Martínez", "López", "Sánchez", "Pérez", "Gómez", "Castelló", "Vicedo", "Ivorra", "Brotons",
    "Carbonell", "Torregrosa", "Pastor", "Molina", "Fuster", "Ferrándiz", "Rodríguez", "Fernández", "Ruiz",
    "Hernández", "Díaz", "Moreno", "Muñoz", "Álvarez", "Romero", "Alonso", "Gutiérrez", "Navarro", "Torres",
    "Domínguez", "Vázquez", "Ramos", "Gil", "Ramírez", "Serrano", "Blanco", "Suárez", "Castro", "Ortega",
    "Delgado", "Ortiz", "Marín", "Rubio", "Sanz", "Núñez", "Iglesias", "Medina", "Garrido", "Cortés", "Soler",
    "Peñalva", "Beltrán", "Juan", "Chorro", "Lledó", "Verdú", "Antón", "Esteve", "Guijarro", "Cerdá", "Llorca",
)  # fmt: skip
BUSINESSES = (
    "Bar", "Panadería", "Peluquería", "Alfarería", "Ferretería", "Clínica dental", "Carnicería", "Taller",
    "Lavandería", "Restaurante", "Heladería", "Floristería",
)  # fmt: skip
FOREIGN_NAMES = ("Ionela Popescu", "Ahmed Benali", "Oksana Kovalenko", "Giulia Rossi", "John Whitaker")
MAIL_DOMAINS = ("example.com", "example.org", "example.net")
BANKS = ("2100", "0049", "0182", "0081", "2085", "3058", "3159", "0128")


@dataclass(frozen=True, slots=True)
class Customer:
    """Who pays for the water of a house. The NIF and IBAN check out; the people do not exist."""

    name: str
    nif: str
    email: str
    phone: str
    iban: str


def customer(rng: random.Random, serial: int, *, business: bool) -> Customer:
    """The customer with that running number; the number keeps NIF and e-mail unique in a town."""
    if business:
        surname = rng.choice(SURNAMES)
        name = f"{rng.choice(BUSINESSES)} {surname}, S.L."
        nif = company_nif(serial)
    elif rng.random() < 0.04:
        name = rng.choice(FOREIGN_NAMES)
        nif = foreigner_nif(rng, serial)
    else:
        name = f"{rng.choice(FIRST_NAMES)} {rng.choice(SURNAMES)} {rng.choice(SURNAMES)}"
        nif = person_nif(rng, serial)
    phone = f"6{rng.randrange(10**8):08d}"
    return Customer(name, nif, _email(rng, name, serial), phone, _iban(rng))


def person_nif(rng: random.Random, serial: int) -> str:
    """Eight digits and their letter; the last five digits come from the serial."""
    number = f"{rng.randrange(20, 990):03d}{serial % 100_000:05d}"
    return number + dni.calc_check_digit(number)


def foreigner_nif(rng: random.Random, serial: int) -> str:
    """A NIE: X or Y, seven digits and their letter."""
    number = f"{rng.choice('XY')}{rng.randrange(100):02d}{serial % 100_000:05d}"
    return number + nie.calc_check_digit(number)


def company_nif(serial: int) -> str:
    """A limited company's NIF: B, the province of Alicante, five digits and a check digit."""
    number = f"B03{serial % 100_000:05d}"
    return number + cif.calc_check_digits(number)[0]


def _email(rng: random.Random, name: str, serial: int) -> str:
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    words = ["".join(filter(str.isalnum, word)) for word in plain.split()][:2]
    return f"{'.'.join(words)}.{serial}@{rng.choice(MAIL_DOMAINS)}"


def _iban(rng: random.Random) -> str:
    bank, account = rng.choice(BANKS) + f"{rng.randrange(10**4):04d}", f"{rng.randrange(10**10):010d}"
    check = ccc.calc_check_digits(f"{bank}00{account}")
    return str(ccc.to_iban(f"{bank}{check}{account}")).replace(" ", "")
