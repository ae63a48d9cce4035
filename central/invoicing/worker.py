"""What an executor runs: one stage of one partition, in whatever process or machine it was placed."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
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
    with _uncollected():
        if task.stage == SIMULATE:
            return simulate(engine, task)
        if task.stage == ISSUE:
            return issue(engine, task, _ring(keys) if keys else None)
        if task.stage == DELIVER:
            return deliver(engine, task)
    raise RunError(f"stage {task.stage}: must be {SIMULATE}, {ISSUE} or {DELIVER}")


_lent: dict[str, Engine] = {}


@contextmanager
def lent(engine: Engine) -> Iterator[str]:
    """Let work in this process use the caller's engine; gives the URL that work is to be asked for with."""
    url = engine.url.render_as_string(hide_password=False)
    before = _lent.get(url)
    _lent[url] = engine
    try:
        yield url
    finally:
        if before is None:
            del _lent[url]
        else:
            _lent[url] = before


def _engine(url: str) -> Engine:
    return _lent.get(url) or _own_engine(url)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cycle collector: a partition's values hold no cycles, and it would walk them again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@lru_cache(maxsize=4)
def _own_engine(url: str) -> Engine:
    """A worker process has one engine per database: connections outlive a task."""
    return open_engine(url)


@lru_cache(maxsize=4)
def _ring(keys: Path) -> KeyRing:
    return KeyRing.load(keys)
