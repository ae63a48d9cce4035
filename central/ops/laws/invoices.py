"""Invoices add up, say what the law asks for, and follow again from the case and the tariffs stored with them."""

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from sqlalchemy import select

from billing.invoice import Invoice as InvoiceValue
from billing.invoice import InvoiceLine as LineValue
from billing.invoice import check, lines_of
from billing.invoice.build import NOT_TAXED
from billing.ledger import cents_of
from billing.money import divide
from billing.tariff import RatingError, TariffError
from central.invoicing.archive import Archived, rebuild
from central.invoicing.ratings import Ratings
from central.invoicing.shared import Shared
from central.invoicing.tariffs import StoredBook, book_of
from central.invoicing.values import content_of
from central.ops.laws.law import Case, Report, pages
from central.store.models import Invoice

Amounts = dict[str, list[int]]
Sums = dict[str, tuple[int, int]]


def invoices_are_their_lines(case: Case, report: Report) -> None:
    """Base by rate is the sum of the rate's lines; bases and VAT add up to the totals."""
    for row, sums, amounts in _with_amounts(case):
        report.saw()
        if not amounts:
            report.breach(f"invoice {row.number_text}: has no lines")
        stated = {code: base for code, (base, _) in sums.items()}
        lines = {code: sum(cents) for code, cents in amounts.items()}
        if stated != lines:
            report.breach(f"invoice {row.number_text}: bases {stated} must be the sums of its lines, {lines}")
        vat = sum(vat for _, vat in sums.values())
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
    for row, sums, amounts in _with_amounts(case):
        if (row.rectifies or {}).get("method") == "I":
            continue
        for code, (base, vat) in sums.items():
            report.saw()
            on_base = _vat_cents(code, base)
            by_line = sum(_vat_cents(code, cents) for cents in amounts.get(code, []))
            if vat not in (on_base, by_line):
                report.breach(f"invoice {row.number_text}: VAT {code}: {vat} cents on {base}, must be {on_base}")


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
    again = [_charge(line) for line in lines_of(rated.lines)]
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


def _with_amounts(case: Case) -> Iterator[tuple[Invoice, Sums, Amounts]]:
    """Every invoice with its bases and VAT, and the amounts of its lines, by VAT code."""
    shared = Shared(case.session, case.utility_id)
    for rows in pages(case, select(Invoice).where(Invoice.utility_id == case.utility_id), Invoice.id):
        shared.load_forms(row.form_id for row in rows)
        for row in rows:
            content = content_of(row, shared)
            amounts: Amounts = {}
            for one in content.lines():
                amounts.setdefault(one.line.vat, []).append(cents_of(one.line.amount))
            yield row, {item.code: (cents_of(item.base), cents_of(item.vat)) for item in content.vat()}, amounts


def _vat_cents(code: str, base_cents: int) -> int:
    if code in NOT_TAXED:
        return 0
    numerator, denominator = Decimal(code).as_integer_ratio()
    return divide(base_cents * numerator, 100 * denominator)
