"""Long lists of values in pieces that a statement may carry as parameters on every database."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

PER_STATEMENT = 500

Value = TypeVar("Value")


def in_parts(values: Iterable[Value], size: int = PER_STATEMENT) -> Iterator[list[Value]]:
    """The values in order, at most ``size`` at a time."""
    waiting = list(values)
    for start in range(0, len(waiting), size):
        yield waiting[start : start + size]
