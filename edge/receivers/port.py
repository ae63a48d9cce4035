"""What a receiver is to the rest of the agent, whatever hangs on the other end of the cable."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from protocols.sync import ClockStamp


class RadioFrame(NamedTuple):
    """A telegram as the framer cut it from the receiver's bytes; ``data`` starts with L and has no link CRCs.

    ``receiver_seconds`` is the receiver's own clock where it attaches one. ``crc_checked_by`` says who checked the
    link CRCs on the air (the module, a demodulator, this program, or "" where nobody did).
    """

    data: bytes
    mode: str
    rssi_dbm: float | None
    receiver_seconds: int | None
    crc_checked_by: str


class Reply(NamedTuple):
    """An answer or indication of the receiver itself."""

    endpoint: int
    message: int
    payload: bytes


class Garbage(NamedTuple):
    """Bytes that belong to no frame: ``length`` bytes from ``offset``, counted since the line was opened.

    Reported when the next good frame ends the run, so that the report does not depend on how the bytes arrived.
    """

    offset: int
    length: int


Piece = RadioFrame | Reply | Garbage


class Framer(Protocol):
    """A pure incremental parser: any split of the stream gives the same pieces, and no bytes make it raise."""

    garbage_bytes: int
    """Bytes skipped so far, the run in progress included."""

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that ``data`` completes."""
        ...

    def line_is_quiet(self) -> list[Piece]:
        """The pieces found when a frame in progress is given up because nothing more comes."""
        ...


class Frame(NamedTuple):
    """A telegram with where and when it was heard."""

    data: bytes
    mode: str
    rssi_dbm: float | None
    received_at: ClockStamp
    receiver: str
    crc_checked_by: str


@dataclass
class ReceiverState:
    """What the screen and the status page say of one receiver."""

    name: str
    kind: str
    port: str
    up: bool = False
    silent: bool = False
    detail: str = "not opened yet"
    device: str = ""
    frames: int = 0
    line_bytes: int = 0
    garbage_bytes: int = 0
    garbage_runs: int = 0
    garbage_at: int | None = None
    opened: int = 0
    last_frame_ms: int | None = None


class ReceiverError(Exception):
    """The receiver does not answer as it must; the text names what was asked and what came."""


Deliver = Callable[[list[Frame]], Awaitable[None]]
"""Takes frames over; returns when more may be read. Until then nothing is read from the port."""

Notice = Callable[[str, dict[str, str | int | bool | None]], Awaitable[None]]
"""Takes an event worth keeping: its kind and its data."""


class Receiver(Protocol):
    """A running source of frames."""

    state: ReceiverState

    async def run(self, deliver: Deliver, notice: Notice) -> None:
        """Receive until stopped; a line that ends is opened again."""
        ...

    def stop(self) -> None:
        """Read nothing more; :meth:`run` delivers what was read and returns."""
        ...
