"""When something happened, as this device knows it: wall clock, monotonic clock, and whether the wall was set.

Readings taken before a handheld has met a time source would otherwise carry a date of 1970 or of last year; with the
monotonic clock and the boot beside it the centre can put them right afterwards.
"""

import ctypes
import time
from pathlib import Path
from typing import Protocol

from protocols.sync import ClockStamp

# A wall clock before this instant (2024-01-01T00:00:00Z) has never been set, whatever it says of itself.
EARLIEST_PLAUSIBLE_MS = 1_704_067_200_000
# The attached stamp of a receiver is 32 bits of seconds; beyond year 2100 it is not UTC.
LATEST_PLAUSIBLE_MS = 4_102_444_800_000

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TRUST_CHECK_NS = 10_000_000_000
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 512  # more than struct timex of any ABI; all zero asks without changing anything


class Clock(Protocol):
    """A source of stamps."""

    def now(self) -> ClockStamp:
        """The present instant."""
        ...

    def heard(self, receiver_seconds: int | None) -> ClockStamp:
        """The instant of a frame; ``receiver_seconds`` is its receiver's own stamp, where it makes one."""
        ...


def os_boot() -> str:
    """The operating system's boot id, within which monotonic stamps can be compared."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def monotonic_ns() -> int:
    """Nanoseconds since the operating system started, sleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class SystemClock:
    """The operating system's clock; trusted while the kernel says that a time source disciplines it."""

    def __init__(self) -> None:
        self._trusted = False
        self._checked_ns: int | None = None

    def now(self) -> ClockStamp:
        """The present instant by the system's clock."""
        mono = monotonic_ns()
        wall = time.time_ns() // 1_000_000
        return ClockStamp(wall, mono, self._is_trusted(mono) and wall >= EARLIEST_PLAUSIBLE_MS)

    def heard(self, receiver_seconds: int | None) -> ClockStamp:
        """The system's instant: the receiver's own clock is not asked."""
        return self.now()

    def _is_trusted(self, mono: int) -> bool:
        if self._checked_ns is None or mono - self._checked_ns > _TRUST_CHECK_NS:
            self._checked_ns = mono
            self._trusted = kernel_clock_synchronised()
        return self._trusted


def kernel_clock_synchronised() -> bool:
    """Whether the kernel's clock is disciplined by a time source (``adjtimex`` without change)."""
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return 0 <= int(state) < _TIME_ERROR


class ReceiverClock:
    """A receiver's own clock, read as UTC seconds. Between frames it advances with the monotonic clock.

    Until the first stamp arrives, and for frames without one, the system's clock answers.
    """

    def __init__(self, system: SystemClock | None = None) -> None:
        self._system = system or SystemClock()
        self._last: ClockStamp | None = None

    def now(self) -> ClockStamp:
        """The newest receiver stamp, moved on by the time since it was heard."""
        if self._last is None:
            return self._system.now()
        mono = monotonic_ns()
        wall = self._last.wall_ms + (mono - self._last.mono_ns) // 1_000_000
        return ClockStamp(wall, mono, self._last.trusted)

    def heard(self, receiver_seconds: int | None) -> ClockStamp:
        """``receiver_seconds`` as an instant; trusted where a clock that had been set could say it."""
        if receiver_seconds is None:
            return self.now()
        wall = receiver_seconds * 1000
        stamp = ClockStamp(wall, monotonic_ns(), EARLIEST_PLAUSIBLE_MS <= wall < LATEST_PLAUSIBLE_MS)
        if self._last is None or wall >= self._last.wall_ms:
            self._last = stamp
        return stamp
