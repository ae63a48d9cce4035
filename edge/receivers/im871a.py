"""IMST iM871A and iM170A: wM-Bus modules behind a USB serial port, 57600 8N1.

    A5 | control (high nibble) endpoint (low nibble) | message | length | payload
       | timestamp 4 LE, if control & 2 | RSSI 1, if control & 4 | CRC 2 LE, if control & 8

The module checks the link CRCs of a telegram and drops them together with the length byte; its own CRC over the
serial line is CRC-16/X-25 over everything between the A5 and the CRC.
"""

from binascii import crc_hqx

from edge.receivers.port import Garbage, Piece, RadioFrame, ReceiverError, Reply
from edge.receivers.registry import Ask, Driver, register

KIND = "im871a"

DEVICE_MANAGEMENT = 1
RADIO_LINK = 2
PING = 0x01
PONG = 0x02
SET_CONFIG = 0x03
CONFIG_SET = 0x04
GET_CONFIG = 0x05
CONFIG = 0x06
GET_DEVICE_INFO = 0x0F
DEVICE_INFO = 0x10
TELEGRAM_HEARD = 0x03

LINK_MODES = {"S1": 0, "S1m": 1, "S2": 2, "T1": 3, "T2": 4, "R2": 5, "C1A": 6, "C1B": 7, "C+T": 10}
MODULES = {0x33: "iM871A", 0x36: "iM170A"}
FIRST_FIRMWARE_WITH_C_AND_T = 0x14

_SYNC = 0xA5
_HEADER = 4
_RESERVED, _HAS_TIMESTAMP, _HAS_RSSI, _HAS_CRC = 0x10, 0x20, 0x40, 0x80
_ENDPOINTS = range(1, 5)
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def crc16(data: bytes) -> int:
    """CRC-16/X-25 of ``data``: the reflected CCITT polynomial, computed on bit-reversed bytes."""
    plain = crc_hqx(data.translate(_REVERSED_BITS), 0xFFFF)
    return 0xFFFF ^ (_REVERSED_BITS[plain & 0xFF] << 8 | _REVERSED_BITS[plain >> 8])


def rssi_dbm(raw: int) -> float:
    """Received power of a raw level byte: linear through 45 = -100 dBm and 205 = -20 dBm; 230 and more is 0 dBm."""
    return 0.0 if raw >= 230 else -100 + (raw - 45) * 80 / 160


def frame_size(buffer: bytearray, start: int) -> int | None:
    """Bytes of the frame whose A5 is at ``start``: None while its header is incomplete, 0 where it is no header."""
    if len(buffer) < start + _HEADER:
        return None
    control = buffer[start + 1]
    if control & _RESERVED or not control & _HAS_CRC or control & 0x0F not in _ENDPOINTS:
        return 0
    trailer = (4 if control & _HAS_TIMESTAMP else 0) + (1 if control & _HAS_RSSI else 0) + 2
    return _HEADER + buffer[start + 3] + trailer


def crc_holds(frame: bytes) -> bool:
    """Whether the last two bytes are the CRC of everything behind the A5."""
    return crc16(frame[1:-2]) == int.from_bytes(frame[-2:], "little")


def parse_frame(frame: bytes, mode: str) -> RadioFrame | Reply:
    """The meaning of a whole frame whose CRC holds."""
    control, message, length = frame[1], frame[2], frame[3]
    payload = frame[_HEADER : _HEADER + length]
    if control & 0x0F != RADIO_LINK or message != TELEGRAM_HEARD or not payload:
        return Reply(control & 0x0F, message, payload)
    at = _HEADER + length
    seconds = None
    if control & _HAS_TIMESTAMP:
        seconds = int.from_bytes(frame[at : at + 4], "little")
        at += 4
    level = rssi_dbm(frame[at]) if control & _HAS_RSSI else None
    return RadioFrame(frame[3:4] + payload, mode, level, seconds, KIND)


