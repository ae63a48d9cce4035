"""Plays recorded telegrams through the dongle, one after the other, as fast as the host reads."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firmware_sim.dongle import Dongle
from firmware_sim.line import Line
from firmware_sim.player import HostError

# What the module's HCI message holds: a length byte counts the payload, which starts at the C field.
LONGEST = 256
LEVEL_RAW = 125
IDLE_S, BUSY_S = 0.05, 0.002


class RecordingError(ValueError):
    """A line of a recording that is no telegram; the text names file, line and rule."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A link frame, L first, without CRCs, and when it is heard (epoch seconds)."""

    second: int
    frame: bytes


def read_recording(path: Path) -> list[Recorded]:
    """The lines ``SECOND HEX`` of a file; raises :class:`RecordingError`."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        second, _, text = line.partition(" ")
        try:
            found.append(Recorded(int(second), bytes.fromhex(text)))
        except ValueError as error:
            raise RecordingError(f"{path} line {number}: {error}, must be SECOND HEX") from None
        if not 1 < len(found[-1].frame) <= LONGEST:
            raise RecordingError(f"{path} line {number}: {len(found[-1].frame)} bytes, must be 2 to {LONGEST}")
    return found


class RecordedPlayer:
    """One play. ``stop`` may be called from a signal handler."""

    def __init__(self, line: Line) -> None:
        self.dongle = Dongle()
        self.played = 0
        self._line = line
        self._stopping = False

    def stop(self) -> None:
        """End at the next step."""
        self._stopping = True

    def run(self, telegrams: Iterable[Recorded], wait_s: float) -> None:
        """Wait for the host, play everything, then keep the module alive until stopped."""
        deadline = time.monotonic() + wait_s
        while not self.dongle.hears_t and not self._stopping:
            if time.monotonic() > deadline:
                raise HostError(f"{self._line.link}: no host set the module to mode T within {wait_s:g} s")
            self._answer(BUSY_S)
        for telegram in telegrams:
            packet = self._packet(telegram)
            while not self._stopping and len(packet) > self._line.room:
                self._answer(BUSY_S)
            if self._stopping:
                return
            self._line.write(packet)
            self.played += 1
            self._answer(0)
        while not self._stopping:
            self._answer(IDLE_S)

    def _packet(self, telegram: Recorded) -> bytes:
        frame = np.frombuffer(telegram.frame, np.uint8).reshape(1, -1)
        second, level = np.array([telegram.second], np.int64), np.array([LEVEL_RAW], np.uint8)
        return self.dongle.indications(frame, second, level).tobytes()

    def _answer(self, timeout_s: float) -> None:
        answer = self.dongle.feed(self._line.poll(timeout_s).data)
        if answer:
            self._line.write(answer)
