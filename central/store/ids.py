"""Identifiers: 63-bit integers that grow with time, made where the row is made.

    bits 62-22  milliseconds since 2024-01-01 UTC
    bits 21-0   a counter that starts at a random point in each process

No database round trip, no gaps to explain (they are not legal numbers), and rows made together lie together.
"""

import os
import secrets
import threading
import time

_EPOCH_MS = 1_704_067_200_000
_COUNTER_BITS = 22
MOST_IN_A_BLOCK = 1 << _COUNTER_BITS


class _Counter:
    """The counter of this process. Once it has been through, identifiers go on in a later millisecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = secrets.randbelow(MOST_IN_A_BLOCK)
        self._not_before = 0

    def start_over(self) -> None:
        """Begin anywhere else: a forked process that went on here would make its parent's identifiers again."""
        self._lock = threading.Lock()
        self._next = secrets.randbelow(MOST_IN_A_BLOCK)

    def block(self, count: int) -> int:
        with self._lock:
            millis = max(time.time_ns() // 1_000_000 - _EPOCH_MS, self._not_before)
            if self._next + count > MOST_IN_A_BLOCK:
                self._next = 0
                millis += 1
                self._not_before = millis
            first = millis << _COUNTER_BITS | self._next
            self._next += count
            return first


_counter = _Counter()
os.register_at_fork(after_in_child=_counter.start_over)


def new_id() -> int:
    """One fresh identifier."""
    return _counter.block(1)


def new_block(count: int) -> int:
    """The first of ``count`` fresh identifiers that follow one another; raises ValueError beyond a block's size."""
    if not 0 <= count <= MOST_IN_A_BLOCK:
        raise ValueError(f"identifiers.count: {count}, must be 0 to {MOST_IN_A_BLOCK}")
    return _counter.block(count)


def new_ids(count: int) -> list[int]:
    """``count`` fresh identifiers, ascending."""
    ids: list[int] = []
    for start in range(0, count, MOST_IN_A_BLOCK):
        size = min(MOST_IN_A_BLOCK, count - start)
        first = _counter.block(size)
        ids.extend(range(first, first + size))
    return ids
