"""What an executor runs: one stage of one partition, in whatever process or machine it was placed."""

from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine

from central.invoicing.deliver import deliver
from central.invoicing.issue import issue
from central.invoicing.partitions import Task
from central.invoicing.plan import DELIVER, ISSUE, SIMULATE
from central.invoicing.simulate import simulate
from central.invoicing.states import RunError
from central.register import KeyRing
from central.store import open_engine


def work(url: str, task: Task, keys: Path | None = None) -> int:
    """Work a partition of a database; returns how many contracts were worked.

    ``keys`` is the key file that opens meters' keys, needed where billed telegrams are encrypted.
    """
    engine = _engine(url)
    if task.stage == SIMULATE:
        return simulate(engine, task)
    if task.stage == ISSUE:
        return issue(engine, task, _ring(keys) if keys else None)
    if task.stage == DELIVER:
        return deliver(engine, task)
    raise RunError(f"stage {task.stage}: must be {SIMULATE}, {ISSUE} or {DELIVER}")


@lru_cache(maxsize=4)
def _engine(url: str) -> Engine:
    """One engine per database and process: connections outlive a task."""
    return open_engine(url)


@lru_cache(maxsize=4)
def _ring(keys: Path) -> KeyRing:
    return KeyRing.load(keys)
