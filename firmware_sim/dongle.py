"""An IMST iM871A wM-Bus module: its host protocol as pure functions and one small state.

    A5 | control (high nibble) endpoint (low nibble) | message | length | payload
       | timestamp 4 LE, control 2 | RSSI 1, control 4 | CRC-16/X-25 2 LE, control 8

The module puts a CRC on all it says and takes requests with or without one. A telegram goes to the host from its
C field on, without length byte and link CRCs.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from firmware_sim import bulk
from firmware_sim.telegram import crc

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

SYNC = 0xA5
HEADER = 4
HAS_TIMESTAMP, HAS_RSSI, HAS_CRC = 0x20, 0x40, 0x80

DEVICE_MANAGEMENT = 1
RADIO_LINK = 2
PING, PONG = 0x01, 0x02
SET_CONFIG, CONFIG_SET = 0x03, 0x04
GET_CONFIG, CONFIG = 0x05, 0x06
RESET, RESET_DONE = 0x07, 0x08
GET_DEVICE_INFO, DEVICE_INFO = 0x0F, 0x10
TELEGRAM_HEARD = 0x03

MODULE_IM871A = 0x33
FIRMWARE = 0x14
INTERFACE = 0x13

# Configuration: two groups, each a flag byte and the fields whose bit is set, low bit first, with their sizes.
FIRST_GROUP = (
    ("device_mode", 1), ("link_mode", 1), ("c_field", 1), ("manufacturer", 2), ("device_id", 4), ("version", 1),
    ("device_type", 1), ("channel", 1),
)  # fmt: skip
SECOND_GROUP = (
    ("power", 1), ("data_rate", 1), ("rx_window", 1), ("power_saving", 1), ("rssi", 1), ("timestamp", 1),
    ("led", 1), ("clock", 1),
)  # fmt: skip
FACTORY = {
    "device_mode": 0, "link_mode": 0, "c_field": 0, "manufacturer": 0, "device_id": 0, "version": 0,
    "device_type": 0, "channel": 0, "power": 7, "data_rate": 0, "rx_window": 0, "power_saving": 0, "rssi": 0,
    "timestamp": 0, "led": 1, "clock": 1,
}  # fmt: skip
HEARS_T = frozenset({3, 4, 10})


@dataclass
class Dongle:
    """The module's state. ``feed`` takes what the host wrote and returns what the module answers."""

    identity: int = 0x51A00001
    config: dict[str, int] = field(default_factory=FACTORY.copy)
    refused: int = 0
    requests: int = 0
    _rest: bytearray = field(default_factory=bytearray)

    @property
    def hears_t(self) -> bool:
        """Whether its link mode receives mode T telegrams from meters."""
        return self.config["link_mode"] in HEARS_T

    def feed(self, data: bytes) -> bytes:
        """Answers to the requests that ``data`` completes; bytes that are no request are skipped."""
        self._rest += data
        answers = []
        while (request := self._next_request()) is not None:
            self.requests += 1
            answers.append(self._answer(*request))
        return b"".join(answers)

    def _next_request(self) -> tuple[int, int, bytes] | None:
        """Endpoint, message and payload of the next whole request whose CRC, if it has one, holds."""
        rest = self._rest
        while True:
            start = rest.find(SYNC)
            if start < 0:
                rest.clear()
                return None
            del rest[:start]
            if len(rest) < HEADER:
                return None
            size = HEADER + rest[3] + (2 if rest[1] & HAS_CRC else 0)
            if len(rest) < size:
                return None
            frame = bytes(rest[:size])
            if frame[1] & HAS_CRC and crc.x25(frame[1:-2]) != int.from_bytes(frame[-2:], "little"):
                self.refused += 1
                del rest[:1]
                continue
            del rest[:size]
            return frame[1] & 0x0F, frame[2], frame[HEADER : HEADER + frame[3]]

    def _answer(self, endpoint: int, message: int, payload: bytes) -> bytes:
        if endpoint == DEVICE_MANAGEMENT:
            match message:
                case 0x01:
                    return response(PONG)
                case 0x03 if self._configure(payload):
                    return response(CONFIG_SET)
                case 0x05:
                    return response(CONFIG, self.configuration())
                case 0x07:
                    self.config = FACTORY.copy()
                    return response(RESET_DONE)
                case 0x0F:
                    return response(DEVICE_INFO, self.device_info())
        self.refused += 1
        return b""

    def _configure(self, payload: bytes) -> bool:
        """Takes a configuration whose fields are all there; anything else changes nothing."""
        found: dict[str, int] = {}
        at = 1
        for group in (FIRST_GROUP, SECOND_GROUP):
            if at >= len(payload):
                return False
            flags, at = payload[at], at + 1
            for bit, (name, size) in enumerate(group):
                if flags >> bit & 1:
                    found[name] = int.from_bytes(payload[at : at + size], "little")
                    at += size
        if at != len(payload):
            return False
        self.config |= found
        return True

    def configuration(self) -> bytes:
        """Both groups with all their fields."""
        parts = []
        for group in (FIRST_GROUP, SECOND_GROUP):
            parts.append(b"\xff" + b"".join(self.config[name].to_bytes(size, "little") for name, size in group))
        return b"".join(parts)

    def device_info(self) -> bytes:
        """Module type, mode, firmware, host interface, identity."""
        head = bytes((MODULE_IM871A, self.config["device_mode"], FIRMWARE, INTERFACE))
        return head + self.identity.to_bytes(4, "little")

    def indications(self, frames: Bytes, seconds: Ints, levels: Bytes) -> Bytes:
        """What the host gets of telegrams of one length: (n, l) link frames without CRCs to (n, m).

        ``seconds`` is the module's clock, ``levels`` its raw RSSI.
        """
        stamped, levelled = bool(self.config["timestamp"]), bool(self.config["rssi"])
        control = RADIO_LINK | HAS_CRC | HAS_TIMESTAMP * stamped | HAS_RSSI * levelled
        count = len(frames)
        head = np.array([SYNC, control, TELEGRAM_HEARD, frames.shape[1] - 1], np.uint8)
        parts = [np.broadcast_to(head, (count, HEADER)), frames[:, 1:]]
        if stamped:
            parts.append(seconds.astype("<u4").view(np.uint8).reshape(-1, 4))
        if levelled:
            parts.append(levels.reshape(-1, 1))
        body = np.concatenate(parts, axis=1)
        check = bulk.x25(body[:, 1:]).astype("<u2").view(np.uint8).reshape(-1, 2)
        return np.concatenate((body, check), axis=1)


def response(message: int, payload: bytes = b"") -> bytes:
    """An answer of the device management, with its CRC."""
    body = bytes((DEVICE_MANAGEMENT | HAS_CRC, message, len(payload))) + payload
    return bytes((SYNC,)) + body + crc.x25(body).to_bytes(2, "little")


def raw_levels(level_cdbm: Ints) -> Bytes:
    """Raw RSSI bytes of levels in hundredths of dBm: 45 is -100 dBm, 205 is -20 dBm, linear between."""
    raw = 45 + (level_cdbm + 10_000) * 160 // 8_000
    return np.clip(raw, 0, 229).astype(np.uint8)
