"""Whatever ends a worker, and whenever: no bill is missing, none is doubled, and the numbers have no gap."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from central.invoicing import partitions, run, worker
from central.invoicing.drive import Serial, processes
from central.invoicing.partitions import FencedError, Task
from central.invoicing.plan import ISSUE, SIMULATE
from central.invoicing.records import texts_of
from central.invoicing.states import RunError
from central.store import guards, read_session, write_session
from central.store.models import DraftBill, FiscalRecord, Invoice, LedgerEntry, RunPartition
from tests.central.factories import NOW, Town
from tests.central.invoicing.driving import CHECKER, MAKER, approved, created, status

ROOT = Path(__file__).parents[3]


def assert_whole(town: Town, houses: int = 7) -> None:
    """Each contract has exactly one bill, with its lines, its record and its posting; numbers are 1 … n."""
    with read_session(town.engine) as session:
        invoices = session.scalars(select(Invoice).order_by(Invoice.number)).all()
        records = session.scalars(select(FiscalRecord).order_by(FiscalRecord.position)).all()
        postings = session.scalars(select(LedgerEntry.invoice_id).where(LedgerEntry.invoice_id.is_not(None))).all()
        texts = texts_of(session, records)
    assert sorted(row.contract_id for row in invoices) == sorted(town.contracts[:houses])
    assert [row.number for row in invoices] == list(range(1, houses + 1))
    assert [record.invoice_id for record in records] == [row.id for row in invoices]
    assert all(one.hash.encode() in texts[after.id] for one, after in pairwise(records))
    assert sorted(one for one in postings if one) == sorted(row.id for row in invoices)


def tasks(town: Town, run_id: int, stage: str) -> list[Task]:
    with read_session(town.engine) as session:
        return partitions.tasks(session, town.utility_id, run_id, stage)


def number_only(town: Town, run_id: int) -> None:
    """Take a run to the point where its partitions wait to be issued."""

    class Nobody(Serial):
        def submit(self, *_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER, Nobody), NOW)
    assert status(town, run_id) == "numbered"


@pytest.mark.parametrize("stage", [SIMULATE, ISSUE])
def test_a_worker_killed_in_the_middle_of_a_partition_leaves_nothing_half_done(
    town: Town, database: str, stage: str, tmp_path: Path
) -> None:
    if stage == SIMULATE:
        run_id = created(town)
        interrupted(town, run_id)
    else:
        run_id = approved(town)
        number_only(town, run_id)
    started = tmp_path / "started"
    first, *_ = tasks(town, run_id, stage)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, database, str(town.utility_id), str(run_id), stage, str(started)],
        cwd=ROOT,
    )
    while not started.exists():
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    with read_session(town.engine) as session:
        row = session.get_one(RunPartition, (town.utility_id, run_id, first.number))
        assert (row.state, row.claim > 0) == ("open", True)
        assert session.scalar(select(func.count()).select_from(Invoice)) == 0
    if stage == SIMULATE:
        run.simulate(town.engine, town.utility_id, run_id, run.Operator(MAKER), NOW)
        with write_session(town.engine) as session:
            run.approve(session, run.run_of(session, town.utility_id, run_id), CHECKER, NOW)
    run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    assert_whole(town)


# Stops for ever after the rows were written and before they were committed.
KILLED = """
import pathlib, sys, time
from sqlalchemy import event
from central.invoicing import worker
from central.invoicing.partitions import Task
from central.store import open_engine
url, utility, run, stage, started = sys.argv[1:]
engine = open_engine(url)
def stop(connection):
    if connection.info.get("wrote"):
        pathlib.Path(started).touch()
        time.sleep(600)
