"""Telegrams with what could be decoded of them: rows in, wire items out."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from edge.store.connection import insert_rows
from protocols.sync import ClockStamp, TelegramItem


class HeardTelegram(NamedTuple):
    """One telegram as it is stored; fields as in :class:`protocols.sync.TelegramItem`."""

    at: ClockStamp
    receiver: str
    mode: str
    rssi_dbm: int | None
    crc_checked_by: str
    state: str
    frame: bytes
    meter: str | None = None
    access_no: int | None = None
    litres: int | None = None
    due: tuple[tuple[int, int], ...] = ()
    alarms: tuple[str, ...] = ()
    meter_time: str | None = None
    proof: str | None = None


_COLUMNS = (
    "id, wall_ms, mono_ns, trusted, receiver, mode, rssi_dbm, crc_checked_by, state, frame, meter, access_no,"
    " litres, due, alarms, meter_time, proof"
)
_HEARD = "heard(meter, wall_ms, mono_ns, trusted, litres, rssi_dbm, alarms, receiver)"
_NEWER = (
    "ON CONFLICT(meter) DO UPDATE SET wall_ms=excluded.wall_ms, mono_ns=excluded.mono_ns, trusted=excluded.trusted,"
    " litres=excluded.litres, rssi_dbm=excluded.rssi_dbm, alarms=excluded.alarms, receiver=excluded.receiver"
)
_encode = msgspec.msgpack.Encoder().encode
_due_decoder = msgspec.msgpack.Decoder(tuple[tuple[int, int], ...])


def insert_telegrams(connection: sqlite3.Connection, first_id: int, group: Sequence[HeardTelegram]) -> None:
    """Store ``group`` under the ids from ``first_id`` on, and the newest reading of each meter among them."""
    insert_rows(connection, f"telegram({_COLUMNS})", [_row(first_id + i, item) for i, item in enumerate(group)])
    newest = {item.meter: item for item in group if item.litres is not None and item.meter is not None}
    insert_rows(connection, _HEARD, [_heard_row(item) for item in newest.values()], _NEWER)


def _row(row_id: int, item: HeardTelegram) -> tuple[object, ...]:
    at = item.at
    return (
        row_id,
        at.wall_ms,
        at.mono_ns,
        at.trusted,
        item.receiver,
        item.mode,
        item.rssi_dbm,
        item.crc_checked_by,
        item.state,
        item.frame,
        item.meter,
        item.access_no,
        item.litres,
        _encode(item.due) if item.due else None,
        ",".join(item.alarms) or None,
        item.meter_time,
        item.proof,
    )


def _heard_row(item: HeardTelegram) -> tuple[object, ...]:
    at = item.at
    alarms = ",".join(item.alarms)
    return (item.meter, at.wall_ms, at.mono_ns, at.trusted, item.litres, item.rssi_dbm, alarms, item.receiver)


def load_telegrams(connection: sqlite3.Connection, first_id: int, last_id: int) -> list[TelegramItem]:
    """The stored telegrams of an id range (both ends included), in order, as they go over the wire."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM telegram WHERE id BETWEEN ? AND ? ORDER BY id",  # noqa: S608
        (first_id, last_id),
    )
    return [_item(row) for row in rows]


def _item(row: tuple) -> TelegramItem:  # type: ignore[type-arg]
    return TelegramItem(
        id=row[0],
        at=ClockStamp(row[1], row[2], bool(row[3])),
        receiver=row[4],
        mode=row[5],
        rssi_dbm=row[6],
        crc_checked_by=row[7],
        state=row[8],
        frame=row[9],
        meter=row[10],
        access_no=row[11],
        litres=row[12],
        due=_due_decoder.decode(row[13]) if row[13] else (),
        alarms=tuple(row[14].split(",")) if row[14] else (),
        meter_time=row[15],
        proof=row[16],
    )
