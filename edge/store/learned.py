"""What the decoder has learnt from telegrams: kept over a restart, committed with the telegrams it came from."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from edge.store.connection import insert_rows


class Format(NamedTuple):
    """Record headers of full frames by their signature, with which compact frames are read."""

    manufacturer: str
    device_type: int
    signature: int
    headers: bytes


class Learned(NamedTuple):
    """Formats of compact frames, and the highest authenticated message counter of meters (address, counter)."""

    formats: tuple[Format, ...] = ()
    counters: tuple[tuple[str, int], ...] = ()


_FORMAT = "format(manufacturer, device_type, signature, headers)"
_NEWER_FORMAT = "ON CONFLICT(manufacturer, device_type, signature) DO UPDATE SET headers=excluded.headers"
_HIGHER_COUNTER = "ON CONFLICT(meter) DO UPDATE SET value=max(value, excluded.value)"


def insert_learned(connection: sqlite3.Connection, pieces: Iterable[Learned]) -> None:
    """Keep what was learnt; a format replaces the one of its signature, a counter never falls."""
    formats: dict[tuple[str, int, int], Format] = {}
    counters: dict[str, int] = {}
    for piece in pieces:
        formats.update((item[:3], item) for item in piece.formats)
        counters.update(piece.counters)
    insert_rows(connection, _FORMAT, list(formats.values()), _NEWER_FORMAT)
    insert_rows(connection, "counter(meter, value)", list(counters.items()), _HIGHER_COUNTER)


def load_learned(connection: sqlite3.Connection) -> Learned:
    """Everything kept."""
    formats = connection.execute("SELECT manufacturer, device_type, signature, headers FROM format").fetchall()
    counters = connection.execute("SELECT meter, value FROM counter").fetchall()
    return Learned(tuple(Format(*row) for row in formats), tuple(counters))
