"""Identifiers: 63-bit integers that grow with time, made where the row is made.

    bits 62-22  milliseconds since 2024-01-01 UTC
    bits 21-0   a counter that starts at a random point in each process

No database round trip, no gaps to explain (they are not legal numbers), and rows made together lie together.
"""

import itertools
import secrets
import threading
import time

_EPOCH_MS = 1_704_067_200_000
_COUNTER_BITS = 22
_MASK = (1 << _COUNTER_BITS) - 1

_counter = itertools.count(secrets.randbelow(1 << _COUNTER_BITS))
_lock = threading.Lock()


def new_id() -> int:
    """One fresh identifier."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[int]:
    """``count`` fresh identifiers, ascending unless the counter wraps within the call."""
    with _lock:
        millis = time.time_ns() // 1_000_000 - _EPOCH_MS
        return [millis << _COUNTER_BITS | next(_counter) & _MASK for _ in range(count)]
