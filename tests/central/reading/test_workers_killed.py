"""Several workers share a subscription; one that is killed while it holds batches loses none of them."""

import asyncio
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Semaphore

import pytest
from sqlalchemy import select

from central.ops.bench import work
from central.store import read_session
from central.store.models import Telegram
from protocols.sync import batch_topic
from tests.central.conftest import Town
from tests.central.reading.support import NOW_MS, FakeDevice, counts
from tests.central.reading.test_worker import config, field, next_ack
from tests.fixtures.mosquitto import Mosquitto

pytestmark = [pytest.mark.mosquitto]
BATCHES, ITEMS = 80, 50


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_worker_killed_with_batches_in_its_hands_loses_none(
    town: Town, database: str, mosquitto: Mosquitto
) -> None:
    device = FakeDevice()
    sent = [
        device.sealed(
            *(device.telegram(town.meters[n % 3], 1000 + n, NOW_MS - 10**7 + batch * 1000 + n) for n in range(ITEMS))
        )
        for batch in range(BATCHES)
    ]
    context = get_context("spawn")
    ready: Semaphore = context.Semaphore(0)

    def started(name: str) -> SpawnProcess:
        settings = config(mosquitto, name, shared="ingest", group_batches=2)
        worker = context.Process(target=work, args=(database, settings, ready), daemon=True)
        worker.start()
        return worker

    workers = [started("one"), started("two")]
    for _ in workers:
        assert await asyncio.to_thread(ready.acquire, timeout=60)
    async with asyncio.timeout(120), field(mosquitto) as client:
        for payload in sent:
            await client.publish(batch_topic("tpl-1"), payload, qos=1)
        head = (await next_ack(client)).committed
        workers[0].kill()
        workers[0].join()
        # As whoever watches over the service does: the same worker again, with the session that the broker kept.
        workers.append(started("one"))
        while head < BATCHES:
            head = max(head, (await next_ack(client)).committed)
    for worker in workers[1:]:
        worker.terminate()
        worker.join()
    found = counts(town.engine)
    assert (found["ingest_batch"], found["telegram"], found["reading"]) == (BATCHES, BATCHES * ITEMS, BATCHES * ITEMS)
    with read_session(town.engine) as session:
        assert sorted(session.scalars(select(Telegram.item))) == list(range(1, BATCHES * ITEMS + 1))
