"""Diehl's PRIOS telegrams (CI A0 to A3): a 32-bit shift register hides litres, last month and date."""

import datetime as dt
from dataclasses import dataclass

from firmware_sim.telegram import address as addresses
from firmware_sim.telegram import values
from firmware_sim.telegram.address import MeterAddress

# Diehl's published default keys.
DEFAULT_KEYS = (bytes.fromhex("39BC8A10E66D83F8"), bytes.fromhex("51728910E66D83F8"))

PROOF = 0x4B
HIDDEN_FROM = 15
_MASK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class PriosReading:
    """What a PRIOS telegram says: litres now, litres and date at the last month's end.

    ``status`` are the four clear bytes after the CI field: alarms, sending period, battery.
    """

    litres: int
    due_litres: int
    due_date: dt.date | None
    status: bytes = b"\x01\x18\x00\x13"


def seed(key: bytes) -> int:
    """The eight-byte key folded to 32 bits."""
    return int.from_bytes(key[:4], "big") ^ int.from_bytes(key[4:], "big")


def keystream(key: bytes, frame: bytes, size: int) -> bytes:
    """``size`` bytes of the register's output for a frame (L first, no CRCs)."""
    state = seed(key)
    for start in (2, 6, 10):
        state ^= int.from_bytes(frame[start : start + 4], "big")
    out = bytearray()
    for _ in range(size):
        for _ in range(8):
            new = (state >> 1 ^ state >> 2 ^ state >> 11 ^ state >> 31) & 1
            state = (state << 1 | new) & _MASK
        out.append(state & 0xFF)
    return bytes(out)


def hide(key: bytes, frame: bytes) -> bytes:
    """The frame with everything from byte 15 on XORed with the register's output (its own inverse)."""
    stream = keystream(key, frame, len(frame) - HIDDEN_FROM)
    return frame[:HIDDEN_FROM] + bytes(a ^ b for a, b in zip(frame[HIDDEN_FROM:], stream, strict=True))


def address_bytes(address: MeterAddress) -> bytes:
    """The eight bytes as these meters send them: M, version, type, id; SAP keeps the standard's order."""
    link = addresses.link_bytes(address)
    return link if address.manufacturer == "SAP" else link[:2] + link[6:] + link[2:6]


def build(address: bytes, reading: PriosReading, key: bytes, *, c_field: int = 0x44, ci: int = 0xA1) -> bytes:
    """A PRIOS frame, L first without CRCs; ``address`` are its eight bytes as they stand in it."""
    plain = (
        bytes((PROOF,))
        + reading.litres.to_bytes(4, "little")
        + reading.due_litres.to_bytes(4, "little")
        + values.date_g(reading.due_date)
    )
    body = bytes((c_field,)) + address + bytes((ci,)) + reading.status + plain
    return hide(key, bytes((len(body),)) + body)
