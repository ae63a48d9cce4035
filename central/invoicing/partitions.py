"""A partition as a unit of work: claimed with a fencing token, finished in the transaction that holds its rows.

Engines deliver work at least once: a worker may be killed, may pause and wake late, may run beside its own successor.
The claim is a counter on the partition's row. To finish, a worker must still hold the newest one; the check is the
first statement of its only writing transaction, so what a late worker wrote is rolled back with it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from central.invoicing.plan import DONE, OPEN
from central.invoicing.states import RunError, RunStatus
from central.store import write_session
from central.store.bulk import changed
from central.store.models import BillingRun, RunPartition

# A worker that stops in the middle of its transaction must not keep its successor waiting for ever.
IDLE_LIMIT = "60s"


@dataclass(frozen=True, slots=True)
class Task:
    """One partition's share of one stage of a run."""

    utility_id: int
    run_id: int
    stage: str
    number: int


class FencedError(RunError):
    """The partition was claimed by somebody else meanwhile, or its run moved on."""


def claim(engine: Engine, task: Task) -> int | None:
    """A new claim on the partition, or None where its stage is already done."""
    statement = (
        update(RunPartition)
        .where(*_is(task), RunPartition.state == OPEN)
        .values(claim=RunPartition.claim + 1)
        .returning(RunPartition.claim)
        .execution_options(synchronize_session=False)
    )
    with write_session(engine) as session:
        return session.scalar(statement)


def finish(session: Session, task: Task, token: int, status: RunStatus, at: datetime, **values: Any) -> None:
    """Record the partition as done, or raise FencedError; the first statement of a worker's writing transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.set_config("idle_in_transaction_session_timeout", IDLE_LIMIT, True)))
    run = select(BillingRun.id).where(
        BillingRun.utility_id == task.utility_id, BillingRun.id == task.run_id, BillingRun.status == status
    )
    statement = (
        update(RunPartition)
        .where(*_is(task), RunPartition.state == OPEN, RunPartition.claim == token, run.exists())
        .values(state=DONE, done_at=at, **values)
    )
    if changed(session, statement) != 1:
        raise FencedError(f"run {task.run_id}: partition {task.number}: {task.stage}: claim {token} is no longer valid")


def begin_stage(session: Session, run: BillingRun, stage: str) -> None:
    """Open every partition of ``run`` for a stage; claims of the stage before become void."""
    statement = (
        update(RunPartition)
        .where(RunPartition.utility_id == run.utility_id, RunPartition.run_id == run.id)
        .values(stage=stage, state=OPEN, done_at=None, claim=RunPartition.claim + 1)
    )
    changed(session, statement)


def tasks(session: Session, utility_id: int, run_id: int, stage: str) -> list[Task]:
    """What is still to do of a stage, in order."""
    found = (
        select(RunPartition.number)
        .where(
            RunPartition.utility_id == utility_id,
            RunPartition.run_id == run_id,
            RunPartition.stage == stage,
            RunPartition.state == OPEN,
        )
        .order_by(RunPartition.number)
    )
    return [Task(utility_id, run_id, stage, number) for number in session.scalars(found)]


def load(session: Session, task: Task) -> tuple[BillingRun, RunPartition]:
    """The run and the partition of a task."""
    run = session.get(BillingRun, (task.utility_id, task.run_id))
    partition = session.get(RunPartition, (task.utility_id, task.run_id, task.number))
    if run is None or partition is None:
        raise RunError(f"run {task.run_id}: partition {task.number}: does not exist")
    return run, partition


def _is(task: Task) -> tuple[Any, ...]:
    return (
        RunPartition.utility_id == task.utility_id,
        RunPartition.run_id == task.run_id,
        RunPartition.number == task.number,
        RunPartition.stage == task.stage,
    )
