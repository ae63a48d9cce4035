"""Quarantine: what could not be applied is kept whole with its reason, until somebody retries or dismisses it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Executable, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from central.events.kinds import Happened, ReadingQuarantined
from central.events.outbox import publish
from central.store import new_id
from central.store.models import Quarantine

KINDS = ("batch", "telegram", "reading", "visit", "series", "report")
EVENT = "reading.quarantined"
MOST_ENTRIES = 1000
MOST_BYTES = 64 * 1024 * 1024
OPEN = Quarantine.resolved_at.is_(None)


@dataclass(frozen=True)
class Entry:
    """Something to be kept. ``key`` names it: arriving again while its entry is open only counts one more arrival."""

    kind: str
    key: str
    device: str
    reason: str
    payload: bytes
    received_at: datetime
    utility_id: int | None = None
    boot: str | None = None
    number: int | None = None


def keep(connection: Connection, entries: Iterable[Entry]) -> None:
    """Keep entries in the connection's transaction."""
    for entry in entries:
        values = vars(entry) | {"id": new_id(), "arrivals": 1}
        number = connection.execute(_upsert(connection.dialect.name), values).scalar_one()
        if number == values["id"]:
            _tell(connection, entry, number)


def _tell(connection: Connection, entry: Entry, number: int) -> None:
    """Say that something new is kept; what nobody's device sent belongs to no utility and is told to none."""
    if entry.utility_id is None:
        return
    data = ReadingQuarantined(entry_id=number, kind=entry.kind, device=entry.device)
    publish(connection, entry.utility_id, [EVENT], lambda: [Happened(EVENT, data, entry.received_at)])


def keep_arrival(connection: Connection, entry: Entry) -> None:
    """Keep what a device, or somebody in its name, sent; beyond the cap it is only counted.

    One entry for each sender counts what was not kept. A device keeps its own copy of what the centre did not commit,
    so nothing of a device's is lost by it. All unknown senders together have one cap: a name costs nothing.
    """
    if arrivals(connection, entry.key) or not (full := _full(connection, entry)):
        keep(connection, [entry])
        return
    sender = entry.device if entry.utility_id is not None else "*"
    keep(connection, [replace(entry, key=f"flood:{sender}", reason=full, payload=b"", boot=None, number=None)])


def _full(connection: Connection, entry: Entry) -> str:
    """Why no more of this sender is kept; empty while there is room."""
    query = select(func.count(), func.coalesce(func.sum(func.length(Quarantine.payload)), 0)).where(
        OPEN, Quarantine.kind == entry.kind
    )
    if entry.utility_id is None:
        who, query = "of unknown devices", query.where(Quarantine.utility_id.is_(None))
    else:
        who, query = f"of device {entry.device!r}", query.where(Quarantine.device == entry.device)
    count, size = connection.execute(query).one()
    if count < MOST_ENTRIES and size + len(entry.payload) <= MOST_BYTES:
        return ""
    return (
        f"quarantine: {count} entries with {size} bytes {who} are kept, at most {MOST_ENTRIES} with {MOST_BYTES}; "
        f"what else comes is counted here and not kept (last: {entry.reason})"
    )


def arrivals(connection: Connection, key: str) -> int:
    """How often the thing that an open entry keeps has arrived; 0 where there is none."""
    return connection.scalar(select(Quarantine.arrivals).where(Quarantine.key == key, OPEN)) or 0


def resolve(connection: Connection, entry_id: int, resolution: str, at: datetime) -> bool:
    """Close an open entry with what became of it; whether there was one."""
    closed = connection.execute(
        update(Quarantine).where(Quarantine.id == entry_id, OPEN).values(resolved_at=at, resolution=resolution)
    )
    return closed.rowcount == 1


def list_open(session: Session, utility_id: int | None = None, limit: int = 100) -> list[Quarantine]:
    """The oldest open entries; those of unknown senders belong to no utility and are listed for every one."""
    query = select(Quarantine).where(OPEN).order_by(Quarantine.id).limit(limit)
    if utility_id is not None:
        query = query.where((Quarantine.utility_id == utility_id) | Quarantine.utility_id.is_(None))
    return list(session.scalars(query))


def count_open(session: Session) -> dict[str, int]:
    """Open entries by kind."""
    query = select(Quarantine.kind, func.count()).where(OPEN).group_by(Quarantine.kind)
    return dict(session.execute(query).all())


def find(session: Session, entry_id: int) -> Quarantine | None:
    """One entry, open or not."""
    return session.get(Quarantine, entry_id)


def _upsert(dialect: str) -> Executable:
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(Quarantine)
    statement: Executable = insert.on_conflict_do_update(
        index_elements=["key"],
        index_where=text("resolved_at IS NULL"),
        set_={"arrivals": Quarantine.arrivals + insert.excluded.arrivals},
    ).returning(Quarantine.id)
    return statement
