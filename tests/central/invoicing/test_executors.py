"""The same run on processes, on a Dask cluster, past paused workers and a database that goes away: each bill once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine

from central.invoicing import run
from central.invoicing.drive import Executors, processes
from central.invoicing.plan import ISSUE
from central.invoicing.states import RunError
from central.ops.audit import audit
from central.store import migrate, open_engine
from tests.central.factories import NOW, Town, found
from tests.central.invoicing.conftest import DAYS
from tests.central.invoicing.driving import CHECKER, approved, status
from tests.central.invoicing.test_resumption import ROOT, assert_whole, number_only, tasks
from tests.fixtures.postgres import private_server

HOUSES = 24


@pytest.fixture
def city(postgres_database: str) -> Iterator[Town]:
    """Houses enough for many partitions, on PostgreSQL."""
    engine = open_engine(postgres_database)
    yield _read(engine)
    engine.dispose()


def _read(engine: Engine) -> Town:
    town = found(engine, HOUSES)
    town.read_all(DAYS)
    return town


def assert_sound(town: Town, houses: int) -> None:
    """Every bill once, numbers without a gap, the chain unbroken, and no law of the audit broken."""
    assert_whole(town, houses)
    broken = [(verdict.law, verdict.breaches) for verdict in audit(town.engine) if not verdict.holds]
    assert broken == []


class Once:
    """Watches a run's progress and does something when the first partition is done."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self.done = False

    def __call__(self, done: int, _total: int, _rate: int) -> None:
        if done and not self.done:
            self.done = True
            self._act()


@contextmanager
def cluster(workers: int) -> Iterator[tuple[Executors, list[int]]]:
    """A Dask cluster of processes as executors, with the processes' ids."""
    distributed = pytest.importorskip("distributed", reason="the optional engine is not installed")
    options: dict[str, Any] = {"n_workers": workers, "threads_per_worker": 1, "processes": True}
    # Any free port: the usual one may be taken, by another test or by a cluster of this machine.
    options["dashboard_address"] = "127.0.0.1:0"
    with distributed.LocalCluster(**options) as machines, distributed.Client(machines) as client:
        yield lambda: client.get_executor(pure=False), list(client.run(os.getpid).values())


@pytest.mark.postgres
def test_a_dask_cluster_runs_the_same_code(city: Town) -> None:
    run_id = approved(city, partition_size=3)
    with cluster(2) as (executors, _):
        run.issue(city.engine, city.utility_id, run_id, run.Operator(CHECKER, executors), NOW)
    assert status(city, run_id) == "issued"
    assert_sound(city, HOUSES)


@pytest.mark.postgres
def test_a_worker_of_a_cluster_that_is_killed_loses_and_doubles_nothing(city: Town) -> None:
    run_id = approved(city, partition_size=1)
    with cluster(2) as (executors, pids):
        watcher = Once(lambda: os.kill(pids[0], signal.SIGKILL))
        run.issue(city.engine, city.utility_id, run_id, run.Operator(CHECKER, executors, watcher), NOW)
    assert watcher.done
    assert_sound(city, HOUSES)


# Works one partition, and pauses itself where it is told to: before its rows are written, or before they are committed.
PAUSED = """
import os, signal, sys
from sqlalchemy import event
from central.invoicing import issue, partitions, worker
from central.invoicing.partitions import FencedError, Task
from central.store import open_engine
url, utility, run, where = sys.argv[1:]
partitions.IDLE_LIMIT = "1s"
engine = open_engine(url)
def pause():
    os.kill(os.getpid(), signal.SIGSTOP)
write, finish = issue.Batch.write, partitions.finish
def late(*arguments, **values):
    pause()
    finish(*arguments, **values)
def uncommitted(batch, session):
    write(batch, session)
    pause()
if where == "before":
    partitions.finish = late
else:
    issue.Batch.write = uncommitted
try:
    with worker.lent(engine):
        worker.work(engine.url.render_as_string(hide_password=False), Task(int(utility), int(run), "issue", 1))
except Exception as error:
    sys.exit(f"refused: {type(error).__name__}: {error}")
"""


def _paused(town: Town, run_id: int, where: str) -> "subprocess.Popen[str]":
    """A worker that has stopped in the middle of the first partition."""
    url = town.engine.url.render_as_string(hide_password=False)
    child = subprocess.Popen(
        [sys.executable, "-c", PAUSED, url, str(town.utility_id), str(run_id), where],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, said = os.waitpid(child.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(said)
    return child


def _woken(child: "subprocess.Popen[str]") -> str:
    """What a paused worker says when it goes on."""
    child.send_signal(signal.SIGCONT)
    return child.communicate()[1]


def test_a_paused_worker_that_wakes_late_is_fenced_off(town: Town) -> None:
    run_id = approved(town)
    number_only(town, run_id)
    child = _paused(town, run_id, "before")
    run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    assert "refused: FencedError" in _woken(child)
    assert child.returncode == 1
    assert_sound(town, 7)


@pytest.mark.postgres
def test_a_worker_paused_inside_its_transaction_holds_nobody_up(city: Town) -> None:
    run_id = approved(city, partition_size=6)
    number_only(city, run_id)
    child = _paused(city, run_id, "inside")
    run.issue(city.engine, city.utility_id, run_id, run.Operator(CHECKER), NOW)
    assert "refused: " in _woken(child)
    assert_sound(city, HOUSES)


@pytest.mark.postgres
def test_a_database_that_crashes_in_the_middle_of_a_run_leaves_it_resumable() -> None:
    with private_server() as server:
        engine = open_engine(server.create())
        migrate(engine)
        town = _read(engine)
        run_id = approved(town, partition_size=1)
        number_only(town, run_id)
        watcher = Once(server.crash)
        by = run.Operator(CHECKER, processes(2), watcher)
        with pytest.raises(RunError, match="issue: partition"):
            run.issue(engine, town.utility_id, run_id, by, NOW)
        assert tasks(town, run_id, ISSUE)
        run.issue(engine, town.utility_id, run_id, run.Operator(CHECKER, processes(2)), NOW)
        assert watcher.done
        assert_sound(town, HOUSES)
        engine.dispose()
