"""Drafts of a partition: volume, rating and review for each contract, without anything legal.

A contract that cannot be billed is parked with the reason: it is named at review and left out of the run, and the
others go on.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import msgspec
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from billing.invoice import Invoice, InvoiceLine, Party, Supply, VatSum, check, lines_of
from billing.ledger import cents_of
from billing.rating import Case, Rated, rate
from billing.tariff import RatingError, TariffError
from billing.volume import Period
from central.invoicing import partitions, review
from central.invoicing.case import case_of
from central.invoicing.draft import Basis, Complaint, Draft, PieceEnd
from central.invoicing.evidence import Source
from central.invoicing.program import VERSION
from central.invoicing.readings import Rules
from central.invoicing.settings import RunSettings, settings_of
from central.invoicing.states import RunError, RunStatus
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
from central.store import new_ids, read_session, write_session
from central.store.bulk import changed, insert_rows
from central.store.models import BillingRun, DraftBill, DraftException, ReadingKind, RunPartition, Utility
from central.times import millis

READY, PARKED = "ready", "parked"


@dataclass(frozen=True, slots=True)
class Context:
    """What all drafts of a partition share."""

    run: BillingRun
    utility: Utility
    settings: RunSettings
    book: StoredBook
    assignments: Assignments
    issuer: Party


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one contract: a draft, or None where it is parked, and all complaints about it."""

    subject: Subject
    measured: Measured
    draft: Draft | None
    complaints: tuple[Complaint, ...]


class UnbillableError(RunError):
    """One contract that cannot be billed, and why."""


def simulate(engine: Engine, task: partitions.Task) -> int:
    """Simulate a partition; returns how many contracts it holds, 0 where somebody else did it."""
    token = partitions.claim(engine, task)
    if token is None:
        return 0
    with read_session(engine) as session:
        run, partition = partitions.load(session, task)
        outcomes = make_drafts(session, run, (partition.first_contract, partition.last_contract))
        contracts = partition.contracts
    ready = [outcome.draft for outcome in outcomes if outcome.draft is not None]
    total = sum(cents_of(draft.invoice.total) for draft in ready)
    with write_session(engine) as session:
        now = datetime.now(UTC)
        partitions.finish(session, task, token, RunStatus.SIMULATING, now, bills=len(ready), total_cents=total)
        _replace(session, task, outcomes)
    return contracts


def make_drafts(session: Session, run: BillingRun, contracts: tuple[int, int]) -> list[Outcome]:
    """The drafts of a stretch of contracts, by contract id; reads only."""
    settings = settings_of(run)
    context = _context(session, run, settings)
    period = Period(run.period_from, run.period_to)
    billed = subjects(session, Scope(run.utility_id, contracts, period, run.cutoff_at, settings))
    rules = Rules(run.utility_id, millis(run.cutoff_at), settings.accept_suspect)
    stretch = Stretch(period, contracts, settings.volume, rules, run.cutoff_at)
    wanted = [Wanted(item.contract.id, item.supply.id, item.period) for item in billed]
    measured = measure(session, stretch, wanted)
    return [_outcome(item, measured[item.contract.id], context) for item in billed]


def _context(session: Session, run: BillingRun, settings: RunSettings) -> Context:
    utility = session.get_one(Utility, run.utility_id)
    return Context(
        run,
        utility,
        settings,
        book_at(session, run.utility_id, run.cutoff_at),
        Assignments(session, run.utility_id, run.cutoff_at),
        issuer_of(utility),
    )


def _outcome(subject: Subject, measured: Measured, context: Context) -> Outcome:
    found = review.complaints(subject, measured, context.settings)
    try:
        draft = _draft(subject, measured, context)
    except (UnbillableError, RatingError, TariffError) as error:
        found.append(Complaint(review.CANNOT_BILL, f"No se puede facturar: {error}", {"error": str(error)}))
        draft = None
    return Outcome(subject, measured, draft, tuple(found))


def _draft(subject: Subject, measured: Measured, context: Context) -> Draft:
    if subject.terms is None or subject.customer is None:
        missing = "terms" if subject.terms is None else "holder"
        raise UnbillableError(f"contract {subject.contract.code}: no {missing} on {subject.period.last_day}")
    if measured.volume.litres < 0:
        raise UnbillableError(f"litres {measured.volume.litres}: a credit needs a rectifying invoice")
    tariffs = _assigned(subject, context)
    case = case_of(subject, subject.terms, measured, tariffs, context.settings)
    rated = rate(Case.parse(case), context.book.book)
    invoice = _invoice(subject, measured, rated, context)
    ends = list(_ends(measured))
    rows = context.book.rows_of(tariffs)
    return Draft(
        invoice=invoice,
        customer_id=subject.customer.id,
        supply_point_id=subject.supply.id,
        basis=Basis(case, rows, VERSION, _digest(case, rows, ends)),
        closing=measured.closings(),
        ends=ends,
        estimates=_new_estimates(measured, ends),
        notes=[note.text for note in measured.volume.notes],
    )


