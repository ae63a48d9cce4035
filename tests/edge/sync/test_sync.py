"""The way to the centre through real brokers, with a centre that answers late, twice, never, or refuses."""

import asyncio
from pathlib import Path

import pytest

import tests.fixtures.mosquitto
from edge.clock import SystemClock
from edge.config import BrokerConfig
from edge.store import Store
from edge.sync.sync import Sync
from protocols.sync import SCHEMA, Ack, Batch, ack_topic, encode_message, route_topic
from tests.edge.conftest import end, until
from tests.edge.samples import DEVICE, route, telegram, visit
from tests.edge.sync.conftest import Centre, settings, sync_of
from tests.fixtures.mosquitto import Mosquitto


async def put(store: Store, count: int) -> None:
    await store.put([telegram(n) for n in range(count)])
    await store.flush()


async def test_everything_arrives_once_and_is_pruned(store: Store, sync: Sync, centre: Centre) -> None:
    await put(store, 205)
    await store.record_visit(visit("a"))
    await until(lambda: store.counts().pending == 0)
    assert centre.item_ids() == list(range(1, 207))
    assert store.counts().acknowledged == 206
    assert {len(batch.items) for batch in centre.batches.values()} <= set(range(1, 11))


async def test_no_more_than_the_window_is_under_way(store: Store, sync: Sync, centre: Centre) -> None:
    centre.answer = lambda batch: []
    await put(store, 200)
    await until(lambda: len(centre.arrivals) == 5)
    await asyncio.sleep(0.2)
    assert len(centre.arrivals) == sync.state.under_way == 5
    assert store.counts().pending == 200


async def test_late_acknowledgements(store: Store, sync: Sync, centre: Centre) -> None:
    centre.answer = lambda batch: [centre.ack(batch)] if len(centre.batches) % 5 == 0 else []
    await put(store, 200)
    await until(lambda: store.counts().pending == 0)
    assert centre.item_ids() == list(range(1, 201))


async def test_doubled_and_stale_acknowledgements(store: Store, sync: Sync, centre: Centre) -> None:
    def answer(batch: Batch) -> list[Ack]:
        stale = Ack(SCHEMA, DEVICE, batch.boot, 0)
        return [centre.ack(batch), stale, centre.ack(batch)]

    centre.answer = answer
    await put(store, 100)
    await until(lambda: store.counts().pending == 0)
    assert store.counts().acknowledged == 100


async def test_a_batch_that_is_never_answered_is_offered_again_unchanged(
    store: Store, broker: BrokerConfig, centre: Centre, tmp_path: Path
) -> None:
    centre.answer = lambda batch: [] if len(centre.arrivals) < 4 else [centre.ack(batch)]
    sync = sync_of(store, settings(broker.port, protocol=broker.protocol, ack_wait_s=0.1), tmp_path)
    task = asyncio.create_task(sync.run())
    await put(store, 10)
    await until(lambda: store.counts().pending == 0)
    await end(task)
    assert len(centre.arrivals) >= 4
    assert [len(copies) for copies in centre.bytes_of.values()] == [1]


async def test_a_refused_batch_stays_with_its_reason_and_blocks_nobody(
    store: Store, sync: Sync, centre: Centre
) -> None:
    centre.answer = lambda batch: [
        centre.refusal(batch, "batch.items[3].litres: -1") if batch.number == 2 else centre.ack(batch)
    ]
    await put(store, 50)
    await until(lambda: store.counts().pending == 0)
    counts = store.counts()
    assert (counts.acknowledged, counts.refused) == (40, 10)
    assert [(b.number, b.reason) for b in store.refused()] == [(2, "batch.items[3].litres: -1")]
    assert centre.arrivals.count((store.boot, 2)) == 1
    centre.answer = lambda batch: [centre.ack(batch)]
    await store.offer_again()
    sync.offer_all()
    await until(lambda: store.counts().acknowledged == 50)


async def test_unreadable_and_foreign_acknowledgements_change_nothing(store: Store, sync: Sync, centre: Centre) -> None:
    def answer(batch: Batch) -> list[Ack]:
        return [Ack(SCHEMA, "edge-002", batch.boot, 99), Ack(99, DEVICE, batch.boot, 99)]

    centre.answer = answer
    await until(lambda: sync.state.broker == "up")
    await centre.say(ack_topic(DEVICE), b"\xc1 not a message")
    await put(store, 10)
    await until(lambda: len(centre.arrivals) == 1)
    await asyncio.sleep(0.1)
    assert store.counts().pending == 10
    centre.answer = lambda batch: [centre.ack(batch)]
    await put(store, 10)
    await until(lambda: store.counts().pending == 0)


