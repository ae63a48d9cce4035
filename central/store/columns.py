"""Rows of any kind from columns: packed in one go for PostgreSQL's binary COPY, executemany on SQLite.

For rows that are written by the million and share most of what they say. Each column is an array of integers (days as
their ordinals in a column of dates, yes and no as 1 and 0, rows × bytes in a binary column), texts end to end, or one
value for every row.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import JSON, BigInteger, Boolean, Connection, Date, Integer, SmallInteger, Table
from sqlalchemy.types import TypeEngine

from central.store.arrays import HEADER, TRAILER
from central.store.bulk import MANY, ensure_statistics, value_converter
from central.store.copying import BINARY, copying
from central.store.packing import VARIABLE, pack_rows

_FIRST_DAY = date(2000, 1, 1)
_FIRST_INSTANT = datetime(2000, 1, 1, tzinfo=UTC)
_JSONB_VERSION = b"\x01"
_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Texts:
    """UTF-8 texts (or bytes) end to end; the one at ``i`` is ``data[ends[i]:ends[i + 1]]``."""

    data: bytes
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> "Texts":
        """From texts one by one."""
        ends = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=ends[1:])
        return cls(b"".join(texts), ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, at: int) -> bytes:
        return self.data[self.ends[at] : self.ends[at + 1]]

    def only(self, places: NDArray[np.intp]) -> "Texts":
        """Those at some places."""
        return Texts.of([self[at] for at in places.tolist()])


Column = NDArray[Any] | Texts | int | str | bytes | date | datetime | Mapping[str, Any] | None
_Packed = tuple[bytes, int, int, NDArray[np.int64] | None]


def insert_columns(connection: Connection, table: Table, columns: Mapping[str, Column], count: int) -> None:
    """Insert ``count`` rows, in the caller's transaction; a row that breaks a constraint fails them all."""
    if not count:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, columns, count)
        if count >= MANY:
            ensure_statistics(connection, table)
        return
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    rows = zip(*(_listed(connection, table, name, count, columns[name]) for name in columns), strict=True)
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(rows))  # noqa: S608 (names of our own models)


def read_columns(connection: Connection, statement: Any, width: int) -> list[NDArray[np.int64]]:
    """The columns of a query whose every value is a 64-bit integer that is never NULL."""
    if connection.dialect.name != "postgresql":
        rows = np.array(connection.execute(statement).all(), np.int64).reshape(-1, width)
        return [np.ascontiguousarray(rows[:, at]) for at in range(width)]
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    driver: Any = connection.connection.dbapi_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY ({compiled}) TO STDOUT (FORMAT binary)") as out:
        data = b"".join(bytes(part) for part in out)
    kind = np.dtype(
        [("fields", ">i2"), *(pair for at in range(width) for pair in ((f"n{at}", ">i4"), (f"v{at}", ">i8")))]
    )
    found = np.frombuffer(data[len(HEADER) : -len(TRAILER)], kind)
    return [found[f"v{at}"].astype(np.int64) for at in range(width)]


def _copy(connection: Connection, table: Table, columns: Mapping[str, Column], count: int) -> None:
    rows = memoryview(pack_rows(count, [_packed(table.c[name].type, value) for name, value in columns.items()]))
    with copying(connection, table.name, list(columns), BINARY) as copy:
        copy.write(HEADER)
        for start in range(0, len(rows), _AT_ONCE):
            copy.write(rows[start : start + _AT_ONCE])
        copy.write(TRAILER)


def _packed(kind: TypeEngine[Any], value: Column) -> _Packed:
    if value is None:
        return (b"", -1, 0, None)
    if isinstance(value, Texts):
        return (value.data, VARIABLE, 0, value.ends)
    if isinstance(value, np.ndarray):
        return _packed_array(kind, value)
    one = _one(kind, value)
    return (one, len(one), 0, None)


def _packed_array(kind: TypeEngine[Any], values: NDArray[Any]) -> _Packed:
    if values.ndim == 2:
        return (np.ascontiguousarray(values, np.uint8).tobytes(), values.shape[1], values.shape[1], None)
    if isinstance(kind, Date):
        values = values - _FIRST_DAY.toordinal()
    letter = _letter(kind)
    width = struct.calcsize(letter)
    return (values.astype(f">{'u1' if width == 1 else f'i{width}'}").tobytes(), width, width, None)


def _one(kind: TypeEngine[Any], value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    if isinstance(kind, JSON):
        return _JSONB_VERSION + msgspec.json.encode(value)
    if isinstance(value, datetime):
        return struct.pack(">q", (value - _FIRST_INSTANT) // timedelta(microseconds=1))
    if isinstance(value, date):
        return struct.pack(">i", (value - _FIRST_DAY).days)
    return struct.pack(_letter(kind), value)


def _letter(kind: TypeEngine[Any]) -> str:
    """How struct packs an integer of a column's type."""
    # A BigInteger and a SmallInteger are Integers, too.
    for one, letter in ((BigInteger, ">q"), (SmallInteger, ">h"), (Boolean, ">B"), (Date, ">i"), (Integer, ">i")):
        if isinstance(kind, one):
            return letter
    raise TypeError(f"{kind!r}: cannot be filled from integers")


def _listed(connection: Connection, table: Table, name: str, count: int, value: Column) -> Iterable[Any]:
    """A column's values as SQLite's driver takes them."""
    kind = table.c[name].type
    if isinstance(value, Texts):
        binary = kind.python_type is bytes
        return [value[at] if binary else value[at].decode() for at in range(count)]
    convert = value_converter(table, name, connection.dialect)
    if not isinstance(value, np.ndarray):
        one = convert(value) if convert and not isinstance(value, bytes) else value
        return [one] * count
    if value.ndim == 2:
        return [row.tobytes() for row in np.ascontiguousarray(value, np.uint8)]
    if isinstance(kind, Date):
        return [date.fromordinal(day).isoformat() for day in value.tolist()]
    listed: list[int] = value.tolist()
    return listed
