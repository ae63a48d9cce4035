"""Forward migrations: ``migrate(engine)`` brings an empty or older database to the newest schema.

Revisions are numbered ``0001_…`` onwards, one after the other, in ``migrations/versions``. All of an upgrade happens
in one transaction, on SQLite too; two programs that migrate at once wait for each other.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from central.store import guards, isolation, statistics
from central.store.partitions import ensure_default, install_maker, maker_is_current

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x5347_4302


class SchemaError(RuntimeError):
    """The database's schema and this program do not fit; the text says which versions they are."""


def migrate(engine: Engine) -> None:
    """Bring the database behind ``engine`` to the newest schema; raises :class:`SchemaError` where it is newer."""
    if _is_current(engine):
        return
    with _alone(engine) as connection:
        _upgrade(connection)


def schema_version(engine: Engine) -> str | None:
    """The revision the database is at, or None where it has none."""
    with engine.connect().execution_options(sgc_write=False) as connection:
        return _version(connection)


def newest_version() -> str:
    """The revision this program needs."""
    return max(path.stem.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _is_current(engine: Engine) -> bool:
    with engine.connect().execution_options(sgc_write=False) as connection:
        return (
            _version(connection) == newest_version()
            and guards.are_current(connection)
            and isolation.are_current(connection)
            and maker_is_current(connection)
        )


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _alone(engine: Engine) -> AbstractContextManager[Connection]:
    return _alone_sqlite(engine) if engine.dialect.name == "sqlite" else _alone_postgresql(engine)


@contextmanager
def _alone_sqlite(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        # A table is changed by copying it, which foreign keys would take for a deletion. The switch is no part of a
        # transaction, so it is thrown on the driver's connection, and what it let through is checked before commit.
        driver = connection.connection.cursor()
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if broken:
                    raise SchemaError(f"migration: row {broken[1]} of {broken[0]} points at no row of {broken[2]}")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")
            driver.close()


@contextmanager
def _alone_postgresql(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield connection


def _upgrade(connection: Connection) -> None:
    # Imported here: a program that finds its database up to date does not load Alembic.
    from alembic import command
    from alembic.config import Config

    version, newest = _version(connection), newest_version()
    if version is not None and version > newest:
        raise SchemaError(f"database schema: {version}, this program knows {newest}; use a newer program")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    guards.remove(connection)
    command.upgrade(config, "head")
    ensure_default(connection)
    install_maker(connection)
    guards.install(connection)
    isolation.install(connection)
    statistics.seed(connection)
