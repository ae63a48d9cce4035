"""From a frame as heard to a telegram as stored: what can be decoded on the device is, the rest travels sealed."""

import datetime
import math

from edge.memory import Memory
from edge.receivers.port import Frame
from edge.store import HeardTelegram
from protocols.wmbus import Keyring, Telegram, decode

# The range of an index on the wire; a value outside it is no index.
MOST_LITRES = 10**15

# Sealed for us, whole for the centre, which may have the key.
SEALED = frozenset({"key_missing", "key_wrong", "unsupported"})
UNDECODABLE = "undecodable"
# Reported beside the meter's own alarms; the telegram is kept and read all the same: no meter is ever muted.
REPLAY = "replay"

_EPOCH = datetime.date(1970, 1, 1)


class Decoding:
    """Decodes with the device's keys; remembers the formats of compact frames and the counters of meters."""

    def __init__(self, keys: Keyring | None, memory: Memory) -> None:
        self._keys = keys
        self._memory = memory

    def stored(self, frame: Frame) -> HeardTelegram:
        """``frame`` with what it says. Bytes that are no telegram are kept too, as ``undecodable``."""
        # Receivers hand frames on without link CRCs; saying so keeps two data bytes from passing for one.
        memory = self._memory
        telegram = decode(frame.data, self._keys, formats=memory.formats, counters=memory.counters, link="none")
        security = telegram.security
        return HeardTelegram(
            at=frame.received_at,
            receiver=frame.receiver,
            mode=frame.mode,
            rssi_dbm=None if frame.rssi_dbm is None else math.floor(frame.rssi_dbm + 0.5),
            crc_checked_by=frame.crc_checked_by,
            state=security.state if telegram.ok or security.state in SEALED else UNDECODABLE,
            frame=frame.data,
            meter=None if telegram.meter is None else str(telegram.meter),
            access_no=telegram.access_no,
            litres=_index(telegram.total_litres),
            due=_due(telegram),
            alarms=(*telegram.alarms, REPLAY) if memory.is_replay(telegram) else telegram.alarms,
            meter_time=None if telegram.meter_time is None else telegram.meter_time.isoformat(),
            proof=security.proof,
        )


def _index(litres: int | None) -> int | None:
    return litres if litres is not None and 0 <= litres <= MOST_LITRES else None


def _due(telegram: Telegram) -> tuple[tuple[int, int], ...]:
    return tuple(((date - _EPOCH).days, litres) for date, litres in telegram.due_litres if 0 <= litres <= MOST_LITRES)
