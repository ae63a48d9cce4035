from collections.abc import Mapping

from protocols.wmbus.address import Address
from protocols.wmbus.provider import KeyProvider
from protocols.wmbus.stores import CounterStore, FormatStore, FragmentStore
from protocols.wmbus.telegram import Telegram

def decode(
    frame: bytes,
    keys: KeyProvider | Mapping[str | Address, bytes | str] | bytes | str | None = None,
    *,
    formats: FormatStore | None = None,
    counters: CounterStore | None = None,
    fragments: FragmentStore | None = None,
    link: str = "auto",
) -> Telegram: ...
