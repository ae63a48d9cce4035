"""SQLite finds a meter's readings by the index by meter, on a database that nobody has analysed."""

import pytest
from sqlalchemy import Engine, text

from central.store import open_engine

ONE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def plan(engine: Engine, query: str) -> str:
    with engine.connect() as connection:
        return " ".join(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}")))


@ONE
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT * FROM reading WHERE utility_id = 1 AND meter_id = 5 AND at_ms BETWEEN 1 AND 9", "ix_reading_meter"),
        (
            "SELECT * FROM reading WHERE utility_id = 1 AND meter_id = 5 AND at_ms <= 9 ORDER BY at_ms DESC LIMIT 1",
            "ix_reading_meter",
        ),
        (
            "SELECT * FROM installation WHERE utility_id = 1 AND supply_point_id = 5",
            "ix_installation_supply_point_id",
        ),
    ],
)
def test_a_fresh_database_is_read_by_its_indexes(database: str, query: str, index: str) -> None:
    engine = open_engine(database)
    try:
        assert f"USING INDEX {index}" in plan(engine, query)
    finally:
        engine.dispose()
