"""Simulating a partition: its drafts in the place of those of an earlier simulation, nothing legal."""

from datetime import UTC, datetime
from itertools import count

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from billing.ledger import cents_of
from central.invoicing import partitions
from central.invoicing.block import Bills
from central.invoicing.draft import Complaint
from central.invoicing.drafting import Outcome, make_drafts
from central.invoicing.plan import PARKED, READY
from central.invoicing.shared import Pool
from central.invoicing.states import RunStatus
from central.invoicing.tariffs import book_at
from central.store import new_ids, read_session, write_session
from central.store.bulk import changed, insert_rows
from central.store.models import DraftBill, DraftBlock, DraftException, RunPartition

_DRAFT = (
    "utility_id",
    "id",
    "run_id",
    "contract_id",
    "customer_id",
    "partition",
    "place",
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
)
_EXCEPTION = ("utility_id", "run_id", "contract_id", "code", "text", "numbers")


def simulate(engine: Engine, task: partitions.Task) -> int:
    """Simulate a partition; returns how many contracts it holds, 0 where somebody else did it."""
    token = partitions.claim(engine, task)
    if token is None:
        return 0
    with read_session(engine) as session:
        run, partition = partitions.load(session, task)
        outcomes = make_drafts(session, run, (partition.first_contract, partition.last_contract))
        contracts = partition.contracts
        versions = book_at(session, run.utility_id, run.cutoff_at).versions
    ready = [(one.subject.contract.id, one.draft) for one in outcomes if one.draft is not None]
    pool = Pool()
    bills = Bills.of(ready, versions, pool)
    total = int(bills.total.sum())
    with write_session(engine) as session:
        now = datetime.now(UTC)
        partitions.finish(session, task, token, RunStatus.SIMULATING, now, bills=len(ready), total_cents=total)
        _replace(session, task, outcomes)
        session.add(
            DraftBlock(utility_id=task.utility_id, run_id=task.run_id, partition=task.number, content=bills.pack())
        )
        pool.write(session, task.utility_id)
    return contracts


def _replace(session: Session, task: partitions.Task, outcomes: list[Outcome]) -> None:
    """Put the partition's drafts in the place of those of an earlier simulation."""
    bounds = select(RunPartition.first_contract, RunPartition.last_contract).where(
        RunPartition.utility_id == task.utility_id,
        RunPartition.run_id == task.run_id,
        RunPartition.number == task.number,
    )
    first, last = session.execute(bounds).one()
    block = (DraftBlock.utility_id == task.utility_id, DraftBlock.run_id == task.run_id)
    changed(session, delete(DraftBlock).where(*block, DraftBlock.partition == task.number))
    for model in (DraftException, DraftBill):
        changed(
            session,
            delete(model).where(
                model.utility_id == task.utility_id,
                model.run_id == task.run_id,
                model.contract_id.between(first, last),
            ),
        )
    by_contract = _complaints(outcomes)
    places = count()
    rows = [
        _draft_row(
            task,
            outcome,
            (row, next(places) if outcome.draft else None),
            len(by_contract[outcome.subject.contract.id]),
        )
        for outcome, row in zip(outcomes, new_ids(len(outcomes)), strict=True)
    ]
    insert_rows(session, DraftBill, _DRAFT, rows)
    exceptions = [
        (task.utility_id, task.run_id, contract, item.code, item.text, item.numbers)
        for contract, items in by_contract.items()
        for item in items.values()
    ]
    insert_rows(session, DraftException, _EXCEPTION, exceptions)


def _complaints(outcomes: list[Outcome]) -> dict[int, dict[str, Complaint]]:
    """What there is to say of each contract, each code once though it has a bill for each of its holders."""
    found: dict[int, dict[str, Complaint]] = {}
    for outcome in outcomes:
        mine = found.setdefault(outcome.subject.contract.id, {})
        for complaint in outcome.complaints:
            mine.setdefault(complaint.code, complaint)
    return found


def _draft_row(
    task: partitions.Task, outcome: Outcome, at: tuple[int, int | None], exceptions: int
) -> tuple[object, ...]:
    """The row of a draft; ``at`` is its id and its place in the block."""
    subject, draft, last = outcome.subject, outcome.draft, outcome.subject.last_bill
    money = (0, 0, 0)
    if draft is not None:
        invoice = draft.invoice
        money = (cents_of(invoice.base), cents_of(invoice.vat_total), cents_of(invoice.total))
    volume = outcome.measured.volume
    return (
        task.utility_id,
        at[0],
        task.run_id,
        subject.contract.id,
        subject.customer.id if subject.customer else None,
        task.number,
        at[1],
        READY if draft is not None else PARKED,
        subject.period.start,
        subject.period.end,
        volume.litres,
        sum(piece.litres for piece in volume.pieces if piece.estimated),
        *money,
        last.litres if last else None,
        last.period.days if last else None,
        last.total_cents if last else None,
        exceptions,
    )
