"""A serial line that is not there: a pseudo terminal whose far end a host opens like a USB dongle.

Nothing is dropped: what the host has not read yet stays in the kernel, and at most one terminal buffer of it is
written ahead, so that the simulator always knows how much the host has taken. A host that flushes its input, as
opening a serial port does, throws that buffer away; the line hears of it through packet mode.
"""

import errno
import fcntl
import os
import random
import select
import struct
import termios
import time
import tty
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

# The kernel's terminal input buffer holds 4095 bytes; so many may wait unread at a time.
FULL = 4095
AHEAD = 3584
# Bytes reach that buffer through a queue of the kernel's: mostly within the first time, surely within the second.
QUEUED_S = 0.001
SETTLE_S = 0.02


class LineError(OSError):
    """The line cannot be made where it was asked for."""


@dataclass
class Faults:
    """What a test lets go wrong on the line.

    ``garbage_one_in``: before one of so many writes come some random bytes. ``split``: writes go out in
    random pieces. ``silent_after``: after so many writes the module says nothing for ``silent_s`` seconds.
    """

    garbage_one_in: int = 0
    split: bool = False
    silent_after: int = 0
    silent_s: float = 0.0
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def pieces(self, data: bytes) -> list[bytes]:
        """What is written instead of ``data``."""
        if self.garbage_one_in and self.rng.randrange(self.garbage_one_in) == 0:
            data = self.rng.randbytes(self.rng.randrange(1, 24)) + data
        if not self.split:
            return [data]
        cut = self.rng.randrange(len(data) + 1)
        return [piece for piece in (data[:cut], data[cut:]) if piece]


@dataclass(frozen=True, slots=True)
class Event:
    """What happened on the line: bytes from the host, and the span of written bytes that it flushed unread."""

    data: bytes = b""
    flushed: tuple[int, int] | None = None


class Line:
    """The near end. ``link`` is a symbolic link to the far end; it is removed on ``close``.

    ``written`` counts all bytes given to the kernel; ``taken`` how many of them are no longer waiting for
    certain, because the host read or flushed them.
    """

    def __init__(self, link: Path) -> None:
        self.link = link
        self.written = 0
        self.taken = 0
        self._settled = 0
        self._unread = 0
        self._overfull_until = 0.0
        self._recent: deque[tuple[float, int]] = deque()
        self._master, self._slave = os.openpty()
        # Raw before anyone can open it: no echo, no line editing, no signals.
        tty.setraw(self._slave)
        fcntl.ioctl(self._master, termios.TIOCPKT, struct.pack("i", 1))
        os.set_blocking(self._master, False)
        self._place_link()

    def _place_link(self) -> None:
        if self.link.exists() and not self.link.is_symlink():
            raise LineError(errno.EEXIST, f"{self.link} exists and is not a symbolic link")
        self.link.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.link.with_name(f".{self.link.name}.{os.getpid()}")
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self.link)

    def close(self) -> None:
        """Removes the link, if it is still this line's, and hangs up."""
        if self.link.is_symlink() and self.link.readlink() == Path(os.ttyname(self._slave)):
            self.link.unlink()
        os.close(self._master)
        os.close(self._slave)

    @property
    def room(self) -> int:
        """Bytes that can be written now without filling the host's buffer, as of the last ``poll``."""
        now = time.monotonic()
        if now < self._overfull_until:
            return 0
        return AHEAD - self._unread - self._written_since(now - QUEUED_S)

    def _written_since(self, moment: float) -> int:
        """Bytes that may still be in the kernel's queue, not yet counted as unread."""
        for stamp, before in reversed(self._recent):
            if stamp <= moment:
                return self.written - before
        return self.written - self._settled

    def write(self, data: bytes) -> None:
        """Writes all of it, waiting where the kernel holds back."""
        view = memoryview(data)
        while view:
            try:
                count = os.write(self._master, view)
            except BlockingIOError:
                time.sleep(SETTLE_S)
                continue
            self.written += count
            view = view[count:]
        self._recent.append((time.monotonic(), self.written))

    def poll(self, timeout_s: float) -> Event:
        """Waits for the host at most so long, and learns how far it has read.

        The count of unread bytes is taken before the look for a flush: with no flush seen after it, it
        counts bytes that were read, not thrown away. A full buffer hides bytes that queue behind it, so
        nothing is concluded then.
        """
        unread, settled = self._waiting(), self._settle()
        if unread >= FULL:
            self._overfull_until = time.monotonic() + SETTLE_S
        ready, _, _ = select.select([self._master], [], [], timeout_s)
        packet = self._packet() if ready else b""
        if packet and packet[0] & termios.TIOCPKT_FLUSHREAD:
            self._unread = self._waiting()
            begin, self.taken = self.taken, max(self.taken, self.written - self._unread)
            return Event(flushed=(begin, self.taken))
        self._unread = unread
        if time.monotonic() >= self._overfull_until:
            self.taken = max(self.taken, settled - unread)
        return Event(packet[1:] if packet[:1] == b"\x00" else b"")

    def _packet(self) -> bytes:
        try:
            return os.read(self._master, 4096)
        except BlockingIOError:
            return b""

    def _waiting(self) -> int:
        (count,) = struct.unpack("i", fcntl.ioctl(self._slave, termios.FIONREAD, bytes(4)))
        return int(count)

    def _settle(self) -> int:
        """How many of the bytes written are certainly past the kernel's queue."""
        before = time.monotonic() - SETTLE_S
        while self._recent and self._recent[0][0] <= before:
            self._settled = self._recent.popleft()[1]
        return self._settled
