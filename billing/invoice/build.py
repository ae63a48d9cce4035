"""From rated lines to invoice lines and the VAT summary."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from billing.invoice.value import InvoiceLine, VatSum
from billing.money import rounded

# The nature of a tax that is collected for another administration.
COLLECTED = "levy"
NOT_TAXED = frozenset({"NS", "EX"})


class RatedLine(Protocol):
    """What rating hands over for each charge (``billing.rating.Line``)."""

    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def description(self) -> str: ...  # noqa: D102
    @property
    def quantity(self) -> Decimal: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def unit_price(self) -> Decimal: ...  # noqa: D102
    @property
    def amount(self) -> Decimal: ...  # noqa: D102
    @property
    def vat(self) -> str: ...  # noqa: D102
    @property
    def why(self) -> Mapping[str, Any]: ...  # noqa: D102


def lines_of(rated: Iterable[RatedLine]) -> tuple[InvoiceLine, ...]:
    """Invoice lines of rated ones; ``why`` names beneficiary and legal nature where the tariff does.

    Tariffs name who receives each component; an invoice only tells apart what is collected for others.
    """
    return tuple(
        InvoiceLine(
            code=line.code,
            description=line.description,
            quantity=line.quantity,
            unit=line.unit,
            unit_price=line.unit_price,
            amount=cents(line.amount),
            vat=line.vat,
            beneficiary=str(line.why.get("beneficiary") or "") if line.why.get("nature") == COLLECTED else "",
            nature=str(line.why.get("nature") or "price"),
            why=line.why,
        )
        for line in rated
    )


def sum_vat(lines: Iterable[InvoiceLine]) -> tuple[VatSum, ...]:
    """Base and VAT by rate, in order of first appearance: VAT on the sum of rounded lines, half up."""
    bases: dict[str, Decimal] = {}
    for line in lines:
        bases[line.vat] = bases.get(line.vat, Decimal("0.00")) + line.amount
    return tuple(VatSum(code, base, vat_on(base, code)) for code, base in bases.items())


def vat_on(base: Decimal, code: str) -> Decimal:
    """VAT of a base at one rate code; ValueError for a code that is neither a percentage, NS nor EX."""
    if code in NOT_TAXED:
        return Decimal("0.00")
    try:
        return cents(base * Decimal(code) / 100)
    except InvalidOperation:
        raise ValueError(f"vat {code!r}: must be a rate in percent, NS or EX") from None


def cents(amount: Decimal) -> Decimal:
    """Two decimals, half up."""
    return rounded(amount)
