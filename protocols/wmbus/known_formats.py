"""Record headers of compact frames that makers have published or that full frames have shown.

Drivers add theirs (``compact_formats``). The CRC over the full frame decides whether one fits.
"""

from __future__ import annotations

from typing import Final

# Headers by signature.
_FORMATS: Final[dict[int, list[bytes]]] = {}


def add(signature: int, headers: bytes) -> None:
    """Make a format known to every decoder of this process."""
    known = _FORMATS.setdefault(signature, [])
    if headers not in known:
        known.append(headers)


def find(signature: int) -> list[bytes]:
    """Every known format with this signature."""
    return _FORMATS.get(signature, [])
