"""What rating gives back: lines that explain themselves, bases and VAT per rate, and the total."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill: ``quantity`` of ``unit`` at ``unit_price`` euros, rounded to ``amount``.

    ``vat`` is the rate's code ("10", "21", "0", "NS" not subject, "EX" exempt). ``why`` is JSON-ready: tariff, version,
    source, clause, nature, beneficiary, facts used, block and its limits before and after scaling, dates, rounding.
    """

    code: str
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    vat: str
    why: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The line as ``sgc rate`` prints it: decimals as text."""
        return {
            "code": self.code,
            "description": self.description,
            "quantity": str(self.quantity),
            "unit": self.unit,
            "unit_price": str(self.unit_price),
            "amount": str(self.amount),
            "vat": self.vat,
            "why": dict(self.why),
        }


@dataclass(frozen=True, slots=True)
class Vat:
    """Base and VAT of one rate, in euros."""

    base: Decimal
    vat: Decimal


@dataclass(frozen=True, slots=True)
class Rated:
    """The lines of one bill and what they add up to."""

    lines: tuple[Line, ...]
    by_rate: Mapping[str, Vat]
    total: Decimal

    def to_json(self, ref: object = None) -> dict[str, Any]:
        """The bill as ``sgc rate`` prints it."""
        return {
            "ref": ref,
            "lines": [line.to_json() for line in self.lines],
            "by_rate": {code: {"base": str(v.base), "vat": str(v.vat)} for code, v in self.by_rate.items()},
            "total": str(self.total),
        }
