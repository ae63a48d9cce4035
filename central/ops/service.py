"""The centre's process: ingest worker, validation of what came in, and the operations listener, until SIGTERM."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import structlog
import uvicorn
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.access import throttle
from central.config import AgencyConfig, BrokerConfig, Config, ConfigError, OpsConfig
from central.fiscal import queries as fiscal
from central.fiscal.agency import HttpAgency
from central.fiscal.events import Keeper
from central.fiscal.sending import send_all
from central.fiscal.signing import seal
from central.fleet.sending import settle_and_watch, tell_devices
from central.ops.listener import create_listener
from central.reading import quarantine
from central.reading.ingest import Ingest
from central.reading.metrics import Metrics
from central.reading.validation import RuleError, validate_all
from central.reading.worker import Worker
from central.register.errors import RegisterError
from central.register.keys import KeyRing
from central.store import read_session, schema_version
from central.store.migrate import newest_version
from central.store.partitions import create_partitions, missing_partitions
from central.times import DAY_MS, millis
from central.webhooks import queries as webhooks
from central.webhooks.worker import Courier

log = structlog.get_logger("central")

OBSERVED_EVERY_S = 10.0
EVENTS_EVERY_S = 30.0
COMING_MS = 31 * DAY_MS
PRUNED_EVERY_S = 3600.0


class Service:
    """Everything ``sgc central run`` runs."""

    def __init__(self, config: Config, engine: Engine) -> None:
        if config.broker is None:
            raise ConfigError("configuration: [broker] is missing, it says where batches arrive")
        self._config = config
        self._engine = engine
        self._metrics = Metrics()
        self._broker = config.broker
        self._ring = KeyRing.load(Path(config.keys.file)) if config.keys else None
        self._worker = Worker(Ingest(engine, self._ring), config.broker, self._metrics)
        self._agency = HttpAgency(config.agency) if config.agency else None
        self._keeper = Keeper(engine, seal(config.seal)) if config.seal else None
        self._courier = Courier(engine, self._ring, config.webhooks, count=self._count_webhook)
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; the group of batches at hand is finished first."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        app = create_listener(self._metrics.registry, self._problems)
        server = _Server(
            uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
        )
        with _listen(self._config.ops) as listener:
            log.info("started", ops_port=listener.getsockname()[1], schema=newest_version())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(server.serve([listener]))
                tasks.create_task(self._validation())
                tasks.create_task(self._street(self._broker))
                tasks.create_task(self._observation())
                tasks.create_task(self._webhooks())
                if self._config.agency and self._agency:
                    tasks.create_task(self._submission(self._config.agency, self._agency))
                if self._keeper:
                    tasks.create_task(self._events(self._keeper))
                await self._worker.run()
                self._stop.set()
                server.should_exit = True
        log.info("stopped")

    def stop(self) -> None:
        """Begin to end."""
        self._stop.set()
        self._courier.stopping.set()
        self._worker.stop()

    def _problems(self) -> dict[str, str]:
        """What keeps this process from working, by name."""
        problems = {}
        try:
            version = schema_version(self._engine)
            if version != newest_version():
                problems["database"] = f"schema {version}, this program needs {newest_version()}"
        except SQLAlchemyError as error:
            problems["database"] = _first_line(error)
        if not self._worker.connected:
            problems["broker"] = "not connected"
        return problems

    async def _validation(self) -> None:
        """Validate what came in, every so often."""
        every = self._config.validation.every_s
        while every and not await self._stopped_within(every):
            try:
                done = await asyncio.to_thread(validate_all, self._engine, datetime.now(UTC))
            except (SQLAlchemyError, RuleError) as error:
                log.error("validation failed", error=_first_line(error))
                continue
            self._metrics.findings.inc(done.findings)
            log.debug("validated", readings=done.readings, verdicts=done.verdicts, findings=done.findings)

    async def _street(self, broker: BrokerConfig) -> None:
        """Settle what devices reported of orders and tell them what is new, every so often."""
        every = self._config.street.every_s
        while every and not await self._stopped_within(every):
            try:
                await asyncio.to_thread(settle_and_watch, self._engine, self._ring, datetime.now(UTC))
                await tell_devices(self._engine, broker, datetime.now(UTC))
            except (SQLAlchemyError, RegisterError, aiomqtt.MqttError) as error:
                log.error("work in the street failed", error=_first_line(error))

    async def _submission(self, config: AgencyConfig, agency: HttpAgency) -> None:
        """Send to the tax agency what is due, every so often; each message is recorded before the next one goes."""
        with agency:
            while not await self._stopped_within(config.every_s):
                try:
                    await asyncio.to_thread(send_all, self._engine, agency, config)
                except (SQLAlchemyError, ValueError) as error:
                    log.error("submission failed", error=_first_line(error))

    async def _webhooks(self) -> None:
        """Deliver what other programs are owed, every so often; once an hour forget what is old."""
        every, pruned_at = self._config.webhooks.every_s, 0.0
        while every and not await self._stopped_within(every):
            try:
                await asyncio.to_thread(self._courier.deliver)
                if time.monotonic() - pruned_at > PRUNED_EVERY_S:
                    await asyncio.to_thread(self._courier.prune)
                    pruned_at = time.monotonic()
            except SQLAlchemyError as error:
                log.error("webhooks failed", error=_first_line(error))

    def _count_webhook(self, fate: str) -> None:
        self._metrics.webhook_tries.labels(fate).inc()

    async def _events(self, keeper: Keeper) -> None:
        """Keep the log of events of those that do not submit: the start, signatures and summaries, the end."""
        await self._kept(keeper.begin)
        while not await self._stopped_within(EVENTS_EVERY_S):
            await self._kept(keeper.tick)
        await self._kept(keeper.end)

    async def _kept(self, write: Callable[[datetime], None]) -> None:
        try:
            await asyncio.to_thread(write, datetime.now(UTC))
        except (SQLAlchemyError, ValueError) as error:
            log.error("log of events failed", error=_first_line(error))

    async def _observation(self) -> None:
        """Keep the gauges of the database's state fresh, and the coming months' partitions made."""
        while not await self._stopped_within(OBSERVED_EVERY_S):
            try:
                await asyncio.to_thread(self._prepare_months)
                kinds = await asyncio.to_thread(self._open_entries)
                waiting = await asyncio.to_thread(self._fiscal_queue)
                owed = await asyncio.to_thread(self._webhook_queue)
                refusals = await asyncio.to_thread(self._login_refusals)
            except SQLAlchemyError as error:
                log.error("observation failed", error=_first_line(error))
                continue
            for kind in quarantine.KINDS:
                self._metrics.quarantine.labels(kind).set(kinds.get(kind, 0))
            age = (datetime.now(UTC) - waiting.oldest).total_seconds() if waiting.oldest else 0
            self._metrics.fiscal_waiting.set(waiting.records)
            self._metrics.fiscal_oldest_seconds.set(age)
            self._metrics.fiscal_rejected.set(waiting.rejected)
            age = (datetime.now(UTC) - owed.oldest).total_seconds() if owed.oldest else 0
            self._metrics.webhook_waiting.set(owed.waiting)
            self._metrics.webhook_oldest_seconds.set(age)
            self._metrics.webhook_disabled.set(owed.disabled)
            self._metrics.login_refusals.set(refusals)

    def _prepare_months(self) -> None:
        now_ms = millis(datetime.now(UTC))
        with self._engine.connect().execution_options(sgc_write=False) as connection:
            missing = missing_partitions(connection, [now_ms, now_ms + COMING_MS])
        create_partitions(self._engine, missing)

    def _login_refusals(self) -> int:
        with read_session(self._engine) as session:
            return throttle.recent(session, datetime.now(UTC))

    def _open_entries(self) -> dict[str, int]:
        with read_session(self._engine) as session:
            return quarantine.count_open(session)

    def _fiscal_queue(self) -> fiscal.Depth:
        with read_session(self._engine) as session:
            return fiscal.depth(session)

    def _webhook_queue(self) -> webhooks.Depth:
        with read_session(self._engine) as session:
            return webhooks.depth(session)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(ops: OpsConfig) -> socket.socket:
    try:
        return socket.create_server((ops.host, ops.port))
    except OSError as error:
        raise ConfigError(f"ops.port = {ops.port}: cannot listen on {ops.host} ({error.strerror})") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
