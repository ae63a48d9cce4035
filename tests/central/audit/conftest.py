"""A database with two issued months, cloned for each test that breaks something in it."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from central.invoicing import run
from central.store import open_engine
from tests.central.factories import NEXT_PERIOD, NOW, Town, found, give_keys
from tests.central.invoicing.driving import CHECKER, issued
from tests.fixtures.postgres import BOTH, Postgres

HOUSES = 4
HEARD = datetime(2026, 1, 31, 22, 59, 58, tzinfo=UTC)


def issue_two_months(engine: Engine, folder: Path) -> Path:
    """Four houses: three by due-date readings, the last one by telegrams; house 2 is estimated in February."""
    town = found(engine, HOUSES)
    keys = give_keys(town, folder / "keys")
    for month, day in enumerate((date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))):
        for house in range(HOUSES - 1):
            if (house, month) != (2, 2):
                town.read(house, day, 1_000 + month * (10_000 + 100 * house))
    last = HOUSES - 1
    town.read(last, date(2026, 1, 1), 5_000)
    town.hear(last, HEARD, 17_345)
    town.hear(last, datetime(2026, 2, 28, 22, 30, tzinfo=UTC), 26_001)
    issued(town, keys=keys)
    february = issued(town, NEXT_PERIOD, keys=keys)
    run.deliver(engine, town.utility_id, february, run.Operator(CHECKER), NOW)
    return keys


@pytest.fixture(scope="session")
def issued_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A SQLite file with two issued months, and its key file."""
    folder = tmp_path_factory.mktemp("audited")
    path = folder / "issued.db"
    shutil.copy(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    keys = issue_two_months(engine, folder)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path, keys


@pytest.fixture(scope="session")
def issued_postgres(
    postgres: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """The name of a PostgreSQL database with two issued months, and its key file."""
    url = postgres.create(postgres_template)
    engine = open_engine(url)
    keys = issue_two_months(engine, tmp_path_factory.mktemp("audited"))
    engine.dispose()
    yield make_url(url).database or "", keys
    postgres.drop(url)


@pytest.fixture(params=BOTH)
def issued_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a clone of its own for the test, and the key file."""
    if request.param == "sqlite":
        template, keys = request.getfixturevalue("issued_sqlite")
        shutil.copy(template, tmp_path / "sgc.db")
        yield f"sqlite:///{tmp_path / 'sgc.db'}", keys
        return
    server: Postgres = request.getfixturevalue("postgres")
    name, keys = request.getfixturevalue("issued_postgres")
    url = server.create(name)
    yield url, keys
    server.drop(url)


@pytest.fixture
def engine(issued_database: tuple[str, Path]) -> Iterator[Engine]:
    """An engine on the clone."""
    engine = open_engine(issued_database[0])
    yield engine
    engine.dispose()


@pytest.fixture
def keys(issued_database: tuple[str, Path]) -> Path:
    """The key file of its meters."""
    return issued_database[1]


@pytest.fixture
def town(engine: Engine) -> Town:
    """The town, without its lists."""
    return Town(engine=engine)
