"""COPY into a table of PostgreSQL, whoever asks.

PostgreSQL refuses COPY into a table whose rows are held apart (``COPY FROM not supported with row-level security``).
For a role that is held by the policies of :mod:`central.store.isolation` the rows go into a table of its session first
and from there by one INSERT, which the policies judge.
"""

# ruff: noqa: S608 - every name in these statements is a table or a column of our own models
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

BINARY = " (FORMAT binary)"


@contextmanager
def copying(connection: Connection, table: str, columns: Sequence[str], form: str = "") -> Iterator[Any]:
    """A psycopg ``Copy`` whose rows are in the table once the block ends; IntegrityError for a row it refuses."""
    names = ", ".join(f'"{name}"' for name in columns)
    held = _is_held(connection, table)
    target = f"sgc_copy_{table}" if held else table
    statement = f'COPY "{target}" ({names}) FROM STDIN{form}'
    driver: Any = connection.connection.dbapi_connection
    try:
        with driver.cursor() as cursor:
            if held:
                cursor.execute(f'CREATE TEMP TABLE "{target}" AS SELECT {names} FROM "{table}" WITH NO DATA')
            with cursor.copy(statement) as copy:
                yield copy
            if held:
                cursor.execute(f'INSERT INTO "{table}" ({names}) SELECT {names} FROM "{target}"')
                cursor.execute(f'DROP TABLE "{target}"')
    except psycopg.IntegrityError as error:
        # COPY goes past SQLAlchemy; callers need one kind of error whatever the database.
        raise IntegrityError(statement, None, error) from error


def _is_held(connection: Connection, table: str) -> bool:
    """Whether policies hold this connection's role at the table: asked once for each connection."""
    key = f"held by policies: {table}"
    if key not in connection.info:
        connection.info[key] = connection.scalar(text("SELECT row_security_active(:name)"), {"name": f'"{table}"'})
    return bool(connection.info[key])
