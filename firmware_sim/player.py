"""Plays a town through the dongle: what the receiver hears goes to the host as fast as the host reads.

One thread, one loop: answer the host, write what fits, settle in the truth what the host has taken.
"""

import datetime as dt
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from firmware_sim.air import Air, Window
from firmware_sim.channel import Heard
from firmware_sim.dongle import Dongle, raw_levels
from firmware_sim.line import Faults, Line
from firmware_sim.truth import Position, Row, Truth

Ints = npt.NDArray[np.int64]

SETTLE_EVERY_S = 0.02
PROGRESS_EVERY_S = 1.0
SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.0003, 0.01
# A stopped play waits this long for the host to take what is on the line.
LAST_CALL_S = 1.0
# A host that flushed its input is opening the port: it is given this long to ask something.
REOPEN_S = 1.0


class HostError(RuntimeError):
    """The host never configured the module."""


class Stopped(Exception):  # noqa: N818  (a request, not an error)
    """The play was asked to end."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the play is; ``instant`` is the start of the last settled transmission."""

    sent: int
    heard: int
    instant: dt.datetime
    done: bool
    state: str


class Telegram(NamedTuple):
    """One telegram on its way to the host, its row of the truth, and all sent up to and with it."""

    packet: bytes
    row: Row
    sent: int


class Written(NamedTuple):
    """A telegram in the line: it lies in the bytes [begin, end)."""

    begin: int
    end: int
    telegram: Telegram


