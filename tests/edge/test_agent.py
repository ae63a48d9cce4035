"""The whole agent as a process: dongle on a pseudo-terminal in front, a real broker and a centre behind."""

import asyncio
import datetime
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from firmware_sim.telegram import Mode5, Transport, build
from firmware_sim.telegram.records import Vif, date, integer, payload
from protocols.sync import (
    OrderReport,
    TelegramItem,
    TypedReading,
    WorkOrders,
    encode_message,
    orders_topic,
    route_topic,
)
from protocols.wmbus import Address
from tests.edge.agent_process import PIN, AgentProcess, sgc
from tests.edge.conftest import Dongle, end, telegram_frame, until
from tests.edge.samples import DEVICE, route, stop
from tests.edge.store.test_orders import order
from tests.edge.sync.conftest import Centre
from tests.fixtures.mosquitto import Mosquitto

pytestmark = pytest.mark.mosquitto

KEY = bytes(range(16))
WRONG = bytes(16)
METERS = [Address("KAM", f"{number:08d}", 0x1B, 0x16) for number in range(1, 4)]
START = 1_790_000_000


def encrypted(meter: Address, litres: int, access_no: int) -> bytes:
    records = [
        integer(Vif.VOLUME_L, litres),
        integer(Vif.VOLUME_L, 400_000, storage=1),
        date(datetime.date(2026, 10, 1), storage=1),
    ]
    return build(meter, payload(records), Transport(access_no=access_no), Mode5(KEY))


def configuration(dongle: Dongle, broker_port: int, extra: str = "") -> str:
    return f"""
device = "{DEVICE}"
[store]
path = "edge.db"
[clock]
source = "receiver"
[[receiver]]
name = "van"
port = "{dongle.link}"
[broker]
host = "127.0.0.1"
port = {broker_port}
batch_most = 50
batch_wait_s = 0.1
retry_first_s = 0.05
retry_cap_s = 0.3
{extra}
"""


def write_keys(folder: Path) -> str:
    keys = {METERS[0]: KEY, METERS[1]: WRONG}
    file = folder / "keys.csv"
    file.write_text("address,key\n" + "".join(f"{meter},{key.hex()}\n" for meter, key in keys.items()))
    file.chmod(0o600)
    return '[keys]\nfile = "keys.csv"\n'


@pytest.fixture
async def centre(mosquitto: Mosquitto) -> AsyncIterator[Centre]:
    found = Centre(mosquitto.port)
    task = asyncio.create_task(found.run())
    await until(lambda: found.listening)
    yield found
    await end(task)


@pytest.fixture
def agents() -> Iterator[list[AgentProcess]]:
    found: list[AgentProcess] = []
    yield found
    for agent in found:
        agent.clean_up()


@pytest.fixture
async def agent(tmp_path: Path, dongle: Dongle, mosquitto: Mosquitto, agents: list[AgentProcess]) -> AgentProcess:
    found = AgentProcess(tmp_path, configuration(dongle, mosquitto.port, write_keys(tmp_path)))
    agents.append(found)
    found.start()
    await until(lambda: dongle.mode == 3)
    return found


def items(centre: Centre) -> list[TelegramItem]:
    found = [item for batch in centre.batches.values() for item in batch.items]
    return sorted((item for item in found if isinstance(item, TelegramItem)), key=lambda item: item.id)


