"""The centre sends by itself while it runs, and its metrics tell how long the queue is."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from central.config import AgencyConfig, BrokerConfig, Config, DatabaseConfig
from central.fiscal.agency import HttpAgency
from central.ops import service
from tests.central.fiscal.conftest import Office


async def until(done: Callable[[], bool]) -> None:
    """Wait for it; the test's own time limit ends what never comes."""
    while not done():  # noqa: ASYNC110 - a metric gives no sign when it changes
        await asyncio.sleep(0.02)


async def test_the_centre_sends_and_measures_the_queue(
    office: Office, engine: Engine, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "OBSERVED_EVERY_S", 0.05)
    agency = AgencyConfig(url=office.agency.url, every_s=0.05)
    running = service.Service(Config(DatabaseConfig(database), broker=BrokerConfig("127.0.0.1", 1)), engine)

    def metric(name: str) -> float | None:
        return running._metrics.registry.get_sample_value(name)

    watching = asyncio.create_task(running._observation())
    await until(lambda: metric("sgc_fiscal_waiting_records") == 7)
    assert (metric("sgc_fiscal_oldest_seconds") or 0) > 0
    office.agency.rejects = {"AG2026/000001": (1110, "El NIF no está identificado.")}
    sending = asyncio.create_task(running._submission(agency, HttpAgency(agency)))
    await until(lambda: metric("sgc_fiscal_waiting_records") == 0)
    assert metric("sgc_fiscal_oldest_seconds") == 0
    await until(lambda: metric("sgc_fiscal_rejected_records") == 1)
    running._stop.set()
    await asyncio.gather(watching, sending)
