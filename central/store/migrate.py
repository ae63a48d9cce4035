"""Forward migrations: ``migrate(engine)`` brings an empty or older database to the newest schema."""

from sqlalchemy import Engine

from central.store.base import Base


def migrate(engine: Engine) -> None:
    """Bring the database behind ``engine`` to the newest schema."""
    Base.metadata.create_all(engine)


def schema_version(engine: Engine) -> str | None:
    """The revision the database is at, or None where it has none."""
    del engine
    return None
