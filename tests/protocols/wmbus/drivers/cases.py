"""How the families' tests say what a telegram holds and what must come out of it."""

from collections.abc import Mapping
from typing import NamedTuple

METER_ID = "76543210"


class Case(NamedTuple):
    """A made-up telegram of one family, some of its fields, and all of its alarms."""

    driver: str
    frame: bytes
    fields: Mapping[str, str | None]
    alarms: frozenset[str] = frozenset()
    key: bytes | None = None


def closed(maker: str, version: int, kind: int, ci: int, payload: str) -> bytes:
    """A frame without CRCs whose payload stands right behind its CI field."""
    a, b, c = (ord(letter) - 64 for letter in maker)
    address = (a << 10 | b << 5 | c).to_bytes(2, "little") + bytes.fromhex(METER_ID)[::-1] + bytes([version, kind])
    body = b"\x44" + address + bytes([ci]) + bytes.fromhex(payload)
    return bytes([len(body)]) + body


def opened(maker: str, version: int, kind: int, payload: str, status: int = 0) -> bytes:
    """A frame without CRCs with a short header and a payload that was never sealed."""
    return closed(maker, version, kind, 0x7A, f"2A{status:02X}0000" + payload)


def bare(maker: str, version: int, kind: int, payload: str) -> bytes:
    """A frame without CRCs and without a header."""
    return closed(maker, version, kind, 0x78, payload)


def alarms(*names: str) -> frozenset[str]:
    """The set of alarms a case expects."""
    return frozenset(names)
