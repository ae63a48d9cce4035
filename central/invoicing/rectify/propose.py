"""Proposing a rectification: what each bill comes to and what it should come to, before anything is issued."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.invoice import Invoice, InvoiceType, Method
from billing.invoice import rectify as rectified
from billing.ledger import cents_of
from billing.volume import PastPeriod, Period, VolumeError
from billing.volume import redistribute as shared_out
from central import journal
from central.invoicing.archive import Archived, rebuild
from central.invoicing.draft import Draft
from central.invoicing.evidence import Closing
from central.invoicing.rectify.charges import charge
from central.invoicing.rectify.leak import LEAK, Evidence, granted, kept
from central.invoicing.rectify.remake import (
    Closings,
    Remade,
    Remaker,
    closing_before,
    closing_of,
    same_indexes,
    settings_of_bill,
)
from central.invoicing.rectify.standing import original_of, standing
from central.invoicing.states import RunError
from central.store import new_id
from central.store.models import Consumption, Rectification, RectificationItem
from central.store.models import Invoice as InvoiceRow

CORRECT, SPREAD, CANCEL = "correct", "spread", "cancel"
CAUSES = (CORRECT, SPREAD, CANCEL, LEAK)
WHOLE = (InvoiceType.R1, InvoiceType.R2, InvoiceType.R3, InvoiceType.R4)
SIMPLIFIED = (InvoiceType.R5,)
ORIGINALS = (InvoiceType.F1.value, InvoiceType.F2.value)


class NothingToRectifyError(RunError):
    """Every bill asked for is right as it stands."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a clerk asks for. ``invoices`` are ids of bills of one contract.

    ``until`` is only for "spread": the end of the period, not billed yet, whose reading shows what was metered in all;
    ``leak`` only for "leak": what the customer brought.
    """

    invoices: tuple[int, ...]
    cause: str
    kind: InvoiceType
    method: Method
    series: str
    reason: str
    until: date | None = None
    leak: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One bill: the invoices that stand for it now, and what it should have been; None cancels it."""

    original: InvoiceRow
    against: list[Archived]
    remade: Remade | None


def propose(session: Session, utility_id: int, asked: Request, actor: str, at: datetime) -> Rectification:
    """Store what is to be rectified and its preview; RunError where the law or the facts forbid it.

    A corrected reading moves what opens the next bill, so the bills that follow are taken in as far as that reaches.
    """
    bills = _bills(session, utility_id, asked)
    _check(asked, bills)
    remaker = Remaker(session, utility_id, at)
    make = {CORRECT: _corrected, SPREAD: _spread, CANCEL: _cancelled, LEAK: _leaked}[asked.cause]
    changes = [change for change in make(remaker, asked, bills) if _differs(change)]
    if not changes:
        number = bills[0].number_text
        raise NothingToRectifyError(f"invoice {number}: rated again it is the same; there is nothing to rectify")
    row = Rectification(
        utility_id=utility_id,
        id=new_id(),
        contract_id=bills[0].contract_id,
        cause=asked.cause,
        kind=asked.kind.value,
        method=asked.method,
        series=asked.series,
        reason=asked.reason.strip(),
        proposed_by=actor,
        proposed_at=at,
    )
    session.add(row)
    session.flush()
    items = [_item(session, row, position, change) for position, change in enumerate(changes)]
    session.add_all(items)
    session.flush()
    told = {
        "cause": row.cause,
        "kind": row.kind,
        "method": row.method,
        "invoices": [change.original.number_text for change in changes],
        "cents": sum(item.after_cents - item.before_cents for item in items),
    }
    journal.record(
        session,
        utility_id,
        actor,
        "rectification.proposed",
        "rectification",
        row.id,
        at=at,
        after=told,
        reason=row.reason,
    )
    return row


def _bills(session: Session, utility_id: int, asked: Request) -> list[InvoiceRow]:
    """The original bills asked for, oldest first."""
    found: dict[int, InvoiceRow] = {}
    for invoice_id in asked.invoices:
        row = session.get(InvoiceRow, (utility_id, invoice_id))
        if row is None:
            raise RunError(f"invoice {invoice_id}: does not exist")
        original = original_of(session, row)
        found[original.id] = original
    if not found:
        raise RunError("invoices: (empty): name at least one bill to rectify")
    if len({row.contract_id for row in found.values()}) > 1:
        raise RunError("invoices: must be bills of one contract")
    return sorted(found.values(), key=lambda row: row.period_from)


