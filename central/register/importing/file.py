"""The register as a JSON file: what `sgc central import` reads.

    {"schema": 1,
     "utility": {…}, "supply_points": [{…}], "meters": [{…}], "installations": [{…}],
     "customers": [{…}], "contracts": [{…}], "devices": [{…}], "routes": [{…}]}

Every section but ``utility`` may be missing. A row's fields are those of the structs below; those without a default
must be there, and one that is not listed is an error. Rows name each other by their codes (a meter by its address).
Dates are ``YYYY-MM-DD`` in Europe/Madrid and ranges half-open; a moment is such a date, meaning its local midnight, or
an ISO 8601 instant with its zone. Volumes are whole litres, coordinates WGS 84 degrees times 10^7. A meter's ``key`` is
32 hexadecimal digits and needs the key file it will be sealed under.
"""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from central.register.errors import RegisterError
from central.times import midnight_ms, millis

SCHEMA = 1

# What the columns hold: a longer text or a bigger number would be refused by one database and not by another.
Short = Annotated[str, Meta(max_length=64)]
Words = Annotated[str, Meta(max_length=200)]
Small = Annotated[int, Meta(ge=0, le=32_767)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class Row(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A row of any section."""


class UtilityRow(Row):
    """The utility that everything else in the file belongs to."""

    code: str
    name: str
    nif: str
    ine_code: str
    address: dict[str, Any] = {}
    contact: dict[str, Any] = {}
    settings: dict[str, Any] = {}


class SupplyPointRow(Row):
    """A place water is supplied to."""

    code: str
    street: str
    number: Short
    postal_code: str
    ine_code: str
    detail: Words = ""
    cadastral_ref: str | None = None
    zone: Short | None = None
    lat_e7: Whole | None = None
    lon_e7: Whole | None = None


class MeterRow(Row):
    """A meter; ``address`` may be missing only where it has neither radio nor bus."""

    serial: str
    calibre_mm: Small
    modulus_litres: Annotated[int, Meta(ge=1, le=10**15)]
    radio: bool
    address: str | None = None
    q3_litres_hour: Annotated[int, Meta(ge=1, le=10**8)] | None = None
    made_year: Annotated[int, Meta(ge=1900, le=2200)] | None = None
    key: str | None = None


class InstallationRow(Row):
    """A meter at a supply point from a moment to a moment, with the index read when it was hung and taken down."""

    meter: str
    supply_point: str
    start: str
    end: str | None = None
    installation_litres: Whole | None = None
    removal_litres: Whole | None = None


class BankRow(Row):
    """The account a customer's receipts are drawn on."""

    iban: str
    valid_from: date
    valid_to: date | None = None
    mandate_ref: Annotated[str, Meta(max_length=35)] | None = None
    mandate_signed_on: date | None = None


class CustomerRow(Row):
    """A person or body that holds contracts; a NIF that nobody knows is empty.

    ``bank`` is a new account that follows the one before it; ``accounts`` are all of them over time. ``ended_on`` is
    the day of death or dissolution and ``ended_source`` who says so.
    """

    code: str
    nif: str
    name: str
    kind: str = "person"
    email: str | None = None
    phone: Annotated[str, Meta(max_length=32)] | None = None
    language: str = "es"
    address: dict[str, Any] = {}
    ended_on: date | None = None
    ended_source: Words | None = None
    bank: BankRow | None = None
    accounts: tuple[BankRow, ...] = ()


class HolderRow(Row):
    """Who holds a contract in a range within it; both ends default to the contract's."""

    customer: str
    start: date | None = None
    end: date | None = None


class TermsRow(Row):
    """The terms of a contract in a range within it; both ends default to the contract's."""

    use: str
    start: date | None = None
    end: date | None = None
    dwellings: Small = 1
    premises: Small = 1
    persons: Small | None = None
    groups: tuple[str, ...] = ()
    bonuses: tuple[dict[str, Any], ...] = ()
    parameters: dict[str, Any] = {}
    habitual_home: bool = False
    vulnerable: bool = False
    note: str = ""


class ContractRow(Row):
    """A contract with everybody who held it and all its terms, in time order."""

    code: str
    supply_point: str
    start: date
    holders: tuple[HolderRow, ...]
    terms: tuple[TermsRow, ...]
    end: date | None = None


class DeviceRow(Row):
    """A device to be enrolled."""

    name: str
    kind: str = "handheld"


class RouteRow(Row):
    """A route; without ``stops`` it goes over every supply point street by street."""

    code: str
    name: str
    planned_on: date
    device: str | None = None
    closed_list: bool = False
    stops: tuple[str, ...] | None = None


class RegisterFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file; its rows are parsed one by one, so that a bad one is refused alone."""

    schema: int
    utility: msgspec.Raw
    supply_points: tuple[msgspec.Raw, ...] = ()
    meters: tuple[msgspec.Raw, ...] = ()
    installations: tuple[msgspec.Raw, ...] = ()
    customers: tuple[msgspec.Raw, ...] = ()
    contracts: tuple[msgspec.Raw, ...] = ()
    devices: tuple[msgspec.Raw, ...] = ()
    routes: tuple[msgspec.Raw, ...] = ()


AnyRow = TypeVar("AnyRow", bound=Row)


def read_register_file(path: Path) -> RegisterFile:
    """Read a file; raises :class:`RegisterError` where it is not one of this shape."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RegisterError("file", str(path), f"cannot be read ({error.strerror})") from error
    return parse_register_file(data, str(path))


def parse_register_file(data: bytes, name: str) -> RegisterFile:
    """Parse the bytes of a file called ``name``; raises :class:`RegisterError`."""
    try:
        file = msgspec.json.decode(data, type=RegisterFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RegisterError("file", name, str(error)) from error
    if file.schema != SCHEMA:
        raise RegisterError("file.schema", file.schema, f"this program knows {SCHEMA}")
    return file


def parse_row(raw: msgspec.Raw, kind: type[AnyRow]) -> AnyRow:
    """Parse one row; raises :class:`RegisterError`."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # The row itself may hold a secret: only what it calls itself is repeated.
        raise RegisterError("row", key_of(raw), str(error)) from error


def key_of(raw: msgspec.Raw) -> str:
    """What a row that could not be read calls itself, if it says so."""
    try:
        row = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    if not isinstance(row, dict):
        return ""
    return str(next((row[name] for name in ("code", "serial", "name", "meter") if name in row), ""))


def moment_ms(field: str, text: str) -> int:
    """Epoch milliseconds of a moment as the file writes it."""
    try:
        if len(text) == len("YYYY-MM-DD"):
            return midnight_ms(date.fromisoformat(text))
        return millis(datetime.fromisoformat(text))
    except ValueError as error:
        raise RegisterError(field, text, f"must be YYYY-MM-DD or an instant with its zone ({error})") from error
