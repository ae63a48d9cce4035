"""Formats of compact frames that the centre has learnt from full ones: kept, so that a restart forgets none."""

from collections.abc import Iterable

from sqlalchemy import Connection, select, text

from central.store.models import CompactFormat
from protocols.wmbus import FormatStore

Format = tuple[str, int, int, bytes]
"""Manufacturer, device type, signature and the record headers behind it."""

_KEEP = text(
    "INSERT INTO compact_format (utility_id, manufacturer, device_type, signature, headers, learnt_ms) "
    "VALUES (:utility_id, :manufacturer, :device_type, :signature, :headers, :learnt_ms) ON CONFLICT DO NOTHING"
)


class Formats(FormatStore):
    """A utility's formats, with those among them that are not stored yet."""

    def __init__(self, known: Iterable[Format] = ()) -> None:
        super().__init__()
        self.new: list[Format] = []
        self.load(known)
        self.new.clear()

    def learn(self, manufacturer: str, device_type: int, signature: int, headers: bytes) -> None:
        """Remember a format, and that it is new where it is."""
        if self.find(manufacturer, device_type, signature) != headers:
            super().learn(manufacturer, device_type, signature, headers)
            self.new.append((manufacturer, device_type, signature, headers))


def load_formats(connection: Connection, utility_id: int) -> Formats:
    """What the utility's telegrams have taught so far."""
    columns = (
        CompactFormat.manufacturer,
        CompactFormat.device_type,
        CompactFormat.signature,
        CompactFormat.headers,
    )
    rows = connection.execute(
        select(*columns).where(CompactFormat.utility_id == utility_id).order_by(CompactFormat.learnt_ms)
    )
    return Formats((maker, kind, signature, headers) for maker, kind, signature, headers in rows)


def keep_formats(connection: Connection, utility_id: int, formats: Formats, now_ms: int) -> None:
    """Store what is new; the caller forgets that it was once the transaction is committed."""
    rows = [
        {
            "utility_id": utility_id,
            "manufacturer": manufacturer,
            "device_type": device_type,
            "signature": signature,
            "headers": headers,
            "learnt_ms": now_ms,
        }
        for manufacturer, device_type, signature, headers in formats.new
    ]
    if rows:
        connection.execute(_KEEP, rows)
