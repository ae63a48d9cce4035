"""What was sent and heard, kept as it happens: ``truth.sqlite`` beside ``town.json``.

Tables::

    play(town, since_ms, until_ms, position_ms, position_meter, counted_ms, sent, heard, done)   one row
    meter(id, address, serial, radio, sent, heard)          counts are final when done
    heard(id, meter, instant_ms, access_no, litres, digest, doubtful)
                                                             one row for each telegram the host has taken

``meter.id`` and ``heard.meter`` are positions in ``town.meters``; ``heard.id`` counts from 1 in order of time.
``doubtful`` marks the few telegrams of which nobody can say whether they were heard: those on the line
when the simulator was killed, and those that a host had just read when it died. They are never sent again:
what a host keeps lies between the rows that are not doubtful and all rows.

``digest`` is BLAKE2b of eight bytes over the link frame, L first, without CRCs; ``instant_ms`` is when the
transmission started, in epoch milliseconds (the module's stamp is its whole seconds).
A row is written only after the host has read the telegram, and everything up to ``position`` is settled. The
last telegram given to the line is noted in ``truth.line`` before it is written: a play that was killed goes
on with the transmission after it. Both survive a killed process, not a power cut, as nothing waits for the disk.
"""

import os
import sqlite3
import struct
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from firmware_sim.town import Town

FILE = "truth.sqlite"
LINE_FILE = "truth.line"
_NOTE = struct.Struct("<qq")

Row = tuple[int, int, int, int, bytes]

_TABLES = """
CREATE TABLE IF NOT EXISTS play (
    id INTEGER PRIMARY KEY CHECK (id = 1), town TEXT NOT NULL, since_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,
    position_ms INTEGER NOT NULL, position_meter INTEGER NOT NULL, counted_ms INTEGER NOT NULL,
    sent INTEGER NOT NULL, heard INTEGER NOT NULL, done INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS meter (
    id INTEGER PRIMARY KEY, address TEXT NOT NULL, serial TEXT NOT NULL, radio INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0, heard INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS heard (
    id INTEGER PRIMARY KEY, meter INTEGER NOT NULL, instant_ms INTEGER NOT NULL, access_no INTEGER NOT NULL,
    litres INTEGER NOT NULL, digest BLOB NOT NULL,
    doubtful INTEGER NOT NULL);
"""


class TruthError(ValueError):
    """A truth file that belongs to another play; the text says which field differs."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last settled transmission, and how many were sent and heard up to it.

    ``counted_ms``: all sendings before it are in the meters' counts.
    """

    instant_ms: int
    meter: int
    counted_ms: int
    sent: int = 0
    heard: int = 0
    done: bool = False


class Truth:
    """The open file of one play."""

    def __init__(self, directory: Path, town: Town, since_ms: int, until_ms: int) -> None:
        self.path = directory / FILE
        self.since_ms = since_ms
        self.until_ms = until_ms
        self._db = sqlite3.connect(self.path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_TABLES)
        self._line = os.open(directory / LINE_FILE, os.O_RDWR | os.O_CREAT, 0o644)
        self.position = self._begin(town, since_ms, until_ms)

    def _begin(self, town: Town, since_ms: int, until_ms: int) -> Position:
        name = f"seed {town.seed}, {len(town.houses)} meters, {town.months} months before {town.end}"
        found = self._db.execute("SELECT * FROM play").fetchone()
        if found is None:
            start = Position(since_ms, -1, since_ms)
            os.ftruncate(self._line, 0)
            with self._transaction():
                self._db.execute(
                    "INSERT INTO play VALUES (1, ?, ?, ?, ?, ?, ?, 0, 0, 0)",
                    (name, since_ms, until_ms, start.instant_ms, start.meter, start.counted_ms),
                )
                self._db.executemany(
                    "INSERT INTO meter (id, address, serial, radio) VALUES (?, ?, ?, ?)",
                    [(n, str(m.address), m.serial, m.radio) for n, m in enumerate(town.meters)],
                )
            return start
        for field, old, new in (("town", found[1], name), ("from", found[2], since_ms), ("to", found[3], until_ms)):
            if old != new:
                raise TruthError(f"{self.path}: {field} is {old}, this play has {new}; remove the file to play anew")
        return Position(found[4], found[5], found[6], found[7], found[8], bool(found[9]))

    def note_line(self, instant_ms: int, meter: int) -> None:
        """Keeps which telegram is the last that the line gets now."""
        os.pwrite(self._line, _NOTE.pack(instant_ms, meter), 0)

    def noted_line(self) -> tuple[int, int]:
        """Instant and meter of the last telegram given to the line, in this play or a killed one before."""
        found = os.pread(self._line, _NOTE.size, 0)
        if len(found) < _NOTE.size:
            return self.position.instant_ms, self.position.meter
        instant_ms, meter = _NOTE.unpack(found)
        return instant_ms, meter

    def settle(self, rows: Sequence[Row], position: Position, *, doubtful: bool = False) -> None:
        """Adds telegrams that the host has taken (or may have) and moves the position, in one transaction."""
        first = position.heard - len(rows) + 1
        with self._transaction():
            self._db.executemany(
                "INSERT INTO heard VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(first + n, *row, doubtful) for n, row in enumerate(rows)],
            )
            self._move(position)

    def doubt_after(self, heard: int) -> None:
        """Marks all telegrams but the first ``heard`` as doubtful."""
        with self._transaction():
            self._db.execute("UPDATE heard SET doubtful = 1 WHERE id > ?", (heard,))

    def count_sent(self, sent: Iterable[tuple[int, int]], position: Position) -> None:
        """Adds (meter, sendings) of a span that is over and moves the position to its end."""
        with self._transaction():
            self._db.executemany(
                "UPDATE meter SET sent = sent + ? WHERE id = ?", [(count, meter) for meter, count in sent]
            )
            self._move(position)

    def finish(self) -> None:
        """Fills in what was heard of each meter and marks the play as done."""
        with self._transaction():
            self._db.execute(
                "UPDATE meter SET heard = coalesce((SELECT n FROM"
                " (SELECT meter, count(*) AS n FROM heard GROUP BY meter) AS c WHERE c.meter = meter.id), 0)"
            )
            self._move(replace(self.position, done=True))

    def _move(self, position: Position) -> None:
        self._db.execute(
            "UPDATE play SET position_ms = ?, position_meter = ?, counted_ms = ?, sent = ?, heard = ?, done = ?",
            astuple(position),
        )
        self.position = position

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)

    def close(self) -> None:
        """Closes the files; what was settled stays."""
        os.close(self._line)
        self._db.close()


class _Transaction:
    """BEGIN and COMMIT around a block, ROLLBACK where it raises."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
