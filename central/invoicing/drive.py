"""Drives a stage of a run: hands its open partitions to an executor and shows how far it is.

Any ``concurrent.futures.Executor`` will do: :class:`Serial`, threads, processes, or a cluster's. The executor gives
placement; that each bill is made exactly once is the business of the partitions' transactions.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Engine, select

from central.invoicing.partitions import FencedError, Task, tasks
from central.invoicing.plan import OPEN
from central.invoicing.states import RunError
from central.invoicing.worker import lent, work
from central.store import read_session
from central.store.models import RunPartition

Progress = Callable[[int, int, int], None]
"""Called with contracts done, contracts in all, and contracts per second since the stage was taken up."""
Executors = Callable[[], Executor]
"""Makes a fresh executor: a pool whose worker was killed is broken and a new one takes over."""

FRUITLESS_ROUNDS = 3
A_SECOND = 1_000_000_000

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Serial(Executor):
    """Does the work at once, in the caller's thread."""

    def submit(self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """A future that is already done."""
        future: Future[_R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def processes(workers: int | None = None) -> Executors:
    """Local processes, one per core unless said otherwise."""
    # A child forked from here would share this process's database connections; the fork server has none, and
    # has loaded the program once for all of them.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work.__module__])
    return partial(ProcessPoolExecutor, workers, context)


def ignore(done: int, total: int, rate: int) -> None:
    """The progress of whoever does not watch."""


def drive(
    engine: Engine,
    utility_id: int,
    run_id: int,
    stage: str,
    executors: Executors,
    progress: Progress = ignore,
    keys: Path | None = None,
) -> None:
    """Work every open partition of a stage; returns when none is left. ``keys`` is the key file for meters' keys.

    A partition that fails does not stop the others; its error is raised as RunError when they are through, and the
    same call later takes up what is left.
    """
    meter = _Meter(engine, utility_id, run_id, progress)
    fruitless = 0
    with lent(engine) as url:
        while todo := _open(engine, utility_id, run_id, stage):
            broken = _round(partial(work, url, keys=keys), todo, executors, meter)
            left = len(_open(engine, utility_id, run_id, stage))
            fruitless = fruitless + 1 if left == len(todo) else 0
            if fruitless >= FRUITLESS_ROUNDS:
                raise RunError(f"run {run_id}: {stage}: {left} partitions left and workers keep ending: {broken}")


def _round(job: Callable[[Task], int], todo: list[Task], executors: Executors, meter: "_Meter") -> BaseException | None:
    """One executor's life; returns what broke it, if anything did."""
    broken: BaseException | None = None
    failed: list[tuple[Task, BaseException]] = []
    with executors() as executor:
        try:
            for task, future in _placed(executor, job, todo):
                error = future.exception()
                if error is None:
                    meter.add(future.result())
                elif isinstance(error, BrokenExecutor):
                    broken = error
                elif not isinstance(error, FencedError):
                    failed.append((task, error))
        except BrokenExecutor as ended:
            broken = ended
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    for task, cause in failed:
        raise RunError(f"run {task.run_id}: {task.stage}: partition {task.number}: {cause}") from cause
    return broken


def _placed(executor: Executor, job: Callable[[Task], int], todo: list[Task]) -> Iterator[tuple[Task, Future[int]]]:
    """Hand all tasks over, and give each back with its future as it ends."""
    waiting: dict[Future[int], Task] = {}
    for task in todo:
        future = executor.submit(job, task)
        if future.done():
            yield task, future
        else:
            waiting[future] = task
    for future in as_completed(waiting):
        yield waiting[future], future


def _open(engine: Engine, utility_id: int, run_id: int, stage: str) -> list[Task]:
    with read_session(engine) as session:
        return tasks(session, utility_id, run_id, stage)


class _Meter:
    """Counts contracts through a stage, those of an earlier attempt included."""

    def __init__(self, engine: Engine, utility_id: int, run_id: int, progress: Progress) -> None:
        found = select(RunPartition.state, RunPartition.contracts).where(
            RunPartition.utility_id == utility_id, RunPartition.run_id == run_id
        )
        with read_session(engine) as session:
            rows: list[Any] = list(session.execute(found))
        self._total = sum(row.contracts for row in rows)
        self._before = self._done = sum(row.contracts for row in rows if row.state != OPEN)
        self._started = time.monotonic_ns()
        self._progress = progress
        progress(self._done, self._total, 0)

    def add(self, contracts: int) -> None:
        self._done += contracts
        nanoseconds = time.monotonic_ns() - self._started
        self._progress(self._done, self._total, (self._done - self._before) * A_SECOND // max(nanoseconds, 1))