async def test_a_route_left_at_the_broker_arrives(store: Store, sync: Sync, centre: Centre) -> None:
    await centre.say(route_topic(DEVICE), encode_message(route()), retain=True)
    await until(store.route)
    await centre.say(route_topic(DEVICE), b"\x00")
    await centre.say(route_topic(DEVICE), b"", retain=True)
    found = store.route()
    assert found is not None
    assert found.code == "R1"


async def test_drain_sends_part_filled_batches_at_once(
    store: Store, broker: BrokerConfig, centre: Centre, tmp_path: Path
) -> None:
    sync = sync_of(store, settings(broker.port, protocol=broker.protocol, batch_wait_s=3600), tmp_path)
    task = asyncio.create_task(sync.run())
    await put(store, 3)
    await until(lambda: sync.state.broker == "up")
    assert store.counts().pending == 3
    assert await sync.drain(30)
    await end(task)
    assert centre.item_ids() == [1, 2, 3]


async def test_drain_gives_up_where_there_is_no_broker(store: Store, tmp_path: Path) -> None:
    sync = sync_of(store, settings(1), tmp_path)
    task = asyncio.create_task(sync.run())
    await put(store, 3)
    assert not await sync.drain(0.2)
    await end(task)
    assert sync.state.broker == "down"
    assert "refused" in sync.state.detail.lower()


@pytest.mark.mosquitto
async def test_broker_killed_again_and_again(mosquitto: Mosquitto, store: Store, tmp_path: Path) -> None:
    centre = Centre(mosquitto.port)
    sync = sync_of(store, settings(mosquitto.port, ack_wait_s=2), tmp_path)
    tasks = [asyncio.create_task(centre.run()), asyncio.create_task(sync.run())]
    for _ in range(4):
        await put(store, 100)
        arrived = len(centre.arrivals)
        await until(lambda arrived=arrived: len(centre.arrivals) > arrived)  # type: ignore[misc]
        mosquitto.kill()
        await put(store, 20)
        mosquitto.start()
    await until(lambda: store.counts().pending == 0)
    await end(*tasks)
    assert centre.item_ids() == list(range(1, 481))
    assert all(len(copies) == 1 for copies in centre.bytes_of.values())
    assert sync.state.connections >= 4


@pytest.mark.mosquitto
async def test_a_restart_resumes_where_the_last_start_ended(mosquitto: Mosquitto, tmp_path: Path) -> None:
    centre = Centre(mosquitto.port)
    centre.answer = lambda batch: [centre.ack(batch)] if batch.number % 2 else []
    listening = asyncio.create_task(centre.run())
    for start in range(3):
        store = Store(tmp_path / "edge.db", DEVICE, SystemClock(), group_ms=5)
        sync = sync_of(store, settings(mosquitto.port), tmp_path)
        task = asyncio.create_task(sync.run())
        await put(store, 35)
        wanted = 35 * (start + 1)
        await until(lambda wanted=wanted: len(centre.item_ids()) >= wanted)  # type: ignore[misc]
        await end(task)
        await store.close()
    await end(listening)
    assert centre.item_ids() == list(range(1, 106))
    assert all(len(copies) == 1 for copies in centre.bytes_of.values())


@pytest.mark.mosquitto
async def test_why_the_broker_does_not_take_a_batch_is_said(
    request: pytest.FixtureRequest, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acl").write_text("topic read sgc/v1/#\n")
    text = tests.fixtures.mosquitto.CONFIGURATION + f"acl_file {tmp_path / 'acl'}\n"
    monkeypatch.setattr(tests.fixtures.mosquitto, "CONFIGURATION", text)
    (tmp_path / "acl").chmod(0o600)
    broker = request.getfixturevalue("mosquitto")
    sync = sync_of(store, settings(broker.port), tmp_path)
    task = asyncio.create_task(sync.run())
    await put(store, 3)
    await until(lambda: "Not authorized" in sync.state.detail)
    await end(task)
    assert store.counts().pending == 3


# Only on Mosquitto: amqtt itself leaves streams open when a client goes in the middle of connecting.
@pytest.mark.mosquitto
@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
async def test_it_ends_at_whatever_moment_it_is_told_to(
    store: Store, broker: BrokerConfig, centre: Centre, tmp_path: Path
) -> None:
    for milliseconds in range(0, 100, 7):
        task = asyncio.create_task(sync_of(store, broker, tmp_path).run())
        await put(store, 30)
        await asyncio.sleep(milliseconds / 1000)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=60)
        assert done
    final = asyncio.create_task(sync_of(store, broker, tmp_path).run())
    await until(lambda: store.counts().pending == 0)
    await end(final)
    assert centre.item_ids() == list(range(1, 451))
