"""The writing side of the store: who numbers items, and what is counted."""

import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlite_utils import Database

from edge.store.connection import insert_rows
from edge.store.learned import Learned, insert_learned
from edge.store.telegrams import HeardTelegram, insert_telegrams
from protocols.sync import ClockStamp, Event


@dataclass
class Tally:
    """Totals since the file was made; what was pruned stays counted."""

    telegrams: int = 0
    readings: int = 0
    typed: int = 0
    events: int = 0
    acknowledged: int = 0


class Book:
    """The open store as its one writer sees it. Not thread-safe: one thread uses it."""

    def __init__(self, database: Database, device: str, os_boot: str, started: ClockStamp) -> None:
        self.database = database
        self.connection: sqlite3.Connection = database.conn
        self.device = device
        self.tally = self._read_tally()
        last = self.connection.execute("SELECT coalesce(max(last_id), 0) FROM boot").fetchone()[0]
        self.last_id: int = last
        self.boot = str(uuid.uuid4())
        self.boot_seq = self._begin_boot(os_boot, started)

    def _begin_boot(self, os_boot: str, started: ClockStamp) -> int:
        with self.database.atomic():
            cursor = self.connection.execute(
                "INSERT INTO boot(boot, os_boot, wall_ms, mono_ns, trusted, last_id, sealed_id, last_number,"
                " last_digest) VALUES (?, ?, ?, ?, ?, ?, ?, 0, x'')",
                (self.boot, os_boot, started.wall_ms, started.mono_ns, started.trusted, self.last_id, self.last_id),
            )
        return int(cursor.lastrowid or 0)

    def _read_tally(self) -> Tally:
        row = self.connection.execute(
            "SELECT telegrams, readings, typed, events, acknowledged FROM tally WHERE id = 1"
        ).fetchone()
        return Tally(*row)

    @contextmanager
    def transaction(self) -> Iterator[Tally]:
        """One transaction; the ids taken and the totals counted in it hold only if it commits."""
        tally, last_id = replace(self.tally), self.last_id
        try:
            with self.database.atomic():
                yield tally
                self._save(tally)
        except BaseException:
            self.last_id = last_id
            raise
        self.tally = tally

    def _save(self, tally: Tally) -> None:
        if tally != self.tally:
            self.connection.execute(
                "UPDATE tally SET telegrams = ?, readings = ?, typed = ?, events = ?, acknowledged = ? WHERE id = 1",
                (tally.telegrams, tally.readings, tally.typed, tally.events, tally.acknowledged),
            )

    def take_ids(self, count: int) -> int:
        """The first of ``count`` new ids; inside :meth:`transaction` only."""
        first = self.last_id + 1
        self.last_id += count
        self.connection.execute("UPDATE boot SET last_id = ? WHERE seq = ?", (self.last_id, self.boot_seq))
        return first

    def write_telegrams(self, group: Sequence[HeardTelegram], learned: Sequence[Learned] = ()) -> None:
        """Commit a group of telegrams with their readings and what was learnt from them."""
        with self.transaction() as tally:
            insert_learned(self.connection, learned)
            insert_telegrams(self.connection, self.take_ids(len(group)), group)
            tally.telegrams += len(group)
            tally.readings += sum(item.litres is not None for item in group)

    def write_event(self, at: ClockStamp, kind: str, data: Mapping[str, str | int | bool | None]) -> None:
        """Commit an event."""
        with self.transaction() as tally:
            row = (self.take_ids(1), at.wall_ms, at.mono_ns, at.trusted, kind, json.dumps(data))
            insert_rows(self.connection, "event(id, wall_ms, mono_ns, trusted, kind, data)", [row])
            tally.events += 1


def load_events(connection: sqlite3.Connection, first_id: int, last_id: int) -> list[Event]:
    """The stored events of an id range (both ends included), in order, as they go over the wire."""
    rows = connection.execute(
        "SELECT id, wall_ms, mono_ns, trusted, kind, data FROM event WHERE id BETWEEN ? AND ? ORDER BY id",
        (first_id, last_id),
    )
    return [Event(row[0], ClockStamp(row[1], row[2], bool(row[3])), row[4], json.loads(row[5])) for row in rows]
