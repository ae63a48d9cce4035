"""A centre that does not exist, and the two brokers it is met through."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiomqtt
import pytest
from amqtt.broker import Broker

from edge.backoff import Backoff
from edge.clock import SystemClock
from edge.config import BrokerConfig
from edge.store import Store
from edge.sync.connection import open_client
from edge.sync.sync import Sync
from protocols.sync import (
    SCHEMA,
    Ack,
    Batch,
    Refusal,
    ack_topic,
    all_batches,
    encode_message,
    open_batch,
    read_envelope,
)
from tests.edge.conftest import end
from tests.edge.samples import DEVICE


class Centre:
    """Takes batches as the centre does: once each, however often they come. ``answer`` decides how it replies."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.batches: dict[tuple[str, int], Batch] = {}
        self.arrivals: list[tuple[str, int]] = []
        self.bytes_of: dict[tuple[str, int], set[bytes]] = {}
        self.answer: Callable[[Batch], list[Ack]] = lambda batch: [self.ack(batch)]
        self._client: aiomqtt.Client | None = None

    async def run(self) -> None:
        while True:
            try:
                async with aiomqtt.Client("127.0.0.1", self.port, identifier="centre") as client:
                    self._client = client
                    client.pending_calls_threshold = 1000
                    await client.subscribe(all_batches(), qos=1)
                    async for message in client.messages:
                        await self._take(bytes(message.payload))
            except aiomqtt.MqttError:
                self._client = None
                await asyncio.sleep(0.05)

    @property
    def listening(self) -> bool:
        return self._client is not None

    async def _take(self, payload: bytes) -> None:
        batch = open_batch(read_envelope(payload))
        key = (batch.boot, batch.number)
        self.arrivals.append(key)
        self.bytes_of.setdefault(key, set()).add(payload)
        self.batches.setdefault(key, batch)
        for ack in self.answer(batch):
            await self.say(ack_topic(DEVICE), encode_message(ack))

    async def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        assert self._client is not None
        # A publish does not notice that its connection went; it must not wait long.
        await self._client.publish(topic, payload, qos=1, retain=retain, timeout=1)

    def ack(self, batch: Batch) -> Ack:
        """Everything of the boot that is committed here, without gaps."""
        committed = 0
        while (batch.boot, committed + 1) in self.batches:
            committed += 1
        also = tuple(sorted(n for boot, n in self.batches if boot == batch.boot and n > committed))
        return Ack(SCHEMA, DEVICE, batch.boot, committed, also)

    @staticmethod
    def refusal(batch: Batch, reason: str) -> Ack:
        return Ack(SCHEMA, DEVICE, batch.boot, 0, refused=(Refusal(batch.number, reason),))

    def item_ids(self) -> list[int]:
        return sorted(item.id for batch in self.batches.values() for item in batch.items)


@pytest.fixture
async def embedded_broker() -> AsyncIterator[int]:
    """An amqtt broker in this process, MQTT 3.1.1; its port."""
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    yield port
    await broker.shutdown()


@pytest.fixture(params=[pytest.param("mosquitto", marks=pytest.mark.mosquitto), "amqtt"])
def broker(request: pytest.FixtureRequest) -> BrokerConfig:
    if request.param == "mosquitto":
        return settings(request.getfixturevalue("mosquitto").port)
    return settings(request.getfixturevalue("embedded_broker"), protocol="3.1.1")


def settings(port: int, **changed: object) -> BrokerConfig:
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "window": 5,
        "batch_most": 10,
        "batch_wait_s": 0.05,
        "retry_first_s": 0.05,
        "retry_cap_s": 0.2,
        **changed,
    }
    return BrokerConfig(**values)  # type: ignore[arg-type]


@pytest.fixture
async def centre(broker: BrokerConfig) -> AsyncIterator[Centre]:
    found = Centre(broker.port)
    task = asyncio.create_task(found.run())
    while not found.listening:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield found
    await end(task)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    found = Store(tmp_path / "edge.db", DEVICE, SystemClock(), group_ms=5)
    yield found
    await found.close()


def sync_of(store: Store, broker: BrokerConfig, folder: Path) -> Sync:
    backoff = Backoff(broker.retry_first_s, broker.retry_cap_s, broker.stable_s)
    return Sync(broker, DEVICE, store, lambda: open_client(broker, DEVICE, folder / "edge.toml"), backoff)


@pytest.fixture
async def sync(store: Store, broker: BrokerConfig, tmp_path: Path) -> AsyncIterator[Sync]:
    found = sync_of(store, broker, tmp_path)
    task = asyncio.create_task(found.run())
    yield found
    await end(task)
