from collections.abc import Mapping
from typing import final

from protocols.wmbus.address import Address

@final
class Keyring:
    def __init__(
        self, keys: Mapping[str | Address, bytes | str] | None = None, default: bytes | str | None = None
    ) -> None: ...
    @property
    def meters(self) -> int: ...
    @property
    def default(self) -> bytes | None: ...
    def __len__(self) -> int: ...
    def add(self, address: str | Address, key: bytes | str) -> None: ...
    def add_number(
        self,
        key: bytes | str,
        id: str,
        *,
        manufacturer: str | None = None,
        version: int | None = None,
        type: int | None = None,
    ) -> None: ...
    def add_rule(
        self,
        key: bytes | str,
        *,
        manufacturer: str | None = None,
        version: int | None = None,
        type: int | None = None,
        ids: tuple[str, str] | None = None,
    ) -> None: ...
    def keys_for(self, address: Address, /) -> list[bytes]: ...
