"""What pages and commands show of rectifications: the list, one with its preview, the links of a bill."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from billing.invoice import Invoice as InvoiceValue
from billing.invoice import InvoiceLine
from billing.money import euros
from central.invoicing.archive import rebuild
from central.invoicing.rectify.charges import charge
from central.invoicing.rectify.decide import draft_of, items_of
from central.invoicing.rectify.standing import original_of, rectifying, standing
from central.store.models import Contract, Invoice, Rectification, RectificationItem


@dataclass(frozen=True, slots=True)
class Listed:
    """A rectification in a list; ``difference`` in euros over all its bills."""

    id: int
    contract: str
    cause: str
    kind: str
    method: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    decision: str | None
    decided_by: str | None
    bills: int
    difference: Decimal


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line as it was billed and as it should be; either is None where there is no such line. Same means equal."""

    before: InvoiceLine | None
    after: InvoiceLine | None

    @property
    def same(self) -> bool:
        """Whether the line stays as it is."""
        return self.before is not None and self.after is not None and charge(self.before) == charge(self.after)


@dataclass(frozen=True, slots=True)
class Preview:
    """One bill of a rectification: before, after, each line, and the invoice it is issued as, once it is."""

    invoice_id: int
    number: str
    period_from: date
    period_to: date
    litres_before: int
    litres_after: int
    before: Decimal
    after: Decimal
    lines: tuple[LineChange, ...]
    notes: tuple[str, ...]
    invoice: InvoiceValue
    result_id: int | None
    result: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """Another invoice that rectifies this one or is rectified by it."""

    id: int
    number: str
    kind: str
    method: str
    issued: date
    reason: str
    total: Decimal


@dataclass(frozen=True, slots=True)
class Links:
    """``original`` is None for an original bill; ``later`` are all that rectify it; ``stands`` is what it comes to."""

    original: Link | None
    later: tuple[Link, ...]
    stands: Decimal


def rectifications(session: Session, utility_id: int, *, open_only: bool = False, limit: int = 100) -> list[Listed]:
    """The newest rectifications of a utility."""
    contract = and_(Contract.utility_id == Rectification.utility_id, Contract.id == Rectification.contract_id)
    rows = (
        select(Rectification, Contract.code)
        .join(Contract, contract)
        .where(Rectification.utility_id == utility_id)
        .order_by(Rectification.proposed_at.desc(), Rectification.id.desc())
        .limit(limit)
    )
    if open_only:
        rows = rows.where(Rectification.decision.is_(None))
    found = session.execute(rows).all()
    sums = _sums(session, utility_id, [row.id for row, _ in found])
    return [_listed(row, code, *sums.get(row.id, (0, 0))) for row, code in found]


def rectification(session: Session, utility_id: int, rectification_id: int) -> tuple[Listed, list[Preview]] | None:
    """One rectification with the preview of each of its bills."""
    row = session.get(Rectification, (utility_id, rectification_id))
    if row is None:
        return None
    code = session.get_one(Contract, (utility_id, row.contract_id)).code
    previews = [_preview(session, row, item) for item in items_of(session, row)]
    difference = sum(_cents(one.after - one.before) for one in previews)
    return _listed(row, code, len(previews), difference), previews


def proposal(session: Session, utility_id: int, rectification_id: int) -> Rectification | None:
    """The row of a rectification, to be decided."""
    return session.get(Rectification, (utility_id, rectification_id))


def links_of(session: Session, utility_id: int, invoice_id: int) -> Links | None:
    """The way from a bill to what rectifies it and back."""
    row = session.get(Invoice, (utility_id, invoice_id))
    if row is None:
        return None
    original = original_of(session, row)
    stands = sum(one.total_cents for one in standing(session, original))
    later = tuple(_link(one) for one in rectifying(session, original) if one.id != row.id)
    return Links(None if original.id == row.id else _link(original), later, euros(stands))


def _listed(row: Rectification, code: str, bills: int, cents: int) -> Listed:
    return Listed(
        row.id,
        code,
        row.cause,
        row.kind,
        row.method,
        row.reason,
        row.proposed_by,
        row.proposed_at,
        row.decision,
        row.decided_by,
        bills,
        euros(cents),
    )


def _sums(session: Session, utility_id: int, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    rows = (
        select(
            RectificationItem.rectification_id,
            func.count(),
            func.sum(RectificationItem.after_cents - RectificationItem.before_cents),
        )
        .where(RectificationItem.utility_id == utility_id, RectificationItem.rectification_id.in_(ids))
        .group_by(RectificationItem.rectification_id)
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in session.execute(rows)}


def _preview(session: Session, row: Rectification, item: RectificationItem) -> Preview:
    original = session.get_one(Invoice, (item.utility_id, item.invoice_id))
    result = session.get_one(Invoice, (item.utility_id, item.result_id)) if item.result_id else None
    stood = [one.invoice for one in rebuild(session, _before(session, original, result))]
    invoice = draft_of(item).invoice
    before = _left(line for one in stood for line in one.lines)
    after = list(invoice.lines) if row.method == "S" else _left([*before, *invoice.lines])
    return Preview(
        original.id,
        original.number_text,
        item.period_from,
        item.period_to,
        stood[-1].litres,
        invoice.litres,
        euros(item.before_cents),
        euros(item.after_cents),
        tuple(_paired(before, after)),
        tuple(draft_of(item).notes),
        invoice,
        item.result_id,
        result.number_text if result else None,
    )


def _before(session: Session, original: Invoice, result: Invoice | None) -> list[Invoice]:
    if result is None:
        return standing(session, original)
    earlier = [one for one in rectifying(session, original) if one.generation < result.generation]
    return standing(session, original, until=earlier[-1] if earlier else original)


def _left(lines: Iterable[InvoiceLine]) -> list[InvoiceLine]:
    """The lines that remain once opposites are taken away, in order."""
    found: list[InvoiceLine] = []
    for line in lines:
        opposite = next((one for one in found if _opposite(one, line)), None)
        if opposite is None:
            found.append(line)
        else:
            found.remove(opposite)
    return found


def _opposite(one: InvoiceLine, other: InvoiceLine) -> bool:
    same = (one.code, one.description, one.unit, one.unit_price, one.vat)
    if same != (other.code, other.description, other.unit, other.unit_price, other.vat):
        return False
    return (one.quantity, one.amount) == (-other.quantity, -other.amount)


def _paired(before: Sequence[InvoiceLine], after: Sequence[InvoiceLine]) -> list[LineChange]:
    """Lines of the same code and description side by side, in the order of the bill."""
    rest = list(after)
    found = []
    for line in before:
        like = [one for one in rest if (one.code, one.description) == (line.code, line.description)]
        other = next((one for one in like if charge(one) == charge(line)), like[0] if like else None)
        if other is not None:
            rest.remove(other)
        found.append(LineChange(line, other))
    return [*found, *(LineChange(None, line) for line in rest)]


def _link(row: Invoice) -> Link:
    note = row.rectifies or {}
    method, reason = str(note.get("method", "")), str(note.get("reason", ""))
    return Link(row.id, row.number_text, row.kind, method, row.issue_date, reason, euros(row.total_cents))


def _cents(amount: Decimal) -> int:
    return int(amount * 100)
