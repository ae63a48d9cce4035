"""Authentication and fragmentation layer (EN 13757-7 clause 6, CI 90)."""

from dataclasses import dataclass

CI = 0x90

# Fragmentation control field.
MORE_FRAGMENTS = 0x4000
HAS_CONTROL = 0x2000
HAS_LENGTH = 0x1000
HAS_COUNTER = 0x0800
HAS_MAC = 0x0400
HAS_KEY_INFO = 0x0200

# Message control field.
LENGTH_IN_MESSAGE = 0x40
COUNTER_IN_MESSAGE = 0x20
KEY_INFO_IN_MESSAGE = 0x10


@dataclass(frozen=True, slots=True)
class Fields:
    """The layer's fields of one message; None leaves one out."""

    counter: int
    mac_kind: int
    key_info: int | None = None
    length: int | None = None

    def control(self) -> int:
        """Message control: kind of MAC and which fields the message has."""
        return (
            self.mac_kind
            | COUNTER_IN_MESSAGE
            | (0 if self.key_info is None else KEY_INFO_IN_MESSAGE)
            | (0 if self.length is None else LENGTH_IN_MESSAGE)
        )

    def authenticated(self) -> bytes:
        """The fields that the MAC covers before the message itself: control, counter, length."""
        return bytes((self.control(),)) + self.counter.to_bytes(4, "little") + _optional(self.length)

    def whole(self, mac: bytes) -> bytes:
        """The layer of a message that fits in one frame."""
        return _layer(0, HAS_MAC | self._presence(), self._body() + mac)

    def fragments(self, message: bytes, mac: bytes, size: int) -> list[bytes]:
        """The message in pieces of at most ``size`` bytes, numbered from 1.

        Control, counter and length ride in the first, the MAC in the last.
        """
        pieces = [message[start : start + size] for start in range(0, len(message), size)]
        if len(pieces) < 2:
            raise ValueError(f"fragments: {len(message)} bytes fit in one piece of {size}")
        out = []
        for number, piece in enumerate(pieces, 1):
            presence, body = 0, b""
            if number == 1:
                presence, body = self._presence(), self._body()
            if number == len(pieces):
                presence, body = presence | HAS_MAC, body + mac
            else:
                presence |= MORE_FRAGMENTS
            out.append(_layer(number, presence, body) + piece)
        return out

    def _presence(self) -> int:
        return (
            HAS_CONTROL
            | HAS_COUNTER
            | (0 if self.key_info is None else HAS_KEY_INFO)
            | (0 if self.length is None else HAS_LENGTH)
        )

    def _body(self) -> bytes:
        return (
            bytes((self.control(),))
            + _optional(self.key_info)
            + self.counter.to_bytes(4, "little")
            + _optional(self.length)
        )


def _optional(value: int | None) -> bytes:
    return b"" if value is None else value.to_bytes(2, "little")


def _layer(fragment: int, presence: int, body: bytes) -> bytes:
    control = (presence | fragment).to_bytes(2, "little")
    return bytes((CI, len(control) + len(body))) + control + body
