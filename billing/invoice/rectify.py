"""Rectifying invoices R1 to R5, by substitution or by differences (RD 1619/2012, art. 15)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from billing.invoice.build import sum_vat
from billing.invoice.value import (
    Invoice,
    InvoiceLine,
    InvoiceType,
    Method,
    PaymentTerms,
    Rectification,
    Reference,
    VatSum,
)
from billing.volume import Piece

ZERO = Decimal("0.00")


def rectify(
    against: Sequence[Invoice],
    lines: Sequence[InvoiceLine],
    *,
    type: InvoiceType,
    method: Method,
    reason: str,
    series: str,
    number: int | None,
    issued: date | None,
    terms: PaymentTerms,
    litres: int | None = None,
    pieces: tuple[Piece, ...] | None = None,
    vat: Sequence[VatSum] | None = None,
) -> Invoice:
    """An invoice that leaves the customer with ``lines`` instead of what was billed.

    ``against`` is the original followed by its earlier rectifications by differences (after one by
    substitution, that one alone). By substitution the result carries ``lines`` whole and states the
    amounts it replaces; by differences it carries what changed, so that what was billed plus the result
    is exactly ``lines`` in every base, VAT and total. Empty ``lines`` cancel the bill. ``litres`` and
    ``pieces`` are those after the correction; without them the original's stay. ``vat`` is the VAT of
    ``lines`` where the tariff rounds it otherwise than on their sum.
    """
    if not against:
        raise ValueError("against: (empty): a rectifying invoice names at least one original")
    original = against[0]
    if not type.rectifies or (type is InvoiceType.R5) is not original.type.simplified:
        rule = "R5 rectifies simplified invoices, R1 to R4 whole ones (RD 1619/2012 art. 15)"
        raise ValueError(f"type {type.value} for {original.type.value} {original.full_number}: {rule}")
    if not original.type.rectifies and series == original.series:
        raise ValueError(f"series {series}: rectifying invoices have a series of their own (RD 1619/2012 art. 6.1.a)")
    corrected_vat = sum_vat(lines) if vat is None else tuple(vat)
    billed_vat = _added(against)
    if method == "S":
        new_lines, new_vat = tuple(lines), corrected_vat
        replaced = _total(billed_vat, "base"), _total(billed_vat, "vat")
        note = Rectification(method, _references(against), reason, *replaced)
    else:
        new_lines = _changed(against, lines)
        new_vat = _difference(corrected_vat, billed_vat, {line.vat for line in new_lines})
        note = Rectification(method, _references(against), reason)
    return replace(
        original,
        series=series,
        number=number,
        issued=issued,
        type=type,
        lines=new_lines,
        vat=new_vat,
        total=_total(new_vat, "base") + _total(new_vat, "vat"),
        terms=terms,
        rectification=note,
        litres=original.litres if litres is None else litres,
        pieces=original.pieces if pieces is None else pieces,
    )


def _references(against: Sequence[Invoice]) -> tuple[Reference, ...]:
    return tuple(invoice.reference for invoice in against)


def _changed(against: Iterable[Invoice], lines: Sequence[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """What was billed and no longer holds, negated, followed by what is new; equal charges cancel out."""
    net: dict[tuple[object, ...], list[InvoiceLine]] = {}
    for line in (*(_negated(line) for invoice in against for line in invoice.lines), *lines):
        opposite = net.get(_charge(_negated(line)))
        if opposite:
            opposite.pop()
        else:
            net.setdefault(_charge(line), []).append(line)
    return tuple(line for same in net.values() for line in same)


def _charge(line: InvoiceLine) -> tuple[object, ...]:
    """All that makes two lines the same charge; where it came from does not."""
    amounts = (line.quantity, line.unit, line.unit_price, line.amount, line.vat)
    return (line.code, line.description, *amounts, line.beneficiary, line.nature)


def _negated(line: InvoiceLine) -> InvoiceLine:
    return replace(line, quantity=-line.quantity, amount=-line.amount)


def _added(invoices: Iterable[Invoice]) -> tuple[VatSum, ...]:
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for invoice in invoices:
        for item in invoice.vat:
            base, vat = sums.get(item.code, (ZERO, ZERO))
            sums[item.code] = (base + item.base, vat + item.vat)
    return tuple(VatSum(code, base, vat) for code, (base, vat) in sums.items())


def _difference(wanted: Sequence[VatSum], billed: Sequence[VatSum], kept: set[str]) -> tuple[VatSum, ...]:
    """Rate by rate; rates of lines shown stay even at zero, others only when they differ."""
    new = {item.code: item for item in wanted}
    old = {item.code: item for item in billed}
    nothing = VatSum("", ZERO, ZERO)
    found = []
    for code in dict.fromkeys([*new, *old]):
        after, before = new.get(code, nothing), old.get(code, nothing)
        item = VatSum(code, after.base - before.base, after.vat - before.vat)
        if item.base or item.vat or code in kept:
            found.append(item)
    return tuple(found)


def _total(sums: Iterable[VatSum], field: str) -> Decimal:
    return sum((getattr(item, field) for item in sums), ZERO)
