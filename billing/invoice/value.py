"""The invoice and its parts. Money is Decimal euros with two decimals unless said otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from billing.invoice.party import Address, Party
from billing.volume import Period, Piece

NOTHING: Mapping[str, object] = MappingProxyType({})


class InvoiceType(StrEnum):
    """The tax agency's list L2: F1 whole, F2 simplified, R1 to R4 rectify F1, R5 rectifies F2."""

    F1 = "F1"
    F2 = "F2"
    R1 = "R1"
    R2 = "R2"
    R3 = "R3"
    R4 = "R4"
    R5 = "R5"

    @property
    def simplified(self) -> bool:
        """Whether it need not name who receives it (RD 1619/2012, article 7)."""
        return self in (InvoiceType.F2, InvoiceType.R5)

    @property
    def rectifies(self) -> bool:
        """Whether it names what it rectifies (article 15)."""
        return self not in (InvoiceType.F1, InvoiceType.F2)


class PaymentMethod(StrEnum):
    """How the customer chose to pay."""

    DIRECT_DEBIT = "direct_debit"
    SLIP = "slip"
    TRANSFER = "transfer"
    CARD = "card"
    COUNTER = "counter"


# S: the rectifying invoice replaces the original; I: it carries the differences (list L3).
Method = Literal["S", "I"]


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One charge. ``beneficiary`` is empty when the money is the issuer's own.

    ``vat`` is a rate in percent ("10", "21", "0"), "NS" (not subject) or "EX" (exempt). ``nature`` says
    what the charge is in law: price, ppnt (compulsory non-tax charge), tasa, or levy.
    """

    code: str
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    vat: str
    beneficiary: str = ""
    nature: str = "price"
    why: Mapping[str, object] = field(default_factory=lambda: NOTHING, hash=False)


@dataclass(frozen=True, slots=True)
class VatSum:
    """Base and VAT of all lines at one rate."""

    code: str
    base: Decimal
    vat: Decimal


@dataclass(frozen=True, slots=True)
class Supply:
    """The supply point and contract that are billed."""

    contract: str
    supply_code: str
    address: Address
    use: str = "domestic"
    calibre_mm: int | None = None
    persons: int | None = None
    dwellings: int = 1
    meter: str = ""


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """When and how: ``due`` is the last day to pay, or the day of the charge for direct debit."""

    method: PaymentMethod
    due: date
    iban: str = ""
    mandate: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """An invoice named by another one."""

    number: str
    issued: date


@dataclass(frozen=True, slots=True)
class Rectification:
    """What a rectifying invoice corrects (RD 1619/2012, art. 15).

    ``base`` and ``vat`` are those of what is replaced and only stated by substitution (method S).
    """

    method: Method
    originals: tuple[Reference, ...]
    reason: str
    base: Decimal | None = None
    vat: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """One bill. ``number`` and ``issued`` are None until the run assigns them."""

    series: str
    number: int | None
    issued: date | None
    issuer: Party
    recipient: Party
    supply: Supply
    period: Period
    litres: int
    pieces: tuple[Piece, ...]
    lines: tuple[InvoiceLine, ...]
    vat: tuple[VatSum, ...]
    total: Decimal
    terms: PaymentTerms
    type: InvoiceType = InvoiceType.F1
    operation_date: date | None = None
    description: str = "Suministro de agua"
    rectification: Rectification | None = None

    @property
    def full_number(self) -> str:
        """Series and number as printed, chained and sent: ``AG2026/000123``; empty before numbering."""
        return "" if self.number is None else f"{self.series}/{self.number:06d}"

    @property
    def base(self) -> Decimal:
        """Everything but VAT."""
        return sum((item.base for item in self.vat), Decimal("0.00"))

    @property
    def vat_total(self) -> Decimal:
        """VAT of all rates."""
        return sum((item.vat for item in self.vat), Decimal("0.00"))

    @property
    def reference(self) -> Reference:
        """How another invoice names this one."""
        if self.issued is None:
            raise ValueError(f"invoice of contract {self.supply.contract}: issued is missing (not numbered yet)")
        return Reference(self.full_number, self.issued)

    def numbered(self, number: int, issued: date) -> "Invoice":
        """The same bill with its number and date."""
        return replace(self, number=number, issued=issued)
