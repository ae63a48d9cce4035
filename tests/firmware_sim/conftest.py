"""A host for the simulated module: opens the port, sets it up and cuts what it says into frames."""

import hashlib
import os
import select
import termios
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest


class Frame(NamedTuple):
    control: int
    message: int
    payload: bytes
    seconds: int | None
    level: int | None


def crc(data: bytes) -> int:
    """CRC-16/X-25 bit by bit, written apart from the simulator's."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value ^ 0xFFFF


class Host:
    """What an agent does with the port, in its simplest form."""

    def __init__(self, link: Path) -> None:
        self._fd = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._fd)
        termios.tcflush(self._fd, termios.TCIFLUSH)
        self._rest = b""
        self.skipped = 0
        self._early: list[Frame] = []

    def ask(self, request: str) -> Frame:
        """Sends a request (hex) and waits for the answer of the device management."""
        self.write(request)
        answer = None
        while answer is None:
            for frame in self._read(2.0):
                if frame.control & 15 == 1:
                    answer = frame
                else:
                    self._early.append(frame)
        return answer

    def write(self, request: str) -> None:
        os.write(self._fd, bytes.fromhex(request))

    def set_up(self) -> None:
        """Mode T1 with level and timestamp."""
        self.ask("A5010100")
        assert self.ask("A5010306000203300101").message == 4

    def digests(self, *, until: int | None = None, quiet_s: float = 1.0) -> list[bytes]:
        """Digests of the telegrams heard until so many are there, or nothing comes for a while."""
        out: list[bytes] = []
        while until is None or len(out) < until:
            try:
                frames = self.frames(quiet_s)
            except TimeoutError:
                break
            out += [digest(frame.payload) for frame in frames if (frame.control & 15, frame.message) == (2, 3)]
        return out

    def frames(self, timeout_s: float) -> list[Frame]:
        """Frames that came while asking, or those of the next read; TimeoutError where nothing comes."""
        if self._early:
            early, self._early = self._early, []
            return early
        return self._read(timeout_s)

    def _read(self, timeout_s: float) -> list[Frame]:
        if not select.select([self._fd], [], [], timeout_s)[0]:
            raise TimeoutError(f"the module said nothing for {timeout_s} s")
        self._rest += os.read(self._fd, 65536)
        out = []
        while (found := self._next()) is not None:
            out.append(found)
        return out

    def _next(self) -> Frame | None:
        while True:
            start = self._rest.find(b"\xa5")
            if start < 0:
                return None
            if len(self._rest) < start + 4:
                return None
            control, _, length = self._rest[start + 1 : start + 4]
            size = 4 + length + 4 * bool(control & 0x20) + bool(control & 0x40) + 2
            if control & 0x10 or not control & 0x80 or control & 15 not in (1, 2):
                self._skip(start + 1)
                continue
            if len(self._rest) < start + size:
                return None
            raw = self._rest[start : start + size]
            if crc(raw[1:-2]) != int.from_bytes(raw[-2:], "little"):
                self._skip(start + 1)
                continue
            self._skip(start)
            self._rest = self._rest[size:]
            return cut(raw)

    def _skip(self, count: int) -> None:
        self.skipped += count
        self._rest = self._rest[count:]

    def close(self) -> None:
        os.close(self._fd)


def digest(payload: bytes) -> bytes:
    """As the truth keeps it: over the link frame with its length byte."""
    return hashlib.blake2b(bytes((len(payload),)) + payload, digest_size=8).digest()


def cut(raw: bytes) -> Frame:
    control, message, length = raw[1:4]
    at = 4 + length
    seconds = int.from_bytes(raw[at : at + 4], "little") if control & 0x20 else None
    at += 4 * bool(control & 0x20)
    return Frame(control, message, raw[4 : 4 + length], seconds, raw[at] if control & 0x40 else None)


OpenHost = Callable[[Path], Host]


@pytest.fixture
def open_host() -> Iterator[OpenHost]:
    hosts: list[Host] = []

    def opened(link: Path) -> Host:
        deadline = time.monotonic() + 30
        while not link.exists():
            assert time.monotonic() < deadline, f"{link} did not appear"
            time.sleep(0.02)
        hosts.append(Host(link))
        return hosts[-1]

    yield opened
    for host in hosts:
        host.close()
