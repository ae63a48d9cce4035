"""How long to wait before the next attempt at something that keeps failing."""

import random
import time
from collections.abc import Callable


class Backoff:
    """Doubling delays with jitter, forgotten only after a connection has held for ``stable_s`` seconds.

    A peer that accepts and then hangs up at once (a second device under the same name, a broker that is shutting
    down) therefore meets growing delays too, and a fleet that lost its broker together does not come back together.
    """

    def __init__(
        self,
        first_s: float = 0.5,
        cap_s: float = 60.0,
        stable_s: float = 30.0,
        *,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._stable_s = stable_s
        self._rng = rng or random.SystemRandom()
        self._clock = clock
        self._failures = 0
        self._up_since: float | None = None

    def connected(self) -> None:
        """The attempt succeeded; the delay is forgotten if this lasts."""
        self._up_since = self._clock()

    def next_delay(self) -> float:
        """Seconds to wait now that the attempt failed or the connection ended: half to all of the doubled delay."""
        if self._up_since is not None and self._clock() - self._up_since >= self._stable_s:
            self._failures = 0
        self._up_since = None
        # The exponent is held where 2**n has long passed any cap.
        ceiling = min(self._cap_s, self._first_s * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return ceiling * (0.5 + self._rng.random() / 2)
