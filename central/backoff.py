"""How long to wait before the next try: longer each time, never in step with others, short again once it held."""

import random
import time
from collections.abc import Callable


class Backoff:
    """Exponential delays with full jitter; they start over only after a connection has held for ``stable_s``."""

    def __init__(
        self, first_s: float, cap_s: float, stable_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._stable_s = stable_s
        self._clock = clock
        self._tries = 0
        self._since: float | None = None

    def held(self) -> None:
        """Say that it works from now on."""
        self._since = self._clock()

    def next_delay(self) -> float:
        """Seconds to wait after it stopped working, or never did."""
        if self._since is not None and self._clock() - self._since >= self._stable_s:
            self._tries = 0
        self._since = None
        longest = min(self._cap_s, self._first_s * float(1 << self._tries))
        self._tries = min(self._tries + 1, 32)
        return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads reconnections, guards nothing
