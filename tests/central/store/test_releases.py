"""Released schemas stay what they were, and the newest is reached from each, with its rows, on both databases."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from sqlalchemy import Engine, text

from central.ops.checksums import table_sums
from central.store import guards, migrate, open_engine, release, revise, schema_version
from central.store.migrate import MIGRATIONS, newest_version
from central.store.models import Base
from central.store.release import RELEASED, Release, freeze, migration_digests, releases
from central.store.revise import comparing_context

UTILITY = (
    "INSERT INTO utility (id, code, name, nif, ine_code, address, contact, settings, created_at) "
    "VALUES (1, 'agost', 'Agost', 'P0300200C', '03002', '{}', '{}', '{}', '2026-11-24 00:00:00')"
)


def whole(engine: Engine) -> None:
    """The database has the newest schema, its guards, and the row it had before."""
    assert schema_version(engine) == newest_version()
    with engine.connect() as connection:
        assert compare_metadata(comparing_context(connection), Base.metadata) == []
        assert guards.are_current(connection)
        assert table_sums(connection)["utility"].rows == 1


def load(schema: Path, database: Path) -> Engine:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(schema.read_text())
        connection.execute(UTILITY)
        connection.commit()
    return open_engine(f"sqlite:///{database}")


def known() -> list[Release]:
    """What was released; before the first release, today's schema as if it were."""
    return releases() or [Release("today", newest_version(), migration_digests(newest_version()))]


@pytest.mark.parametrize("released", known(), ids=lambda one: one.version)
def test_a_released_migration_never_changes(released: Release) -> None:
    assert migration_digests(released.revision) == released.migrations


@pytest.mark.parametrize("released", known(), ids=lambda one: one.version)
def test_the_newest_schema_is_reached_from_every_released_one_on_sqlite(released: Release, tmp_path: Path) -> None:
    schema = RELEASED / f"{released.version}.sql"
    if not schema.exists():
        schema = freeze("9.9", tmp_path)
    engine = load(schema, tmp_path / "old.db")
    assert schema_version(engine) == released.revision
    migrate(engine)
    whole(engine)
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize("empty_database", ["postgres"], indirect=True)
@pytest.mark.parametrize("released", known(), ids=lambda one: one.version)
def test_and_on_postgresql(released: Release, empty_database: str) -> None:
    engine = open_engine(empty_database)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, released.revision)
        connection.execute(text(UTILITY))
    migrate(engine)
    whole(engine)
    engine.dispose()


def test_freezing_writes_what_the_tests_of_later_versions_need(tmp_path: Path) -> None:
    path = freeze("0.1", tmp_path)
    assert path == tmp_path / "0.1.sql"
    assert [one.version for one in releases(tmp_path)] == ["0.1"]
    assert releases(tmp_path)[0].migrations == migration_digests(newest_version())
    freeze("0.10", tmp_path)
    freeze("0.2", tmp_path)
    assert [one.version for one in releases(tmp_path)] == ["0.1", "0.2", "0.10"]
    with pytest.raises(FileExistsError):
        freeze("0.1", tmp_path)


def test_the_first_migration_is_not_written_anew_once_it_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze("0.1", tmp_path)
    monkeypatch.setattr(release, "RELEASED", tmp_path)
    before = (MIGRATIONS / "versions" / "0001_initial.py").read_bytes()
    with pytest.raises(SystemExit, match=r"revise: 0001 was released with version 0\.1"):
        revise.main(["--initial"])
    assert (MIGRATIONS / "versions" / "0001_initial.py").read_bytes() == before
