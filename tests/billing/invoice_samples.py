"""Invoices for tests, built from lines of the worked bills."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from billing.invoice import (
    Address,
    Invoice,
    InvoiceLine,
    Party,
    PaymentMethod,
    PaymentTerms,
    Supply,
    sum_vat,
)
from billing.volume import Kind, Method, Period, Piece, Reading

PERIOD = Period(date(2026, 1, 1), date(2026, 3, 1))
TERMS = PaymentTerms(PaymentMethod.DIRECT_DEBIT, date(2026, 3, 20), "ES91 **** **** **** **** 1332", "M-00017")
ISSUER = Party(
    "Aguas Municipales de Prueba, S. A.",
    "A28015865",
    Address("Calle del Agua, 1", "46980", "Paterna", "Valencia"),
    business=True,
)
HOLDER = Party("Ana García Pérez", "12345678Z", Address("Calle Mayor, 12, 3.º B", "46980", "Paterna", "Valencia"))


def line(
    code: str,
    description: str,
    quantity: str,
    price: str,
    amount: str,
    vat: str = "10",
    beneficiary: str = "",
    nature: str = "price",
    **why: object,
) -> InvoiceLine:
    unit = "m3" if "CONS" in code else "mes"
    numbers = (Decimal(quantity), unit, Decimal(price), Decimal(amount))
    return InvoiceLine(code, description, *numbers, vat, beneficiary, nature, why)


# B02 of the worked bills: Paterna, 24 m3, with the regional levy not subject to VAT.
B02 = (
    line("AGUA_SERV", "Cuota de servicio", "2", "1.96", "3.92"),
    line("AGUA_CONS", "Consumo, bloque 1", "18", "0.4436", "7.98", block=1),
    line("AGUA_CONS", "Consumo, bloque 2", "6", "0.6741", "4.04", block=2),
    line("CANON_GVA_CONS", "Canon de saneamiento, consumo", "24", "0.441", "10.58", "NS", "EPSAR", "levy"),
    line("CANON_GVA_SERV", "Canon de saneamiento, servicio", "0.161644", "44.83", "7.25", "NS", "EPSAR", "levy"),
)


def invoice(lines: tuple[InvoiceLine, ...] = B02, **changes: object) -> Invoice:
    opening = Reading("CT-1", datetime(2025, 12, 31, 23, tzinfo=UTC), 1_211_000, Kind.REMOTE, "r1")
    closing = Reading("CT-1", datetime(2026, 2, 28, 23, tzinfo=UTC), 1_235_000, Kind.REMOTE, "r2")
    vat = sum_vat(lines)
    bill = Invoice(
        series="AG2026",
        number=123,
        issued=date(2026, 3, 5),
        issuer=ISSUER,
        recipient=HOLDER,
        supply=Supply("C-1001", "PS-0007", Address("Calle Mayor, 12, 3.º B", "46980", "Paterna"), calibre_mm=13),
        period=PERIOD,
        litres=24_000,
        pieces=(Piece("CT-1", 13, opening, closing, 24_000, 24_000, Method.DIFFERENCE, estimated=False),),
        lines=lines,
        vat=vat,
        total=sum((item.base + item.vat for item in vat), Decimal("0.00")),
        terms=TERMS,
        operation_date=PERIOD.last_day,
    )
    return replace(bill, **changes)  # type: ignore[arg-type]
