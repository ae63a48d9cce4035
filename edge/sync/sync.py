"""Keeps a connection to the broker, a window of batches under way, and an ear for the centre."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import aiomqtt
import structlog

from edge.backoff import Backoff
from edge.config import BrokerConfig
from edge.store import Store, StoreError
from edge.store.batches import SealedBatch
from edge.sync.connection import BrokerClient
from protocols.sync import (
    SCHEMA,
    Ack,
    ack_topic,
    batch_topic,
    decode_ack,
    decode_orders,
    decode_route,
    orders_topic,
    route_topic,
)

log = structlog.get_logger("edge.sync")

# How long a connection may take to say goodbye before it is told again.
CLOSE_S = 5.0

Connect = Callable[[], BrokerClient]


@dataclass
class SyncState:
    """What the screen and the status page say of the way to the centre."""

    broker: str = "down"
    detail: str = "not connected yet"
    published: int = 0
    under_way: int = 0
    connections: int = 0


class Sync:
    """Sends the outbox to the centre for as long as it runs."""

    def __init__(
        self, config: BrokerConfig, device: str, store: Store, connect: Connect, backoff: Backoff | None = None
    ) -> None:
        self.state = SyncState()
        self._config = config
        self._device = device
        self._store = store
        self._connect = connect
        self._backoff = backoff or Backoff(config.retry_first_s, config.retry_cap_s, config.stable_s)
        # Batches offered on this connection and not yet answered by the centre, with the loop's time of the offer.
        self._under_way: dict[tuple[str, int], float] = {}
        self._cursor = (0, 0)
        self._waiting_since: float | None = None
        self._draining = False

    async def run(self) -> None:
        """Connect, send and listen, again and again, until cancelled."""
        while True:
            reason = await self._guarded_session()
            self.state.broker, self.state.detail = "down", reason
            delay = self._backoff.next_delay()
            log.warning("broker down", reason=reason, retry_s=round(delay, 2))
            await asyncio.sleep(delay)

    def offer_all(self) -> None:
        """Look at every sealed batch again: one may have become sendable behind those already sent."""
        self._cursor = (0, 0)
        self._store.committed.set()

    async def drain(self, within_s: float) -> bool:
        """Send everything at once, part-filled batches too; True when the centre has acknowledged all of it."""
        self._draining = True
        deadline = self._now() + within_s
        while self._store.counts().pending and self._now() < deadline:
            self._store.committed.set()
            await asyncio.sleep(0.05)
        return self._store.counts().pending == 0

    async def _guarded_session(self) -> str:
        """A session in a task of its own: a cancellation that gets lost while it closes its connection ends us too."""
        session = asyncio.create_task(self._session())
        try:
            await asyncio.wait([session])
        except asyncio.CancelledError:
            while not session.done():
                session.cancel()
                await asyncio.wait([session], timeout=CLOSE_S)
            raise
        return session.result()

    async def _session(self) -> str:
        """One connection from first to last; returns why it ended."""
        reason = "closed"
        try:
            async with self._connect() as client:
                topics = (ack_topic(self._device), route_topic(self._device), orders_topic(self._device))
                await client.subscribe([(topic, 1) for topic in topics])
                self._begin()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._listen(client))
                    tasks.create_task(self._send(client, tasks))
        except* (aiomqtt.MqttError, OSError) as failures:
            reason = "; ".join(sorted({str(failure) for failure in _leaves(failures)}))
        return reason

    def _begin(self) -> None:
        self._under_way.clear()
        self._cursor = (0, 0)
        self._backoff.connected()
        self.state.broker, self.state.detail = "up", "connected"
        self.state.connections += 1
        log.info("broker up", host=self._config.host, port=self._config.port)

    async def _send(self, client: BrokerClient, tasks: asyncio.TaskGroup) -> None:
        topic = batch_topic(self._device)
        while True:
            self._store.committed.clear()
            self._forget_unanswered()
            while len(self._under_way) < self._config.window and (batch := await self._next_batch()):
                self._under_way[batch.key] = self._now()
                self.state.published += 1
                tasks.create_task(client.deliver(topic, batch.envelope))
            self.state.under_way = len(self._under_way)
            await self._wait_for_work()

    def _forget_unanswered(self) -> None:
        """Offer again what the centre has not answered in time: the broker may have lost it."""
        limit = self._now() - self._config.ack_wait_s
        late = [key for key, since in self._under_way.items() if since < limit]
        for key in late:
            del self._under_way[key]
        if late:
            log.warning("no acknowledgement in time", batches=len(late), seconds=self._config.ack_wait_s)
            self._cursor = (0, 0)

    async def _next_batch(self) -> SealedBatch | None:
        """The next batch that is not under way: one sealed earlier, or a new one where enough or long enough waits."""
        while batch := await self._store.next_batch(self._cursor):
            self._cursor = (batch.boot_seq, batch.number)
            if batch.key not in self._under_way:
                return batch
        return await self._seal()

    async def _seal(self) -> SealedBatch | None:
        waiting = self._store.unsealed()
        if not waiting:
            self._waiting_since = None
            return None
        if self._waiting_since is None:
            self._waiting_since = self._now()
        waited = self._now() - self._waiting_since >= self._config.batch_wait_s
        if waiting < self._config.batch_most and not waited and not self._draining:
            return None
        try:
            batch = await self._store.seal(self._config.batch_most)
        except StoreError as error:
            log.error("cannot seal", error=str(error))
            return None
        self._waiting_since = None
        if batch is not None:
            self._cursor = (batch.boot_seq, batch.number)
        return batch

    async def _wait_for_work(self) -> None:
        """Until something is committed or acknowledged, or until a part-filled batch has waited long enough."""
        # Not wait_for: on Python 3.11 that may swallow a cancellation, and the session would never end.
        with suppress(TimeoutError):
            async with asyncio.timeout(min(self._config.batch_wait_s, 1.0) / 2):
                await self._store.committed.wait()

    async def _listen(self, client: BrokerClient) -> None:
        """Apply acknowledgements together where several have arrived, and take routes and orders."""
        messages = client.messages
        async for message in messages:
            arrived = [message]
            while len(messages):
                arrived.append(await anext(messages))
            await self._apply([bytes(m.payload) for m in arrived if m.topic.value == ack_topic(self._device)])
            for m in arrived:
                if m.topic.value == route_topic(self._device) and m.payload:
                    await self._take_route(bytes(m.payload))
                elif m.topic.value == orders_topic(self._device) and m.payload:
                    await self._take_orders(bytes(m.payload))

    async def _apply(self, payloads: Sequence[bytes]) -> None:
        acks = [ack for payload in payloads if (ack := self._read_ack(payload))]
        if not acks:
            return
        try:
            applied = await self._store.apply_acks(acks)
        except StoreError as error:
            log.error("acknowledgement not applied", error=str(error))
            return
        for refused in applied.refused:
            log.warning("batch refused", boot=refused.boot, number=refused.number, reason=refused.reason)
        answered = [*applied.acknowledged, *((refused.boot, refused.number) for refused in applied.refused)]
        for key in answered:
            self._under_way.pop(key, None)

    def _read_ack(self, payload: bytes) -> Ack | None:
        try:
            ack = decode_ack(payload)
        except ValueError as error:
            log.warning("acknowledgement unreadable", error=str(error))
            return None
        if ack.device != self._device or ack.schema != SCHEMA:
            log.warning("acknowledgement not for us", device=ack.device, schema=ack.schema)
            return None
        return ack

    async def _take_route(self, payload: bytes) -> None:
        try:
            route = decode_route(payload)
            if route.device != self._device or route.schema != SCHEMA:
                raise ValueError(f"route.device {route.device!r}, schema {route.schema}: not for this device")
            taken = await self._store.store_route(route)
        except (ValueError, StoreError) as error:
            log.warning("route not taken", error=str(error))
            return
        log.info("route", code=route.code, stops=len(route.stops), taken=taken)

    async def _take_orders(self, payload: bytes) -> None:
        try:
            message = decode_orders(payload)
            if message.device != self._device or message.schema != SCHEMA:
                raise ValueError(f"orders.device {message.device!r}, schema {message.schema}: not for this device")
            taken = await self._store.store_orders(message)
        except (ValueError, StoreError) as error:
            log.warning("orders not taken", error=str(error))
            return
        log.info("orders", orders=len(message.orders), taken=taken)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _leaves(failures: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The single exceptions in a group of groups."""
    found: list[BaseException] = []
    for failure in failures.exceptions:
        found += _leaves(failure) if isinstance(failure, BaseExceptionGroup) else [failure]
    return found
