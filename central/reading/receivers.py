"""Receivers seen on a device, with the first and the last instant each was heard."""

from collections.abc import Mapping

from sqlalchemy import Connection, case
from sqlalchemy.dialects import postgresql, sqlite

from central.reading.rows import Span
from central.store import new_id
from central.store.models import Receiver


def record_receivers(connection: Connection, receivers: Mapping[tuple[int, int, str], Span]) -> None:
    """Add receivers by (utility, device, name), or extend the time of known ones."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(Receiver)
    new = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=["utility_id", "device_id", "name"],
        set_={
            "first_ms": case((new.first_ms < Receiver.first_ms, new.first_ms), else_=Receiver.first_ms),
            "last_ms": case((new.last_ms > Receiver.last_ms, new.last_ms), else_=Receiver.last_ms),
        },
    )
    for (utility_id, device_id, name), span in sorted(receivers.items()):
        values = {"utility_id": utility_id, "id": new_id(), "device_id": device_id, "name": name, **span._asdict()}
        connection.execute(statement, values)
