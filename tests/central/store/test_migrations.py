"""The revisions make exactly what the models say, on both databases, and know where they stand."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from sqlalchemy import CheckConstraint, Engine, inspect, text

from central.store import guards, migrate, open_engine, schema_version
from central.store.migrate import MIGRATIONS, SchemaError, newest_version
from central.store.models import Base
from central.store.partitions import ensure_partitions, is_partition, month_bounds
from central.store.revise import comparing_context


@pytest.fixture
def engine(empty_database: str) -> Iterator[Engine]:
    engine = open_engine(empty_database)
    yield engine
    engine.dispose()


def test_migrated_schema_is_what_the_models_say(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(comparing_context(connection), Base.metadata) == []


def test_every_table_and_check_of_the_models_exists(engine: Engine) -> None:
    migrate(engine)
    inspector = inspect(engine)
    found = {name for name in inspector.get_table_names() if not is_partition(name)}
    assert found - {"alembic_version"} == set(Base.metadata.tables)
    for name, table in Base.metadata.tables.items():
        key = inspector.get_pk_constraint(name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key.columns], name
        checks = {check["name"] for check in inspector.get_check_constraints(name)}
        assert checks == {str(item.name) for item in table.constraints if isinstance(item, CheckConstraint)}


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    assert schema_version(engine) is None
    migrate(engine)
    assert schema_version(engine) == newest_version()
    migrate(engine)
    assert schema_version(engine) == newest_version()


def test_two_programs_may_migrate_at_once(engine: Engine) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate, [engine, engine]))
    assert schema_version(engine) == newest_version()


def test_a_newer_database_is_refused(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match=f"database schema: 9999, this program knows {newest_version()}"):
        migrate(engine)


def test_a_lost_guard_is_put_back(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        guards.remove(connection)
        assert guards.installed(connection) == set()
    migrate(engine)
    with engine.connect() as connection:
        assert guards.are_current(connection)


def test_revisions_are_numbered_one_after_the_other() -> None:
    files = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
    for number, path in enumerate(files, 1):
        revision, previous = re.findall(r"^(?:down_)?revision = (.*)$", path.read_text(), re.MULTILINE)
        assert path.stem.split("_")[0] == f"{number:04}"
        assert revision == f'"{number:04}"'
        assert previous == (f'"{number - 1:04}"' if number > 1 else "None")


@pytest.mark.postgres
def test_months_lie_apart_and_anything_else_in_the_default(postgres_database: str) -> None:
    engine = open_engine(postgres_database)
    november, december = month_bounds(2026, 11)
    with engine.begin() as connection:
        ensure_partitions(connection, [november, december - 1, december, 10**14, 0])
        ensure_partitions(connection, [november])
        for at_ms in (november, december - 1, december, 0, 10**14):
            connection.execute(
                text("INSERT INTO reading VALUES (1, :at, 7, 1, 0, 5, 1, '', NULL, NULL, NULL, 0)"), {"at": at_ms}
            )
        query = text("SELECT tableoid::regclass::text, at_ms FROM reading ORDER BY at_ms")
        assert [tuple(row) for row in connection.execute(query)] == [
            ("reading_default", 0),
            ("reading_2026_11", november),
            ("reading_2026_11", december - 1),
            ("reading_2026_12", december),
            ("reading_default", 10**14),
        ]
    engine.dispose()
