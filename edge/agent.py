"""The agent: receive, decode, store, sync and show, in one process that may be killed at any moment."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import structlog

from edge.clock import Clock, ReceiverClock, SystemClock
from edge.config import Config, ConfigError, beside
from edge.decoding import Decoding
from edge.keys import load_keys
from edge.memory import Memory
from edge.receivers.port import Frame, Receiver
from edge.receivers.registry import driver
from edge.receivers.serial_receiver import SerialReceiver, SerialSettings
from edge.screen.server import ScreenServer
from edge.signature import load_signer
from edge.store import Store, StoreError
from edge.sync.connection import open_client
from edge.sync.sync import Sync
from protocols.sync import decode_route
from protocols.wmbus import Keyring

log = structlog.get_logger("edge.agent")


class Agent:
    """Everything of one device, wired together. Made and run inside an event loop."""

    def __init__(self, config: Config, config_path: Path) -> None:
        """Open keys and store; raises ConfigError, KeysError, SignatureError or StoreError."""
        self._config = config
        self._path = config_path
        self._clock = clock_of(config)
        keys = self._keys()
        self.store = Store(
            beside(config_path, config.store.path),
            config.device,
            self._clock,
            group_ms=config.store.group_ms,
            group_most=config.store.group_most,
            sign=signer_of(config, config_path),
        )
        self._memory = Memory(self.store.learned())
        self._decoding = Decoding(keys, self._memory)
        self.receivers = [self._receiver(number) for number in range(len(config.receiver))]
        self.sync = self._sync()
        self.screen = ScreenServer(config.screen, self.store, self.status) if config.screen else None
        self._stopping = asyncio.Event()

    def _keys(self) -> Keyring | None:
        return load_keys(beside(self._path, self._config.keys.file)) if self._config.keys else None

    def _receiver(self, number: int) -> Receiver:
        config = self._config.receiver[number]
        settings = SerialSettings(config.name, config.port, config.mode, config.silence_s)
        return SerialReceiver(driver(config.kind), settings, self._clock)

    def _sync(self) -> Sync | None:
        broker = self._config.broker
        if broker is None:
            return None
        return Sync(
            broker, self._config.device, self.store, lambda: open_client(broker, self._config.device, self._path)
        )

    def stop(self) -> None:
        """Begin to drain; :meth:`run` returns when it is done."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until :meth:`stop`, SIGTERM or SIGINT; then deliver, commit and send what there is."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_report)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        await self._take_route_file()
        log.info("agent started", device=self._config.device, boot=self.store.boot)
        receiving = [asyncio.create_task(r.run(self._deliver, self._note)) for r in self.receivers]
        serving = [asyncio.create_task(part.run()) for part in (self.sync, self.screen) if part is not None]
        try:
            await self._until_stopped(receiving + serving)
            await self._drain(receiving)
        finally:
            await self._end(receiving + serving)
        log.info("agent stopped", pending=self._pending_at_end)

    _pending_at_end = 0
    _outside = 0

    async def _until_stopped(self, tasks: list[asyncio.Task[None]]) -> None:
        """Until told to stop; a part that fails ends the agent with its error, for whoever watches to restart it."""
        stopping = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in done - {stopping}:
            task.result()
            raise RuntimeError(f"{task.get_coro()} ended by itself")

    async def _drain(self, receiving: list[asyncio.Task[None]]) -> None:
        """Nothing more from the receivers; all that was heard into the file; as much as possible to the centre."""
        for receiver in self.receivers:
            receiver.stop()
        await asyncio.gather(*receiving)
        await self.store.flush()
        if self.sync is not None and self.sync.state.broker == "up":
            await self.sync.drain(self._config.drain_s)

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        if self.screen is not None:
            await self.screen.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pending_at_end = self.store.counts().pending
        await self.store.close()

    async def _take_route_file(self) -> None:
        if self._config.route is None:
            return
        path = beside(self._path, self._config.route.file)
        try:
            await self.store.store_route(decode_route(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise ConfigError(f"route.file {path}: {error}") from error

    async def _deliver(self, frames: list[Frame]) -> None:
        telegrams = [self._decoding.stored(frame) for frame in frames]
        wanted = self.store.closed_list()
        if wanted is not None:
            heard = len(telegrams)
            telegrams = [one for one in telegrams if one.meter in wanted]
            self._outside += heard - len(telegrams)
        await self.store.put(telegrams, self._memory.take_new())

    async def _note(self, kind: str, data: Mapping[str, str | int | bool | None]) -> None:
        try:
            await self.store.event(kind, data)
        except StoreError as error:
            log.error("event not stored", kind=kind, error=str(error))

    def status(self) -> dict[str, object]:
        """What ``/api/status`` says (see ``docs/doors.md``)."""
        counts = self.store.counts()
        sync = self.sync.state if self.sync else None
        return {
            "device": self._config.device,
            "boot": self.store.boot,
            "heard": counts.telegrams + self.store.queued,
            "stored": counts.telegrams,
            "readings": counts.readings,
            "typed": counts.typed,
            "events": counts.events,
            "pending": counts.pending,
            "acknowledged": counts.acknowledged,
            "refused": counts.refused,
            "outside": self._outside,
            "garbage_bytes": sum(receiver.state.garbage_bytes for receiver in self.receivers),
            "receiver": {receiver.state.name: asdict(receiver.state) for receiver in self.receivers},
            "broker": sync.broker if sync else "off",
            "broker_detail": sync.detail if sync else "no [broker] in the configuration",
            "store": self.store.failure or "ok",
        }


def signer_of(config: Config, config_path: Path) -> Callable[[bytes], bytes] | None:
    """What signs the device's batches, where it is configured; raises SignatureError."""
    return load_signer(beside(config_path, config.signature.file)) if config.signature else None


def clock_of(config: Config) -> Clock:
    """The clock that the configuration names."""
    return ReceiverClock() if config.clock.source == "receiver" else SystemClock()


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """What asyncio would print by itself, as a log line (a connection's error that nobody was left to hear, say)."""
    log.warning("asyncio", message=context.get("message"), error=str(context.get("exception")))


async def run_agent(config: Config, config_path: Path) -> None:
    """Make an agent and run it to its end."""
    await Agent(config, config_path).run()
