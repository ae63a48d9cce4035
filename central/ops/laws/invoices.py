"""Invoices add up, say what the law asks for, and follow again from the case and the tariffs stored with them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from billing.invoice import Invoice as InvoiceValue
from billing.invoice import InvoiceLine as LineValue
from billing.invoice import check, lines_of
from billing.invoice.build import NOT_TAXED
from billing.money import divide
from billing.tariff import RatingError, TariffError
from central.invoicing.archive import Archived, rebuild
from central.invoicing.drafting import own_beneficiary
from central.invoicing.ratings import Ratings
from central.invoicing.tariffs import StoredBook, book_of
from central.ops.laws.law import Case, Report, pages
from central.store.models import Invoice, InvoiceLine

Amounts = dict[str, list[int]]


def invoices_are_their_lines(case: Case, report: Report) -> None:
    """Base by rate is the sum of the rate's lines; bases and VAT add up to the totals."""
    for row, amounts in _with_amounts(case):
        report.saw()
        stated = {code: item["base_cents"] for code, item in row.vat.items()}
        lines = {code: sum(cents) for code, cents in amounts.items()}
        if stated != lines:
            report.breach(f"invoice {row.number_text}: bases {stated} must be the sums of its lines, {lines}")
        vat = sum(item["vat_cents"] for item in row.vat.values())
        if (row.base_cents, row.vat_cents) != (sum(stated.values()), vat):
            report.breach(
                f"invoice {row.number_text}: base {row.base_cents} and VAT {row.vat_cents} must be its rates'"
            )
        if row.total_cents != row.base_cents + row.vat_cents:
            parts = f"{row.base_cents} + {row.vat_cents}"
            report.breach(f"invoice {row.number_text}: total {row.total_cents} must be base plus VAT, {parts}")


def vat_is_right(case: Case, report: Report) -> None:
    """VAT of each rate is the rate of its base, half up; or of each of its lines, where a tariff rounds it by line.

    A rectification by differences states what VAT changes; its law is that of the bill it comes to.
    """
    for row, amounts in _with_amounts(case):
        if (row.rectifies or {}).get("method") == "I":
            continue
        for code, item in row.vat.items():
            report.saw()
            on_base = _vat_cents(code, item["base_cents"])
            by_line = sum(_vat_cents(code, cents) for cents in amounts.get(code, []))
            if item["vat_cents"] not in (on_base, by_line):
                found = f"{item['vat_cents']} cents on {item['base_cents']}"
                report.breach(f"invoice {row.number_text}: VAT {code}: {found}, must be {on_base}")


def invoices_are_complete(case: Case, report: Report) -> None:
    """Each invoice, rebuilt from its rows, satisfies what an invoice must say (RD 1619/2012, article 6)."""
    for some in _archived(case):
        report.saw(len(some))
        for archived in some:
            for problem in check(archived.invoice):
                report.breach(f"invoice {archived.row.number_text}: {problem}")


def bills_follow_again(case: Case, report: Report) -> None:
    """The stored case, rated with the stored tariffs, gives the very same lines, VAT and total."""

    @lru_cache(maxsize=64)
    def book(versions: tuple[int, ...]) -> StoredBook:
        return book_of(case.session, case.utility_id, versions)

    for some in _archived(case):
        by_tariffs: dict[tuple[int, ...], list[Archived]] = {}
        for archived in some:
            by_tariffs.setdefault(tuple(archived.basis.tariffs), []).append(archived)
        for versions, bills in by_tariffs.items():
            ratings = Ratings([bill.basis.case for bill in bills], book(versions).book)
            for number, bill in enumerate(bills):
                report.saw()
                fault = _rated_again(bill.invoice, ratings, number)
                if fault:
                    report.breach(f"invoice {bill.row.number_text}: {fault}")


def _rated_again(invoice: InvoiceValue, ratings: Ratings, number: int) -> str:
    try:
        rated = ratings.rated(number)
    except (RatingError, TariffError) as error:
        return f"its case cannot be rated again: {error}"
    again = [_charge(own_beneficiary(line)) for line in lines_of(rated.lines)]
    if again != [_charge(line) for line in invoice.lines]:
        return "rated again its lines differ"
    if rated.total != invoice.total:
        return f"rated again it comes to {rated.total}, it says {invoice.total}"
    return ""


def _charge(line: LineValue) -> tuple[object, ...]:
    return (line.code, line.description, line.quantity, line.unit, line.unit_price, line.amount, line.vat)


def _archived(case: Case) -> Iterator[list[Archived]]:
    """Every invoice that stands on its own case, in stretches; a rectifying one by differences stands on others'."""
    rows = select(Invoice).where(Invoice.utility_id == case.utility_id, Invoice.rectifies.is_(None))
    for some in pages(case, rows, Invoice.id):
        yield list(rebuild(case.session, some))


def _with_amounts(case: Case) -> Iterator[tuple[Invoice, Amounts]]:
    """Every invoice with the amounts of its lines, by VAT code."""
    for rows in pages(case, select(Invoice).where(Invoice.utility_id == case.utility_id), Invoice.id):
        amounts = _amounts(case, [row.id for row in rows])
        for row in rows:
            yield row, amounts.get(row.id, {})


def _amounts(case: Case, ids: Sequence[int]) -> dict[int, Amounts]:
    lines: Any = select(InvoiceLine.invoice_id, InvoiceLine.vat, InvoiceLine.amount_cents).where(
        InvoiceLine.utility_id == case.utility_id, InvoiceLine.invoice_id.in_(ids)
    )
    found: dict[int, Amounts] = {}
    for invoice, code, cents in case.session.execute(lines):
        found.setdefault(invoice, {}).setdefault(code, []).append(cents)
    return found


def _vat_cents(code: str, base_cents: int) -> int:
    if code in NOT_TAXED:
        return 0
    numerator, denominator = Decimal(code).as_integer_ratio()
    return divide(base_cents * numerator, 100 * denominator)
