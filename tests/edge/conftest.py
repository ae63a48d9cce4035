"""A receiver dongle that does not exist, on a real pseudo-terminal."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from edge.receivers.im871a import Im871aFramer, crc16
from edge.receivers.port import Frame


def module_frame(
    endpoint: int, message: int, payload: bytes, seconds: int | None = None, rssi: int | None = None
) -> bytes:
    """A frame as an iM871A sends it."""
    control = 0x80 | (0x20 if seconds is not None else 0) | (0x40 if rssi is not None else 0)
    body = bytes((control | endpoint, message, len(payload))) + payload
    if seconds is not None:
        body += seconds.to_bytes(4, "little")
    if rssi is not None:
        body += bytes((rssi,))
    return b"\xa5" + body + crc16(body).to_bytes(2, "little")


def telegram_frame(telegram: bytes, seconds: int | None = 1_790_000_000, rssi: int | None = 125) -> bytes:
    """The module's indication of an L-first telegram."""
    return module_frame(2, 0x03, telegram[1:], seconds, rssi)


class Dongle:
    """Answers the set-up exchange and sends what the test tells it to; can be unplugged and plugged in again."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.asked: list[tuple[int, int]] = []
        self.mode = 0
        self.mute = False
        self.before_answer = b""
        self.info = bytes.fromhex("3300141078563412")
        self._master: int | None = None
        self._slave: int | None = None

    def plug(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._on_request)

    def unplug(self) -> None:
        if self._master is None or self._slave is None:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = None
        self.link.unlink(missing_ok=True)

    async def send(self, data: bytes) -> None:
        """Write everything; waits while the line is full, as the reader decides how fast it takes it."""
        while data and self._master is not None:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                await asyncio.sleep(0.001)

    def try_send(self, data: bytes) -> int:
        """Write what fits now; returns how many bytes did."""
        assert self._master is not None
        sent = 0
        with suppress(BlockingIOError):
            while sent < len(data):
                sent += os.write(self._master, data[sent : sent + 1024])
        return sent

    def _on_request(self) -> None:
        assert self._master is not None
        try:
            data = os.read(self._master, 4096)
        except OSError:
            return
        while len(data) >= 4:
            endpoint, message, length = data[1] & 0x0F, data[2], data[3]
            self._answer(endpoint, message, data[4 : 4 + length])
            data = data[4 + length :]

    def _answer(self, endpoint: int, message: int, payload: bytes) -> None:
        assert self._master is not None
        self.asked.append((endpoint, message))
        if self.mute:
            return
        if message == 0x03:
            self.mode = payload[2]
        answers = {0x01: b"", 0x03: b"", 0x0F: self.info, 0x05: bytes((0x03, 0x00, self.mode, 0x30, 0x01, 0x01))}
        if message in answers:
            os.write(self._master, self.before_answer + module_frame(endpoint, message + 1, answers[message]))


async def until(condition: Callable[[], object]) -> None:
    """Wait for a state that has no event to wait on."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel until it holds: on Python 3.11 ``wait_for``, which aiomqtt uses, may swallow a cancellation."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=1)


@pytest.fixture
async def dongle(tmp_path: Path) -> AsyncIterator[Dongle]:
    found = Dongle(tmp_path / "dongle")
    found.plug()
    yield found
    found.unplug()


class Heard:
    """Collects delivered frames and notices; can be told to hold deliveries back."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.notices: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def deliver(self, frames: list[Frame]) -> None:
        self.frames += frames
        await self.open.wait()

    async def notice(self, kind: str, data: dict[str, str | int | bool | None]) -> None:
        self.notices.append(kind)


@pytest.fixture
async def heard() -> Heard:
    return Heard()


@pytest.fixture
def framer() -> Im871aFramer:
    return Im871aFramer()
