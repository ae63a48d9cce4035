"""A bill before it is law: all that issuing it needs, and all that its review looks at."""

from typing import Any

import msgspec

from billing.invoice import Invoice
from central.invoicing.evidence import Closing, Evidence, PieceEnd, Source


class Basis(msgspec.Struct, frozen=True):
    """What the amounts follow from: the rated case as JSON, the tariff rows, the program, a hash of all inputs."""

    case: dict[str, Any]
    tariffs: list[int]
    program: str
    inputs: str


class Draft(msgspec.Struct, frozen=True):
    """A simulated bill. ``estimates`` are readings that nobody took and that are stored when the bill is issued."""

    invoice: Invoice
    customer_id: int
    supply_point_id: int
    basis: Basis
    closing: dict[str, Closing]
    ends: list[PieceEnd]
    estimates: list[Source]
    notes: list[str]

    @property
    def evidence(self) -> Evidence:
        """What its volume rests on."""
        return Evidence(self.invoice.pieces, self.ends, self.closing)

    @property
    def estimated_litres(self) -> int:
        """The litres of the pieces that rest on an estimate."""
        return sum(piece.litres for piece in self.invoice.pieces if piece.estimated)


class Complaint(msgspec.Struct, frozen=True):
    """One thing a person must look at: a stable code, a Spanish sentence, and the numbers that were compared."""

    code: str
    text: str
    numbers: dict[str, Any] = {}