async def test_from_the_air_to_the_centre_through_everything_that_goes_wrong(
    agent: AgentProcess, dongle: Dongle, centre: Centre
) -> None:
    good = encrypted(METERS[0], 466_472, 1)
    wrong_key = encrypted(METERS[1], 5, 1)
    no_key = encrypted(METERS[2], 5, 1)
    no_telegram = bytes([5, 1, 2, 3, 4, 5])
    await dongle.send(b"\x00\xa5garbage")
    for number, telegram in enumerate((good, wrong_key, no_key, no_telegram)):
        await dongle.send(telegram_frame(telegram, START + number, 125))
    await dongle.send(telegram_frame(good, START + 4, 125)[:20])
    await dongle.send(telegram_frame(good, START + 5, 125))
    status = await agent.until(stored=5, pending=0)
    found = items(centre)
    assert [item.state for item in found] == ["decrypted", "key_wrong", "key_missing", "undecodable", "decrypted"]
    assert [item.litres for item in found] == [466_472, None, None, None, 466_472]
    assert [item.frame for item in found] == [good, wrong_key, no_key, no_telegram, good]
    first = found[0]
    assert (first.meter, first.access_no, first.proof) == (str(METERS[0]), 1, "2f2f")
    assert first.due == ((20_727, 400_000),)
    assert (first.at.wall_ms, first.at.trusted, first.rssi_dbm) == (START * 1000, True, -60)
    assert (status["heard"], status["readings"], status["garbage_bytes"]) == (5, 2, 9 + 20)
    assert KEY.hex() not in agent.log.lower()
    for line in agent.log.splitlines():
        assert "event" in json.loads(line)


def reports(centre: Centre) -> list[tuple[str, str]]:
    found = [item for batch in centre.batches.values() for item in batch.items if isinstance(item, OrderReport)]
    return [(report.order, report.outcome) for report in found]


async def test_a_closed_list_keeps_only_its_meters_and_an_order_is_accepted(
    agent: AgentProcess, dongle: Dongle, centre: Centre
) -> None:
    closed = msgspec.structs.replace(route(START * 1000, "R9", stop(meter=str(METERS[0]))), closed=True)
    wanted = WorkOrders(1, DEVICE, START * 1000, (order("W1", meter=str(METERS[1])),))
    await centre.say(route_topic(DEVICE), encode_message(closed), retain=True)
    await centre.say(orders_topic(DEVICE), encode_message(wanted), retain=True)
    await until(lambda: reports(centre))
    for number, meter in enumerate(METERS):
        await dongle.send(telegram_frame(encrypted(meter, 5, number), START + number, 125))
    await agent.until(stored=2, outside=1, pending=0)
    assert [item.meter for item in items(centre)] == [str(METERS[0]), str(METERS[1])]
    assert reports(centre) == [("W1", "accepted")]


async def test_sigterm_delivers_commits_and_sends_what_there_is(
    agent: AgentProcess, dongle: Dongle, centre: Centre
) -> None:
    await dongle.send(b"".join(telegram_frame(encrypted(METERS[0], n, n % 256), START + n) for n in range(300)))
    await agent.until(heard=300)
    assert await agent.stop() == 0
    assert [item.litres for item in items(centre)] == list(range(300))
    stopped = json.loads(agent.log.splitlines()[-1])
    assert (stopped["event"], stopped["pending"]) == ("agent stopped", 0)


async def test_killed_again_and_again_nothing_stored_is_lost_or_doubled(
    agent: AgentProcess, dongle: Dongle, centre: Centre
) -> None:
    centre.answer = lambda batch: [centre.ack(batch)] if batch.number % 2 else []
    stored = 0
    for start in range(4):
        dongle.mode = 0
        if start:
            agent.start()
            await until(lambda: dongle.mode == 3)
        sending = asyncio.create_task(_send_many(dongle, start * 2000))
        seen = await _until_more(agent, stored + 200)
        agent.kill()
        stored = int(str(seen["stored"]))
        await end(sending)
    centre.answer = lambda batch: [centre.ack(batch)]
    agent.start()
    final = await agent.until(pending=0, broker="up")
    found = items(centre)
    assert len(found) == final["stored"]
    assert len(found) >= stored
    assert len({item.id for item in found}) == len(found)
    assert len({item.litres for item in found}) == len(found)
    assert all(len(copies) == 1 for copies in centre.bytes_of.values())


async def _send_many(dongle: Dongle, base: int) -> None:
    for n in range(base, base + 2000):
        await dongle.send(telegram_frame(encrypted(METERS[0], n, n % 256), START + n))


