from collections.abc import Mapping, Sequence

from protocols.wmbus.address import Address
from protocols.wmbus.columns import Columns
from protocols.wmbus.keyring import Keyring
from protocols.wmbus.stores import CounterStore, FormatStore

def decode_batch(
    frames: Sequence[bytes],
    keys: Keyring | Mapping[str | Address, bytes | str] | bytes | str | None = None,
    *,
    formats: FormatStore | None = None,
    counters: CounterStore | None = None,
    link: str = "auto",
) -> Columns: ...
