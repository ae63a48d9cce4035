"""A screen over a store with a short route."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from edge.clock import SystemClock
from edge.config import ScreenConfig
from edge.screen.app import create_app
from edge.store import Store
from tests.edge.samples import DEVICE, route, stop

PIN = "2468"
BASE = "http://127.0.0.1:8088"

STOPS = (
    stop(position=1, last_litres=1_000_000, low_litres=1_010_000, high_litres=1_040_000),
    stop(position=2, supply="S-8", number="5", meter="KAM-00000002-1B-16", serial="00000002", radio=False,
         last_litres=500_000, low_litres=505_000, high_litres=520_000),
    stop(position=3, supply="S-9", street="Plaza de la Fuente", number="1", meter="KAM-00000003-1B-16",
         serial="11220003"),
)  # fmt: skip


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    found = Store(tmp_path / "edge.db", DEVICE, SystemClock(), group_ms=5)
    await found.store_route(route(1_790_000_000_000, "R1", *STOPS))
    yield found
    await found.close()


def status_of(store: Store) -> dict[str, object]:
    counts = store.counts()
    return {
        "device": DEVICE,
        "broker": "down",
        "store": store.failure or "ok",
        "stored": counts.telegrams,
        "typed": counts.typed,
        "pending": counts.pending,
        "acknowledged": counts.acknowledged,
        "refused": counts.refused,
        "receiver": {
            "van": {"up": True, "silent": False, "frames": 3, "garbage_bytes": 7, "device": "iM871A", "detail": ""}
        },
    }


@pytest.fixture
async def visitor(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has not given the PIN."""
    app = create_app(ScreenConfig(pin=PIN), store, lambda: status_of(store))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


@pytest.fixture
async def reader(visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """A browser that has."""
    answer = await visitor.post("/entrar", data={"pin": PIN})
    assert answer.status_code == 303
    return visitor