async def _until_more(agent: AgentProcess, count: int) -> dict[str, object]:
    async with asyncio.timeout(60):
        while True:
            found = await agent.status()
            if int(str(found.get("stored", 0))) > count:
                return found
            await asyncio.sleep(0.01)


async def test_dongle_hangs_up_and_returns(agent: AgentProcess, dongle: Dongle, centre: Centre) -> None:
    await dongle.send(telegram_frame(encrypted(METERS[0], 1, 1), START))
    await agent.until(stored=1)
    dongle.unplug()
    dongle.mode = 0
    dongle.plug()
    await until(lambda: dongle.mode == 3)
    await dongle.send(telegram_frame(encrypted(METERS[0], 2, 2), START + 60))
    await agent.until(stored=2, pending=0)
    assert [item.litres for item in items(centre)] == [1, 2]
    kinds = [item.kind for batch in centre.batches.values() for item in batch.items if hasattr(item, "kind")]
    assert kinds == ["receiver_up", "receiver_down", "receiver_up"]


async def test_route_comes_by_the_broker_and_a_typed_reading_goes_back(
    agent: AgentProcess, dongle: Dongle, centre: Centre
) -> None:
    stops = (stop(meter=str(METERS[0])), stop(position=2, supply="S-8", meter="KAM-00000099-1B-16", radio=False))
    await agent.until(broker="up")
    await centre.say(f"sgc/v1/{DEVICE}/down/route", encode_message(route(START * 1000, "R1", *stops)), retain=True)
    await dongle.send(telegram_frame(encrypted(METERS[0], 466_472, 1), START))
    await agent.until(stored=1)
    async with httpx.AsyncClient(base_url=agent.url, trust_env=False, follow_redirects=True) as reader:
        await reader.post("/entrar", data={"pin": PIN})
        page = await _page_with(reader, "/ruta", "Calle Mayor")
        assert "466,472 m³" in page.text
        answer = await reader.post("/lectura", data={"stop": "S-8", "m3": "12,5", "token": "t"})
        assert "Guardada ✓" in answer.text
    await agent.until(typed=1, pending=0)
    typed = [i for batch in centre.batches.values() for i in batch.items if isinstance(i, TypedReading)]
    assert [(t.supply, t.meter, t.litres, t.code) for t in typed] == [("S-8", "KAM-00000099-1B-16", 12_500, "00")]
    assert typed[0].at.wall_ms >= START * 1000


async def _page_with(reader: httpx.AsyncClient, path: str, words: str) -> httpx.Response:
    async with asyncio.timeout(30):
        while words not in (page := await reader.get(path)).text:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return page


async def test_status_command_asks_the_agent_or_reads_the_file(
    agent: AgentProcess, dongle: Dongle, centre: Centre
) -> None:
    await dongle.send(telegram_frame(encrypted(METERS[0], 1, 1), START))
    await agent.until(stored=1, pending=0)
    running = json.loads(sgc("edge", "status", "--json", "--config", str(agent.config)).stdout)
    assert (running["agent"], running["stored"], running["broker"]) == ("running", 1, "up")
    await agent.stop()
    stopped = json.loads(sgc("edge", "status", "--json", "--config", str(agent.config)).stdout)
    assert (stopped["agent"], stopped["telegrams"], stopped["pending"]) == ("not running", 1, 0)


async def test_a_second_agent_on_the_same_store_is_refused(
    agent: AgentProcess, tmp_path: Path, dongle: Dongle, mosquitto: Mosquitto
) -> None:
    await agent.until(broker="up")
    second = tmp_path / "second.toml"
    second.write_text(configuration(dongle, mosquitto.port))
    loop = asyncio.get_running_loop()
    answer = await loop.run_in_executor(None, sgc, "edge", "run", "--config", str(second))
    assert answer.returncode == 2
    assert "another agent is writing it" in answer.stderr.splitlines()[-1]
