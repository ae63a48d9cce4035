"""Values as EN 13757-3 annex A writes them: integers, BCD, dates and texts."""

import datetime as dt
import struct

INVALID_DATE = b"\xff\xff"


def integer(value: int, size: int) -> bytes:
    """Type B: signed, low byte first."""
    try:
        return value.to_bytes(size, "little", signed=True)
    except OverflowError:
        raise ValueError(f"integer: {value} does not fit in {size} bytes") from None


def bcd(value: int, digits: int) -> bytes:
    """Type A: packed digits, low pair first; a minus sign is F in the top digit."""
    limit = 10**digits if value >= 0 else 10 ** (digits - 1)
    if abs(value) >= limit:
        raise ValueError(f"BCD: {value} does not fit in {digits} digits")
    text = f"{value:0{digits}d}" if value >= 0 else f"F{-value:0{digits - 1}d}"
    return bytes.fromhex(text)[::-1]


def real(value: float) -> bytes:
    """Type H: IEEE 754 single precision, low byte first."""
    return struct.pack("<f", value)


def date_g(day: dt.date | None) -> bytes:
    """Type G, two bytes; None is the invalid date."""
    if day is None:
        return INVALID_DATE
    year = day.year % 100
    return bytes((day.day | (year & 7) << 5, day.month | (year >> 3) << 4))


def datetime_f(moment: dt.datetime, *, summer: bool = False, invalid: bool = False, century: int = 0) -> bytes:
    """Type F, four bytes: minute (bit 7 invalid), hour (bit 7 summer time), then a date of type G.

    ``century`` fills bits 5-6 of the hour; meters in the field leave them 0.
    """
    head = (moment.minute | invalid << 7, moment.hour | century << 5 | summer << 7)
    return bytes(head) + date_g(moment.date())


def datetime_i(moment: dt.datetime, *, summer: bool = False, invalid: bool = False, leap: bool = False) -> bytes:
    """Type I, six bytes: second (bit 6 summer time, bit 7 leap year), minute (bit 7 invalid), hour
    with weekday, a date of type G, and the week with the summer offset, which stays 0 here.
    """
    head = (
        moment.second | summer << 6 | leap << 7,
        moment.minute | invalid << 7,
        moment.hour | moment.isoweekday() << 5,
    )
    return bytes(head) + date_g(moment.date()) + b"\x00"


def time_j(moment: dt.time) -> bytes:
    """Type J, three bytes: second, minute, hour."""
    return bytes((moment.second, moment.minute, moment.hour))


def text(value: str) -> bytes:
    """A length byte and the Latin-1 characters in reverse order."""
    raw = value.encode("latin-1")
    if len(raw) > 0xBF:
        raise ValueError(f"text: {len(raw)} characters, at most {0xBF}")
    return bytes((len(raw),)) + raw[::-1]


def blob(data: bytes) -> bytes:
    """Binary of variable length: length byte E0 + n for up to 15 bytes, F0 steps for 16 to 64."""
    if len(data) <= 15:
        return bytes((0xE0 + len(data),)) + data
    steps = {16: 0xF0, 20: 0xF1, 24: 0xF2, 28: 0xF3, 32: 0xF4, 48: 0xF5, 64: 0xF6}
    if len(data) not in steps:
        raise ValueError(f"blob: no length code for {len(data)} bytes")
    return bytes((steps[len(data)],)) + data


def signed_bcd(value: int, digits: int) -> bytes:
    """BCD of variable length: length byte C0 + n, or D0 + n where negative, then n bytes."""
    size = (digits + 1) // 2
    return bytes(((0xD0 if value < 0 else 0xC0) + size,)) + bcd(abs(value), 2 * size)
