from collections.abc import Mapping
from typing import NamedTuple

from protocols.wmbus.address import Address
from protocols.wmbus.provider import KeyProvider
from protocols.wmbus.telegram import Telegram

class Span(NamedTuple):
    offset: int
    length: int
    hex: str
    layer: str
    meaning: str

def explain(
    frame: bytes,
    keys: KeyProvider | Mapping[str | Address, bytes | str] | bytes | str | None = None,
    *,
    link: str = "auto",
    lang: str = "en",
) -> list[Span]: ...
def explain_telegram(telegram: Telegram, frame: bytes, lang: str = "en") -> list[Span]: ...
