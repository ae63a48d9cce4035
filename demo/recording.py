"""Recorded telegrams from a file: hex lines, or JSON lines with their keys."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocols import wmbus

# EN 13757-7 device types whose main counter is water.
WATER_TYPES = frozenset({0x06, 0x07, 0x15, 0x16, 0x17, 0x28, 0x62, 0x72})
LONGEST_FRAME = 256
FIRST_BLOCK, NEXT_BLOCK, CRC = 10, 16, 2
FORMAT_B_BLOCK = 126


@dataclass(frozen=True)
class Line:
    """One line of the file. ``frame`` is empty where it is no wireless telegram; ``problem`` says why."""

    number: int
    ref: str
    frame: bytes
    key: bytes | None
    problem: str = ""


def read_lines(path: Path) -> Iterator[Line]:
    """Every telegram of the file in order, with those that have to precede it."""
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            if text.strip():
                yield from _line(number, text.strip())


def _line(number: int, text: str) -> Iterator[Line]:
    try:
        if not text.startswith("{"):
            yield _telegram(number, f"line {number}", text, None)
            return
        row: dict[str, Any] = json.loads(text)
        ref = str(row.get("id") or row.get("ref") or f"line {number}")
        for before in row.get("preceding_telegrams") or []:
            yield _telegram(
                number, f"{ref}, before", before if isinstance(before, str) else _hex(before), row.get("key")
            )
        yield _telegram(number, ref, _hex(row), row.get("key"))
    except (ValueError, AttributeError, TypeError) as error:
        yield Line(number, f"line {number}", b"", None, f"line {number}: {error}")


def _hex(row: dict[str, Any]) -> str:
    text = row.get("telegram_hex") or row.get("telegram")
    if not isinstance(text, str):
        raise ValueError("telegram: is missing, must be hexadecimal digits")
    return text


def _telegram(number: int, ref: str, text: str, key: str | None) -> Line:
    frame = bytes.fromhex(text)
    if not 1 < len(frame) <= LONGEST_FRAME:
        return Line(number, ref, b"", None, f"telegram: {len(frame)} bytes, a radio telegram has 2 to {LONGEST_FRAME}")
    return Line(number, ref, without_crcs(frame), bytes.fromhex(key) if key else None)


def without_crcs(frame: bytes) -> bytes:
    """The link frame as a receiver module hands it on: CRCs checked and removed, L set to what is left."""
    plain = _stripped(frame)
    return bytes([len(plain) - 1]) + plain[1:]


def _stripped(frame: bytes) -> bytes:
    link = wmbus.decode(frame).link
    if link is None or link.crc != "ok":
        return frame
    if link.format == "A":
        rest, blocks = frame[FIRST_BLOCK + CRC :], [frame[:FIRST_BLOCK]]
        while rest:
            block, rest = rest[: NEXT_BLOCK + CRC], rest[NEXT_BLOCK + CRC :]
            blocks.append(block[:-CRC])
        return b"".join(blocks)
    return (
        frame[:-CRC]
        if len(frame) <= FORMAT_B_BLOCK + CRC
        else frame[:FORMAT_B_BLOCK] + frame[FORMAT_B_BLOCK + CRC : -CRC]
    )
