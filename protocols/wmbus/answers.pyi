from collections.abc import Mapping
from typing import final

from protocols.wmbus.address import Address
from protocols.wmbus.provider import KeyProvider
from protocols.wmbus.stores import CounterStore, FormatStore, FragmentStore

@final
class Answers:
    def __init__(self, formats: FormatStore, counters: CounterStore, fragments: FragmentStore, link: str) -> None: ...
    def add(
        self,
        ref: object,
        frame: bytes,
        keys: KeyProvider | Mapping[str | Address, bytes] | bytes | None,
    ) -> None: ...
    def refuse(self, ref: object, error: str) -> None: ...
    def take(self) -> bytes: ...
