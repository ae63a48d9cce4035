"""The parts a volume is made of, each with the two readings behind it and how it was computed."""

from dataclasses import dataclass
from enum import StrEnum

from billing.volume.readings import Reading


class Method(StrEnum):
    """How the litres of a piece were computed."""

    DIFFERENCE = "difference"
    ROLLOVER = "rollover"
    REVERSED = "reversed"
    CORRECTION = "correction"
    CREDIT = "credit"
    CARRIED = "carried"
    ESTIMATED = "estimated"
    STOPPED = "stopped"
    SUBMETERS = "submeters"
    """What the sub-meters of a general meter show, taken off it."""
    BULK_SHARE = "bulk_share"
    """A sub-meter's part of what a general meter shows above them."""
    SHARE = "share"
    """What others pay of a supply that several contracts share, taken off it."""


DERIVED = (Method.SUBMETERS, Method.BULK_SHARE, Method.SHARE)
"""Litres that follow from other supplies' instead of from two readings of their own."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a clerk should know: a stable code and a Spanish text with the facts."""

    code: str
    meter: str
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Litres between two readings of one meter.

    ``index_litres`` is the part that the register itself shows; it differs from ``litres`` only where the
    register did not count (stopped meter) or there is no index. ``basis`` names the rule or reason behind
    an estimate, a correction or a credit.
    """

    meter: str
    calibre_mm: int
    opening: Reading | None
    closing: Reading | None
    litres: int
    index_litres: int
    method: Method
    estimated: bool
    basis: str = ""

    def why(self) -> dict[str, str | int | bool]:
        """The piece as plain values, for storage beside the bill's line."""
        facts: dict[str, str | int | bool] = {
            "meter": self.meter,
            "calibre_mm": self.calibre_mm,
            "litres": self.litres,
            "method": self.method.value,
            "estimated": self.estimated,
            "basis": self.basis,
        }
        for end, reading in (("opening", self.opening), ("closing", self.closing)):
            if reading is not None:
                facts[f"{end}_litres"] = reading.litres
                facts[f"{end}_at"] = reading.at.isoformat()
                facts[f"{end}_kind"] = reading.kind.value
                facts[f"{end}_origin"] = reading.origin
        return facts
