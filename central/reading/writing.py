"""Bulk writes of the hot tables: executemany on SQLite, COPY on PostgreSQL; readings are merged, never overwritten."""

# ruff: noqa: S608 - every name in these statements is a constant of this file
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from central.reading.hourly import DAY_COLUMNS, DayRow, already
from central.reading.packing import Origin, Packed, encode_readings, in_order
from central.reading.rows import (
    RADIO,
    READING_COLUMNS,
    REJECTED,
    TELEGRAM_COLUMNS,
    VALID,
    ReadingRow,
    TelegramRow,
)
from central.store.arrays import HEADER, TRAILER
from central.store.copying import BINARY, copying

_PER_QUERY = 300
_GROUPS_OF_CARE = 32


class Contradiction(NamedTuple):
    """A reading that was not recorded because another index is, for the same meter, instant and kind."""

    row: ReadingRow
    recorded_litres: int


class _Recorded(NamedTuple):
    litres: int
    status: int
    revision: int
    mine: bool


class Direct:
    """Whether to write without looking first: not for some groups after one where that failed."""

    def __init__(self) -> None:
        self._pause = 0

    def worth_trying(self) -> bool:
        """Whether to try with this group."""
        self._pause = max(0, self._pause - 1)
        return not self._pause

    def failed(self) -> None:
        """What was written was there already: receivers that overhear one another, or batches sent anew."""
        self._pause = _GROUPS_OF_CARE


def insert_telegrams(connection: Connection, rows: Sequence[TelegramRow]) -> None:
    """Add telegrams; their batch is claimed, so none can be there already."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, "telegram", TELEGRAM_COLUMNS, rows)
    else:
        connection.exec_driver_sql(_insert("telegram", TELEGRAM_COLUMNS), list(rows))


def insert_packed(connection: Connection, packed: Sequence[Packed]) -> None:
    """Add the plain telegrams of batches that are claimed; PostgreSQL only."""
    if packed:
        _copy_binary(connection, "telegram", TELEGRAM_COLUMNS, [one.telegrams for one in packed])


def merge_packed(connection: Connection, packed: Sequence[Packed], direct: Direct) -> list[Contradiction]:
    """Record the indices of plain telegrams as :func:`merge_readings` does.

    A telegram is heard once, so nearly always none of them is there already: they go straight into the table, and by
    the careful way only where that breaks its key.
    """
    ordered = in_order(packed)
    again = [_as_row(origin, row) for origin, row in ordered.again]
    if not len(ordered.rows):
        return merge_readings(connection, again)
    if direct.worth_trying():
        try:
            with connection.begin_nested():
                _copy_binary(connection, "reading", READING_COLUMNS, [encode_readings(ordered)])
            return merge_readings(connection, again)
        except IntegrityError:
            direct.failed()
    origins = [ordered.origins[place] for place in ordered.origin_of]
    rows = [_as_row(origin, row) for origin, row in zip(origins, ordered.rows.tolist(), strict=True)]
    return merge_readings(connection, rows + again)


def merge_days(connection: Connection, rows: Sequence[DayRow], direct: Direct) -> list[DayRow]:
    """Record those hourly series that are not recorded yet; returns those of which another is."""
    unique: dict[tuple[int, int, int], DayRow] = {}
    differing = [row for row in rows if (first := unique.setdefault(row.key, row)) is not row and _differs(row, first)]
    ordered = sorted(unique.values())
    if not ordered:
        return differing
    postgres = connection.dialect.name == "postgresql"
    if postgres and direct.worth_trying():
        try:
            with connection.begin_nested():
                _copy(connection, "reading_day", DAY_COLUMNS, ordered)
            return differing
        except IntegrityError:
            direct.failed()
    recorded = already(connection, ordered)
    missing = [row for row in ordered if row.key not in recorded]
    if missing:
        mark = "%s" if postgres else "?"
        connection.exec_driver_sql(_insert("reading_day", DAY_COLUMNS, mark) + " ON CONFLICT DO NOTHING", list(missing))
    recorded |= already(connection, missing)
    return differing + [row for row in ordered if recorded[row.key] != (row.litres, row.deltas)]


def _differs(one: DayRow, other: DayRow) -> bool:
    return (one.litres, one.deltas) != (other.litres, other.deltas)


def _as_row(origin: Origin, row: Sequence[int]) -> ReadingRow:
    at_ms, meter_id, litres, telegram_id = row
    return ReadingRow(
        origin.utility_id, at_ms, meter_id, RADIO, 0, litres, VALID, "", at_ms, telegram_id, None, origin.received_ms
    )  # fmt: skip


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


def _insert(table: str, columns: tuple[str, ...], mark: str = "?") -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"


def _copy(connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    with copying(connection, table, columns) as copy:
        for row in rows:
            copy.write_row(row)


def _copy_binary(connection: Connection, table: str, columns: tuple[str, ...], parts: Sequence[bytes]) -> None:
    """COPY rows that are encoded."""
    with copying(connection, table, columns, BINARY) as copy:
        copy.write(HEADER)
        for part in parts:
            copy.write(part)
        copy.write(TRAILER)
