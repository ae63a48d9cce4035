"""The agent's SQLite file: telegrams, readings, outbox, route; from here on nothing is lost.

One thread writes. Telegrams are committed in groups, a typed reading at once, both with ``synchronous=FULL``. Every
recorded item has an id from one unbroken sequence; what a boot has recorded beyond its ``sealed_id`` is the outbox.
Sealing turns the oldest of it into a numbered batch whose bytes never change again; the centre's acknowledgement
deletes the batch together with its telegrams.

Why rows are written by many-row statements and read in the event loop's thread: ``sqlite3`` gives up the interpreter
lock at every step of a statement. Beside a thread that computes, each step of ``executemany`` then waits for the next
thread switch (5 ms): 1,000 rows/s were measured that way, 48,000 with one statement for many rows.
"""

from edge.store.connection import StoreError
from edge.store.learned import Format, Learned
from edge.store.orders import NewOutcome, OrderView
from edge.store.rounds import NewVisit, Visit
from edge.store.store import Store
from edge.store.telegrams import HeardTelegram
from edge.store.view import StoreCounts

__all__ = [
    "Format",
    "HeardTelegram",
    "Learned",
    "NewOutcome",
    "NewVisit",
    "OrderView",
    "Store",
    "StoreCounts",
    "StoreError",
    "Visit",
]
