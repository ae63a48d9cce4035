"""Columns of numbers into a table at the speed of the database: arrays in, PostgreSQL's binary COPY out.

For tables of numbers that are filled by the million. Everything else goes through :mod:`central.store.bulk`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Connection, Integer, LargeBinary, SmallInteger, String, Table

from central.store.copying import BINARY, copying

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_AT_ONCE = 1 << 22

Values = NDArray[Any] | int | str | None
"""One value for each row (integers; for binary columns an array of rows × bytes), or one for all of them."""


def insert_arrays(connection: Connection, table: Table, columns: Mapping[str, Values], count: int) -> None:
    """Insert ``count`` rows; a row that breaks a constraint fails them all.

    Raises TypeError for a column whose kind is not of numbers, bytes of one length, or one text for all rows.
    """
    if not count:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, columns, count)
    else:
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        rows = zip(*(_listed(values, count) for values in columns.values()), strict=True)
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(rows))  # noqa: S608 (names of our own models)


def encode_rows(table: Table, columns: Mapping[str, Values], count: int) -> bytes:
    """The rows in the binary format, without its header and trailer."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, values in columns.items():
        fields.append((f"{name}_bytes", ">i4"))
        if kind := _kind(table, name, values):
            fields.append((name, kind))
    out = np.zeros(count, np.dtype(fields))
    out["fields"] = len(columns)
    for name, values in columns.items():
        if values is None:
            out[f"{name}_bytes"] = -1
        elif name in (out.dtype.names or ()):
            out[f"{name}_bytes"] = out.dtype[name].itemsize
            out[name] = _packed(values)
    return out.tobytes()


def _copy(connection: Connection, table: Table, columns: Mapping[str, Values], count: int) -> None:
    rows = memoryview(encode_rows(table, columns, count))
    with copying(connection, table.name, list(columns), BINARY) as copy:
        copy.write(HEADER)
        for start in range(0, len(rows), _AT_ONCE):
            copy.write(rows[start : start + _AT_ONCE])
        copy.write(TRAILER)


def _kind(table: Table, name: str, values: Values) -> str:
    """The type of a column's values in a row; empty where there is nothing but their length."""
    if values is None or (isinstance(values, str) and not values):
        return ""
    kind = table.c[name].type
    if isinstance(kind, LargeBinary) and isinstance(values, np.ndarray):
        return f"V{values.shape[1]}"
    if isinstance(kind, String) and isinstance(values, str):
        return f"S{len(values.encode())}"
    # A BigInteger and a SmallInteger are Integers, too.
    for sqlalchemy_kind, of_numpy in ((BigInteger, ">i8"), (SmallInteger, ">i2"), (Integer, ">i4")):
        if isinstance(kind, sqlalchemy_kind):
            return of_numpy
    raise TypeError(f"{table.name}.{name}: {kind!r}, cannot be filled from an array")


def _packed(values: Values) -> Any:
    if isinstance(values, str):
        return values.encode()
    if isinstance(values, np.ndarray) and values.ndim == 2:
        return np.ascontiguousarray(values, np.uint8).view(f"V{values.shape[1]}")[:, 0]
    return values


def _listed(values: Values, count: int) -> list[Any]:
    if not isinstance(values, np.ndarray):
        return [values] * count
    if values.ndim == 2:
        return [row.tobytes() for row in np.ascontiguousarray(values, np.uint8)]
    listed: list[Any] = values.tolist()
    return listed
