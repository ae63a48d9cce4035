"""Many rows at once: COPY on PostgreSQL, executemany on SQLite, the same call for both.

Rows are tuples in the order of ``columns``; values are what the models take (aware instants, dates, dicts for JSON).
Nothing here commits: the rows belong to the session's transaction.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import JSON, Connection, CursorResult, Delete, Dialect, Table, Update, text
from sqlalchemy.orm import Session

from central.store.base import Base
from central.store.copying import copying

MANY = 100

Row = tuple[Any, ...]
_Convert = Callable[[Any], Any]
_Item = TypeVar("_Item")


def insert_rows(session: Session, model: type[Base], columns: Sequence[str], rows: Sequence[Row]) -> int:
    """Insert ``rows`` into the model's table and return how many; a row that breaks a constraint fails them all."""
    if not rows:
        return 0
    table = table_of(model)
    connection = session.connection()
    ready = _converted(table, tuple(columns), connection.dialect, rows)
    if connection.dialect.name == "postgresql":
        with copying(connection, table.name, columns) as copy:
            for row in ready:
                copy.write_row(row)
        if len(rows) >= MANY:
            ensure_statistics(connection, table)
    else:
        connection.exec_driver_sql(_insert(table, columns, "?"), ready)
    return len(ready)


def add_missing_rows(session: Session, model: type[Base], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert those of ``rows`` whose key is not there yet; the others stay as they are."""
    if not rows:
        return
    table = table_of(model)
    connection = session.connection()
    ready = _converted(table, tuple(columns), connection.dialect, rows)
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    connection.exec_driver_sql(f"{_insert(table, columns, mark)} ON CONFLICT DO NOTHING", ready)


def changed(session: Session, statement: Update | Delete) -> int:
    """Execute a statement that changes rows, whatever objects the session holds, and return how many it met."""
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount


def chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """``items`` in stretches of at most ``size``: what fits into one statement's parameters."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def table_of(model: type[Base]) -> Table:
    """The table of a model."""
    table = model.__table__
    if not isinstance(table, Table):
        raise TypeError(f"model {model.__name__}: must be mapped to a table")
    return table


def _insert(table: Table, columns: Sequence[str], mark: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table.name}" ({names}) VALUES ({", ".join([mark] * len(columns))})'  # noqa: S608 (names of our own models)


def ensure_statistics(connection: Connection, table: Table) -> None:
    """Let PostgreSQL look at a table that it never looked at, as soon as it is filled.

    Every key starts with ``utility_id``. Without statistics PostgreSQL takes that column alone for selective, and
    checks a foreign key to the new rows by reading all of them, for each child.
    """
    never = text("SELECT reltuples < 0 FROM pg_class WHERE oid = to_regclass(:name)")
    if connection.scalar(never, {"name": f'"{table.name}"'}):
        connection.exec_driver_sql(f'ANALYZE "{table.name}"')


def _converted(table: Table, columns: tuple[str, ...], dialect: Dialect, rows: Sequence[Row]) -> list[Row]:
    converters = [
        (at, convert) for at, name in enumerate(columns) if (convert := value_converter(table, name, dialect))
    ]
    if not converters:
        return list(rows)
    ready = []
    for row in rows:
        values = list(row)
        for at, convert in converters:
            values[at] = convert(values[at])
        ready.append(tuple(values))
    return ready


@lru_cache(maxsize=1024)
def value_converter(table: Table, name: str, dialect: Dialect) -> _Convert | None:
    """How a value of a column is put before it goes to the driver, or None where it goes as it is."""
    kind = table.c[name].type.dialect_impl(dialect)
    if isinstance(kind, JSON):
        return _json
    return kind.bind_processor(dialect)


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
