"""The outbox: sealing what waits into batches, and letting go of what the centre has committed."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple

from edge.store.book import Book, load_events
from edge.store.orders import forget_keys, load_outcomes
from edge.store.rounds import load_visits
from edge.store.telegrams import load_telegrams
from protocols.sync import SCHEMA, Ack, Batch, ClockStamp, Item, read_envelope, seal


class SealedBatch(NamedTuple):
    """A batch as it goes over the wire, now and at every repetition. ``boot_seq`` orders the boots of this device."""

    boot_seq: int
    boot: str
    number: int
    first_id: int
    last_id: int
    envelope: bytes

    @property
    def key(self) -> tuple[str, int]:
        """What the centre names it by, this device being understood."""
        return (self.boot, self.number)


class RefusedBatch(NamedTuple):
    """A batch that the centre will not have, and why."""

    boot: str
    number: int
    items: int
    reason: str


class Applied(NamedTuple):
    """What an acknowledgement changed here."""

    acknowledged: list[tuple[str, int]]
    refused: list[RefusedBatch]


def prepare_batch(
    connection: sqlite3.Connection,
    device: str,
    most: int,
    sealed_at: ClockStamp,
    sign: Callable[[bytes], bytes] | None = None,
) -> SealedBatch | None:
    """Seal up to ``most`` of the oldest waiting items, all of one boot; nothing is stored yet. None if none waits."""
    boot = connection.execute(
        "SELECT seq, boot, os_boot, sealed_id, last_id, last_number, last_digest FROM boot"
        " WHERE sealed_id < last_id ORDER BY seq LIMIT 1"
    ).fetchone()
    if boot is None:
        return None
    seq, name, os_boot, sealed_id, last_id, last_number, digest = boot
    first, last = sealed_id + 1, min(last_id, sealed_id + most)
    number = last_number + 1
    items = tuple(load_items(connection, first, last))
    batch = Batch(SCHEMA, device, name, os_boot, number, sealed_at, digest, items)
    return SealedBatch(seq, name, number, first, last, seal(batch, sign=sign))


def load_items(connection: sqlite3.Connection, first_id: int, last_id: int) -> list[Item]:
    """Everything recorded under an id range, in the order of recording."""
    items: list[Item] = [
        *load_telegrams(connection, first_id, last_id),
        *load_visits(connection, first_id, last_id),
        *load_events(connection, first_id, last_id),
        *load_outcomes(connection, first_id, last_id),
    ]
    return sorted(items, key=lambda item: item.id)


def store_batch(book: Book, batch: SealedBatch) -> None:
    """Commit a prepared batch: from here on neither its number nor its bytes change."""
    with book.transaction():
        book.connection.execute(
            "INSERT INTO batch(boot, number, first_id, last_id, items, envelope) VALUES (?, ?, ?, ?, ?, ?)",
            (
                batch.boot_seq,
                batch.number,
                batch.first_id,
                batch.last_id,
                batch.last_id - batch.first_id + 1,
                batch.envelope,
            ),
        )
        book.connection.execute(
            "UPDATE boot SET sealed_id = ?, last_number = ?, last_digest = ? WHERE seq = ?",
            (batch.last_id, batch.number, read_envelope(batch.envelope).digest, batch.boot_seq),
        )


def next_sealed(connection: sqlite3.Connection, after: tuple[int, int]) -> SealedBatch | None:
    """The first batch behind (boot_seq, number) that is neither acknowledged nor refused."""
    row = connection.execute(
        "SELECT batch.boot, boot.boot, number, first_id, batch.last_id, envelope"
        " FROM batch JOIN boot ON boot.seq = batch.boot"
        " WHERE refused IS NULL AND (batch.boot, number) > (?, ?) ORDER BY batch.boot, number LIMIT 1",
        after,
    ).fetchone()
    return SealedBatch(*row) if row else None


def apply_acks(book: Book, acks: Sequence[Ack]) -> Applied:
    """Delete what the centre has committed, with its telegrams, and mark what it refused; in one transaction.

    A refused batch is let go only when the centre names it: a number that later ones have passed is not a name.
    """
    applied = Applied([], [])
    with book.transaction() as tally:
        for ack in acks:
            applied.refused.extend(_refuse(book.connection, ack))
            for boot, number, first_id, last_id in _committed(book.connection, ack):
                _forget(book.connection, boot, number, first_id, last_id)
                tally.acknowledged += last_id - first_id + 1
                applied.acknowledged.append((ack.boot, number))
    return applied


def _refuse(connection: sqlite3.Connection, ack: Ack) -> list[RefusedBatch]:
    refused = []
    for refusal in ack.refused:
        row = connection.execute(
            "UPDATE batch SET refused = ? WHERE refused IS NULL AND number = ?"
            " AND boot = (SELECT seq FROM boot WHERE boot = ?) RETURNING items",
            (refusal.reason, refusal.number, ack.boot),
        ).fetchone()
        if row:
            refused.append(RefusedBatch(ack.boot, refusal.number, row[0], refusal.reason))
    return refused


def _committed(connection: sqlite3.Connection, ack: Ack) -> list[tuple[int, int, int, int]]:
    return connection.execute(
        "SELECT batch.boot, number, first_id, batch.last_id FROM batch JOIN boot ON boot.seq = batch.boot"
        " WHERE boot.boot = ? AND ((number <= ? AND refused IS NULL)"
        " OR number IN (SELECT value FROM json_each(?)))",
        (ack.boot, ack.committed, json.dumps(ack.also)),
    ).fetchall()


def _forget(connection: sqlite3.Connection, boot: int, number: int, first_id: int, last_id: int) -> None:
    connection.execute("DELETE FROM telegram WHERE id BETWEEN ? AND ?", (first_id, last_id))
    connection.execute("DELETE FROM event WHERE id BETWEEN ? AND ?", (first_id, last_id))
    forget_keys(connection, first_id, last_id)
    connection.execute("DELETE FROM batch WHERE boot = ? AND number = ?", (boot, number))


def offer_again(book: Book) -> int:
    """Offer every refused batch once more, unchanged; returns how many."""
    with book.transaction():
        return book.connection.execute("UPDATE batch SET refused = NULL WHERE refused IS NOT NULL").rowcount


def refused_batches(connection: sqlite3.Connection) -> list[RefusedBatch]:
    """The batches kept here because the centre refused them."""
    rows = connection.execute(
        "SELECT boot.boot, number, items, refused FROM batch JOIN boot ON boot.seq = batch.boot"
        " WHERE refused IS NOT NULL ORDER BY batch.boot, number"
    )
    return [RefusedBatch(*row) for row in rows]
