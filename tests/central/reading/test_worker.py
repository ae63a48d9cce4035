"""The worker on a real broker: nothing is acknowledged before it is committed, and nothing is lost on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import aiomqtt
import pytest
from sqlalchemy.exc import OperationalError

from central.backoff import Backoff
from central.config import BrokerConfig
from central.reading.arrivals import Arrival
from central.reading.ingest import Applied, Ingest
from central.reading.metrics import Metrics
from central.reading.worker import Worker
from protocols.sync import Ack, ack_topic, batch_topic, decode_ack
from tests.central.conftest import NOW, Town
from tests.central.reading.support import NOW_MS, FakeDevice, counts, reading_of, readings
from tests.fixtures.mosquitto import Mosquitto

pytestmark = [pytest.mark.mosquitto]
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
BOTH_PROTOCOLS = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


def config(broker: Mosquitto, name: str = "central", **more: object) -> BrokerConfig:
    return BrokerConfig(host=broker.host, port=broker.port, client_id=name, retry_first_s=0.05, retry_cap_s=0.2, **more)  # type: ignore[arg-type]


async def until(holds: Callable[[], object]) -> None:
    """Wait for something that the code under test changes."""
    while not holds():  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0.01)


@asynccontextmanager
async def working(ingest: Ingest, settings: BrokerConfig, metrics: Metrics | None = None) -> AsyncIterator[Worker]:
    """A worker for the length of the block, stopped as by SIGTERM at its end."""
    worker = Worker(ingest, settings, metrics or Metrics(), clock=lambda: NOW)
    task = asyncio.create_task(worker.run())
    await until(lambda: worker.connected)
    try:
        yield worker
    finally:
        worker.stop()
        await task


@asynccontextmanager
async def field(broker: Mosquitto, device: str = "tpl-1") -> AsyncIterator[aiomqtt.Client]:
    """A device's connection, listening for what the centre says."""
    async with aiomqtt.Client(broker.host, broker.port, identifier=f"field-{device}") as client:
        await client.subscribe(ack_topic(device), qos=1)
        yield client


async def next_ack(client: aiomqtt.Client) -> Ack:
    message = await asyncio.wait_for(anext(client.messages), 60)
    return decode_ack(bytes(message.payload))


@BOTH_PROTOCOLS
async def test_a_batch_is_committed_and_then_acknowledged(town: Town, mosquitto: Mosquitto, protocol: str) -> None:
    device = FakeDevice()
    async with (
        working(Ingest(town.engine, town.ring), config(mosquitto, protocol=protocol)),
        field(mosquitto) as client,
    ):
        await client.publish(batch_topic("tpl-1"), device.sealed(device.telegram(town.meters[0], 1234)), qos=1)
        assert await next_ack(client) == Ack(1, "tpl-1", device.boot, 1, (1,))
        assert readings(town.engine) == {reading_of(town, 1, 1234)}


@ONE_DATABASE
async def test_a_poisoned_batch_is_answered_and_blocks_nobody(town: Town, mosquitto: Mosquitto) -> None:
    device, stranger = FakeDevice(), FakeDevice("tpl-9")
    metrics = Metrics()
    async with working(Ingest(town.engine), config(mosquitto), metrics), field(mosquitto) as client:
        await client.publish(batch_topic("tpl-1"), b"garbage", qos=1)
        await client.publish(batch_topic("tpl-9"), stranger.sealed(stranger.event("a")), qos=1)
        await client.publish(batch_topic("tpl-1"), device.sealed(device.telegram(town.meters[0], 1234)), qos=1)
        assert (await next_ack(client)).committed == 1
    counted = {
        fate: metrics.registry.get_sample_value("sgc_ingest_batches_total", {"fate": fate})
        for fate in ("committed", "kept", "refused")
    }
    assert counted == {"committed": 1, "kept": 1, "refused": 1}
    assert metrics.registry.get_sample_value("sgc_ingest_items_total") == 1


class Stumbling(Ingest):
    """An ingest whose database is away a few times, or that never comes to an end."""

    def __init__(self, town: Town, failures: int) -> None:
        super().__init__(town.engine, town.ring)
        self.failures = failures

    def apply(self, arrivals: Sequence[Arrival]) -> Applied:
        if self.failures:
            self.failures -= 1
            raise OperationalError("SELECT 1", {}, Exception("the database is away"))
        return super().apply(arrivals)


