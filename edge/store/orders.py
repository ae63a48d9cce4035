"""Work orders on the device: what the centre wants done, and what the reader recorded of it."""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from edge.store.book import Book
from edge.store.connection import insert_rows
from edge.store.view import HeardReading, StopView, heard_of
from protocols.sync import ClockStamp, OrderReport, RouteStop, WorkOrder, WorkOrders

ACCEPTED, DONE, IMPOSSIBLE = "accepted", "done", "impossible"

# What the centre withdrew is still shown for this long: the reader may be standing in front of it.
WITHDRAWN_KEPT_MS = 7 * 24 * 3600 * 1000


class NewOutcome(NamedTuple):
    """What the reader recorded of an order. ``token`` is the form's: the same token is the same outcome."""

    token: str
    order: str
    outcome: str
    reader: str
    reason: str = ""
    litres: int | None = None
    new_serial: str = ""
    new_address: str = ""
    new_litres: int | None = None
    new_key: bytes | None = None
    seal: str = ""
    note: str = ""
    lat_e7: int | None = None
    lon_e7: int | None = None


class OrderView(NamedTuple):
    """An order with what was recorded of it, oldest first. ``withdrawn``: the centre does not want it any more."""

    order: WorkOrder
    heard: HeardReading | None
    outcomes: list[OrderReport]
    withdrawn: bool

    @property
    def state(self) -> str:
        """``open``, ``done``, ``impossible`` or ``withdrawn``."""
        if self.outcomes:
            return self.outcomes[-1].outcome
        return "withdrawn" if self.withdrawn else "open"

    @property
    def as_stop(self) -> StopView:
        """The order's meter as a stop of a route, whose index is judged alike."""
        order = self.order
        shared = {name: getattr(order, name) for name in RouteStop.__struct_fields__ if name in order.__struct_fields__}
        return StopView(RouteStop(position=0, radio=self.heard is not None, **shared), self.heard, None)


_ORDER_FIELDS = WorkOrder.__struct_fields__
_REPORT_COLUMNS = (
    'id, wall_ms, mono_ns, trusted, "order", outcome, supply, meter, reader, reason, litres, new_serial, new_address,'
    " new_litres, new_key, seal, note, photos, lat_e7, lon_e7"
)


def store_orders(book: Book, message: WorkOrders, at: ClockStamp) -> bool:
    """Take the open orders over, and note for the centre that new ones are here; False where a newer list is here."""
    connection = book.connection
    known = connection.execute("SELECT issued_ms FROM order_list").fetchone()
    if known and known[0] >= message.issued_ms:
        return False
    with book.transaction() as tally:
        connection.execute("DELETE FROM order_list")
        connection.execute("INSERT INTO order_list(issued_ms) VALUES (?)", (message.issued_ms,))
        present = {code for (code,) in connection.execute("SELECT code FROM work_order WHERE withdrawn_ms IS NULL")}
        _withdraw(connection, present - {order.code for order in message.orders}, message.issued_ms)
        for order in message.orders:
            connection.execute("DELETE FROM work_order WHERE code = ?", (order.code,))
        rows = [tuple(getattr(order, name) for name in _ORDER_FIELDS) for order in message.orders]
        insert_rows(connection, f"work_order({', '.join(_ORDER_FIELDS)})", rows)
        for order in message.orders:
            if order.code not in present:
                new = NewOutcome(f"accepted {order.code} {message.issued_ms}", order.code, ACCEPTED, "")
                _append(book, new, order, (), at)
                tally.events += 1
    return True


def _withdraw(connection: sqlite3.Connection, codes: set[str], issued_ms: int) -> None:
    """Mark what is no longer wanted, and forget what has not been for long, with what the centre has of it."""
    for code in codes:
        connection.execute("UPDATE work_order SET withdrawn_ms = ? WHERE code = ?", (issued_ms, code))
    connection.execute("DELETE FROM work_order WHERE withdrawn_ms < ?", (issued_ms - WITHDRAWN_KEPT_MS,))
    connection.execute(
        'DELETE FROM outcome WHERE "order" NOT IN (SELECT code FROM work_order) AND id < coalesce('
        "(SELECT min(id) FROM (SELECT sealed_id + 1 AS id FROM boot WHERE sealed_id < last_id"
        " UNION ALL SELECT first_id FROM batch)), (SELECT max(last_id) + 1 FROM boot))"
    )