def wrote(connection, cursor, statement, parameters, context, many):
    if statement.startswith(("INSERT INTO \\"draft_bill", "INSERT INTO invoice", "UPDATE run_partition SET state")):
        connection.info["wrote"] = True
event.listen(engine, "commit", stop)
event.listen(engine, "before_cursor_execute", wrote)
with worker.lent(engine):
    worker.work(engine.url.render_as_string(hide_password=False), Task(int(utility), int(run), stage, 1))
"""


def interrupted(town: Town, run_id: int) -> None:
    """Begin to simulate and be stopped before the first partition."""

    class Nobody(Serial):
        def submit(self, *_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.simulate(town.engine, town.utility_id, run_id, run.Operator(MAKER, Nobody), NOW)
    assert status(town, run_id) == "simulating"


def test_a_worker_that_wakes_late_is_fenced_off(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = approved(town)
    number_only(town, run_id)
    first, *others = tasks(town, run_id, ISSUE)
    late = partitions.claim(town.engine, first)
    assert late is not None
    with worker.lent(town.engine) as url:
        for task in (first, *others):
            worker.work(url, task)
        # The late worker finishes its work with the claim it had: the whole of it is refused.
        monkeypatch.setattr(partitions, "claim", lambda _engine, _task: late)
        with pytest.raises(FencedError, match=f"claim {late} is no longer valid"):
            worker.work(url, first)
    monkeypatch.undo()
    run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    assert_whole(town)


def test_two_workers_on_one_partition_bill_it_once(town: Town) -> None:
    run_id = approved(town)
    number_only(town, run_id)
    todo = tasks(town, run_id, ISSUE)
    with worker.lent(town.engine) as url, ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(worker.work, url, task) for task in todo for _ in range(2)]
        errors = [error for future in futures if (error := future.exception()) is not None]
    assert all(isinstance(error, FencedError) for error in errors)
    run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    assert_whole(town)


def test_processes_share_a_run_and_one_that_dies_is_replaced(town: Town, tmp_path: Path) -> None:
    run_id = approved(town, partition_size=1)
    executors = partial(_dying_once, tmp_path / "died")
    run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER, executors), NOW)
    assert (tmp_path / "died").exists()
    assert_whole(town)


def _dying_once(marker: Path) -> Any:
    """A pool whose first worker kills itself when it starts, once."""
    pool = processes(2)()
    pool._initializer, pool._initargs = _die, (marker,)  # type: ignore[attr-defined]
    return pool


def _die(marker: Path) -> None:
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def test_workers_that_always_die_are_reported_and_the_run_stays_resumable(town: Town, tmp_path: Path) -> None:
    run_id = approved(town)

    def doomed() -> Any:
        pool = processes(1)()
        pool._initializer = _die_always  # type: ignore[attr-defined]
        return pool

    with pytest.raises(RunError, match="3 partitions left and workers keep ending"):
        run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER, doomed), NOW)
    run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    assert_whole(town)


def _die_always() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_partition_that_fails_stops_no_other_and_is_named(town: Town) -> None:
    run_id = approved(town)
    with town.engine.begin() as connection:
        # Somebody tampers with a frozen draft behind the program's back.
        guards.remove(connection)
        one = update(DraftBill).where(DraftBill.contract_id == town.contracts[4])
        connection.execute(one.values(total_cents=DraftBill.total_cents + 1))
        guards.install(connection)
    with pytest.raises(RunError, match=r"issue: partition \d: .*"):
        run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    with read_session(town.engine) as session:
        done = session.scalars(select(RunPartition.state).order_by(RunPartition.number)).all()
    assert sorted(done) == ["done", "done", "open"]
    assert status(town, run_id) == "numbered"


def test_progress_counts_contracts_and_ends_at_all_of_them(town: Town) -> None:
    run_id = created(town)
    seen: list[tuple[int, int]] = []
    watcher = run.Operator(MAKER, progress=lambda done, total, _rate: seen.append((done, total)))
    run.simulate(town.engine, town.utility_id, run_id, watcher, NOW)
    assert seen == [(0, 7), (3, 7), (5, 7), (7, 7)]