def _check(asked: Request, bills: Sequence[InvoiceRow]) -> None:
    if asked.cause not in CAUSES:
        raise RunError(f"cause {asked.cause}: must be one of {', '.join(CAUSES)}")
    for bill in bills:
        if asked.kind not in (SIMPLIFIED if InvoiceType(bill.kind).simplified else WHOLE):
            rule = "R1 to R4 rectify whole invoices, R5 simplified ones (RD 1619/2012 art. 15)"
            raise RunError(f"kind {asked.kind} for {bill.kind} {bill.number_text}: {rule}")
    if asked.method not in ("S", "I"):
        raise RunError(f"method {asked.method}: must be S (substitution) or I (differences)")
    if not asked.reason.strip():
        raise RunError("reason: (empty): RD 1619/2012 art. 15.4: a rectifying invoice states its cause")
    if asked.cause == CANCEL and asked.method == "S":
        raise RunError("method S: a cancelled bill is rectified by differences; nothing takes its place")
    if asked.series in {row.series for row in bills}:
        raise RunError(f"series {asked.series}: rectifying invoices have one of their own (RD 1619/2012 art. 6.1.a)")


# ---- the three causes ------------------------------------------------------------------------------------------------


def _cancelled(remaker: Remaker, asked: Request, bills: Sequence[InvoiceRow]) -> list[Change]:
    return [Change(bill, _standing(remaker.session, bill), None) for bill in bills]


def _leaked(remaker: Remaker, asked: Request, bills: Sequence[InvoiceRow]) -> list[Change]:
    """The one bill of a leak, its excess at the price that the tariff has for leaks."""
    if len(bills) > 1:
        raise RunError("invoices: a leak is claimed on one bill")
    against = _standing(remaker.session, bills[0])
    facts = granted(remaker, against[0], asked.leak)
    opening = closing_before(remaker.session, against[0])
    remade = remaker.remade(against[0], opening, facts)
    if not same_indexes(remade.closing, closing_of(remaker.session, against[0])):
        raise RunError(f"invoice {bills[0].number_text}: its readings were corrected; rectify those first")
    return [Change(bills[0], against, remade)]


def _corrected(remaker: Remaker, asked: Request, bills: Sequence[InvoiceRow]) -> list[Change]:
    """The bills asked for, and those after them whose opening reading moves with what is corrected."""
    wanted = {bill.id for bill in bills}
    return _onward(remaker, bills[0], wanted, None)


def _onward(remaker: Remaker, first: InvoiceRow, wanted: set[int], opening: Closings | None) -> list[Change]:
    """Remake bills from one on; ``opening`` is what now closes the bill before it, where that moved."""
    changes: list[Change] = []
    for row in _bills_from(remaker.session, first):
        if row.id not in wanted and opening is None:
            continue
        against = _standing(remaker.session, row)
        was = closing_of(remaker.session, against[0])
        start = closing_before(remaker.session, against[0]) if opening is None else opening
        remade = remaker.remade(against[0], start, kept(against[-1]))
        changes.append(Change(row, against, remade))
        opening = None if same_indexes(remade.closing, was) else remade.closing
    if opening is not None:
        _nobody_follows(remaker.session, changes[-1].original)
    return changes


def _spread(remaker: Remaker, asked: Request, bills: Sequence[InvoiceRow]) -> list[Change]:
    """Estimated bills shared out anew by days, with the reading that ends a period not billed yet."""
    if asked.until is None:
        raise RunError("until: (missing): the end of the period whose reading shows what was metered in all")
    against = [_standing(remaker.session, bill) for bill in bills]
    first, last = against[0][0], against[-1][0]
    if [row.id for row in _bills_from(remaker.session, bills[0])] != [bill.id for bill in bills]:
        raise RunError(f"invoice {bills[0].number_text}: spread takes every bill of the contract from it on")
    opening = closing_before(remaker.session, first)
    whole = Period(first.invoice.period.start, asked.until)
    measured = remaker.measured(first, whole, opening, settings_of_bill(remaker.session, first))
    volume = measured.volume
    meters = {piece.meter for piece in volume.pieces}
    begin = volume.pieces[0].opening if volume.pieces else None
    if volume.estimated or len(meters) != 1 or begin is None:
        raise RunError(f"invoice {first.row.number_text}: spread needs one meter, read before it and at {asked.until}")
    past = [PastPeriod(one[0].invoice.period, _litres(one), estimated=True) for one in against]
    try:
        shares = shared_out(past, Period(last.invoice.period.end, asked.until), volume.litres)
    except (VolumeError, ValueError) as error:
        raise RunError(f"invoice {first.row.number_text}: {error}") from None
    changes = []
    start = Closing(begin.meter, measured.source(begin))
    for bill, original, share in zip(against, bills, shares.corrections, strict=True):
        if len(bill[0].invoice.pieces) != 1 or not bill[0].invoice.pieces[0].estimated:
            raise RunError(f"invoice {original.number_text}: is not one estimate; only estimated bills are shared out")
        remade = remaker.spread(bill[0], measured, share.litres, start)
        changes.append(Change(original, bill, remade))
        start = remade.closing[start.meter]
    return changes