class Player:
    """One play. ``stop`` may be called from a signal handler.

    ``grace_s``: what a host took in its last so many seconds before it opened the port anew is doubtful, as
    it may have died with it in memory.
    """

    def __init__(
        self,
        air: Air,
        truth: Truth,
        line: Line,
        *,
        speed: float | None = None,
        grace_s: float = 2.0,
        faults: Faults | None = None,
        report: Callable[[Progress], None] | None = None,
    ) -> None:
        self.dongle = Dongle()
        self._air = air
        self._truth = truth
        self._line = line
        self._since = truth.position
        self._on_line = truth.noted_line()
        self._grace_s = grace_s
        self._settles: deque[tuple[float, int]] = deque()
        self._speed = speed
        self._faults = faults or Faults()
        self._report = report or (lambda _: None)
        self._stopping = False
        self._state = "waiting"
        self._queue: deque[Telegram] = deque()
        self._written: deque[Written] = deque()
        self._writes = 0
        self._wait_s = SHORTEST_WAIT_S
        self._paused_until = self._mute_until = 0.0
        self._settled_at = self._reported_at = 0.0
        self._origin: tuple[float, int] | None = None

    def stop(self) -> None:
        """Ends the play at the next step; what the host has taken is settled first."""
        self._stopping = True

    def run(self, wait_s: float | None = None) -> None:
        """Waits for the host (at most ``wait_s``), plays to the end, then keeps the module alive until stopped."""
        try:
            self._await_host(wait_s)
            self._state = "playing"
            if not self._truth.position.done:
                self._play()
                self._truth.finish()
            self._state = "done"
            self._tell()
            while True:
                self._step(LONGEST_WAIT_S * 5)
        except Stopped:
            self._last_call()
            self._tell()

    def _last_call(self) -> None:
        """Lets the host take what is on the line already; nothing more is written."""
        deadline = time.monotonic() + LAST_CALL_S
        while self._written and time.monotonic() < deadline:
            event = self._line.poll(LONGEST_WAIT_S)
            if event.flushed is not None:
                self._forget(*event.flushed)
            self._settle()

    def _await_host(self, wait_s: float | None) -> None:
        deadline = None if wait_s is None else time.monotonic() + wait_s
        while not self.dongle.hears_t:
            if deadline is not None and time.monotonic() > deadline:
                raise HostError(f"{self._line.link}: no host set the module to mode T within {wait_s:g} s")
            self._step(LONGEST_WAIT_S)

    def _play(self) -> None:
        since_ms = self._truth.position.instant_ms
        sent = self._truth.position.sent
        for window in self._air.windows(since_ms):
            inside = (window.starts_ms >= self._truth.since_ms) & (window.starts_ms < self._truth.until_ms)
            fresh = inside & after(window, self._since)
            self._enqueue(window, fresh, sent)
            sent += int(fresh.sum())
            self._drain()
            self._close_window(window, inside, sent)
            if len(window) and window.starts_ms[-1] >= self._truth.until_ms:
                break

    def _enqueue(self, window: Window, fresh: npt.NDArray[np.bool_], sent: int) -> None:
        heard = self._air.heard(window)
        chosen = fresh & heard.handed_on
        counts = sent + np.cumsum(fresh)
        lost_sight: list[Telegram] = []
        for index, packet, frame in packets(window, heard, chosen, self.dongle):
            row = (
                int(window.meters[index]),
                int(window.starts_ms[index]),
                int(window.access_no[index]),
                int(window.litres[index]),
                hashlib.blake2b(frame, digest_size=8).digest(),
            )
            telegram = Telegram(packet, row, int(counts[index]))
            (lost_sight if (row[1], row[0]) <= self._on_line else self._queue).append(telegram)
        self._settle_rows(lost_sight, doubtful=True)

    def _drain(self) -> None:
        """Writes all that is queued and waits until the host has taken it."""
        while self._queue or self._written:
            self._step(self._wait_s)
            if self._queue and self._write():
                self._wait_s = SHORTEST_WAIT_S
            else:
                self._wait_s = min(LONGEST_WAIT_S, 2 * self._wait_s)

    def _write(self) -> bool:
        """Writes as many telegrams as are due and fit; False where none does."""
        now = time.monotonic()
        if now < max(self._paused_until, self._mute_until) or not self.dongle.hears_t:
            return False
        room, parts, at = self._line.room, [], self._line.written
        while self._queue and len(self._queue[0].packet) <= room and self._due(self._queue[0], now):
            telegram = self._queue.popleft()
            for piece in self._faults.pieces(telegram.packet):
                parts.append(piece)
                at += len(piece)
            room -= len(telegram.packet)
            self._written.append(Written(at - len(telegram.packet), at, telegram))
        if not parts:
            return False
        last = self._written[-1].telegram.row
        self._truth.note_line(last[1], last[0])
        self._send(parts)
        return True

    def _send(self, parts: list[bytes]) -> None:
        if not self._faults.split:
            self._line.write(b"".join(parts))
        else:
            for part in parts:
                self._line.write(part)
                time.sleep(SHORTEST_WAIT_S)
        self._writes += 1
        if self._writes == self._faults.silent_after:
            self._mute_until = time.monotonic() + self._faults.silent_s

    def _due(self, telegram: Telegram, now: float) -> bool:
        if self._speed is None:
            return True
        if self._origin is None:
            self._origin = (now, telegram.row[1])
        started, first_ms = self._origin
        return (telegram.row[1] - first_ms) / 1000 <= (now - started) * self._speed

    def _step(self, timeout_s: float) -> None:
        """One turn: hear the host, answer it, settle and report where it is time to."""
        if self._stopping:
            raise Stopped
        event = self._line.poll(0 if self._can_write() else timeout_s)
        if event.flushed is not None:
            self._forget(*event.flushed)
            self._doubt()
            self._paused_until = time.monotonic() + REOPEN_S
        if event.data and time.monotonic() >= self._mute_until:
            answer = self.dongle.feed(event.data)
            if answer:
                self._paused_until = 0.0
                self._line.write(answer)
        now = time.monotonic()
        if now - self._settled_at >= SETTLE_EVERY_S:
            self._settled_at = now
            self._settle()
        if now - self._reported_at >= PROGRESS_EVERY_S:
            self._reported_at = now
            self._tell()

    def _can_write(self) -> bool:
        return bool(self._queue) and len(self._queue[0].packet) <= self._line.room and self._speed is None

    def _forget(self, begin: int, end: int) -> None:
        """What the host flushed unread was not heard."""
        self._written = deque(w for w in self._written if w.end <= begin or w.begin >= end)

    def _doubt(self) -> None:
        """The host opened the port anew: what it took last may have died with it."""
        self._settle()
        if self._settles:
            last = self._settles[-1][0]
            self._truth.doubt_after(next(heard for at, heard in self._settles if at >= last - self._grace_s))
            self._settles.clear()

    def _settle(self) -> None:
        taken = []
        while self._written and self._written[0].end <= self._line.taken:
            taken.append(self._written.popleft().telegram)
        if taken:
            now = time.monotonic()
            while self._settles and self._settles[0][0] < now - self._grace_s:
                self._settles.popleft()
            self._settles.append((now, self._truth.position.heard))
            self._settle_rows(taken)

    def _settle_rows(self, taken: list[Telegram], *, doubtful: bool = False) -> None:
        if not taken:
            return
        last = taken[-1]
        position = replace(
            self._truth.position,
            instant_ms=last.row[1],
            meter=last.row[0],
            sent=last.sent,
            heard=self._truth.position.heard + len(taken),
        )
        self._truth.settle([telegram.row for telegram in taken], position, doubtful=doubtful)

    def _close_window(self, window: Window, inside: npt.NDArray[np.bool_], sent: int) -> None:
        """Counts a window's sendings of each meter once all of it is settled."""
        self._settle()
        fresh = inside & (window.starts_ms >= self._truth.position.counted_ms)
        if not fresh.any():
            return
        last = int(np.flatnonzero(fresh)[-1])
        meters, counts = np.unique(window.meters[fresh], return_counts=True)
        position = replace(
            self._truth.position,
            instant_ms=int(window.starts_ms[last]),
            meter=int(window.meters[last]),
            counted_ms=int(window.starts_ms[last]) + 1,
            sent=sent,
        )
        self._truth.count_sent(zip(meters.tolist(), counts.tolist(), strict=True), position)

    def _tell(self) -> None:
        position = self._truth.position
        moment = dt.datetime.fromtimestamp(position.instant_ms / 1000, dt.UTC)
        self._report(Progress(position.sent, position.heard, moment, position.done, self._state))


