"""What three makers' water meters send each time: records, header and status bits, as arrays of bytes.

Each layout follows telegrams of its maker that are public. All send the index at the last month's end with
the date of the first of the month: the index at 00:00 local time of that day, as Itron and Axioma do.
A meter that has not lived through a month's end yet sends 0 with the invalid date.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sends:
    """What ``n`` transmissions of one meter have to say, one element each."""

    litres: Ints
    due_litres: Ints
    due_date: Bytes  # (n, 2), type G
    date: Bytes  # (n, 2), type G
    hour: Ints
    minute: Ints
    second: Ints
    weekday: Ints
    summer: Bools
    flow_l_h: Ints
    leak: Bools
    stopped: Bools
    battery_low: Bools

    def __len__(self) -> int:
        return len(self.litres)


@dataclass(frozen=True)
class Layout:
    """One maker's firmware: who it says it is, which header it uses, and how it writes a transmission."""

    name: str
    manufacturer: str
    version: int
    type: int
    header: Literal["short", "long"]
    records: Callable[[Sends, Bytes], list[Bytes]]
    status: Callable[[Sends], Bytes]

    def plain(self, sends: Sends, identification: bytes) -> Bytes:
        """Proof bytes, records and filler up to whole blocks: (n, 16 k); the identification as its four bytes."""
        number = constant(sends, identification)
        parts = [constant(sends, b"\x2f\x2f"), *self.records(sends, number)]
        size = sum(part.shape[1] for part in parts)
        parts.append(constant(sends, b"\x2f" * (-size % 16)))
        return np.concatenate(parts, axis=1)


def constant(sends: Sends, data: bytes) -> Bytes:
    """The same bytes in every transmission."""
    return np.broadcast_to(np.frombuffer(data, np.uint8), (len(sends), len(data)))


def little_endian(values: Ints, size: int) -> Bytes:
    """Integers of ``size`` bytes, low byte first."""
    return np.ascontiguousarray(values.astype("<i8")).view(np.uint8).reshape(-1, 8)[:, :size]


def bcd(values: Ints, size: int) -> Bytes:
    """Packed decimal digits, low pair first."""
    powers = 100 ** np.arange(size, dtype=np.int64)
    pairs = values[:, None] // powers % 100
    return (pairs // 10 << 4 | pairs % 10).astype(np.uint8)


def columns(*values: Ints) -> Bytes:
    """One byte column for each array."""
    return np.stack(values, axis=1).astype(np.uint8)


def datetime_f(sends: Sends) -> Bytes:
    """Local date and time of type F with the summer time bit."""
    return np.concatenate((columns(sends.minute, sends.hour | sends.summer << 7), sends.date), axis=1)


def datetime_i(sends: Sends) -> Bytes:
    """Local date and time of type I with weekday and summer time bit."""
    head = columns(sends.second | sends.summer << 6, sends.minute, sends.hour | sends.weekday << 5)
    return np.concatenate((head, sends.date, constant(sends, b"\x00")), axis=1)


def due_midnight(sends: Sends) -> Bytes:
    """00:00 of the due date as type F; its invalid bit where there is no due date yet."""
    nothing = np.zeros(len(sends), np.int64)
    never = (sends.due_date == 0xFF).all(axis=1)
    return np.concatenate((columns(nothing | never << 7, nothing), sends.due_date), axis=1)


def _axioma_records(sends: Sends, _: Bytes) -> list[Bytes]:
    return [
        constant(sends, b"\x04\x6d"),
        datetime_f(sends),
        constant(sends, b"\x04\x13"),
        little_endian(sends.litres, 4),
        constant(sends, b"\x44\x6d"),
        due_midnight(sends),
        constant(sends, b"\x44\x13"),
        little_endian(sends.due_litres, 4),
    ]


def _axioma_status(sends: Sends) -> Bytes:
    """Leak is 30, no flow for long is 10, low battery 04 in the maker's status list."""
    status = sends.battery_low * 0x04 | sends.stopped * 0x10 | sends.leak * 0x30
    return status.astype(np.uint8)


def _maddalena_records(sends: Sends, number: Bytes) -> list[Bytes]:
    return [
        constant(sends, b"\x04\x13"),
        little_endian(sends.litres, 4),
        constant(sends, b"\x04\x6d"),
        datetime_f(sends),
        constant(sends, b"\x04\xfd\x17"),
        little_endian(_flags(sends), 4),
        constant(sends, b"\x0e\x78"),
        number,
        constant(sends, b"\x01\xff"),
        constant(sends, b"\x44\x13"),
        little_endian(sends.due_litres, 4),
        constant(sends, b"\x42\x6c"),
        sends.due_date,
    ]


def _itron_records(sends: Sends, _: Bytes) -> list[Bytes]:
    return [
        constant(sends, b"\x06\x6d"),
        datetime_i(sends),
        constant(sends, b"\x0c\x13"),
        bcd(sends.litres, 4),
        constant(sends, b"\x0c\x93\x3c\x00\x00\x00\x00"),
        constant(sends, b"\x0b\x3b"),
        bcd(sends.flow_l_h, 3),
        constant(sends, b"\x4c\x13"),
        bcd(sends.due_litres, 4),
        constant(sends, b"\x42\x6c"),
        sends.due_date,
        constant(sends, b"\x03\xfd\x97\x1c"),
        little_endian(_flags(sends), 3),
    ]


def _flags(sends: Sends) -> Ints:
    """The simulator's own choice of bits, as the makers do not publish theirs: 1 leak, 2 no flow, 4 battery."""
    return (sends.leak * 1 | sends.stopped * 2 | sends.battery_low * 4).astype(np.int64)


def _standard_status(sends: Sends) -> Bytes:
    """Low power, and a temporary error for anything in the flags but the battery (EN 13757-7)."""
    status = sends.battery_low * 0x04 | (sends.leak | sends.stopped) * 0x10
    return status.astype(np.uint8)


AXIOMA = Layout("axioma", "AXI", 0x10, 0x07, "short", _axioma_records, _axioma_status)
MADDALENA = Layout("maddalena", "MAD", 0x01, 0x07, "short", _maddalena_records, _standard_status)
ITRON = Layout("itron", "ITW", 0x33, 0x07, "long", _itron_records, _standard_status)

LAYOUTS = {layout.name: layout for layout in (AXIOMA, MADDALENA, ITRON)}
