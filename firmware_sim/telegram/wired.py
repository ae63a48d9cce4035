"""Wired M-Bus frames (EN 13757-2): long, short and the single acknowledge byte."""

ACKNOWLEDGE = b"\xe5"


def long_frame(c_field: int, address: int, body: bytes) -> bytes:
    """68 L L 68 C A body sum 16; the body starts with the CI field."""
    content = bytes((c_field, address)) + body
    if len(content) > 255:
        raise ValueError(f"L field: {len(content)} bytes do not fit in one frame (at most 255)")
    return bytes((0x68, len(content), len(content), 0x68)) + content + bytes((sum(content) & 0xFF, 0x16))


def short_frame(c_field: int, address: int) -> bytes:
    """10 C A sum 16."""
    return bytes((0x10, c_field, address, (c_field + address) & 0xFF, 0x16))
