"""Months apart on PostgreSQL: the partitions of the hot tables, made before the rows of their month arrive.

What lies outside the years below (a device with a broken clock) goes to the default partition, which therefore never
holds a row that a month's partition would have to take over.
"""

# ruff: noqa: S608 - every name in these statements is a constant of this file

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

PARTITIONED = ("telegram", "reading", "reading_day")
FIRST_YEAR = 2000
LAST_YEAR = 2099
LOCK_TIMEOUT = "3s"
MAKER = "sgc_make_month"
SIGNATURE = f"{MAKER}(text, integer, integer)"
_LOCK = 0x5347_4301
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MAKER = f"""
CREATE OR REPLACE FUNCTION {MAKER}(wanted text, of_year integer, of_month integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {{schema}}, pg_temp AS $$
DECLARE
    start timestamptz := make_timestamptz(of_year, of_month, 1, 0, 0, 0, 'UTC');
    stop timestamptz := (start AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    IF wanted NOT IN ({", ".join(f"'{table}'" for table in PARTITIONED)})
       OR of_year NOT BETWEEN {FIRST_YEAR} AND {LAST_YEAR} THEN
        RAISE EXCEPTION USING MESSAGE =
            '{MAKER}: ' || wanted || ' ' || of_year || ': must be a table with months, {FIRST_YEAR} to {LAST_YEAR}';
    END IF;
    EXECUTE 'CREATE TABLE IF NOT EXISTS '
        || quote_ident(wanted || '_' || of_year || '_' || lpad(of_month::text, 2, '0'))
        || ' PARTITION OF ' || quote_ident(wanted)
        || ' FOR VALUES FROM (' || (extract(epoch FROM start) * 1000)::bigint
        || ') TO (' || (extract(epoch FROM stop) * 1000)::bigint || ')';
END
$$
"""
_MAKER_DIGEST = hashlib.sha256(_MAKER.encode()).hexdigest()[:16]


@dataclass(frozen=True, order=True)
class Partition:
    """One month of one table."""

    table: str
    year: int
    month: int

    @property
    def name(self) -> str:
        """For example ``reading_2026_11``."""
        return f"{self.table}_{self.year}_{self.month:02}"

    def create(self, connection: Connection) -> None:
        """Make it, unless somebody else did meanwhile; by the database's function, for roles that own no table."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        month = {"table": self.table, "year": self.year, "month": self.month}
        connection.execute(text(f"SELECT {MAKER}(:table, :year, :month)"), month)


def ensure_partitions(connection: Connection, millis: Iterable[int], tables: Sequence[str] = PARTITIONED) -> None:
    """Make the month partitions that rows at ``millis`` (UTC epoch ms) need; nothing to do on SQLite.

    For transactions that rarely need a new month. Creating a partition locks its table until the commit, so whoever
    writes all day long uses :func:`missing_partitions` and :func:`create_partitions` instead.
    """
    for partition in missing_partitions(connection, millis, tables):
        partition.create(connection)


def missing_partitions(
    connection: Connection, millis: Iterable[int], tables: Sequence[str] = PARTITIONED
) -> list[Partition]:
    """The partitions that rows at ``millis`` need and that do not exist; none on SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    wanted = {Partition(table, *month) for month in _months(millis) for table in tables}
    existing = _existing(connection, [partition.name for partition in wanted])
    return sorted(partition for partition in wanted if partition.name not in existing)


def create_partitions(engine: Engine, partitions: Iterable[Partition]) -> None:
    """Make partitions, each in a transaction of its own, so that no reader of two tables is caught between them.

    Waits for readers of the table no longer than a moment, because everybody else waits behind it meanwhile; raises the
    database's error then, and may be called again.
    """
    for partition in partitions:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            partition.create(connection)


def ensure_default(connection: Connection) -> None:
    """Make the default partitions; called when the tables are made."""
    if connection.dialect.name == "postgresql":
        for table in PARTITIONED:
            connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {table}_default PARTITION OF {table} DEFAULT")


def install_maker(connection: Connection) -> None:
    """Make the function that makes months: it works with its owner's rights, and makes nothing else."""
    if connection.dialect.name != "postgresql":
        return
    schema = connection.dialect.identifier_preparer.quote_identifier(
        connection.scalar(text("SELECT current_schema()")) or "public"
    )
    connection.exec_driver_sql(_MAKER.replace("{schema}", schema))
    connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    connection.exec_driver_sql(f"COMMENT ON FUNCTION {SIGNATURE} IS '{_MAKER_DIGEST}'")


def maker_is_current(connection: Connection) -> bool:
    """Whether the database has this program's function; SQLite has no months."""
    if connection.dialect.name != "postgresql":
        return True
    found = text(f"SELECT obj_description(to_regprocedure('{SIGNATURE}'), 'pg_proc')")
    return bool(connection.scalar(found) == _MAKER_DIGEST)


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
