"""Models, migrations, engines and sessions: the one place that knows the database.

Reads go through :func:`read_session`, writes through :func:`write_session`, which commits once at its end or rolls
back. On SQLite a write session takes the write lock at once (``BEGIN IMMEDIATE``), so two writers wait for each other
instead of failing half-way.
"""

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from central.store.engine import DEFAULT_URL, must_exist, open_engine, read_session, write_session
from central.store.ids import new_block, new_id, new_ids
from central.store.migrate import migrate, schema_version

__all__ = [
    "DEFAULT_URL",
    "Engine",
    "Session",
    "migrate",
    "must_exist",
    "new_block",
    "new_id",
    "new_ids",
    "open_engine",
    "read_session",
    "schema_version",
    "write_session",
]
