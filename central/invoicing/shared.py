"""What many bills have in common, stored once: how a line reads and why, the form of an invoice, the invoicing system.

A value's id is the beginning of the SHA-256 of its kind and JSON, so whoever meets it first writes it, in any process,
and everybody else names it. Nothing else may stand under its id: :meth:`Pool.write` looks, and ``sgc audit`` does.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from billing.invoice import InvoiceLine, Party
from central.invoicing.settings import FiscalSettings
from central.store.bulk import add_missing_rows, chunks
from central.store.models import Invoice, SharedValue

CHARGE, FORM, FISCAL = "charge", "form", "fiscal"
AT_ONCE = 500

_COLUMNS = ("utility_id", "id", "kind", "value")
_encode = msgspec.json.Encoder(order="sorted").encode


class Charge(msgspec.Struct, frozen=True):
    """A line but for its quantity and amount; ``why`` without the exact quantity. ``tariff`` is the tariff's row."""

    code: str
    description: str
    unit: str
    unit_price: str
    vat: str
    beneficiary: str
    nature: str
    tariff: int | None
    why: dict[str, Any]


class Form(msgspec.Struct, frozen=True):
    """What an invoice shares with others of its kind: ``place`` is the supply's town, province and country.

    ``charges`` are the ids of its lines' charges in order, ``vat`` the rates in the order of their sums, ``case`` the
    rated case without reference and litres, ``tariffs`` the rows it was rated with.
    """

    issuer: Party
    due: str
    method: str
    description: str
    place: tuple[str, str, str]
    use: str
    calibre_mm: int | None
    persons: int | None
    dwellings: int
    vat: list[str]
    charges: list[int]
    case: dict[str, Any]
    tariffs: list[int]
    program: str


class SharedValueError(RuntimeError):
    """A shared value that is not there, or not what its id says."""


def id_of(kind: str, value: bytes) -> int:
    """The id of a value: 63 bits of its hash."""
    return int.from_bytes(hashlib.sha256(kind.encode() + b":" + value).digest()[:8]) >> 1


class Pool:
    """Shared values met while bills are made, to be written with them."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, bytes], int] = {}

    def add(self, kind: str, value: Any) -> int:
        """The id of a value."""
        key = (kind, _encode(value))
        known = self._ids.get(key)
        if known is None:
            known = self._ids[key] = id_of(*key)
        return known

    def charge(self, line: InvoiceLine, tariff: int | None) -> int:
        """The id of a line's charge."""
        why = {name: value for name, value in line.why.items() if name != "quantity"}
        price = str(line.unit_price)
        said = (line.code, line.description, line.unit, price, line.vat, line.beneficiary, line.nature)
        return self.add(CHARGE, Charge(*said, tariff, why))

    def write(self, session: Session, utility_id: int) -> None:
        """Store what is not there yet; SharedValueError where another value has the id."""
        rows = [(utility_id, known, kind, value.decode()) for (kind, value), known in self._ids.items()]
        # In one order everywhere, so that two writers of the same values wait for each other and never in a circle.
        rows.sort(key=lambda row: row[1])
        for some in chunks(rows, AT_ONCE):
            stored = _stored(session, utility_id, [row[1] for row in some])
            missing = [row for row in some if row[1] not in stored]
            add_missing_rows(session, SharedValue, _COLUMNS, missing)
            if missing:
                stored |= _stored(session, utility_id, [row[1] for row in missing])
            for _, known, kind, value in some:
                if stored.get(known) != (kind, value):
                    raise SharedValueError(f"shared value {known}: another one has its id")


class Shared:
    """Shared values of a utility as they are read; each is read and understood once."""

    def __init__(self, session: Session, utility_id: int) -> None:
        self._session = session
        self._utility_id = utility_id
        self._known: dict[int, tuple[str, str]] = {}
        self._charges: dict[int, Charge] = {}
        self._forms: dict[int, Form] = {}
        self._fiscal: dict[int, FiscalSettings] = {}

    def load(self, ids: Iterable[int]) -> None:
        """Read several at once."""
        wanted = sorted({one for one in ids if one not in self._known})
        for some in chunks(wanted, AT_ONCE):
            self._known |= _stored(self._session, self._utility_id, some)

    def known(self) -> set[int]:
        """The ids of what was read."""
        return set(self._known)

    def load_forms(self, ids: Iterable[int]) -> None:
        """Read several forms with all their charges at once."""
        wanted = set(ids)
        self.load(wanted)
        self.load(charge for one in wanted for charge in self.form(one).charges)

    def charge(self, one: int) -> Charge:
        """A charge."""
        if one not in self._charges:
            self._charges[one] = msgspec.json.decode(self._value(one, CHARGE), type=Charge)
        return self._charges[one]

    def form(self, one: int) -> Form:
        """A form."""
        if one not in self._forms:
            self._forms[one] = msgspec.json.decode(self._value(one, FORM), type=Form)
        return self._forms[one]

    def fiscal(self, one: int) -> FiscalSettings:
        """The system that records are of, and what they state of the invoicing system."""
        if one not in self._fiscal:
            self._fiscal[one] = msgspec.json.decode(self._value(one, FISCAL), type=FiscalSettings)
        return self._fiscal[one]

    def _value(self, one: int, kind: str) -> str:
        self.load([one])
        found = self._known.get(one)
        if found is None or found[0] != kind:
            raise SharedValueError(f"shared value {one}: there is no {kind} of this id")
        return found[1]


def issuer_of(invoice: Invoice) -> Party:
    """Who issued an invoice that its session still holds."""
    session = object_session(invoice)
    if session is None:
        raise SharedValueError(f"invoice {invoice.number_text}: is held by no session")
    return Shared(session, invoice.utility_id).form(invoice.form_id).issuer


def _stored(session: Session, utility_id: int, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    rows = select(SharedValue.id, SharedValue.kind, SharedValue.value).where(
        SharedValue.utility_id == utility_id, SharedValue.id.in_(list(ids))
    )
    return {row.id: (row.kind, row.value) for row in session.execute(rows)}
