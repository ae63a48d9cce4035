"""Who may look: a PIN, kept open while the screen is used."""

import hmac
import math
import secrets
import time
from collections.abc import Callable

COOKIE = "sgc_reader"
FREE_ATTEMPTS = 5
FIRST_LOCK_S = 30.0
LONGEST_LOCK_S = 3600.0
_MOST_SESSIONS = 16


class Sessions:
    """Open sessions by their cookie. They live in memory: a new start of the agent asks for the PIN again."""

    def __init__(self, pin: str, idle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pin = pin.encode()
        self._idle_s = idle_s
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._failures = 0
        self._locked_until = 0.0

    def locked_for(self) -> int:
        """Whole seconds until a PIN is looked at again; 0 where that is now."""
        return max(0, math.ceil(self._locked_until - self._clock()))

    def open(self, pin: str) -> str | None:
        """A new session's cookie, or None for a wrong PIN; after five of those each costs a longer wait."""
        if self.locked_for():
            return None
        if not hmac.compare_digest(pin.encode(), self._pin):
            self._count_failure()
            return None
        self._failures = 0
        cookie = secrets.token_urlsafe(24)
        self._seen[cookie] = self._clock()
        while len(self._seen) > _MOST_SESSIONS:
            del self._seen[min(self._seen, key=lambda known: self._seen[known])]
        return cookie

    def _count_failure(self) -> None:
        self._failures += 1
        if self._failures >= FREE_ATTEMPTS:
            lock = FIRST_LOCK_S * 2.0 ** min(self._failures - FREE_ATTEMPTS, 16)
            self._locked_until = self._clock() + min(lock, LONGEST_LOCK_S)

    def holds(self, cookie: str | None) -> bool:
        """Whether ``cookie`` is an open session; using it keeps it open."""
        if cookie is None or cookie not in self._seen:
            return False
        now = self._clock()
        if now - self._seen[cookie] > self._idle_s:
            del self._seen[cookie]
            return False
        self._seen[cookie] = now
        return True

    def close(self, cookie: str | None) -> None:
        """End a session."""
        if cookie is not None:
            self._seen.pop(cookie, None)
