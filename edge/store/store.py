"""The store as the rest of the agent uses it: asynchronous, one writer thread behind it, group commit."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import structlog

from edge.clock import Clock, os_boot
from edge.store import batches, orders, rounds, view
from edge.store.batches import Applied, RefusedBatch, SealedBatch
from edge.store.book import Book
from edge.store.connection import StoreError, WriterLock, open_reader, open_writer
from edge.store.learned import Learned, load_learned
from edge.store.orders import NewOutcome, OrderView
from edge.store.rounds import NewVisit, Visit
from edge.store.telegrams import HeardTelegram
from edge.store.view import RouteView, StoreCounts
from protocols.sync import Ack, OrderReport, Route, WorkOrders

log = structlog.get_logger("edge.store")

Result = TypeVar("Result")
RETRY_S = 1.0


class Store:
    """Telegrams come in by :meth:`put` and are committed in groups; everything else is committed when it returns.

    Writing happens in one thread of its own; reading in the caller's, which must be the event loop's.
    """

    def __init__(
        self,
        path: Path,
        device: str,
        clock: Clock,
        *,
        group_ms: int = 50,
        group_most: int = 1000,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Open and migrate the file; raises :class:`StoreError`. ``sign`` signs what is sealed (Ed25519)."""
        self.path = path
        self.failure = ""
        self._clock = clock
        self._device = device
        self._sign = sign
        self._group_s = group_ms / 1000
        self._group_most = group_most
        self._lock = WriterLock.take(path)
        try:
            self._database = open_writer(path)
        except StoreError:
            self._lock.release()
            raise
        self._book = Book(self._database, device, os_boot(), clock.now())
        self._reader = open_reader(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._group: list[HeardTelegram] = []
        self._learned: list[Learned] = []
        self._in_hand = 0
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._written = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._commit_groups())
        self.committed = asyncio.Event()
        """Set whenever something was committed that may be sent; whoever waits for it clears it."""

    @property
    def boot(self) -> str:
        """The UUID of this start of the agent."""
        return self._book.boot

    @property
    def queued(self) -> int:
        """Telegrams that were put and are not committed yet."""
        return len(self._group) + self._in_hand

    async def put(self, telegrams: Sequence[HeardTelegram], learned: Learned | None = None) -> None:
        """Queue telegrams for the next group, with what was learnt from them, which is committed together.

        Waits while two groups are queued, so that the caller holds back.
        """
        while len(self._group) >= 2 * self._group_most and not self._closing:
            self._written.clear()
            await self._written.wait()
        self._group += telegrams
        if learned is not None and any(learned):
            self._learned.append(learned)
        self._arrived.set()
        if len(self._group) >= self._group_most:
            self._full.set()

    async def flush(self) -> None:
        """Return when everything that was put is committed."""
        while self._group or self._arrived.is_set():
            self._full.set()
            self._written.clear()
            await self._written.wait()

    async def close(self) -> None:
        """Commit what was put and let go of the file."""
        self._closing = True
        self._written.set()
        self._arrived.set()
        self._full.set()
        await self._task
        self._thread.shutdown()
        self._reader.close()
        self._database.close()
        self._lock.release()

    async def _commit_groups(self) -> None:
        while not (self._closing and not self._group):
            await self._arrived.wait()
            if not self._closing and len(self._group) < self._group_most:
                await self._wait_for_more()
            group, self._group = self._group, []
            learned, self._learned = self._learned, []
            self._in_hand = len(group)
            if group or learned:
                await self._commit_until_it_holds(group, learned)
            self._in_hand = 0
            self._full.clear()
            if not self._group and not self._closing:
                self._arrived.clear()
            self._written.set()

    async def _wait_for_more(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._group_s):
                await self._full.wait()

    async def _commit_until_it_holds(self, group: list[HeardTelegram], learned: list[Learned]) -> None:
        """A full disk or a failing card stops the receivers, not the agent: the group waits until it can be written."""
        while True:
            try:
                await self._write(self._book.write_telegrams, group, learned)
                return
            except StoreError as error:
                log.error("store cannot be written", error=str(error), waiting=len(group))
                await asyncio.sleep(RETRY_S)

    async def _write(self, action: Callable[..., Result], *values: object) -> Result:
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(self._thread, action, *values)
        except sqlite3.Error as error:
            self.failure = f"store {self.path}: {error}"
            raise StoreError(self.failure) from error
        self.failure = ""
        self.committed.set()
        return result

    async def event(self, kind: str, data: Mapping[str, str | int | bool | None]) -> None:
        """Commit an event."""
        await self._write(self._book.write_event, self._clock.now(), kind, data)

    async def record_visit(self, new: NewVisit) -> Visit:
        """Commit a reader's visit; the same token again returns the visit it recorded."""
        return await self._write(rounds.record_visit, self._book, new, self._clock.now())

    async def withdraw_visit(self, visit_id: int, token: str, reader: str) -> Visit | None:
        """Take back a standing visit, keeping it; None where ``visit_id`` does not stand."""
        return await self._write(rounds.withdraw_visit, self._book, visit_id, token, reader, self._clock.now())

    async def store_route(self, route: Route) -> bool:
        """Take a route over; False where one as new or newer is there."""
        return await self._write(rounds.store_route, self._book, route)

    async def store_orders(self, message: WorkOrders) -> bool:
        """Take the open work orders over; False where a list as new or newer is there."""
        return await self._write(orders.store_orders, self._book, message, self._clock.now())

    async def record_outcome(self, new: NewOutcome, photos: Sequence[bytes] = ()) -> OrderReport | None:
        """Commit what became of an order; the same token again returns what it recorded. None: no such order."""
        return await self._write(orders.record_outcome, self._book, new, photos, self._clock.now())

    async def next_batch(self, after: tuple[int, int]) -> SealedBatch | None:
        """The first sealed batch behind (boot_seq, number) that still has to be acknowledged."""
        return batches.next_sealed(self._reader.conn, after)

    async def seal(self, most: int) -> SealedBatch | None:
        """Seal up to ``most`` of the oldest waiting items; None where nothing waits. One caller at a time."""
        batch = batches.prepare_batch(self._reader.conn, self._device, most, self._clock.now(), self._sign)
        if batch is not None:
            await self._write(batches.store_batch, self._book, batch)
        return batch

    async def apply_acks(self, acks: Sequence[Ack]) -> Applied:
        """Let go of what the centre has committed, mark what it refused."""
        return await self._write(batches.apply_acks, self._book, acks)

    async def offer_again(self) -> int:
        """Offer every refused batch once more; returns how many."""
        return await self._write(batches.offer_again, self._book)

    def unsealed(self) -> int:
        """How many committed items wait for a batch."""
        return view.unsealed(self._reader.conn)

    def counts(self) -> StoreCounts:
        """Totals of the store."""
        return view.counts(self._reader.conn)

    def refused(self) -> list[RefusedBatch]:
        """The batches that the centre refused."""
        return batches.refused_batches(self._reader.conn)

    def learned(self) -> Learned:
        """What the decoder had learnt when its telegrams were last committed."""
        return load_learned(self._reader.conn)

    def route(self) -> RouteView | None:
        """The reader's route as it stands."""
        return view.current_route(self._reader.conn)

    def closed_list(self) -> frozenset[str] | None:
        """The only meters whose telegrams are to be kept; None where all are."""
        return view.closed_list(self._reader.conn)

    def orders(self) -> list[OrderView]:
        """The work orders on this device."""
        return orders.order_views(self._reader.conn)

    def order(self, code: str) -> OrderView | None:
        """A work order by its code."""
        return orders.order_view(self._reader.conn, code)

    def outcome_by_token(self, token: str) -> OrderReport | None:
        """What was recorded of an order under a form's token."""
        return orders.outcome_by_token(self._reader.conn, token)

    def photos(self) -> list[tuple[str, bytes]]:
        """Every photo taken with an order, by its SHA-256 digest in hex, the oldest first."""
        return orders.photos(self._reader.conn)

    def visit(self, visit_id: int) -> Visit | None:
        """A visit by its id."""
        return rounds.visit_by_id(self._reader.conn, visit_id)

    def visit_by_token(self, token: str) -> Visit | None:
        """What was recorded under a form's token."""
        return rounds.visit_by_token(self._reader.conn, token)

    def versions(self, route: str, supply: str, meter: str) -> list[Visit]:
        """Every version of a stop's visit, oldest first."""
        return rounds.visits_of(self._reader.conn, route, supply, meter)
