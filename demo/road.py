"""The main job from the air to the bill, on the embedded default: one town, one van, one centre, one portal."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from central.config import load_config
from central.invoicing import drive
from central.ops.audit import Verdict, audit
from central.reading.routes import prepare_route, send
from central.reading.validation import validate_all
from central.register.change import Change
from central.register.importing import apply_import, parse_register_file, plan_import
from central.register.keys import KeyRing
from central.register.routes import find_route
from central.store import Engine, migrate, open_engine, write_session
from demo.billing import Biller, billing_settings, periods_of, record_tariff
from demo.books import Books, close_books
from demo.broker import embedded_broker, free_port
from demo.people import Login, create_people
from demo.processes import Room, Rooms
from demo.reader import Dial, type_readings
from demo.register import ROUTE, UTILITY, register_of
from demo.screen import Screen
from demo.workplace import PIN, Ports, Workplace
from firmware_sim.town import Town

TARIFFS = Path(__file__).parents[1] / "examples" / "tariffs"
LOOK_EVERY_SECONDS = 0.25


class RoadError(RuntimeError):
    """The main job could not be done; the text names the station and what it said."""


@dataclass(frozen=True)
class Plan:
    """What to demonstrate."""

    meters: int = 60
    months: int = 3
    seed: int = 1


@dataclass
class Result:
    """What the main job came to."""

    books: Books
    meters: int
    edge: dict[str, Any]
    invoices: int
    total_cents: int
    audit: list[Verdict]
    logins: list[Login] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing was lost, doubled, different or against a law."""
        return self.books.closed and self.lawful

    @property
    def lawful(self) -> bool:
        """Whether every law holds."""
        return all(verdict.holds for verdict in self.audit)


@dataclass
class Road:
    """The stations of one main job; ``processes`` run until the road is left."""

    plan: Plan
    work: Workplace
    screen: Screen
    ports: Ports
    rooms: Rooms
    engine: Engine
    town: Town
    utility_id: int
    logins: list[Login]
    sim: Room | None = None
    typed: dict[str, int] = field(default_factory=dict)

    async def transmit(self) -> dict[str, Any]:
        """Play the town and wait until everything heard is at the centre; what the agent says at the end."""
        self.sim = await self.rooms.start(
            "sim", "sim", "run", "--town", str(self.work.town), "--link", str(self.work.serial)
        )
        with self.screen.stage("transmit", "Los contadores transmiten, la furgoneta escucha"):
            await self._until(self._played)
        with self.screen.stage("reader", "El lector teclea lo que no tiene radio"):
            await self.read_by_hand()
        with self.screen.stage("sync", "El agente vacía su bandeja de salida"):
            await self._until(self._drained)
        return await self._edge_status()

    async def _played(self) -> bool:
        status = await self._edge_status()
        progress = last_progress(self.rooms.logs / "sim.log")
        # The town tells its progress now and then, the agent at once: what it has stored was heard.
        self.screen.update("transmit", status["stored"], max(progress["heard"], status["stored"], 1))
        return bool(progress["done"]) and status["stored"] >= progress["heard"]

    async def read_by_hand(self) -> None:
        """Type the dial of every meter without radio on the van's screen."""
        moment = datetime.fromisoformat(last_progress(self.rooms.logs / "sim.log")["instant"])
        silent = [meter for meter in self.town.meters if not meter.radio and meter.on_until is None]
        dials = [
            Dial(meter.house.supply_code, str(meter.address), self.town.index_at(meter, moment)) for meter in silent
        ]
        await type_readings(self._url(self.ports.screen), PIN, dials)
        self.typed = {dial.meter: dial.litres for dial in dials}

    async def _drained(self) -> bool:
        status = await self._edge_status()
        self.screen.update("sync", status["acknowledged"], status["acknowledged"] + status["pending"])
        return int(status["pending"]) == 0

    async def _edge_status(self) -> dict[str, Any]:
        status = await edge_status(self.ports.screen)
        if status["refused"]:
            raise RoadError(f"edge: {status['refused']} batches refused by the centre, must be 0 ({self.work.logs})")
        return status

    async def _until(self, done: Callable[[], Any]) -> None:
        while not await done():
            self.rooms.check()
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def bill(self) -> tuple[int, int]:
        """Validate and bill the town's whole period; how many invoices and cents."""
        with self.screen.stage("validate", "El centro valida las lecturas"):
            await asyncio.to_thread(validate_all, self.engine, datetime.now(UTC))
        biller = Biller(self.engine, self.utility_id, self.work.key_file, self._executors())
        invoices = cents = 0
        with self.screen.stage("bill", "Se factura: simular, revisar, aprobar, numerar, encadenar, entregar"):
            for period in periods_of(self.town.start, self.town.end):
                made = await asyncio.to_thread(biller.bill, period, self._billing_progress)
                invoices += made.summary["invoices"]
                cents += made.summary["total_cents"]
        return invoices, cents

    def _executors(self) -> drive.Executors:
        return drive.processes(2) if self.plan.meters >= 500 else drive.Serial

    def _billing_progress(self, _stage: str, done: int, total: int) -> None:
        self.screen.update("bill", done, total)

    async def close(self, edge: dict[str, Any], invoices: int, cents: int) -> Result:
        """Compare with ground truth and audit."""
        with self.screen.stage("books", "Se cierran las cuentas con lo que midieron los contadores"):
            books = await asyncio.to_thread(
                close_books, self.town, self.work.town, self.engine, self.utility_id, self.typed
            )
        with self.screen.stage("audit", "Auditoría"):
            verdicts = await asyncio.to_thread(self.audited)
        return Result(
            books, len(self.town.houses), edge, invoices, cents, verdicts, self.logins, dict(self.screen.seconds)
        )

    def audited(self) -> list[Verdict]:
        """Every law's verdict."""
        return list(audit(self.engine, KeyRing.load(self.work.key_file)))

    async def open_portal(self) -> str:
        """Serve the portal; its address once it answers."""
        await self.rooms.start(
            "portal", "portal", "run", "--db", self.work.database, "--utility", UTILITY,
            "--port", str(self.ports.portal), "--plain-http", "--reader-url", self._url(self.ports.screen),
            "--keys", str(self.work.key_file),
        )  # fmt: skip
        url = self._url(self.ports.portal)
        await answers(url, self.rooms)
        return url

    @staticmethod
    def _url(port: int) -> str:
        return f"http://127.0.0.1:{port}/"


