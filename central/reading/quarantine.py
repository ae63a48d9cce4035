"""Quarantine: what could not be applied is kept whole with its reason, until somebody retries or dismisses it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Executable, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from central.store import new_id
from central.store.models import Quarantine

KINDS = ("batch", "telegram", "reading", "visit", "series")
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
        connection.execute(_upsert(connection.dialect.name), vars(entry) | {"id": new_id(), "arrivals": 1})


def arrivals(connection: Connection, key: str) -> int:
    """How often the thing that an open entry keeps has arrived; 0 where there is none."""
    return connection.scalar(select(Quarantine.arrivals).where(Quarantine.key == key, OPEN)) or 0


def resolve(connection: Connection, entry_id: int, resolution: str, at: datetime) -> None:
    """Close an open entry with what became of it."""
    connection.execute(
        update(Quarantine).where(Quarantine.id == entry_id, OPEN).values(resolved_at=at, resolution=resolution)
    )


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
    )
    return statement
