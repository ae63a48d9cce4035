"""From a stretch of contracts to drafts: volume, rating, invoice and review for each; reads only.

A contract that cannot be billed is parked with the reason: it is named at review and left out of the run, and the
others go on.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from billing.fiscal import FiscalError, Registry
from billing.invoice import Invoice, Party, Supply, VatSum, check, lines_of
from billing.rating import Rated
from billing.tariff import RatingError, TariffError
from billing.volume import DERIVED, Period
from central.invoicing import review
from central.invoicing.case import case_of
from central.invoicing.draft import Basis, Complaint, Draft
from central.invoicing.evidence import PieceEnd, Source
from central.invoicing.plan import due_date_of, issue_date_of
from central.invoicing.program import VERSION
from central.invoicing.ratings import Ratings
from central.invoicing.readings import Rules
from central.invoicing.settings import RunSettings, settings_of
from central.invoicing.sharing import settle
from central.invoicing.states import RunError
from central.invoicing.subjects import (
    Scope,
    Subject,
    issuer_of,
    recipient_of,
    subjects,
    supply_address,
    terms_of_payment,
)
from central.invoicing.tariffs import Assignments, StoredBook, book_at
from central.invoicing.volume import Measured, Stretch, Wanted, measure
from central.store.models import BillingRun, ContractTerms, Customer, ReadingKind, Utility
from central.times import millis


@dataclass(frozen=True, slots=True)
class Context:
    """What all drafts of a partition share."""

    run: BillingRun
    utility: Utility
    settings: RunSettings
    book: StoredBook
    assignments: Assignments
    issuer: Party
    registry: Registry


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one contract: a draft, or None where it is parked, and all complaints about it."""

    subject: Subject
    measured: Measured
    draft: Draft | None
    complaints: tuple[Complaint, ...]


@dataclass(frozen=True, slots=True)
class Billable:
    """A contract with all that rating needs."""

    subject: Subject
    terms: ContractTerms
    customer: Customer
    measured: Measured
    tariffs: tuple[str, ...]
    case: dict[str, Any]


def make_drafts(session: Session, run: BillingRun, contracts: tuple[int, int]) -> list[Outcome]:
    """The drafts of a stretch of contracts, by contract id."""
    settings = settings_of(run)
    context = _context(session, run, settings)
    period = settings.period_of(contracts, Period(run.period_from, run.period_to))
    billed = subjects(session, Scope(run.utility_id, contracts, period, run.cutoff_at, settings))
    rules = Rules(run.utility_id, millis(run.cutoff_at), settings.accept_suspect)
    stretch = Stretch(period, contracts, settings.volume, rules, run.cutoff_at)
    leaves = bool(settings.closing)
    wanted = [Wanted(item.contract.id, item.supply.id, item.period, leaves=leaves) for item in billed]
    measured = settle(session, stretch, measure(session, stretch, wanted))
    found = [_considered(item, measured[one], context) for item, one in zip(billed, wanted, strict=True)]
    ready = [item for item in found if isinstance(item, Billable)]
    ratings = Ratings([item.case for item in ready], context.book.book)
    drafts = {id(item): _drafted(item, ratings, number, context) for number, item in enumerate(ready)}
    return [drafts[id(item)] if isinstance(item, Billable) else item for item in found]


def _context(session: Session, run: BillingRun, settings: RunSettings) -> Context:
    utility = session.get_one(Utility, run.utility_id)
    return Context(
        run,
        utility,
        settings,
        book_at(session, run.utility_id, run.cutoff_at),
        Assignments(session, run.utility_id, run.cutoff_at),
        issuer_of(utility),
        settings.fiscal.registry(),
    )


def _considered(subject: Subject, measured: Measured, context: Context) -> "Billable | Outcome":
    """What is to be rated, or, where there is nothing to rate, the contract parked with the reason."""
    try:
        if subject.terms is None or subject.customer is None:
            missing = "terms" if subject.terms is None else "holder"
            raise RunError(f"contract {subject.contract.code}: no {missing} on {subject.period.last_day}")
        if measured.volume.litres < 0:
            raise RunError(f"litres {measured.volume.litres}: a credit needs a rectifying invoice")
        tariffs = context.assignments.of(subject.supply.zone, subject.period)
    except RunError as error:
        return _parked(subject, measured, context, error)
    case = case_of(subject, subject.terms, measured, tariffs, context.settings)
    return Billable(subject, subject.terms, subject.customer, measured, tariffs, case)


