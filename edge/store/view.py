"""What the screen and the status ask of the store; reads only."""

import sqlite3
from typing import NamedTuple

from edge.store.rounds import Visit, visit_of_row
from protocols.sync import ClockStamp, RouteStop


class HeardReading(NamedTuple):
    """The newest index heard of a meter."""

    litres: int
    at: ClockStamp
    rssi_dbm: int | None
    alarms: tuple[str, ...]


class StopView(NamedTuple):
    """A stop with what is known of it: the standing visit counts before what was heard."""

    stop: RouteStop
    heard: HeardReading | None
    visit: Visit | None

    @property
    def state(self) -> str:
        """``typed``, ``visited`` (a reason instead of an index), ``radio`` or ``unread``."""
        if self.visit:
            return "visited" if self.visit.litres is None else "typed"
        return "radio" if self.heard else "unread"

    @property
    def litres(self) -> int | None:
        """The index that counts."""
        if self.visit:
            return self.visit.litres
        return self.heard.litres if self.heard else None


class RouteView(NamedTuple):
    """The reader's route as it stands, in walking order."""

    code: str
    name: str
    planned_on: str
    stops: list[StopView]
    closed: bool = False


class StoreCounts(NamedTuple):
    """What the file holds and has held. telegrams + typed + events = pending + acknowledged + refused."""

    telegrams: int
    readings: int
    typed: int
    events: int
    acknowledged: int
    pending: int
    refused: int


_STOP_FIELDS = RouteStop.__struct_fields__
_ROUTE_SQL = f"""
    SELECT {", ".join(f"stop.{name}" for name in _STOP_FIELDS)},
           heard.litres, heard.wall_ms, heard.mono_ns, heard.trusted, heard.rssi_dbm, heard.alarms,
           visit.id, visit.wall_ms, visit.mono_ns, visit.trusted, visit.route, visit.supply, visit.meter,
           visit.litres, visit.code, visit.reader, visit.note, visit.replaces, visit.confirmed, visit.token
    FROM stop
    LEFT JOIN heard ON heard.meter = stop.meter AND stop.radio
    LEFT JOIN visit ON visit.id = (SELECT max(id) FROM visit AS newest WHERE newest.supply = stop.supply
                                   AND newest.meter = stop.meter AND newest.route = stop.route)
    WHERE stop.route = ? ORDER BY stop.position, stop.supply
"""  # noqa: S608


def counts(connection: sqlite3.Connection) -> StoreCounts:
    """Totals of the store."""
    tally = connection.execute(
        "SELECT telegrams, readings, typed, events, acknowledged FROM tally WHERE id = 1"
    ).fetchone()
    waiting = unsealed(connection)
    sealed, refused = connection.execute(
        "SELECT coalesce(sum(items) FILTER (WHERE refused IS NULL), 0),"
        " coalesce(sum(items) FILTER (WHERE refused IS NOT NULL), 0) FROM batch"
    ).fetchone()
    return StoreCounts._make((*tally, waiting + sealed, refused))


def unsealed(connection: sqlite3.Connection) -> int:
    """How many items wait for a batch."""
    return int(connection.execute("SELECT coalesce(sum(last_id - sealed_id), 0) FROM boot").fetchone()[0])


def current_route(connection: sqlite3.Connection) -> RouteView | None:
    """The newest route with its stops, or None where no route has arrived."""
    route = connection.execute(
        "SELECT code, name, planned_on, closed FROM route ORDER BY issued_ms DESC LIMIT 1"
    ).fetchone()
    if route is None:
        return None
    code, name, planned_on, closed = route
    stops = [_stop_view(row) for row in connection.execute(_ROUTE_SQL, (code,))]
    return RouteView(code, name, planned_on, stops, bool(closed))


def closed_list(connection: sqlite3.Connection) -> frozenset[str] | None:
    """The only meters whose telegrams are to be kept; None where everything is: no route, or one that collects all."""
    route = connection.execute("SELECT code, closed FROM route ORDER BY issued_ms DESC LIMIT 1").fetchone()
    if route is None or not route[1]:
        return None
    wanted = connection.execute(
        "SELECT meter FROM stop WHERE route = ? UNION SELECT meter FROM work_order WHERE withdrawn_ms IS NULL",
        (route[0],),
    )
    return frozenset(meter for (meter,) in wanted)


def heard_of(connection: sqlite3.Connection, meter: str) -> HeardReading | None:
    """The newest index heard of a meter."""
    row = connection.execute(
        "SELECT litres, wall_ms, mono_ns, trusted, rssi_dbm, alarms FROM heard WHERE meter = ?", (meter,)
    ).fetchone()
    return None if row is None else _heard(row)


def _stop_view(row: tuple) -> StopView:  # type: ignore[type-arg]
    width = len(_STOP_FIELDS)
    values = dict(zip(_STOP_FIELDS, row[:width], strict=True))
    values["radio"] = bool(values["radio"])
    heard, visit = row[width : width + 6], row[width + 6 :]
    standing = None if visit[0] is None else visit_of_row(visit)
    return StopView(
        RouteStop(**values),
        None if heard[0] is None else _heard(heard),
        None if standing is None or standing.withdraws else standing,
    )


def _heard(row: tuple) -> HeardReading:  # type: ignore[type-arg]
    litres, wall_ms, mono_ns, trusted, rssi_dbm, alarms = row
    at = ClockStamp(wall_ms, mono_ns, bool(trusted))
    return HeardReading(litres, at, rssi_dbm, tuple(alarms.split(",")) if alarms else ())
