"""The rows that a test's work locks on PostgreSQL, for what locks in another order than its neighbours deadlocks."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

_LOCKS = re.compile(r"FROM (\w+).* FOR (?:NO KEY )?UPDATE", re.DOTALL)


@contextmanager
def locking(engine: Engine) -> Iterator[list[str]]:
    """The tables whose rows are locked meanwhile, each once, in the order of their first lock."""
    found: list[str] = []

    def seen(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        match = _LOCKS.search(statement)
        if match and match[1] not in found:
            found.append(match[1])

    event.listen(engine, "before_cursor_execute", seen)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", seen)