def _drafted(billable: Billable, ratings: Ratings, number: int, context: Context) -> Outcome:
    try:
        invoice = _invoice(billable, ratings.rated(number), context)
    except (RatingError, TariffError, RunError, FiscalError) as error:
        return _parked(billable.subject, billable.measured, context, error)
    found = review.complaints(billable.subject, billable.measured, context.settings)
    return Outcome(billable.subject, billable.measured, _draft(billable, invoice, context), tuple(found))


def _parked(subject: Subject, measured: Measured, context: Context, error: Exception) -> Outcome:
    found = review.complaints(subject, measured, context.settings)
    found.append(Complaint(review.CANNOT_BILL, f"No se puede facturar: {error}", {"error": str(error)}))
    return Outcome(subject, measured, None, tuple(found))


def _draft(billable: Billable, invoice: Invoice, context: Context) -> Draft:
    measured = billable.measured
    ends = list(_ends(measured))
    rows = context.book.rows_of(billable.tariffs)
    return Draft(
        invoice=invoice,
        customer_id=billable.customer.id,
        supply_point_id=billable.subject.supply.id,
        basis=Basis(billable.case, rows, VERSION, _digest(billable.case, rows, ends)),
        closing=measured.closings(),
        ends=ends,
        estimates=_new_estimates(measured, ends),
        notes=[note.text for note in measured.volume.notes],
    )


def _invoice(billable: Billable, rated: Rated, context: Context) -> Invoice:
    """The invoice without its number; RunError names every fault it would have, FiscalError one of its record."""
    run, subject, volume = context.run, billable.subject, billable.measured.volume
    invoice = Invoice(
        series=run.series,
        number=None,
        issued=None,
        issuer=context.issuer,
        recipient=recipient_of(billable.customer),
        supply=_supply(billable, context),
        period=subject.period,
        litres=volume.litres,
        pieces=volume.pieces,
        lines=lines_of(rated.lines),
        vat=tuple(VatSum(code, item.base, item.vat) for code, item in rated.by_rate.items()),
        total=rated.total,
        terms=terms_of_payment(subject.account, due_date_of(run)),
        operation_date=subject.period.last_day,
    )
    numbered = invoice.numbered(1, issue_date_of(run))
    problems = check(numbered)
    if problems:
        raise RunError("; ".join(str(problem) for problem in problems))
    # Records are written from what is issued, later: what they could not carry is known, and parked, now.
    context.registry.check(numbered)
    return invoice


def _supply(billable: Billable, context: Context) -> Supply:
    subject, terms = billable.subject, billable.terms
    pieces = [piece for piece in billable.measured.volume.pieces if piece.method not in DERIVED]
    return Supply(
        contract=subject.contract.code,
        supply_code=subject.supply.code,
        address=supply_address(subject.supply, context.utility),
        use=terms.use,
        calibre_mm=pieces[-1].calibre_mm if pieces else None,
        persons=terms.persons,
        dwellings=terms.dwellings,
        meter=pieces[-1].meter if pieces else "",
    )


def _ends(measured: Measured) -> Iterable[PieceEnd]:
    for number, piece in enumerate(measured.volume.pieces):
        for role, source in zip(("opening", "closing"), measured.ends(piece), strict=True):
            if source is not None:
                yield PieceEnd(number, role, source)


def _new_estimates(measured: Measured, ends: Iterable[PieceEnd]) -> list[Source]:
    """Estimated indexes that are not stored yet, each once."""
    estimated = (end.source for end in ends if end.source.kind == ReadingKind.ESTIMATED)
    return list(dict.fromkeys(source for source in estimated if source.origin not in measured.sources))


def _digest(case: object, tariffs: list[int], ends: list[PieceEnd]) -> str:
    return hashlib.sha256(msgspec.json.encode([case, tariffs, ends])).hexdigest()
