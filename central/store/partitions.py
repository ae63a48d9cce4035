"""Months apart on PostgreSQL: the partitions of the hot tables, made before the rows of their month arrive.

What lies outside the years below (a device with a broken clock) goes to the default partition, which therefore never
holds a row that a month's partition would have to take over.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

PARTITIONED = ("telegram", "reading")
FIRST_YEAR = 2000
LAST_YEAR = 2099
_LOCK = 0x5347_4301
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ensure_partitions(connection: Connection, millis: Iterable[int]) -> None:
    """Make the month partitions that rows at ``millis`` (UTC epoch ms) need; nothing to do on SQLite.

    Call it first in a transaction, before any row is written: creating a partition locks its table.
    """
    if connection.dialect.name != "postgresql":
        return
    wanted = {partition_name(table, month): (table, month) for month in _months(millis) for table in PARTITIONED}
    missing = wanted.keys() - _existing(connection, list(wanted))
    if not missing:
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    for name in sorted(missing - _existing(connection, list(missing))):
        table, (year, month) = wanted[name]
        start, end = month_bounds(year, month)
        connection.exec_driver_sql(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({start}) TO ({end})")


def ensure_default(connection: Connection) -> None:
    """Make the default partitions; called when the tables are made."""
    if connection.dialect.name == "postgresql":
        for table in PARTITIONED:
            connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {table}_default PARTITION OF {table} DEFAULT")


def partition_name(table: str, month: tuple[int, int]) -> str:
    """For example ``reading_2026_11``."""
    return f"{table}_{month[0]}_{month[1]:02}"


def is_partition(name: str) -> bool:
    """Whether a table's name is one of a partition rather than of a model."""
    return any(name.startswith(f"{table}_2") or name == f"{table}_default" for table in PARTITIONED)


def month_bounds(year: int, month: int) -> tuple[int, int]:
    """The UTC epoch milliseconds at which a month starts and ends."""
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return _start_of(year, month), _start_of(*following)


def _start_of(year: int, month: int) -> int:
    return (datetime(year, month, 1, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


def _months(millis: Iterable[int]) -> set[tuple[int, int]]:
    low, high = _start_of(FIRST_YEAR, 1), _start_of(LAST_YEAR + 1, 1)
    days = {value // 86_400_000 for value in millis if low <= value < high}
    dates = (_EPOCH + timedelta(days=day) for day in days)
    return {(date.year, date.month) for date in dates}


def _existing(connection: Connection, names: list[str]) -> set[str]:
    query = text("SELECT relname FROM pg_class WHERE relname = ANY(:names)")
    return set(connection.scalars(query, {"names": names}))
