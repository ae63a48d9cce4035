"""The address bytes of EN 13757-3/-4: manufacturer, identification number, version and type."""

from typing import Protocol


class MeterAddress(Protocol):
    """What the encoder needs to know of a meter's address (``protocols.wmbus.Address`` fits)."""

    @property
    def manufacturer(self) -> str:
        """Three letters, the FLAG association's code."""

    @property
    def id(self) -> str:
        """Eight digits; hexadecimal letters are allowed as some makers use them."""

    @property
    def version(self) -> int:
        """One byte."""

    @property
    def type(self) -> int:
        """One byte, the medium (EN 13757-3 table 13)."""


def manufacturer_bytes(code: str) -> bytes:
    """Two bytes, low byte first: three letters of five bits, A = 1 (EN 13757-3 clause 5.6)."""
    if len(code) != 3 or not (code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError(f"manufacturer: {code!r} is not three capital letters")
    first, second, third = (ord(letter) - 64 for letter in code)
    return (first << 10 | second << 5 | third).to_bytes(2, "little")


def identification_bytes(number: str) -> bytes:
    """Four bytes, low digits first (BCD)."""
    if len(number) != 8:
        raise ValueError(f"id: {number!r} is not eight digits")
    try:
        return bytes.fromhex(number)[::-1]
    except ValueError:
        raise ValueError(f"id: {number!r} is not eight digits") from None


def link_bytes(address: MeterAddress) -> bytes:
    """Eight bytes in the link layer's order: M, id, version, type."""
    return (
        manufacturer_bytes(address.manufacturer)
        + identification_bytes(address.id)
        + bytes((address.version, address.type))
    )


def header_bytes(address: MeterAddress) -> bytes:
    """Eight bytes in the long header's order: id, M, version, type."""
    return (
        identification_bytes(address.id)
        + manufacturer_bytes(address.manufacturer)
        + bytes((address.version, address.type))
    )
