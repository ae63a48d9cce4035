"""The whole road with real processes and a real broker, where everything that can be killed is killed mid-way.

What must hold afterwards: every telegram that certainly reached the agent is at the centre, once; every stored reading
is what the meter showed; every billed litre was metered; the audit finds nothing.
"""

import asyncio
import random
import signal
from pathlib import Path

import httpx
import pytest

from demo.books import close_books
from demo.broker import free_port
from demo.processes import Room, Rooms
from demo.road import Plan, Road, answers, edge_status, found_town, last_progress, send_route
from demo.screen import Screen
from demo.workplace import Ports, Workplace
from tests.fixtures.mosquitto import Mosquitto

pytestmark = [pytest.mark.journey, pytest.mark.mosquitto]

PLAN = Plan(meters=24, months=1, seed=7)
# A month in about twenty seconds: long enough to be interrupted often.
SPEED = 130_000
KILLS = 9


class Field:
    """The rooms of one road, each of which may be killed and started again."""

    def __init__(self, road: Road, broker: Mosquitto) -> None:
        self.road = road
        self.broker = broker
        self.rooms: dict[str, Room] = {}

    async def start(self, name: str) -> None:
        work = self.road.work
        arguments = {
            "central": ("central", "run", "--config", str(work.central_config)),
            "edge": ("edge", "run", "--config", str(work.edge_config)),
            "sim": ("sim", "run", "--town", str(work.town), "--link", str(work.serial), "--speed", str(SPEED)),
        }[name]
        self.rooms[name] = await self.road.rooms.start(name, *arguments)

    async def kill(self, name: str) -> None:
        """SIGKILL, then start again at once."""
        if name == "broker":
            self.broker.kill()
            self.broker.start()
            return
        room = self.rooms[name]
        room.stopping = True
        room.process.send_signal(signal.SIGKILL)
        await room.process.wait()
        self.road.rooms.running.remove(room)
        await self.start(name)


async def test_nothing_is_lost_or_doubled_when_everything_is_killed_mid_way(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    chosen = random.Random(20261124)
    work, ports = Workplace(tmp_path), Ports(mosquitto.port, free_port(), free_port(), 0)
    town, engine, utility_id, logins = found_town(PLAN, work)
    work.write_central(ports, protocol="5")
    work.write_edge({str(meter.address): meter.key for meter in town.meters}, ports, protocol="5")
    road = Road(PLAN, work, Screen(quiet=True), ports, Rooms(work.logs), engine, town, utility_id, logins)
    field = Field(road, mosquitto)
    try:
        for name in ("central", "edge"):
            await field.start(name)
        await answers(f"http://127.0.0.1:{ports.screen}/api/status", road.rooms)
        await send_route(engine, utility_id, work)
        await field.start("sim")
        killed = []
        for number in range(KILLS):
            await asyncio.sleep(chosen.uniform(0.8, 2.0))
            victim = ("edge", "broker", "central")[number % 3]
            await field.kill(victim)
            killed.append((victim, last_progress(work.logs / "sim.log")["done"]))
        assert any(victim == "edge" and not done for victim, done in killed), "the play was over before a kill"
        await drained(road)
        invoices, _ = await road.bill()
        books = close_books(town, work.town, engine, utility_id, road.typed)
    finally:
        await road.rooms.stop_all()
        engine.dispose()
    assert books.heard > 1000
    assert books.wrong == []
    assert books.closed
    assert invoices == books.billed == len(town.houses)
    assert all(verdict.holds for verdict in road.audited())


async def drained(road: Road) -> None:
    """Wait until the play is over, the reader has typed, and the agent holds nothing that is not committed."""
    await settled(road, played=True)
    await road.read_by_hand()
    await settled(road, played=True)


async def settled(road: Road, *, played: bool) -> None:
    calm = 0
    while calm < 3:
        await asyncio.sleep(0.5)
        road.rooms.check()
        try:
            status = await edge_status(road.ports.screen)
        except httpx.TransportError:
            continue
        assert status["refused"] == 0
        done = last_progress(road.rooms.logs / "sim.log")["done"] or not played
        calm = calm + 1 if done and status["pending"] == 0 else 0