@asynccontextmanager
async def open_road(plan: Plan, folder: Path, screen: Screen, portal_port: int) -> AsyncIterator[Road]:
    """Everything up and running: town, register, broker, centre and agent; all stopped at the end."""
    work = Workplace(folder)
    ports = Ports(free_port(), free_port(), free_port(), portal_port)
    with screen.stage("town", "Se levanta el pueblo y su padrón"):
        town, engine, utility_id, logins = await asyncio.to_thread(found_town, plan, work)
    work.write_central(ports)
    work.write_edge({str(meter.address): meter.key for meter in town.meters}, ports)
    rooms = Rooms(work.logs)
    async with embedded_broker(ports.broker):
        try:
            with screen.stage("start", "Arrancan el centro y la furgoneta"):
                await rooms.start("central", "central", "run", "--config", str(work.central_config))
                await answers(f"http://127.0.0.1:{ports.ops}/readyz", rooms)
                await rooms.start("edge", "edge", "run", "--config", str(work.edge_config))
                await answers(f"http://127.0.0.1:{ports.screen}/api/status", rooms)
                await send_route(engine, utility_id, work)
            yield Road(plan, work, screen, ports, rooms, engine, town, utility_id, logins)
        finally:
            await rooms.stop_all()
            engine.dispose()


def found_town(plan: Plan, work: Workplace) -> tuple[Town, Engine, int, list[Login]]:
    """Draw the town, import its register, keep its tariff, make its people."""
    town = Town.build(plan.meters, plan.months, plan.seed)
    town.write(work.town)
    ring = KeyRing.create(work.key_file)
    engine = open_engine(work.database)
    migrate(engine)
    by = Change("demo", datetime.now(UTC), "simulated town")
    document = register_of(town)
    document["utility"]["settings"] = {"billing": billing_settings()}
    with write_session(engine) as session:
        file = parse_register_file(msgspec.json.encode(document), "town.json")
        planned = plan_import(session, file, ring, by)
        if refused := planned.refused():
            first = refused[0]
            raise RoadError(f"register: {len(refused)} rows refused, first {first.section} {first.key}: {first.reason}")
        utility_id = apply_import(session, planned, by)
        record_tariff(session, utility_id, TARIFFS, town.start)
        logins = create_people(session, utility_id, town)
    return town, engine, utility_id, logins


async def edge_status(port: int) -> dict[str, Any]:
    """What the agent says of itself."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/api/status")
    status: dict[str, Any] = answer.json()
    return status


async def answers(url: str, rooms: Rooms) -> None:
    """Wait until ``url`` answers with success."""
    async with httpx.AsyncClient() as client:
        while True:
            rooms.check()
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(LOOK_EVERY_SECONDS / 5)


def last_progress(log: Path) -> dict[str, Any]:
    """The simulator's last line of progress."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = [line for line in file.read().split(b"\n")[:-1] if line.startswith(b"{")]
    return json.loads(lines[-1]) if lines else {"sent": 0, "heard": 0, "done": False, "instant": None}


async def send_route(engine: Engine, utility_id: int, work: Workplace) -> None:
    """Leave the route for the van's screen, as ``sgc central route publish`` does."""
    config = load_config(work.central_config)
    if config.broker is None:
        raise RoadError(f"{work.central_config}: [broker] is missing")
    with write_session(engine) as session:
        route = find_route(session, utility_id, ROUTE)
        if route is None:
            raise RoadError(f"route {ROUTE}: is not in the register")
        message = prepare_route(session, route, by=Change("demo", datetime.now(UTC)))
    await send(config.broker, message)
