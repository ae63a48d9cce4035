"""Engines and sessions for SQLite (embedded) and PostgreSQL (in service)."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

DEFAULT_URL = "sqlite:///var/sgc.db"
BUSY_TIMEOUT_MS = 30_000
_WRITE = "sgc_write"


def open_engine(url: str = DEFAULT_URL) -> Engine:
    """An engine for ``url`` (``sqlite:///…`` or ``postgresql+psycopg://…``); makes the folder of a SQLite file."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(url, parsed.database)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(url, pool_pre_ping=True)
    raise ValueError(f"database URL: {parsed.get_backend_name()!r}, must be sqlite or postgresql")


def must_exist(url: str) -> None:
    """ValueError where ``url`` names a SQLite file that is not there: opening it would make an empty one."""
    parsed = _parsed(url)
    file = parsed.database if parsed.get_backend_name() == "sqlite" else None
    if file and file != ":memory:" and not Path(file).is_file():
        raise ValueError(f"database {file}: no such file; sgc central migrate makes one")


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        # Not shown: what is nearly a URL may hold a password.
        raise ValueError("database URL: must be like sqlite:///file or postgresql+psycopg://user@host/name") from None


def _open_sqlite(url: str, path: str | None) -> Engine:
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not open transactions by itself: _begin_sqlite says how each one begins.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # REPLACE deletes; without this it would slip past the triggers that refuse deletion.
    cursor.execute("PRAGMA recursive_triggers = ON")
    cursor.execute("PRAGMA cache_size = -16384")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get(_WRITE, True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def read_session(engine: Engine) -> Iterator[Session]:
    """A session that only reads: one consistent snapshot, never committed."""
    with engine.connect().execution_options(sgc_write=False) as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with Session(connection, autoflush=False) as session:
            yield session


@contextmanager
def write_session(engine: Engine) -> Iterator[Session]:
    """A session that commits once at its end, or rolls everything back where the block raises."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session
