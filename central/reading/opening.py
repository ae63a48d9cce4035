"""Opens telegrams that travelled sealed: the device had no key, or a wrong one, and the centre's register may."""

import msgspec

from central.times import EPOCH_DAY
from protocols.sync import TelegramItem
from protocols.wmbus import FormatStore, Telegram, decode

# What a device could not open and another key, or a newer decoder, might.
SEALED = frozenset({"key_missing", "key_wrong", "unsupported"})
MOST_LITRES = 10**15


class Opener:
    """Decodes a utility's sealed telegrams with the register's keys; compact ones with the formats that came before."""

    def __init__(self, formats: FormatStore) -> None:
        self._formats = formats

    def open(self, item: TelegramItem, key: bytes | None) -> tuple[TelegramItem, str]:
        """The item as this key lets the centre read it, and why it does not where the reason is not empty."""
        telegram = decode(item.frame, key, formats=self._formats, link="none")
        if not telegram.ok:
            return item, f"telegram of meter {item.meter}: {telegram.error}"
        state = telegram.security.state
        if state in SEALED:
            reasons = "; ".join(diagnostic.text for diagnostic in telegram.diagnostics) or state
            return msgspec.structs.replace(item, state=state), f"telegram of meter {item.meter}: {reasons}"
        return with_content(item, telegram), ""


def with_content(item: TelegramItem, telegram: Telegram) -> TelegramItem:
    """The item with what a decoded telegram says."""
    litres = telegram.total_litres
    return msgspec.structs.replace(
        item,
        state=telegram.security.state,
        proof=telegram.security.proof,
        access_no=telegram.access_no,
        litres=litres if litres is not None and 0 <= litres <= MOST_LITRES else None,
        due=due_indices(telegram),
        alarms=tuple(telegram.alarms),
    )


def due_indices(telegram: Telegram) -> tuple[tuple[int, int], ...]:
    """(days since 1970-01-01, litres) of every due date a telegram carries."""
    return tuple(((day - EPOCH_DAY).days, litres) for day, litres in telegram.due_litres if 0 <= litres <= MOST_LITRES)
