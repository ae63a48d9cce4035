"""The ingest worker: batches from the broker, applied in groups, acknowledged to device and broker after the commit.

Whatever fails in between, the broker delivers again, or the device offers again: applying is idempotent. Several
workers may share a subscription; each must have a client id of its own.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import aiomqtt
import structlog

from central.backoff import Backoff
from central.config import BrokerConfig
from central.reading.arrivals import Arrival
from central.reading.ingest import Applied, Ingest
from central.reading.metrics import Metrics
from central.reading.mqtt import acknowledge, open_consumer, subscribe_batches
from protocols.sync import Ack, ack_topic, device_of, encode_message

log = structlog.get_logger("central.ingest")


class Worker:
    """Consumes batches until it is told to stop."""

    def __init__(
        self,
        ingest: Ingest,
        config: BrokerConfig,
        metrics: Metrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ingest = ingest
        self._config = config
        self._metrics = metrics
        self._clock = clock
        self._stop = asyncio.Event()
        self.connected = False
        self._broker = Backoff(config.retry_first_s, config.retry_cap_s, config.stable_s)
        self._database = Backoff(config.retry_first_s, config.retry_cap_s, 0)

    def stop(self) -> None:
        """Finish the group at hand and end."""
        self._stop.set()

    async def run(self) -> None:
        """Connect, consume, and connect again, until :meth:`stop`."""
        while not self._stop.is_set():
            try:
                await self._session()
            except (aiomqtt.MqttError, OSError) as error:
                delay = self._broker.next_delay()
                log.warning("broker down", reason=str(error), retry_s=round(delay, 2))
                await self._pause(delay)
            finally:
                self._is_connected(False)

    async def _session(self) -> None:
        async with open_consumer(self._config) as client:
            await subscribe_batches(client, self._config)
            self._broker.held()
            self._is_connected(True)
            log.info("broker up", host=self._config.host, port=self._config.port)
            while group := await self._next_group(client):
                await self._apply(client, group)

    def _is_connected(self, connected: bool) -> None:
        self.connected = connected
        self._metrics.broker_up.set(connected)

    async def _next_group(self, client: aiomqtt.Client) -> list[aiomqtt.Message]:
        """What has arrived, at least one message; empty once the worker is to stop."""
        first = asyncio.ensure_future(anext(client.messages))
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((first, stop), return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set():
                return []
            group = [first.result()]
        finally:
            for task in (first, stop):
                task.cancel()
        while len(client.messages) and len(group) < self._config.group_batches:
            group.append(await anext(client.messages))
        return group

    async def _apply(self, client: aiomqtt.Client, group: Sequence[aiomqtt.Message]) -> None:
        now = self._clock()
        arrivals = [
            Arrival(device, bytes(message.payload), now)
            for message in group
            if (device := device_of(message.topic.value)) and isinstance(message.payload, (bytes, bytearray))
        ]
        applied = await self._until_applied(arrivals)
        if applied is None:
            return
        await asyncio.gather(*(_answer(client, ack) for ack in applied.acks))
        for message in group:
            acknowledge(client, message)

    async def _until_applied(self, arrivals: Sequence[Arrival]) -> Applied | None:
        """Apply, again and again while the database does not answer; None where the worker is stopped meanwhile."""
        while True:
            started = time.perf_counter()
            try:
                applied = await asyncio.to_thread(self._ingest.apply, arrivals)
            except Exception as error:
                delay = self._database.next_delay()
                self._metrics.failures.inc()
                self._metrics.database_up.set(0)
                log.error("not applied, trying again", batches=len(arrivals), error=str(error), retry_s=round(delay, 2))
                await self._pause(delay)
                if self._stop.is_set():
                    return None
                continue
            self._database.held()
            self._metrics.database_up.set(1)
            self._metrics.group_seconds.observe(time.perf_counter() - started)
            self._metrics.count(applied.outcomes)
            _tell(applied)
            return applied

    async def _pause(self, seconds: float) -> None:  # float: seconds
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return


async def _answer(client: aiomqtt.Client, ack: Ack) -> None:
    await client.publish(ack_topic(ack.device), encode_message(ack), qos=1)


def _tell(applied: Applied) -> None:
    for outcome in applied.outcomes:
        if outcome.reason:
            log.warning(
                "batch quarantined",
                fate=outcome.fate,
                device=outcome.device,
                boot=outcome.boot,
                number=outcome.number,
                reason=outcome.reason,
            )
    committed = [outcome for outcome in applied.outcomes if outcome.fate == "committed"]
    log.debug("group committed", batches=len(committed), items=sum(outcome.items for outcome in committed))
