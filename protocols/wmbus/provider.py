"""Who may answer where a meter's key is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from protocols.wmbus.address import Address


@runtime_checkable
class KeyProvider(Protocol):
    """Anything with ``keys_for``; ``Keyring`` is one, and the fastest."""

    def keys_for(self, address: Address, /) -> Iterable[bytes]:
        """Every key to try for a meter, in order; empty if there is none."""
