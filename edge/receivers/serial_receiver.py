"""What every receiver on a serial line shares: open, set up, deliver, watch, and open again when the line ends."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from edge.backoff import Backoff
from edge.clock import Clock
from edge.receivers.line import Line, LineClosedError, open_line
from edge.receivers.port import (
    Deliver,
    Frame,
    Garbage,
    Notice,
    Piece,
    RadioFrame,
    ReceiverError,
    ReceiverState,
    Reply,
)
from edge.receivers.registry import Driver

log = structlog.get_logger("edge.receiver")

# A frame at 57600 bit/s takes under 50 ms; after this long without a byte a half frame is not going to be completed.
QUIET_S = 1.0
GARBAGE_LOG_S = 5.0


@dataclass(frozen=True)
class SerialSettings:
    """How one receiver is reached and watched. ``silence_s`` without a byte brings a probe, then a new start."""

    name: str
    port: str
    mode: str
    silence_s: float = 300.0
    answer_s: float = 2.0
    attempts: int = 3


class SerialReceiver:
    """Runs one driver on one port for ever."""

    def __init__(self, driver: Driver, settings: SerialSettings, clock: Clock, backoff: Backoff | None = None) -> None:
        self.state = ReceiverState(settings.name, driver.kind, settings.port)
        self._driver = driver
        self._settings = settings
        self._clock = clock
        self._backoff = backoff or Backoff(first_s=0.2, cap_s=30.0, stable_s=10.0)
        self._stopping = asyncio.Event()
        self._line: Line | None = None

    def stop(self) -> None:
        """Read nothing more; :meth:`run` delivers what was read and returns."""
        self._stopping.set()
        if self._line is not None:
            self._line.stop_reading()

    async def run(self, deliver: Deliver, notice: Notice) -> None:
        """Receive until stopped; a line that ends is opened again with growing delays."""
        while not self._stopping.is_set():
            reason = await self._one_session(deliver, notice)
            self.state.detail = reason
            if self._stopping.is_set():
                break
            await self._pause(reason)

    async def identify(self) -> str:
        """Open the port once, set the receiver up and return what it is; raises :class:`ReceiverError`."""
        line = await open_line(self._settings.port, self._driver.baudrate)
        try:
            session = _Session(self._driver, self._settings, self._clock, self.state, line)
            return await session.set_up(_discard)
        finally:
            await line.close()

    async def _one_session(self, deliver: Deliver, notice: Notice) -> str:
        """From opening the port to its end; returns why it ended."""
        try:
            line = await open_line(self._settings.port, self._driver.baudrate)
        except ReceiverError as error:
            return str(error)
        self._line = line
        session = _Session(self._driver, self._settings, self._clock, self.state, line)
        try:
            await self._announce(session, deliver, notice)
            return await session.receive(deliver)
        except (ReceiverError, LineClosedError) as error:
            return str(error)
        finally:
            self._line = None
            await line.close()
            await self._report_end(session, notice)

    async def _announce(self, session: "_Session", deliver: Deliver, notice: Notice) -> None:
        if self._stopping.is_set():
            raise LineClosedError("stopped")
        self.state.device = await session.set_up(deliver)
        self.state.up = True
        self.state.opened += 1
        self.state.detail = "receiving"
        self._backoff.connected()
        log.info("receiver up", receiver=self._settings.name, device=self.state.device)
        await notice("receiver_up", {"receiver": self._settings.name, "device": self.state.device})

    async def _report_end(self, session: "_Session", notice: Notice) -> None:
        garbage = session.framer.garbage_bytes
        if self.state.up or garbage:
            await notice("receiver_down", {"receiver": self._settings.name, "garbage_bytes": garbage})
        self.state.up = False

    async def _pause(self, reason: str) -> None:
        delay = self._backoff.next_delay()
        log.warning("receiver down", receiver=self._settings.name, reason=reason, retry_s=round(delay, 2))
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._stopping.wait()


async def _discard(frames: list[Frame]) -> None:
    """Frames heard while a receiver is only being identified."""


class _Session:
    """One open line with its framer."""

    def __init__(
        self, driver: Driver, settings: SerialSettings, clock: Clock, state: ReceiverState, line: Line
    ) -> None:
        self.framer = driver.framer(settings.mode)
        self._driver = driver
        self._settings = settings
        self._clock = clock
        self._state = state
        self._line = line
        self._garbage_before = state.garbage_bytes
        self._garbage_quiet_until = 0.0

    async def set_up(self, deliver: Deliver) -> str:
        """Bring the receiver into its mode; telegrams that arrive meanwhile are delivered."""
        return await self._driver.set_up(partial(self._ask, deliver), self._settings.mode)

    async def receive(self, deliver: Deliver) -> str:
        """Deliver frames until the line ends or the receiver stops answering; returns why."""
        while True:
            pieces = await self._next_pieces(self._settings.silence_s)
            if pieces is not None:
                await self._deliver(pieces, deliver)
                continue
            self._state.silent = True
            log.warning("receiver silent", receiver=self._settings.name, seconds=self._settings.silence_s)
            await self._driver.probe(partial(self._ask, deliver))

    async def _ask(self, deliver: Deliver, request: bytes, endpoint: int, message: int) -> Reply:
        for _ in range(self._settings.attempts):
            self._line.write(request)
            reply = await self._wait_for(endpoint, message, deliver)
            if reply is not None:
                return reply
        raise ReceiverError(
            f"receiver {self._settings.name}: no answer {endpoint}/0x{message:02X} to {request.hex()}"
            f" after {self._settings.attempts} attempts"
        )

    async def _wait_for(self, endpoint: int, message: int, deliver: Deliver) -> Reply | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.answer_s
        while (left := deadline - loop.time()) > 0:
            pieces = await self._next_pieces(left) or []
            await self._deliver(pieces, deliver)
            for piece in pieces:
                if isinstance(piece, Reply) and (piece.endpoint, piece.message) == (endpoint, message):
                    return piece
        return None

    async def _next_pieces(self, timeout_s: float) -> list[Piece] | None:
        """What the next bytes complete; None after ``timeout_s`` without a byte."""
        data = await self._line.read(min(QUIET_S, timeout_s))
        if not data:
            found = self.framer.line_is_quiet()
            if found or timeout_s <= QUIET_S:
                return found or None
            data = await self._line.read(timeout_s - QUIET_S)
        if not data:
            return None
        self._state.silent = False
        self._state.line_bytes += len(data)
        return self.framer.feed(data)

    async def _deliver(self, pieces: list[Piece], deliver: Deliver) -> None:
        self._state.garbage_bytes = self._garbage_before + self.framer.garbage_bytes
        frames = []
        for piece in pieces:
            if isinstance(piece, RadioFrame):
                frames.append(self._stamped(piece))
            elif isinstance(piece, Garbage):
                self._report_garbage(piece)
        if frames:
            self._state.frames += len(frames)
            self._state.last_frame_ms = frames[-1].received_at.wall_ms
            await deliver(frames)

    def _report_garbage(self, run: Garbage) -> None:
        """Count every run; log at most one every few seconds, as a broken cable brings thousands."""
        self._state.garbage_runs += 1
        self._state.garbage_at = run.offset
        now = asyncio.get_running_loop().time()
        if now >= self._garbage_quiet_until:
            self._garbage_quiet_until = now + GARBAGE_LOG_S
            log.warning("garbage", receiver=self._settings.name, offset=run.offset, length=run.length)

    def _stamped(self, heard: RadioFrame) -> Frame:
        at = self._clock.heard(heard.receiver_seconds)
        return Frame(heard.data, heard.mode, heard.rssi_dbm, at, self._settings.name, heard.crc_checked_by)
