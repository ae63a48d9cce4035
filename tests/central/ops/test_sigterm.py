"""What a worker that is told to stop does with the batches in its hands, and with those that come meanwhile."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from central.reading.arrivals import Arrival
from central.reading.ingest import Applied, Ingest
from central.reading.metrics import Metrics
from central.reading.worker import Worker
from protocols.sync import batch_topic
from tests.central.conftest import NOW, Town
from tests.central.reading.support import FakeDevice, counts, readings
from tests.central.reading.test_worker import config, field, next_ack, until, working
from tests.fixtures.mosquitto import Mosquitto

pytestmark = [pytest.mark.mosquitto]


class Holding(Ingest):
    """Begins to apply, and goes on when it is let."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.engine)
        self.begun, self.go = threading.Event(), threading.Event()

    def apply(self, arrivals: Sequence[Arrival]) -> Applied:
        self.begun.set()
        if not self.go.wait(60):
            raise TimeoutError("nobody let it go on")
        return super().apply(arrivals)


async def test_the_group_in_hand_is_finished_and_the_rest_is_delivered_again(town: Town, mosquitto: Mosquitto) -> None:
    device, ingest = FakeDevice(), Holding(town)
    first, second = (device.sealed(device.telegram(meter, 1000)) for meter in town.meters[:2])
    worker = Worker(ingest, config(mosquitto), Metrics(), clock=lambda: NOW)
    task = asyncio.create_task(worker.run())
    await until(lambda: worker.connected)
    async with field(mosquitto) as client:
        await client.publish(batch_topic("tpl-1"), first, qos=1)
        await until(ingest.begun.is_set)
        worker.stop()
        await client.publish(batch_topic("tpl-1"), second, qos=1)
        ingest.go.set()
        await task
        # Committed and acknowledged although it was told to stop; what came after was not touched.
        assert (await next_ack(client)).committed == 1
        assert counts(town.engine)["ingest_batch"] == 1
        async with working(Ingest(town.engine), config(mosquitto)):
            assert (await next_ack(client)).committed == 2
    assert len(readings(town.engine)) == 2
