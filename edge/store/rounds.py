"""The reader's round: the route as handed out, what was heard of its meters, what the reader recorded."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from edge.store.book import Book
from edge.store.connection import insert_rows
from protocols.sync import ClockStamp, Route, RouteStop, TypedReading

# A reading heard this long before a route was issued belongs to an earlier round.
HEARD_BEFORE_ISSUE_MS = 24 * 3600 * 1000

READ = "00"
"""The incidence code of a reading without incidence."""


class NewVisit(NamedTuple):
    """What the reader recorded at a stop. ``token`` is the form's: the same token is the same visit."""

    token: str
    route: str
    supply: str
    meter: str
    litres: int | None
    code: str
    reader: str
    note: str = ""
    confirmed: bool = False


class Visit(NamedTuple):
    """A recorded visit.

    One that ``replaces`` another with no litres and code 00 withdraws it: the stop is open again.
    """

    id: int
    at: ClockStamp
    route: str
    supply: str
    meter: str
    litres: int | None
    code: str
    reader: str
    note: str
    replaces: int | None
    confirmed: bool
    token: str

    @property
    def withdraws(self) -> bool:
        """Whether this takes back the visit it replaces."""
        return self.replaces is not None and self.litres is None and self.code == READ


_STOP_COLUMNS = ", ".join(RouteStop.__struct_fields__)
_VISIT_COLUMNS = (
    "id, wall_ms, mono_ns, trusted, route, supply, meter, litres, code, reader, note, replaces, confirmed, token"
)


def store_route(book: Book, route: Route) -> bool:
    """Take a route over in place of the one there is; False where that one is as new or newer."""
    known = book.connection.execute("SELECT issued_ms FROM route WHERE code = ?", (route.code,)).fetchone()
    if known and known[0] >= route.issued_ms:
        return False
    with book.transaction():
        _drop_old_round(book, route)
        insert_rows(
            book.connection,
            "route(code, name, planned_on, issued_ms, closed)",
            [(route.code, route.name, route.planned_on, route.issued_ms, route.closed)],
        )
        insert_rows(book.connection, f"stop(route, {_STOP_COLUMNS})", [_stop_row(route.code, s) for s in route.stops])
    return True


def _stop_row(code: str, stop: RouteStop) -> tuple[object, ...]:
    return (code, *(getattr(stop, name) for name in RouteStop.__struct_fields__))


def _drop_old_round(book: Book, route: Route) -> None:
    """Forget the old route, what was heard long before the new one, and old visits that the centre has."""
    connection = book.connection
    connection.execute("DELETE FROM stop")
    connection.execute("DELETE FROM route")
    connection.execute("DELETE FROM heard WHERE wall_ms < ?", (route.issued_ms - HEARD_BEFORE_ISSUE_MS,))
    waiting = connection.execute(
        "SELECT min(id) FROM (SELECT sealed_id + 1 AS id FROM boot WHERE sealed_id < last_id"
        " UNION ALL SELECT first_id FROM batch)"
    ).fetchone()[0]
    oldest_kept = book.last_id + 1 if waiting is None else waiting
    connection.execute("DELETE FROM visit WHERE route <> ? AND id < ?", (route.code, oldest_kept))


def record_visit(book: Book, new: NewVisit, at: ClockStamp) -> Visit:
    """Commit a visit; it replaces the stop's present one. A token that is known returns what it recorded."""
    known = visit_by_token(book.connection, new.token)
    if known:
        return known
    present = present_visit(book.connection, new.route, new.supply, new.meter)
    return _append(book, new, at, present.id if present else None)


def withdraw_visit(book: Book, visit_id: int, token: str, reader: str, at: ClockStamp) -> Visit | None:
    """Take back a stop's present visit, keeping it; None where ``visit_id`` is not one that stands."""
    known = visit_by_token(book.connection, token)
    if known:
        return known
    visit = visit_by_id(book.connection, visit_id)
    if visit is None or present_visit(book.connection, visit.route, visit.supply, visit.meter) != visit:
        return None
    undo = NewVisit(token, visit.route, visit.supply, visit.meter, None, READ, reader)
    return _append(book, undo, at, visit.id)


def _append(book: Book, new: NewVisit, at: ClockStamp, replaces: int | None) -> Visit:
    with book.transaction() as tally:
        visit = Visit(
            book.take_ids(1),
            at,
            new.route,
            new.supply,
            new.meter,
            new.litres,
            new.code,
            new.reader,
            new.note,
            replaces,
            new.confirmed,
            new.token,
        )
        insert_rows(
            book.connection, f"visit({_VISIT_COLUMNS})", [(visit.id, at.wall_ms, at.mono_ns, at.trusted, *visit[2:])]
        )
        tally.typed += 1
    return visit


def visit_by_id(connection: sqlite3.Connection, visit_id: int) -> Visit | None:
    """A visit by its id."""
    return _one(connection, "id = ?", visit_id)


def visit_by_token(connection: sqlite3.Connection, token: str) -> Visit | None:
    """What was recorded under a form's token."""
    return _one(connection, "token = ?", token)


def present_visit(connection: sqlite3.Connection, route: str, supply: str, meter: str) -> Visit | None:
    """The visit that stands for a stop: its newest one, unless that withdrew the one before."""
    newest = _one(connection, "route = ? AND supply = ? AND meter = ?", route, supply, meter)
    return None if newest is None or newest.withdraws else newest


def visits_of(connection: sqlite3.Connection, route: str, supply: str, meter: str) -> list[Visit]:
    """Every version of a stop's visit, oldest first."""
    return _select(connection, "route = ? AND supply = ? AND meter = ? ORDER BY id", route, supply, meter)


def load_visits(connection: sqlite3.Connection, first_id: int, last_id: int) -> list[TypedReading]:
    """The visits of an id range (both ends included), in order, as they go over the wire."""
    return [_wire(visit) for visit in _select(connection, "id BETWEEN ? AND ? ORDER BY id", first_id, last_id)]


def _wire(visit: Visit) -> TypedReading:
    return TypedReading(
        id=visit.id,
        at=visit.at,
        supply=visit.supply,
        meter=visit.meter,
        litres=visit.litres,
        code=visit.code,
        reader=visit.reader,
        note=visit.note,
        replaces=visit.replaces,
        confirmed=visit.confirmed,
    )


def _one(connection: sqlite3.Connection, where: str, *values: object) -> Visit | None:
    found = _select(connection, f"{where} ORDER BY id DESC LIMIT 1", *values)
    return found[0] if found else None


def _select(connection: sqlite3.Connection, where: str, *values: object) -> list[Visit]:
    rows: Sequence[tuple] = connection.execute(  # type: ignore[type-arg]
        f"SELECT {_VISIT_COLUMNS} FROM visit WHERE {where}",  # noqa: S608
        values,
    ).fetchall()
    return [visit_of_row(row) for row in rows]


def visit_of_row(row: tuple) -> Visit:  # type: ignore[type-arg]
    """A visit from the table's columns in their order."""
    return Visit._make((row[0], ClockStamp(row[1], row[2], bool(row[3])), *row[4:12], bool(row[12]), row[13]))
