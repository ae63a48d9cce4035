"""Records of issue written by the thousand: the library writes the first of each shape, its like are that text filled.

The records of a run differ in a dozen values. A shape is all the rest: who issues, when, which VAT rates appear, how
the recipient is named, whether another record came before. For each shape verifactu-sdk writes one record with marks
in the place of those values; what it wrote around the marks is the text of all others.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from xml.sax.saxutils import escape

from billing.fiscal.config import FiscalConfig
from billing.fiscal.port import Link
from billing.invoice import Invoice, InvoiceType, Party

# Private-use characters: no value can be mistaken for one, for values are only filled in afterwards.
NUMBER, DESCRIPTION, NAME, IDENTITY, PREVIOUS, PREVIOUS_HASH = (chr(0xE000 + at) for at in range(6))
# Amounts are marked with amounts, which no bill comes near.
VAT_TOTAL, TOTAL = Decimal("9000000000.01"), Decimal("9000000000.02")
FIRST_BASE = 9_100_000_000
MAX_VAT = 12  # DetalleDesglose in SuministroInformacion.xsd


class Shape(NamedTuple):
    """What records have in common; ``identity`` is None for a NIF, else the kind and country of another identity."""

    config: FiscalConfig
    issuer: Party
    issued: date
    operation: date | None
    vat: tuple[str, ...]
    identity: tuple[str, str] | None
    previous: date | None
    at: datetime


def shape_of(config: FiscalConfig, invoice: Invoice, previous: Link | None, at: datetime) -> Shape | None:
    """The shape of an invoice's record; None where it is of a kind that is written one by one."""
    recipient, issued = invoice.recipient, invoice.reference.issued
    if invoice.type is not InvoiceType.F1 or invoice.rectification is not None:
        return None
    if not 0 < len(invoice.vat) <= MAX_VAT or not all(_plain(text) for text in _texts(invoice, previous)):
        return None
    other = None if recipient.nif else recipient.foreign_id
    return Shape(
        config,
        invoice.issuer,
        issued,
        invoice.operation_date if invoice.operation_date != issued else None,
        tuple(item.code for item in invoice.vat),
        (other.kind, other.country) if other else None,
        previous.issued if previous else None,
        at,
    )


def values_of(invoice: Invoice, previous: Link | None, description: str) -> tuple[str, ...]:
    """The values of a record, in the order of :func:`marks`."""
    recipient = invoice.recipient
    other = recipient.foreign_id
    identity = recipient.nif or (other.number if other else "")
    return (
        escape(invoice.full_number),
        escape(description),
        escape(recipient.name),
        escape(identity),
        escape(previous.number) if previous else "",
        previous.hash if previous else "",
        f"{invoice.vat_total:.2f}",
        f"{invoice.total:.2f}",
        *(f"{amount:.2f}" for item in invoice.vat for amount in (item.base, item.vat)),
    )


def marks(vat: tuple[str, ...]) -> tuple[str, ...]:
    """What stands in the place of each value while the library writes a shape."""
    amounts = (f"{amount:.2f}" for at in range(len(vat)) for amount in base_and_vat(at))
    return (NUMBER, DESCRIPTION, NAME, IDENTITY, PREVIOUS, PREVIOUS_HASH, str(VAT_TOTAL), str(TOTAL), *amounts)


def base_and_vat(at: int) -> tuple[Decimal, Decimal]:
    """The marks of the amounts of one rate."""
    base = Decimal(FIRST_BASE + at)
    return base + Decimal("0.03"), base + Decimal("0.04")


def filler(text: str, vat: tuple[str, ...], digest: str) -> Callable[[tuple[str, ...], str], bytes]:
    """From the library's text of a shape, with its marks and its ``digest``, to the text of any record like it."""
    known = [*marks(vat), digest]
    pieces = re.split(f"({'|'.join(re.escape(mark) for mark in known)})", text)
    order = [known.index(mark) for mark in pieces[1::2]]

    def fill(values: tuple[str, ...], own_digest: str) -> bytes:
        every = (*values, own_digest)
        out = pieces.copy()
        out[1::2] = [every[at] for at in order]
        return "".join(out).encode()

    return fill


def _texts(invoice: Invoice, previous: Link | None) -> list[str]:
    recipient = invoice.recipient
    other = recipient.foreign_id.number if recipient.foreign_id else ""
    identity = recipient.nif or other
    before = [previous.number, previous.hash] if previous else []
    return [invoice.full_number, invoice.description, invoice.supply.contract, recipient.name, identity, *before]


def _plain(text: str) -> bool:
    """Whether XML and hash take a text as it is: nothing to trim, no control character."""
    return text.isprintable() and text == text.strip()
