"""Bulk writes of the hot tables: executemany on SQLite, COPY on PostgreSQL; readings are merged, never overwritten."""

# ruff: noqa: S608 - every name in these statements is a constant of this file
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from central.reading.rows import READING_COLUMNS, REJECTED, TELEGRAM_COLUMNS, ReadingRow, TelegramRow

_PER_QUERY = 300


class Contradiction(NamedTuple):
    """A reading that was not recorded because another index is, for the same meter, instant and kind."""

    row: ReadingRow
    recorded_litres: int


class _Recorded(NamedTuple):
    litres: int
    status: int
    revision: int
    mine: bool


def insert_telegrams(connection: Connection, rows: Sequence[TelegramRow]) -> None:
    """Add telegrams; their batch is claimed, so none can be there already."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, "telegram", TELEGRAM_COLUMNS, rows)
    else:
        connection.exec_driver_sql(_insert("telegram", TELEGRAM_COLUMNS), list(rows))


def merge_readings(connection: Connection, rows: Sequence[ReadingRow]) -> list[Contradiction]:
    """Record those of ``rows`` whose meter, instant and kind have none yet.

    A valid reading stands beside a rejected one of the same key as its next revision; two valid ones that differ are a
    contradiction: the first stays, the second is returned.
    """
    unique: dict[tuple[int, ...], ReadingRow] = {}
    contradictions = []
    for row in rows:
        first = unique.setdefault(row.key, row)
        if first is not row and REJECTED not in (first.status, row.status) and first.litres != row.litres:
            contradictions.append(Contradiction(row, first.litres))
        elif first.status == REJECTED and row.status != REJECTED:
            unique[row.key] = row
    # In the order of the key: rows land together, and two writers wait for each other instead of for ever.
    ordered = sorted(unique.values(), key=lambda row: row.key)
    if ordered and _merge(connection, ordered) < len(ordered):
        contradictions += _resolve(connection, ordered)
    return contradictions


def _merge(connection: Connection, rows: list[ReadingRow]) -> int:
    if connection.dialect.name == "sqlite":
        statement = _insert("reading", READING_COLUMNS) + " ON CONFLICT DO NOTHING"
        return connection.exec_driver_sql(statement, list[Any](rows)).rowcount
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE IF NOT EXISTS ingest_reading (LIKE reading) ON COMMIT DELETE ROWS"
    )
    connection.exec_driver_sql("TRUNCATE ingest_reading")
    _copy(connection, "ingest_reading", READING_COLUMNS, rows)
    names = ", ".join(READING_COLUMNS)
    return connection.exec_driver_sql(
        f"INSERT INTO reading ({names}) SELECT {names} FROM ingest_reading "
        "ORDER BY utility_id, at_ms, meter_id, kind ON CONFLICT DO NOTHING"
    ).rowcount


def _resolve(connection: Connection, rows: list[ReadingRow]) -> list[Contradiction]:
    """Look at what was recorded before: add the next revision where that was rejected, else tell contradictions."""
    revised, contradictions = [], []
    for row, recorded in _recorded(connection, rows):
        if recorded.mine or row.status == REJECTED:
            continue
        if recorded.status == REJECTED:
            revised.append(row._replace(revision=recorded.revision + 1))
        elif recorded.litres != row.litres:
            contradictions.append(Contradiction(row, recorded.litres))
    if revised:
        _merge(connection, revised)
    return contradictions


def _recorded(connection: Connection, rows: list[ReadingRow]) -> Iterator[tuple[ReadingRow, _Recorded]]:
    """Each row with the newest recorded one of its meter, instant and kind."""
    for start in range(0, len(rows), _PER_QUERY):
        part = {(row.utility_id, row.at_ms, row.meter_id, row.kind): row for row in rows[start : start + _PER_QUERY]}
        found: dict[tuple[int, int, int, int], _Recorded] = {}
        for utility, at_ms, meter, kind, litres, status, revision, telegram, visit in _select(connection, list(part)):
            key = (utility, at_ms, meter, kind)
            mine = (telegram, visit) == (part[key].telegram_id, part[key].visit_id)
            found[key] = _Recorded(litres, status, revision, mine)
        yield from ((part[key], recorded) for key, recorded in found.items())


def _select(connection: Connection, keys: list[tuple[int, int, int, int]]) -> Sequence[Any]:
    wanted = ", ".join(f"({utility}, {at_ms}, {meter}, {kind})" for utility, at_ms, meter, kind in keys)
    first, last = min(key[1] for key in keys), max(key[1] for key in keys)
    return connection.execute(
        text(
            "SELECT utility_id, at_ms, meter_id, kind, litres, status, revision, telegram_id, visit_id FROM reading "
            f"WHERE at_ms BETWEEN {first} AND {last} AND (utility_id, at_ms, meter_id, kind) IN (VALUES {wanted}) "
            "ORDER BY revision"
        )
    ).all()


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def _copy(connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    driver: Any = connection.connection.dbapi_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
