"""Which invoices stand for a bill: the original and what rectified it since."""

from collections.abc import Sequence

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from central.invoicing.states import RunError
from central.store.models import Invoice, RectificationItem


def invoice_named(session: Session, utility_id: int, number: str) -> Invoice:
    """An invoice by its number as printed; RunError where there is none."""
    row = session.scalar(select(Invoice).where(Invoice.utility_id == utility_id, Invoice.number_text == number))
    if row is None:
        raise RunError(f"invoice {number}: does not exist")
    return row


def original_of(session: Session, invoice: Invoice) -> Invoice:
    """The original bill that an invoice rectifies, or the invoice itself."""
    item = and_(
        RectificationItem.utility_id == Invoice.utility_id,
        RectificationItem.invoice_id == Invoice.id,
        RectificationItem.result_id == invoice.id,
    )
    rectified = select(Invoice).join(RectificationItem, item).where(Invoice.utility_id == invoice.utility_id)
    return session.scalars(rectified).first() or invoice


def rectifying(session: Session, original: Invoice) -> list[Invoice]:
    """Every invoice that rectifies a bill, oldest first."""
    item = and_(RectificationItem.utility_id == Invoice.utility_id, RectificationItem.result_id == Invoice.id)
    rows = (
        select(Invoice)
        .join(RectificationItem, item)
        .where(Invoice.utility_id == original.utility_id, RectificationItem.invoice_id == original.id)
        .order_by(Invoice.generation)
    )
    return list(session.scalars(rows))


def standing(session: Session, original: Invoice, until: Invoice | None = None) -> list[Invoice]:
    """The invoices that together say what a bill comes to, after all its rectifications or up to one of them.

    A substitution stands alone; differences stand beside what they correct.
    """
    return _standing(original, rectifying(session, original), until)


def replaced_by(session: Session, invoice: Invoice) -> list[Invoice]:
    """What stood for the bill just before a rectifying invoice: what that invoice names."""
    original = original_of(session, invoice)
    before = [row for row in rectifying(session, original) if row.generation < invoice.generation]
    return _standing(original, before, None)


def _standing(original: Invoice, later: Sequence[Invoice], until: Invoice | None) -> list[Invoice]:
    found = [original]
    for row in later:
        if until is not None and row.generation > until.generation:
            break
        found = [row] if (row.rectifies or {}).get("method") == "S" else [*found, row]
    return found
