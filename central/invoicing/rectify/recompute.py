"""A bill computed again from what is stored: its case, the tariff texts it was rated with, the program."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.invoice import Invoice as InvoiceValue
from billing.invoice import InvoiceLine, lines_of
from billing.rating import Case, rate
from billing.tariff import RatingError, TariffError
from central.invoicing.archive import Archived, rebuild
from central.invoicing.rectify.charges import charge, net
from central.invoicing.rectify.propose import CANCEL
from central.invoicing.rectify.standing import original_of, standing
from central.invoicing.tariffs import book_of
from central.store.models import Invoice, Rectification, RectificationItem


@dataclass(frozen=True, slots=True)
class Recomputed:
    """The outcome: the total that follows from the stored history, and the fault, empty where all is the same."""

    total: Decimal
    fault: str

    @property
    def same(self) -> bool:
        """Whether every line, VAT and total came out again, digit for digit."""
        return not self.fault


def recompute(session: Session, invoice: Invoice) -> Recomputed:
    """Rate an invoice's stored case again with the stored tariffs and compare with what stands.

    For a rectifying invoice what stands is the original with its rectifications up to this one: they must come to
    exactly the bill that is right.
    """
    stands = standing(session, original_of(session, invoice), until=invoice)
    against = list(rebuild(session, stands))
    own = next(one for one in against if one.row.id == invoice.id)
    cause = _cause(session, invoice)
    if cause == CANCEL:
        return _compared([one.invoice for one in against], (), Decimal("0.00"))
    try:
        book = book_of(session, invoice.utility_id, own.basis.tariffs).book
        rated = rate(Case.parse(own.basis.case), book)
    except (RatingError, TariffError) as error:
        return Recomputed(Decimal("0.00"), f"its case cannot be rated again: {error}")
    lines = lines_of(rated.lines)
    if own.row.rectifies is None:
        return _exact(own, lines, rated.total)
    return _compared([one.invoice for one in against], lines, rated.total)


def _cause(session: Session, invoice: Invoice) -> str | None:
    item = (RectificationItem.utility_id == Rectification.utility_id) & (
        RectificationItem.rectification_id == Rectification.id
    )
    rows = select(Rectification.cause).join(RectificationItem, item)
    mine = (RectificationItem.utility_id == invoice.utility_id, RectificationItem.result_id == invoice.id)
    return session.scalars(rows.where(*mine)).first()


def _exact(own: Archived, lines: tuple[InvoiceLine, ...], total: Decimal) -> Recomputed:
    again = [charge(line) for line in lines]
    stated = [charge(line) for line in own.invoice.lines]
    if again != stated:
        pairs = enumerate(zip(again, stated, strict=False))
        at = next((number for number, (one, other) in pairs if one != other), min(len(again), len(stated)))
        return Recomputed(total, f"line {at + 1}: rated again it differs")
    if total != own.invoice.total:
        return Recomputed(total, f"rated again it comes to {total}, it says {own.invoice.total}")
    return Recomputed(total, "")


def _compared(against: list[InvoiceValue], lines: tuple[InvoiceLine, ...], total: Decimal) -> Recomputed:
    stated = sum((one.total for one in against), Decimal("0.00"))
    if stated != total:
        return Recomputed(total, f"with its rectifications it comes to {stated}, the right bill is {total}")
    if net(line for one in against for line in one.lines) != net(lines):
        return Recomputed(total, "its lines with its rectifications are not those of the right bill")
    return Recomputed(total, "")
