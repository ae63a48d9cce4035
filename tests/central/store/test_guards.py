"""The database refuses, by itself, to change what was recorded: tried on one row of every table, on both databases."""

# ruff: noqa: S608 - the tables are those of the models

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.schema import Column

from central.store import guards, open_engine
from central.store.base import Digest
from central.store.models import Base

INSTANT = datetime(2026, 11, 24, 12, tzinfo=UTC)
TABLES = Base.metadata.tables
SAMPLES: dict[str, Any] = {
    "INTEGER": 1,
    "SMALLINT": 1,
    "BIGINT": 1,
    "BOOLEAN": True,
    "DATE": date(2026, 11, 1),
    "DATETIME": INSTANT,
    "BLOB": b"\x01",
    "JSON": {"a": 1},
}
OTHERS: dict[str, Any] = {
    "INTEGER": 2,
    "SMALLINT": 2,
    "BIGINT": 2,
    "BOOLEAN": False,
    "DATE": date(2026, 11, 2),
    "DATETIME": datetime(2026, 11, 25, tzinfo=UTC),
    "BLOB": b"\x02",
    "JSON": {"a": 2},
}


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A database with one row, all ones, in every table; nothing is committed."""
    engine = open_engine(database)
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            balanced = {"amount_cents": 0} if table.name == "ledger_entry" else {}
            connection.execute(insert(table).values(**row_of(table) | balanced))
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        yield connection
        connection.rollback()
    engine.dispose()


def row_of(table: Table) -> dict[str, Any]:
    """The simplest row: required columns only, all ones."""
    return {column.name: sample(column, SAMPLES, "1") for column in table.columns if not column.nullable}


def sample(column: Column[Any], samples: dict[str, Any], default: str) -> Any:
    if isinstance(column.type, Digest):
        return default * 2
    kind = column.type.compile(dialect=open_engine("sqlite://").dialect).split("(")[0]
    return samples.get(kind, default)


@contextmanager
def refused(connection: Connection, message: str) -> Iterator[None]:
    with pytest.raises(DatabaseError, match=message), connection.begin_nested():
        yield


def test_a_recorded_row_does_not_change(connection: Connection) -> None:
    for frozen in guards.FROZEN:
        for column in TABLES[frozen.table].columns:
            if column.name in (*frozen.free, *frozen.once):
                continue
            change = update(TABLES[frozen.table]).values({column.name: sample(column, OTHERS, "2")})
            with refused(connection, f"{frozen.table}: recorded rows do not change|{frozen.table}.*overlaps"):
                connection.execute(change)


def test_columns_that_may_change_do_and_those_set_once_only_once(connection: Connection) -> None:
    for frozen in guards.FROZEN:
        table = TABLES[frozen.table]
        for name in (*frozen.free, *frozen.once):
            column = table.columns[name]
            connection.execute(update(table).values({name: sample(column, SAMPLES, "1")}))
            change = update(table).values({name: sample(column, OTHERS, "2")})
            if name in frozen.once:
                with refused(connection, "may be set once"):
                    connection.execute(change)
            else:
                connection.execute(change)
                assert connection.scalar(select(column)) == sample(column, OTHERS, "2")


def test_a_recorded_row_is_not_deleted(connection: Connection) -> None:
    for table in [*(frozen.table for frozen in guards.FROZEN), "series"]:
        with refused(connection, f"{table}: recorded rows are not deleted"):
            connection.execute(text(f'DELETE FROM "{table}"'))
        replace = f'INSERT OR REPLACE INTO "{table}" SELECT * FROM "{table}"'
        truncate = f'TRUNCATE "{table}" CASCADE'
        with refused(connection, f"{table}: recorded rows are not deleted"):
            connection.execute(text(replace if connection.dialect.name == "sqlite" else truncate))


def test_current_rows_of_the_same_thing_do_not_overlap(connection: Connection) -> None:
    for rule in guards.NO_OVERLAP:
        with connection.begin_nested() as savepoint:
            check_no_overlap(connection, rule)
            savepoint.rollback()


def check_no_overlap(connection: Connection, rule: guards.NoOverlap) -> None:
    table = TABLES[rule.table]
    second = row_of(table) | {"id": 2} | {name: "2" for name in ("code",) if name in table.columns}
    with refused(connection, "overlaps|conflicting key value violates exclusion"):
        connection.execute(insert(table).values(**second))
    if rule.bitemporal:
        connection.execute(update(table).where(table.columns.id == 1).values(retired_at=INSTANT))
        connection.execute(insert(table).values(**second))
    else:
        connection.execute(update(table).values(valid_to=date(2026, 12, 1)))
        connection.execute(insert(table).values(**second | {"valid_from": date(2026, 12, 1)}))
        with refused(connection, "overlaps|conflicting key value violates exclusion"):
            connection.execute(update(table).where(table.columns.id == 1).values(valid_to=date(2026, 12, 2)))


def test_a_range_does_not_end_before_it_starts(connection: Connection) -> None:
    for table in ("bank_account", "contract", "contract_holder", "contract_terms"):
        row = row_of(TABLES[table]) | {"id": 2, "valid_from": date(2020, 1, 2), "valid_to": date(2020, 1, 1)}
        with refused(connection, f"ck_{table}_valid_range|range lower bound must be less"):
            connection.execute(insert(TABLES[table]).values(**row))


def test_a_series_number_never_falls(connection: Connection) -> None:
    series = TABLES["series"]
    connection.execute(update(series).values(next_number=10))
    with refused(connection, "series.next_number: never falls"):
        connection.execute(update(series).values(next_number=9))


@pytest.mark.postgres
@pytest.mark.parametrize("amounts", [(), (100, -99)])
def test_an_unbalanced_ledger_transaction_is_refused_at_commit(
    postgres_database: str, amounts: tuple[int, ...]
) -> None:
    engine = open_engine(postgres_database)
    post(engine.connect(), "good", (150, -100, -50))
    with pytest.raises(DatabaseError, match=r"entries sum to [01] cents, must be at least one entry and sum to 0"):
        post(engine.connect(), "bad", amounts)
    engine.dispose()


def post(connection: Connection, key: str, amounts: tuple[int, ...]) -> None:
    transaction, entry = TABLES["ledger_transaction"], TABLES["ledger_entry"]
    number = len(key)
    with connection, connection.begin():
        connection.execute(insert(TABLES["utility"]).values(**row_of(TABLES["utility"]) | {"id": number, "code": key}))
        row = row_of(transaction) | {"utility_id": number, "key": key}
        connection.execute(insert(transaction).values(**row))
        for position, amount in enumerate(amounts):
            row = row_of(entry) | {"utility_id": number, "position": position, "amount_cents": amount}
            connection.execute(insert(entry).values(**row))