@ONE_DATABASE
async def test_a_database_that_is_away_delays_and_loses_nothing(town: Town, mosquitto: Mosquitto) -> None:
    device, metrics = FakeDevice(), Metrics()
    async with working(Stumbling(town, 3), config(mosquitto), metrics), field(mosquitto) as client:
        for n in range(5):
            payload = device.sealed(device.telegram(town.meters[0], 1000 + n, NOW_MS - 100 + n))
            await client.publish(batch_topic("tpl-1"), payload, qos=1)
        while (await next_ack(client)).committed < 5:
            pass
    assert len(readings(town.engine)) == 5
    assert metrics.registry.get_sample_value("sgc_ingest_failures_total") == 3


@ONE_DATABASE
async def test_what_was_not_committed_is_delivered_again_to_the_next_worker(town: Town, mosquitto: Mosquitto) -> None:
    device = FakeDevice()
    async with field(mosquitto) as client:
        async with working(Stumbling(town, 1_000_000), config(mosquitto, protocol="5")) as stuck:
            for n in range(5):
                payload = device.sealed(device.telegram(town.meters[0], 1000 + n, NOW_MS - 100 + n))
                await client.publish(batch_topic("tpl-1"), payload, qos=1)
            await until(lambda: stuck._metrics.registry.get_sample_value("sgc_ingest_failures_total"))
        assert counts(town.engine)["ingest_batch"] == 0
        async with working(Ingest(town.engine), config(mosquitto, protocol="5")):
            while (await next_ack(client)).committed < 5:
                pass
    assert len(readings(town.engine)) == 5


@ONE_DATABASE
async def test_a_broker_that_dies_is_met_again(town: Town, mosquitto: Mosquitto) -> None:
    device = FakeDevice()
    payload = device.sealed(device.telegram(town.meters[0], 1234))
    async with working(Ingest(town.engine), config(mosquitto)) as worker:
        mosquitto.kill()
        await until(lambda: not worker.connected)
        mosquitto.start()
        await until(lambda: worker.connected)
        async with field(mosquitto) as client:
            await client.publish(batch_topic("tpl-1"), payload, qos=1)
            assert (await next_ack(client)).committed == 1


async def test_workers_share_the_load_and_each_batch_counts_once(town: Town, mosquitto: Mosquitto) -> None:
    devices = [FakeDevice(), FakeDevice(boot="11111111-2222-3333-4444-555555555555", last_item=1000)]
    metrics = [Metrics(), Metrics()]
    settings = [config(mosquitto, name, protocol="5", shared="ingest", group_batches=2) for name in ("one", "two")]
    async with (
        working(Ingest(town.engine, town.ring), settings[0], metrics[0]),
        working(Ingest(town.engine, town.ring), settings[1], metrics[1]),
        field(mosquitto) as client,
    ):
        for n in range(20):
            for device in devices:
                payload = device.sealed(device.telegram(town.meters[n % 3], 1000 + n, NOW_MS - 100_000 + n * 10))
                for _ in range(2):
                    await client.publish(batch_topic("tpl-1"), payload, qos=1)
        heads = {device.boot: 0 for device in devices}
        while min(heads.values()) < 20:
            ack = await next_ack(client)
            heads[ack.boot] = max(heads[ack.boot], ack.committed)
    found = counts(town.engine)
    assert (found["ingest_batch"], found["telegram"], found["reading"]) == (40, 40, 20)
    assert sum(of(one, "committed") for one in metrics) == 40
    assert all(of(one, "committed") + of(one, "repeated") > 0 for one in metrics)


def of(metrics: Metrics, fate: str) -> float:
    return metrics.registry.get_sample_value("sgc_ingest_batches_total", {"fate": fate}) or 0


def test_the_delay_grows_with_jitter_and_starts_over_only_after_it_held() -> None:
    now = 0.0
    backoff = Backoff(1.0, 8.0, 30.0, clock=lambda: now)
    for longest in (1, 2, 4, 8, 8):
        assert longest / 2 <= backoff.next_delay() <= longest
    backoff.held()
    now = 29.0
    assert backoff.next_delay() >= 4
    backoff.held()
    now = 60.0
    assert backoff.next_delay() <= 1
