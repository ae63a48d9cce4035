"""The port every fiscal registry implements, and what passes through it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Literal, Protocol

from billing.invoice import Invoice, Party, Reference


class FiscalError(ValueError):
    """An invoice that cannot be recorded; the text names field, value and rule."""


@dataclass(frozen=True, slots=True)
class Link:
    """What the next record of a chain must know of the one before."""

    nif: str
    number: str
    issued: date
    hash: str


@dataclass(frozen=True)
class FiscalRecord:
    """A record of issue or cancellation, chained to the one before.

    ``stamp`` is FechaHoraHusoGenRegistro as hashed. ``qr_url`` is empty for cancellations. ``xml`` is the
    RegistroAlta or RegistroAnulacion element in UTF-8, built when first asked for. The SII's records have neither hash
    nor QR code; their element is the entry of a message.
    """

    system: str
    kind: Literal["issue", "cancellation"]
    nif: str
    number: str
    issued: date
    stamp: str
    hash: str
    previous: Link | None
    qr_url: str
    build_xml: Callable[[], bytes] = field(repr=False, compare=False)

    @property
    def link(self) -> Link:
        """The link for the next record."""
        return Link(self.nif, self.number, self.issued, self.hash)

    @cached_property
    def xml(self) -> bytes:
        """The record's element, ready to be stored and sent."""
        return self.build_xml()


class Registry(Protocol):
    """A system of fiscal records. ``at`` is the aware instant of generation.

    Where the system keeps no records, there is nothing to check and both other methods return None.
    """

    def check(self, invoice: Invoice) -> None:
        """FiscalError where no record could be made of an invoice; known before it has its own number."""

    def record_for(self, invoice: Invoice, previous: Link | None, at: datetime) -> FiscalRecord | None:
        """The record of issue of a numbered invoice; FiscalError when it cannot be recorded."""

    def cancellation_for(
        self, issuer: Party, invoice: Reference, previous: Link | None, at: datetime
    ) -> FiscalRecord | None:
        """The record that cancels an invoice issued by mistake."""