def after(window: Window, position: Position) -> npt.NDArray[np.bool_]:
    """Which transmissions come after a position in order of time and meter."""
    later = window.starts_ms > position.instant_ms
    same = (window.starts_ms == position.instant_ms) & (window.meters > position.meter)
    either: npt.NDArray[np.bool_] = later | same
    return either


def packets(
    window: Window, heard: Heard, chosen: npt.NDArray[np.bool_], dongle: Dongle
) -> Iterator[tuple[int, bytes, bytes]]:
    """Position, what goes to the host, and link frame of the chosen transmissions, in order."""
    indexes = np.flatnonzero(chosen)
    out: list[tuple[bytes, bytes]] = [(b"", b"")] * len(indexes)
    seconds, levels = window.starts_ms // 1000, raw_levels(heard.level_cdbm)
    for width, frames in window.frames.items():
        own = np.flatnonzero(window.widths[indexes] == width)
        at = indexes[own]
        plain = frames[window.rows[at]]
        for row in np.flatnonzero(np.isin(at, list(heard.damaged))):
            plain[row] = np.frombuffer(heard.damaged[int(at[row])], np.uint8)
        made = dongle.indications(plain, seconds[at], levels[at])
        size, all_made, all_plain = made.shape[1], made.tobytes(), plain.tobytes()
        for n, place in enumerate(own.tolist()):
            out[place] = (all_made[n * size : (n + 1) * size], all_plain[n * width : (n + 1) * width])
    for index, (packet, frame) in zip(indexes.tolist(), out, strict=True):
        yield index, packet, frame
