"""Wired M-Bus frames (EN 13757-2): long, short and the single acknowledge byte."""

from firmware_sim.telegram import address as addresses
from firmware_sim.telegram import values

ACKNOWLEDGE = b"\xe5"
FIXED = 0x73
BINARY = 0x01


def long_frame(c_field: int, address: int, body: bytes) -> bytes:
    """68 L L 68 C A body sum 16; the body starts with the CI field."""
    content = bytes((c_field, address)) + body
    if len(content) > 255:
        raise ValueError(f"L field: {len(content)} bytes do not fit in one frame (at most 255)")
    return bytes((0x68, len(content), len(content), 0x68)) + content + bytes((sum(content) & 0xFF, 0x16))


def fixed_structure(
    number: str, counters: tuple[int, int], *, units: tuple[int, int], medium: int, access_no: int = 0, bcd: bool = True
) -> bytes:
    """The fixed data structure of old meters, CI 73 first (EN 1434-3:1997, 6.2).

    ``units`` are the codes of the two counters' units, ``medium`` the code that their upper bits share.
    """
    status = 0 if bcd else BINARY
    parts = (units[0] | (medium & 3) << 6, units[1] | (medium >> 2) << 6)
    data = b"".join(values.bcd(one, 8) if bcd else values.integer(one, 4) for one in counters)
    return bytes((FIXED,)) + addresses.identification_bytes(number) + bytes((access_no, status, *parts)) + data


def short_frame(c_field: int, address: int) -> bytes:
    """10 C A sum 16."""
    return bytes((0x10, c_field, address, (c_field + address) & 0xFF, 0x16))