def record_outcome(book: Book, new: NewOutcome, photos: Sequence[bytes], at: ClockStamp) -> OrderReport | None:
    """Commit what became of an order with its photos; what is done stays so. None where there is no such order.

    A token that is known, or an order that is done, returns what was recorded.
    """
    known = outcome_by_token(book.connection, new.token) or _done(book.connection, new.order)
    if known:
        return known
    found = _orders(book.connection, "code = ?", new.order)
    if not found:
        return None
    with book.transaction() as tally:
        report = _append(book, new, found[0].order, photos, at)
        tally.typed += 1
    return report


def _append(book: Book, new: NewOutcome, order: WorkOrder, photos: Sequence[bytes], at: ClockStamp) -> OrderReport:
    digests = tuple(hashlib.sha256(photo).hexdigest() for photo in photos)
    values = {name: getattr(new, name) for name in OrderReport.__struct_fields__ if name in new._fields}
    report = OrderReport(id=book.take_ids(1), at=at, supply=order.supply, meter=order.meter, photos=digests, **values)
    row = [getattr(report, name) for name in OrderReport.__struct_fields__ if name not in ("id", "at", "photos")]
    row.insert(-2, json.dumps(digests))
    stamp = (report.id, at.wall_ms, at.mono_ns, at.trusted)
    insert_rows(book.connection, f"outcome({_REPORT_COLUMNS}, token)", [(*stamp, *row, new.token)])
    for digest, photo in zip(digests, photos, strict=True):
        insert_rows(
            book.connection, "photo(digest, wall_ms, content)", [(digest, at.wall_ms, photo)], "ON CONFLICT DO NOTHING"
        )
    return report


def order_views(connection: sqlite3.Connection) -> list[OrderView]:
    """Every order on the device: by deadline, then as the centre listed them."""
    return _orders(connection, "1 = 1")


def order_view(connection: sqlite3.Connection, code: str) -> OrderView | None:
    """One order."""
    found = _orders(connection, "code = ?", code)
    return found[0] if found else None


def _orders(connection: sqlite3.Connection, where: str, *values: object) -> list[OrderView]:
    rows = connection.execute(
        f"SELECT {', '.join(_ORDER_FIELDS)}, withdrawn_ms IS NOT NULL FROM work_order WHERE {where}"  # noqa: S608
        " ORDER BY due_ms IS NULL, due_ms, rowid",
        values,
    ).fetchall()
    recorded = load_where(connection, "outcome <> ? ORDER BY id", ACCEPTED) if rows else []
    return [_order_view(connection, row, recorded) for row in rows]


def _order_view(connection: sqlite3.Connection, row: tuple, recorded: list[OrderReport]) -> OrderView:  # type: ignore[type-arg]
    order = WorkOrder(*row[:-1])
    heard = heard_of(connection, order.meter)
    return OrderView(order, heard, [one for one in recorded if one.order == order.code], bool(row[-1]))


def outcome_by_token(connection: sqlite3.Connection, token: str) -> OrderReport | None:
    """What was recorded under a form's token."""
    found = load_where(connection, "token = ?", token)
    return found[0] if found else None


def _done(connection: sqlite3.Connection, code: str) -> OrderReport | None:
    found = load_where(connection, '"order" = ? AND outcome = ?', code, DONE)
    return found[0] if found else None


def load_outcomes(connection: sqlite3.Connection, first_id: int, last_id: int) -> list[OrderReport]:
    """The reports of an id range (both ends included), in order, as they go over the wire."""
    return load_where(connection, "id BETWEEN ? AND ? ORDER BY id", first_id, last_id)


def load_where(connection: sqlite3.Connection, where: str, *values: object) -> list[OrderReport]:
    """The reports that a condition names."""
    rows = connection.execute(f"SELECT {_REPORT_COLUMNS} FROM outcome WHERE {where}", values)  # noqa: S608
    return [_report(row) for row in rows]


def _report(row: tuple) -> OrderReport:  # type: ignore[type-arg]
    stamp = ClockStamp(row[1], row[2], bool(row[3]))
    values: tuple[Any, ...] = (row[0], stamp, *row[4:17], tuple(json.loads(row[17])), *row[18:])
    return OrderReport(*values)


def forget_keys(connection: sqlite3.Connection, first_id: int, last_id: int) -> None:
    """A key that the centre has is not kept here."""
    connection.execute("UPDATE outcome SET new_key = NULL WHERE id BETWEEN ? AND ?", (first_id, last_id))


def photos(connection: sqlite3.Connection) -> list[tuple[str, bytes]]:
    """Every photo by its digest."""
    return connection.execute("SELECT digest, content FROM photo ORDER BY wall_ms, digest").fetchall()
