"""Opening the store's file: one writer, many readers."""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from sqlite_utils import Database

from edge.store.schema import migrations

BUSY_S = 30.0
# SQLite takes 32,766 parameters in a statement; 256 rows of the widest table stay far below.
_CHUNKS = (256, 64, 16, 4, 1)


class StoreError(Exception):
    """The store cannot be opened or written; the text names the file and the cause."""


class WriterLock:
    """Held by the one process that writes; released by the system when it dies."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def take(cls, path: Path) -> "WriterLock":
        """Become the writer of ``path``; raises :class:`StoreError` where another process is."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"store {path}: cannot be opened ({error})") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise StoreError(f"store {path}: another agent is writing it") from error
        return cls(handle)

    def release(self) -> None:
        """Let another process write."""
        os.close(self._handle)


def open_writer(path: Path) -> Database:
    """The writing connection, migrated to this version; raises :class:`StoreError`."""
    try:
        # Readings with names and addresses: for the agent's user only.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        database = Database(sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False), execute_plugins=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"store {path}: cannot be opened ({error})") from error
    try:
        database.enable_wal()
        database.execute("PRAGMA synchronous=FULL")
        _migrate(database, path)
    except sqlite3.Error as error:
        database.close()
        raise StoreError(f"store {path}: {error}") from error
    except StoreError:
        database.close()
        raise
    return database


def open_reader(path: Path) -> Database:
    """A connection that can only read; raises :class:`StoreError`."""
    if not path.exists():
        raise StoreError(f"store {path}: no such file")
    connection = sqlite3.connect(path, timeout=BUSY_S)
    connection.execute("PRAGMA query_only=ON")
    return Database(connection, execute_plugins=False)


def _migrate(database: Database, path: Path) -> None:
    with Database(memory=True) as empty:
        known = {step.name for step in migrations.pending(empty)}
    unknown = {step.name for step in migrations.applied(database)} - known
    if unknown:
        raise StoreError(f"store {path}: written by a newer version ({', '.join(sorted(unknown))})")
    migrations.apply(database)


def insert_rows(
    connection: sqlite3.Connection, into: str, rows: Sequence[Sequence[object]], conflict: str = ""
) -> None:
    """Insert ``rows`` by as few statements as may be (see :mod:`edge.store` for the reason).

    ``into`` is ``table(columns)``; ``conflict`` an ON CONFLICT clause.
    """
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            chunk = rows[start : start + size]
            connection.execute(_insert_sql(into, conflict, len(chunk[0]), size), _flat(chunk))
            start += size


@cache
def _insert_sql(into: str, conflict: str, width: int, count: int) -> str:
    row = "(" + ",".join("?" * width) + ")"
    return f"INSERT INTO {into} VALUES {','.join([row] * count)} {conflict}"  # noqa: S608


def _flat(rows: Iterable[Sequence[object]]) -> list[object]:
    return [value for row in rows for value in row]
