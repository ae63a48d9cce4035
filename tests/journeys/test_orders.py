"""From a finding to the bill: an order to exchange a meter goes out by the broker, the reader does it offline on the
device's own screen, and the billing run bills what both meters metered."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, select

from central import register
from central.config import BrokerConfig as CentreBroker
from central.fleet.orders import Wanted, order_work
from central.fleet.queries import findings_to_work_on
from central.fleet.sending import settle_and_watch, tell_devices
from central.reading.findings import Found, record
from central.reading.ingest import Ingest
from central.reading.metrics import Metrics
from central.reading.worker import Worker
from central.register.indices import record_reading
from central.register.meters import find_meter_by_serial
from central.store import open_engine, read_session, write_session
from central.store.models import DraftBill, Finding, ReadingKind, SupplyPoint, WorkOrder
from central.times import midnight_ms, millis
from edge.config import BrokerConfig, ScreenConfig
from edge.screen.app import create_app
from edge.store import Store
from edge.sync.connection import open_client
from edge.sync.sync import Sync
from protocols.sync import ClockStamp
from tests.central.factories import Town, found
from tests.central.invoicing.driving import simulated
from tests.fixtures.mosquitto import Mosquitto

pytestmark = [pytest.mark.mosquitto]

NOW = datetime(2026, 1, 15, 10, tzinfo=UTC)
LATER = datetime(2026, 1, 16, 8, tzinfo=UTC)
BY = register.Change("maria", NOW)
BASE = "http://127.0.0.1:8088"
DEVICE = "tpl-1"


class Noon:
    """A device's clock that stands still."""

    def now(self) -> ClockStamp:
        """The instant of the exchange."""
        return ClockStamp(millis(NOW) + 3_600_000, 1_000, True)

    def heard(self, receiver_seconds: int | None) -> ClockStamp:
        """The same."""
        return self.now()


@pytest.fixture
def engine(sqlite_database: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_database)
    yield engine
    engine.dispose()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(tmp_path / "edge.db", DEVICE, Noon(), group_ms=5)
    yield made
    await made.close()


def planned(town: Town) -> str:
    """A stopped meter is found; the office orders its exchange from the finding."""
    with write_session(town.engine) as session:
        register.enrol_device(session, town.utility_id, DEVICE, by=BY)
        point = session.scalars(select(SupplyPoint)).one()
        stopped = Found("stopped_meter", "high", town.addresses[0], 1, 2, "stopped", town.meters[0], point.id)
        record(session.connection(), town.utility_id, [stopped], millis(NOW))
        (work,) = findings_to_work_on(session, town.utility_id)
        wanted = Wanted("replace", work.supply, "finding", "Contador parado", finding_id=work.id)
        device = register.find_device(session, DEVICE)
        return order_work(session, town.utility_id, wanted, device=device, by=BY).code


async def until(holds: object) -> None:
    async with asyncio.timeout(60):
        while not holds():  # type: ignore[operator]  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.02)


@asynccontextmanager
async def connected(store: Store, broker: Mosquitto) -> AsyncIterator[Sync]:
    """The device's way to the centre, for the length of the block."""
    settings = BrokerConfig(host=broker.host, port=broker.port, batch_wait_s=0.05, retry_first_s=0.05)
    sync = Sync(settings, DEVICE, store, lambda: open_client(settings, DEVICE, Path()))
    task = asyncio.create_task(sync.run())
    try:
        yield sync
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def exchanged_on_screen(store: Store, code: str) -> None:
    """What the reader's thumb does, with no network at all."""
    app = create_app(ScreenConfig(pin="2468"), store, lambda: {"broker": "down"})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as reader:
        await reader.post("/entrar", data={"pin": "2468"})
        assert "Cambiar el contador" in (await reader.get("/ordenes")).text
        form = {"order": code, "token": "t1", "m3": "5,000", "new_serial": "N-1", "new_m3": "0,100", "confirm": "5000"}
        for _ in range(2):  # the thumb slips, the form goes twice
            assert (await reader.post("/orden", data=form)).status_code == 303


async def test_from_a_finding_to_a_bill_of_both_meters(
    engine: Engine, store: Store, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    town = found(engine, 1)
    town.read(0, date(2026, 1, 1), 1_000)
    code = planned(town)
    settings = CentreBroker(host=mosquitto.host, port=mosquitto.port, retry_first_s=0.05)
    assert await tell_devices(engine, settings, NOW) == 1
    async with connected(store, mosquitto):
        await until(store.orders)
    await exchanged_on_screen(store, code)
    ring = register.KeyRing.create(tmp_path / "town.keys")
    worker = Worker(Ingest(engine, ring), settings, Metrics(), clock=lambda: LATER)
    working = asyncio.create_task(worker.run())
    async with connected(store, mosquitto):
        await until(lambda: store.counts().pending == 0)
    worker.stop()
    await working
    assert settle_and_watch(engine, ring, LATER) == 2
    with write_session(engine) as session:
        order = session.scalars(select(WorkOrder)).one()
        assert (order.status, order.closed_at) == ("done", datetime(2026, 1, 15, 11, tzinfo=UTC))
        assert session.scalars(select(Finding.status).where(Finding.rule == "stopped_meter")).one() == "closed"
        new = find_meter_by_serial(session, town.utility_id, "N-1")
        assert new is not None
        record_reading(session, new, midnight_ms(date(2026, 2, 1)), ReadingKind.RADIO_DUE, 3_100, LATER)
    run_id = simulated(town)
    with read_session(engine) as session:
        draft = session.scalars(select(DraftBill).where(DraftBill.run_id == run_id)).one()
    # The old one from 1,000 to 5,000, the new one from 100 to 3,100.
    assert (draft.status, draft.litres, draft.estimated_litres) == ("ready", 4_000 + 3_000, 0)
