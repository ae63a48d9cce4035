"""What a database holds, as one number for each table: the same on SQLite and PostgreSQL for the same rows.

A row becomes bytes by the names of its columns, whatever their order: integers, texts and bytes as they are, instants
in UTC, dates in ISO form, JSON with its keys in order. The table's number is the sum of its rows' 128-bit BLAKE2b
digests, so it depends neither on the order in which a database gives its rows nor on a collation. It tells a damaged or
incomplete copy from a true one; it is no signature.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, MetaData, Table, select

from central.store.partitions import is_partition

ROWS_AT_ONCE = 5000
_BITS = 128
_ENCODER = msgspec.msgpack.Encoder(order="deterministic", decimal_format="string")


class TableSum(msgspec.Struct, frozen=True):
    """How many rows a table has, and their checksum (32 hexadecimal digits)."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class Difference:
    """A table that is not what it should be; None where a side lacks it."""

    table: str
    wanted: TableSum | None
    found: TableSum | None

    def __str__(self) -> str:
        return f"table {self.table}: {_said(self.found)}, must be {_said(self.wanted)}"


def table_sums(connection: Connection) -> dict[str, TableSum]:
    """The sums of every table of the connection's database by name; partitions are part of their table."""
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: not is_partition(name), resolve_fks=False)
    return {name: _sum(connection, table) for name, table in sorted(metadata.tables.items())}


def differences(wanted: Mapping[str, TableSum], found: Mapping[str, TableSum]) -> list[Difference]:
    """The tables that differ, by name."""
    names = sorted(wanted.keys() | found.keys())
    return [
        Difference(name, wanted.get(name), found.get(name)) for name in names if wanted.get(name) != found.get(name)
    ]


def _sum(connection: Connection, table: Table) -> TableSum:
    columns = sorted(table.columns, key=lambda column: column.name)
    result = connection.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE).execute(select(*columns))
    rows = total = 0
    for part in result.partitions():
        rows += len(part)
        total += _total(part)
    return TableSum(rows, f"{total % (1 << _BITS):0{_BITS // 4}x}")


def _total(rows: Iterable[Sequence[Any]]) -> int:
    return sum(
        int.from_bytes(hashlib.blake2b(_ENCODER.encode([_plain(value) for value in row]), digest_size=16).digest())
        for row in rows
    )


def _plain(value: Any) -> Any:
    """SQLite keeps instants without their zone."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value


def _said(found: TableSum | None) -> str:
    return "missing" if found is None else f"{found.rows} rows {found.checksum}"
