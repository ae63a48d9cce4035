"""A serial line (or ``socket://host:port``) under asyncio whose reader decides how fast bytes come in."""

import asyncio
from typing import cast

from serial_asyncio_fast import create_serial_connection

from edge.receivers.port import ReceiverError

# Reading stops above the high mark, so the kernel and the receiver hold back, and goes on below the low one.
HIGH_WATER = 64 * 1024


class LineClosedError(Exception):
    """The line ended: hung up, unplugged or closed by us."""


class Line(asyncio.Protocol):
    """Buffers what arrives and hands it over on request.

    Bytes that were read before a hang-up are still handed over; :class:`LineClosedError` comes after them. (A
    ``StreamReader`` would raise first and drop them.)
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._paused = False
        self._ended: str | None = None
        self.opened = asyncio.Event()
        self._changed = asyncio.Event()
        self._lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self._transport = cast(asyncio.Transport, transport)
        self.opened.set()

    def data_received(self, data: bytes) -> None:
        """Keep ``data`` until it is asked for; pause the port where too much waits."""
        self._chunks.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER and not self._paused and self._transport is not None:
            self._transport.pause_reading()
            self._paused = True
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The port is closed."""
        self._end(str(exc) if exc else "closed")
        self._lost.set()

    async def read(self, timeout_s: float) -> bytes:
        """Everything that has arrived, as soon as there is something; empty after ``timeout_s`` without a byte.

        Raises :class:`LineClosedError` where the line has ended and everything was handed over.
        """
        if not self._chunks and self._ended is None:
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError:
                return b""
        if not self._chunks:
            raise LineClosedError(self._ended or "closed")
        return self._take()

    def _take(self) -> bytes:
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._paused and self._ended is None and self._transport is not None:
            self._transport.resume_reading()
            self._paused = False
        return data

    def write(self, data: bytes) -> None:
        """Send ``data``; a line that has ended takes it in silence, the next read says so."""
        if self._transport is not None:
            self._transport.write(data)

    def stop_reading(self) -> None:
        """Take nothing more from the port; what was read is still handed over."""
        if self._ended is None and self._transport is not None:
            self._transport.pause_reading()
        self._end("stopped")

    async def close(self) -> None:
        """Close the port and wait until it is: only then may it be opened again."""
        if self._transport is not None and not self._lost.is_set():
            self._transport.close()
            await self._lost.wait()

    def _end(self, reason: str) -> None:
        if self._ended is None:
            self._ended = reason
        self._changed.set()


async def open_line(port: str, baudrate: int) -> Line:
    """Open ``port``, 8N1, for this process alone; raises :class:`~edge.receivers.port.ReceiverError`."""
    exclusive = {} if "://" in port else {"exclusive": True}
    try:
        _, protocol = await create_serial_connection(
            asyncio.get_running_loop(), Line, port, baudrate=baudrate, **exclusive
        )
    except (OSError, ValueError) as error:
        raise ReceiverError(f"port {port}: cannot be opened ({error})") from error
    line = cast(Line, protocol)
    # The transport is handed over in the loop's next round; a request written before that would go nowhere.
    await line.opened.wait()
    return line