def _litres(against: Sequence[Archived]) -> int:
    return against[-1].invoice.litres


def _bills_from(session: Session, first: InvoiceRow) -> list[InvoiceRow]:
    rows = (
        select(InvoiceRow)
        .where(
            InvoiceRow.utility_id == first.utility_id,
            InvoiceRow.contract_id == first.contract_id,
            InvoiceRow.kind.in_(ORIGINALS),
            InvoiceRow.period_from >= first.period_from,
        )
        .order_by(InvoiceRow.period_from)
    )
    return list(session.scalars(rows))


def _nobody_follows(session: Session, last: InvoiceRow) -> None:
    """A moved closing must not leave another contract's bill of the same place opening at the old index."""
    other = select(Consumption.id).where(
        Consumption.utility_id == last.utility_id,
        Consumption.supply_point_id == last.supply_point_id,
        Consumption.contract_id != last.contract_id,
        Consumption.period_from >= last.period_to,
    )
    if session.scalars(other.limit(1)).first() is not None:
        raise RunError(
            f"invoice {last.number_text}: its closing reading opens a bill of the next contract; rectify that one first"
        )


# ---- the draft of each rectifying invoice ----------------------------------------------------------------------------


def _standing(session: Session, original: InvoiceRow) -> list[Archived]:
    return list(rebuild(session, standing(session, original)))


def _differs(change: Change) -> bool:
    """Whether a bill changes: in money, in litres or in what it leaves to the next one."""
    if change.remade is None:
        return _total(change.against) != 0 or bool(change.against[-1].invoice.litres)
    after = sum((item.base + item.vat for item in change.remade.vat), Decimal(0))
    return (after, change.remade.litres) != (_total(change.against), _litres(change.against)) or _other_lines(change)


def _other_lines(change: Change) -> bool:
    if change.remade is None or len(change.against) > 1:
        return False
    mine = [charge(line) for line in change.remade.lines]
    was = [charge(line) for line in change.against[0].invoice.lines]
    return mine != was


def _total(against: Sequence[Archived]) -> Decimal:
    return sum((one.invoice.total for one in against), Decimal("0.00"))


def _item(session: Session, row: Rectification, position: int, change: Change) -> RectificationItem:
    draft = _draft(session, row, change)
    lines = change.remade.vat if change.remade else ()
    return RectificationItem(
        utility_id=row.utility_id,
        rectification_id=row.id,
        position=position,
        invoice_id=change.original.id,
        period_from=change.original.period_from,
        period_to=change.original.period_to,
        before_cents=cents_of(_total(change.against)),
        after_cents=cents_of(sum((item.base + item.vat for item in lines), Decimal("0.00"))),
        draft=msgspec.to_builtins(draft),
    )


def _draft(session: Session, row: Rectification, change: Change) -> Draft:
    last, remade = change.against[-1], change.remade
    invoice = _invoice(row, change)
    if not invoice.lines:
        raise RunError(f"invoice {change.original.number_text}: no line changes; rectify it by substitution (S)")
    return Draft(
        invoice=invoice,
        customer_id=last.row.customer_id,
        supply_point_id=last.row.supply_point_id,
        basis=remade.basis if remade else last.basis,
        closing=remade.closing if remade else closing_of(session, last),
        ends=remade.ends if remade else [],
        estimates=remade.estimates if remade else [],
        notes=remade.notes if remade else [],
    )


def _invoice(row: Rectification, change: Change) -> Invoice:
    remade = change.remade
    return rectified(
        [one.invoice for one in change.against],
        remade.lines if remade else (),
        type=InvoiceType(row.kind),
        method="S" if row.method == "S" else "I",
        reason=row.reason,
        series=row.series,
        number=None,
        issued=None,
        terms=change.against[0].invoice.terms,
        litres=remade.litres if remade else 0,
        pieces=remade.pieces if remade else (),
        vat=remade.vat if remade else (),
    )