class Im871aFramer:
    """Cuts the module's byte stream into telegrams and replies.

    A frame counts only with a right CRC: the module always attaches one, and without it a stray A5 in garbage could
    swallow a telegram.
    """

    def __init__(self, mode: str = "T1") -> None:
        self.garbage_bytes = 0
        self._mode = mode
        self._buffer = bytearray()
        self._offset = 0
        self._garbage_from: int | None = None

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that ``data`` completes."""
        self._buffer += data
        return self._scan()

    def line_is_quiet(self) -> list[Piece]:
        """Look behind a frame that never completed: whole frames may have come after its head.

        Only a frame with a right CRC turns the head into garbage; otherwise it keeps waiting for its rest.
        """
        start = self._buffer.find(_SYNC, 1)
        while start > 0:
            size = frame_size(self._buffer, start)
            if size and start + size <= len(self._buffer) and crc_holds(bytes(self._buffer[start : start + size])):
                self._skip(0, start)
                del self._buffer[:start]
                self._offset += start
                return self._scan()
            start = self._buffer.find(_SYNC, start + 1)
        return []

    def _scan(self) -> list[Piece]:
        pieces: list[Piece] = []
        buffer, position = self._buffer, 0
        while True:
            position = self._next_sync(position)
            size = frame_size(buffer, position)
            if size is None or position + size > len(buffer):
                break
            frame = bytes(buffer[position : position + size])
            if not frame or not crc_holds(frame):
                self._skip(position, position + 1)
                position += 1
                continue
            if self._garbage_from is not None:
                pieces.append(Garbage(self._garbage_from, self._offset + position - self._garbage_from))
                self._garbage_from = None
            pieces.append(parse_frame(frame, self._mode))
            position += size
        del buffer[:position]
        self._offset += position
        return pieces

    def _next_sync(self, position: int) -> int:
        """Where the next A5 is, or the end; what lies before it is garbage."""
        found = self._buffer.find(_SYNC, position)
        if found < 0:
            found = len(self._buffer)
        self._skip(position, found)
        return found

    def _skip(self, start: int, end: int) -> None:
        if end > start:
            self.garbage_bytes += end - start
            if self._garbage_from is None:
                self._garbage_from = self._offset + start


def request(message: int, payload: bytes = b"") -> bytes:
    """A device management request; the module does not ask hosts for a CRC."""
    return bytes((_SYNC, DEVICE_MANAGEMENT, message, len(payload))) + payload


def set_mode_request(mode: str) -> bytes:
    """Set the link mode and have RSSI and timestamp attached, until the next power-off."""
    return request(SET_CONFIG, bytes((0x00, 0x02, LINK_MODES[mode], 0x30, 0x01, 0x01)))


def configured_mode(payload: bytes) -> int | None:
    """The link mode in a configuration answer: two groups, each a flag byte and the fields whose bit is set.

    The first group's fields are mode (1 byte) and link mode (1); None where the answer does not hold it.
    """
    flags = payload[0] if payload else 0
    position = 1 + (flags & 0x01)
    return payload[position] if flags & 0x02 and position < len(payload) else None


def describe(payload: bytes) -> str:
    """Device information (type, mode, firmware, interface, 4-byte identity) in words."""
    if len(payload) != 8:
        raise ReceiverError(f"device information: {len(payload)} bytes ({payload.hex()}), must be 8")
    name = MODULES.get(payload[0], f"module 0x{payload[0]:02X}")
    return f"{name} firmware 0x{payload[2]:02X} id {int.from_bytes(payload[4:8], 'little'):08X}"


def check_supports(payload: bytes, mode: str) -> None:
    """Raise where this module or firmware cannot hear ``mode``."""
    if mode != "C+T":
        return
    if payload[0] == 0x36:
        raise ReceiverError("mode 'C+T': an iM170A has no such mode")
    if payload[2] < FIRST_FIRMWARE_WITH_C_AND_T:
        raise ReceiverError(f"mode 'C+T': firmware 0x{payload[2]:02X}, must be 0x14 or newer")


async def set_up(ask: Ask, mode: str) -> str:
    """Ping, identify, set the mode where it is another, and see that it took; returns the device in words."""
    await probe(ask)
    info = (await ask(request(GET_DEVICE_INFO), DEVICE_MANAGEMENT, DEVICE_INFO)).payload
    device = describe(info)
    check_supports(info, mode)
    # Set always, even in the right mode: level and timestamp may be off.
    await ask(set_mode_request(mode), DEVICE_MANAGEMENT, CONFIG_SET)
    answer = (await ask(request(GET_CONFIG), DEVICE_MANAGEMENT, CONFIG)).payload
    if configured_mode(answer) != LINK_MODES[mode]:
        raise ReceiverError(f"link mode: asked for {LINK_MODES[mode]} ({mode}), configuration is {answer.hex()}")
    return device


async def probe(ask: Ask) -> None:
    """Ask for a sign of life."""
    await ask(request(PING), DEVICE_MANAGEMENT, PONG)


register(
    Driver(
        kind=KIND,
        description="IMST iM871A / iM170A (USB, 57600 8N1)",
        baudrate=57600,
        modes=tuple(LINK_MODES),
        framer=Im871aFramer,
        set_up=set_up,
        probe=probe,
    )
)
