"""The centre's process: ingest worker, validation of what came in, and the operations listener, until SIGTERM."""

import asyncio
import signal
from pathlib import Path

import structlog
import uvicorn
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.config import Config
from central.ops.listener import create_listener
from central.ops.metrics import Metrics
from central.reading import quarantine
from central.reading.ingest import Ingest
from central.reading.validation import validate_all
from central.reading.worker import Worker
from central.register.keys import KeyRing
from central.store import read_session, schema_version
from central.store.migrate import newest_version

log = structlog.get_logger("central")


class Service:
    """Everything ``sgc central run`` runs."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self._metrics = Metrics()
        self._ring = KeyRing.load(Path(config.keys.file)) if config.keys else None
        self._worker = Worker(Ingest(engine, self._ring), _broker(config), self._metrics)
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; the group at hand is finished first."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        server = _Server(self._listener())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve())
            tasks.create_task(self._validation())
            tasks.create_task(self._observation())
            await self._worker.run()
            self._stop.set()
            server.should_exit = True
        log.info("stopped")

    def stop(self) -> None:
        """Begin to end."""
        self._stop.set()
        self._worker.stop()

    def _listener(self) -> uvicorn.Config:
        app = create_listener(self._metrics.registry, self._problems)
        ops = self._config.ops
        return uvicorn.Config(app, host=ops.host, port=ops.port, log_level="warning", access_log=False, lifespan="off")

    def _problems(self) -> dict[str, str]:
        """What keeps this process from working."""
        problems = {}
        try:
            version = schema_version(self._engine)
            if version != newest_version():
                problems["database"] = f"schema {version}, this program needs {newest_version()}"
        except SQLAlchemyError as error:
            problems["database"] = str(error).splitlines()[0]
        if not self._metrics.broker_up._value.get():
            problems["broker"] = "not connected"
        return problems

    async def _validation(self) -> None:
        """Validate what came in, every so often."""
        every = self._config.validation.every_s
        while every and not await self._stopped_within(every):
            try:
                found = await asyncio.to_thread(validate_all, self._engine)
            except SQLAlchemyError as error:
                log.error("validation failed", error=str(error).splitlines()[0])
                continue
            self._metrics.findings.inc(found)

    async def _observation(self) -> None:
        """Keep the gauges of the database's state fresh."""
        while not await self._stopped_within(10):
            try:
                kinds = await asyncio.to_thread(self._open_entries)
            except SQLAlchemyError as error:
                log.error("observation failed", error=str(error).splitlines()[0])
                continue
            for kind in ("batch", "telegram", "reading", "visit"):
                self._metrics.quarantine.labels(kind).set(kinds.get(kind, 0))

    def _open_entries(self) -> dict[str, int]:
        with read_session(self._engine) as session:
            return quarantine.count_open(session)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True