def _assigned(subject: Subject, context: Context) -> tuple[str, ...]:
    try:
        return context.assignments.of(subject.supply.zone, subject.period)
    except RunError as error:
        raise UnbillableError(str(error)) from error


def _invoice(subject: Subject, measured: Measured, rated: Rated, context: Context) -> Invoice:
    """The invoice without its number; UnbillableError names every fault it would have."""
    run = context.run
    if subject.customer is None or subject.terms is None or run.issue_date is None or run.due_date is None:
        raise UnbillableError(f"contract {subject.contract.code}: holder, terms, issue date and due date are needed")
    lines = tuple(own_beneficiary(line) for line in lines_of(rated.lines))
    invoice = Invoice(
        series=run.series,
        number=None,
        issued=None,
        issuer=context.issuer,
        recipient=recipient_of(subject.customer),
        supply=_supply(subject, measured, context),
        period=subject.period,
        litres=measured.volume.litres,
        pieces=measured.volume.pieces,
        lines=lines,
        vat=tuple(VatSum(code, item.base, item.vat) for code, item in rated.by_rate.items()),
        total=rated.total,
        terms=terms_of_payment(subject.account, run.due_date),
        operation_date=subject.period.last_day,
    )
    problems = check(invoice.numbered(1, run.issue_date))
    if problems:
        raise UnbillableError("; ".join(str(problem) for problem in problems))
    return invoice


def own_beneficiary(line: InvoiceLine) -> InvoiceLine:
    """Tariffs name a beneficiary for every component; on an invoice only what is collected for others has one."""
    return line if line.nature == "levy" else replace(line, beneficiary="")


def _supply(subject: Subject, measured: Measured, context: Context) -> Supply:
    pieces, terms = measured.volume.pieces, subject.terms
    return Supply(
        contract=subject.contract.code,
        supply_code=subject.supply.code,
        address=supply_address(subject.supply, context.utility),
        use=terms.use if terms else "",
        calibre_mm=pieces[-1].calibre_mm if pieces else None,
        persons=terms.persons if terms else None,
        dwellings=terms.dwellings if terms else 1,
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


# ---- storing ---------------------------------------------------------------------------------------------------------

_DRAFT = (
    "utility_id",
    "id",
    "run_id",
    "contract_id",
    "customer_id",
    "partition",
    "status",
    "period_from",
    "period_to",
    "litres",
    "estimated_litres",
    "base_cents",
    "vat_cents",
    "total_cents",
    "previous_litres",
    "previous_days",
    "previous_total_cents",
    "open_exceptions",
    "bill",
)
_EXCEPTION = ("utility_id", "run_id", "contract_id", "code", "text", "numbers")


def _replace(session: Session, task: partitions.Task, outcomes: list[Outcome]) -> None:
    """Put the partition's drafts in the place of those of an earlier simulation."""
    bounds = select(RunPartition.first_contract, RunPartition.last_contract).where(
        RunPartition.utility_id == task.utility_id,
        RunPartition.run_id == task.run_id,
        RunPartition.number == task.number,
    )
    first, last = session.execute(bounds).one()
    for model in (DraftException, DraftBill):
        changed(
            session,
            delete(model).where(
                model.utility_id == task.utility_id,
                model.run_id == task.run_id,
                model.contract_id.between(first, last),
            ),
        )
    rows = [_draft_row(task, outcome, row) for outcome, row in zip(outcomes, new_ids(len(outcomes)), strict=True)]
    insert_rows(session, DraftBill, _DRAFT, rows)
    exceptions = [
        (task.utility_id, task.run_id, outcome.subject.contract.id, item.code, item.text, item.numbers)
        for outcome in outcomes
        for item in outcome.complaints
    ]
    insert_rows(session, DraftException, _EXCEPTION, exceptions)


def _draft_row(task: partitions.Task, outcome: Outcome, row: int) -> tuple[object, ...]:
    subject, draft, last = outcome.subject, outcome.draft, outcome.subject.last_bill
    money = (0, 0, 0)
    if draft is not None:
        invoice = draft.invoice
        money = (cents_of(invoice.base), cents_of(invoice.vat_total), cents_of(invoice.total))
    volume = outcome.measured.volume
    return (
        task.utility_id,
        row,
        task.run_id,
        subject.contract.id,
        subject.customer.id if subject.customer else None,
        task.number,
        READY if draft is not None else PARKED,
        subject.period.start,
        subject.period.end,
        volume.litres,
        sum(piece.litres for piece in volume.pieces if piece.estimated),
        *money,
        last.litres if last else None,
        last.period.days if last else None,
        last.total_cents if last else None,
        len(outcome.complaints),
        draft if draft is not None else {},
    )


def issue_date_of(run: BillingRun) -> date:
    """The date a run's invoices bear."""
    if run.issue_date is None:
        raise RunError(f"run {run.code}: has no issue date")
    return run.issue_date
