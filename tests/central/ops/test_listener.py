"""The operations listener: alive, ready or why not, and the metrics."""

from collections.abc import AsyncIterator

import httpx
import pytest

from central.ops.listener import create_listener
from central.reading.claims import Outcome
from central.reading.metrics import Metrics


@pytest.fixture
def problems() -> dict[str, str]:
    return {}


@pytest.fixture
async def client(problems: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    metrics = Metrics()
    metrics.count([Outcome("committed", "tpl-1", items=7), Outcome("refused", "tpl-1")])
    app = create_listener(metrics.registry, lambda: problems)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ops") as client:
        yield client


async def test_it_lives_whatever_is_wrong(client: httpx.AsyncClient, problems: dict[str, str]) -> None:
    problems["broker"] = "not connected"
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_it_is_ready_or_says_why_not(client: httpx.AsyncClient, problems: dict[str, str]) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ready"}
    problems["broker"] = "not connected"
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "broker": "not connected"})


async def test_its_metrics_are_prometheus_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'sgc_ingest_batches_total{fate="refused"} 1.0' in answer.text
    assert "sgc_ingest_items_total 7.0" in answer.text


async def test_it_shows_nothing_else(client: httpx.AsyncClient) -> None:
    assert (await client.get("/docs")).status_code == 404
    assert (await client.get("/openapi.json")).status_code == 404
