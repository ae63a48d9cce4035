"""LoRaWAN uplinks take the telegrams' road, from ChirpStack and The Things Stack, once however often posted."""

import asyncio
import base64
import hashlib
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from central import register
from central.ops.uplinks import create_uplinks, read_tokens
from central.reading.ingest import Ingest
from central.store import read_session, write_session
from central.store.models import Telegram
from tests.central.conftest import BY, NOW, Town
from tests.central.reading.support import NOW_MS, counts, encrypted, kept, readings

AT = "2026-11-24T11:00:00.123456+00:00"
AT_MS = NOW_MS - 3_600_000 + 123
TOKEN = "a-token-of-the-source"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def chirpstack(frame: bytes, count: int = 7, **more: Any) -> dict[str, Any]:
    return {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": AT,
        "deviceInfo": {"tenantName": "x", "devEui": "0101010101010101"},
        "devAddr": "00189440",
        "fCnt": count,
        "fPort": 1,
        "data": base64.b64encode(frame).decode(),
        "rxInfo": [{"gatewayId": "g1", "rssi": -97, "snr": 7.5}, {"gatewayId": "g2", "rssi": -48}],
    } | more


def things_stack(frame: bytes, count: int = 7) -> dict[str, Any]:
    return {
        "end_device_ids": {"device_id": "d1", "dev_eui": "0202020202020202", "dev_addr": "00BCB929"},
        "received_at": AT.replace("+00:00", "Z"),
        "uplink_message": {
            "f_port": 15,
            "f_cnt": count,
            "frm_payload": base64.b64encode(frame).decode(),
            "rx_metadata": [{"rssi": -35, "snr": 5.2}],
        },
    }


class Source:
    """Posts as a network server does."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def post(self, path: str, **request: Any) -> httpx.Response:
        return asyncio.run(self._post(path, request))

    async def _post(self, path: str, request: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://lns") as client:
            return await client.post(path, **request)


@pytest.fixture
def client(town: Town) -> Source:
    with write_session(town.engine) as session:
        register.enrol_device(session, town.utility_id, "lns-1", "fixed", by=BY)
    tokens = read_tokens(f"# sources\nlns-1 {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
    return Source(create_uplinks(Ingest(town.engine, town.ring), tokens, lambda: NOW))


@pytest.mark.parametrize("shape", [chirpstack, things_stack])
def test_a_sealed_telegram_is_opened_and_counts_once(town: Town, client: Source, shape: Any) -> None:
    frame = encrypted(town.meters[0], bytes([1]) * 16, 4321)
    fates = [client.post("/uplinks/lns-1", json=shape(frame), headers=HEADERS).json()["fate"] for _ in range(3)]
    assert fates == ["committed", "repeated", "repeated"]
    assert readings(town.engine) == {(town.meter_ids[0], AT_MS, 1, 4321)}
    with read_session(town.engine) as session:
        (telegram,) = session.scalars(select(Telegram)).all()
    assert (bytes(telegram.frame), telegram.mode, telegram.address) == (frame, "LoRaWAN", town.meters[0])
    assert telegram.rssi_dbm in (-48, -35)


def test_what_is_no_telegram_is_kept_and_the_next_one_counts(town: Town, client: Source) -> None:
    for count, frame in enumerate((b"\x01\x02\x03", encrypted(town.meters[1], bytes([2]) * 16, 99))):
        assert client.post("/uplinks/lns-1", json=chirpstack(frame, count), headers=HEADERS).status_code == 200
    assert counts(town.engine)["telegram"] == 2
    assert readings(town.engine) == {(town.meter_ids[1], AT_MS, 1, 99)}


def test_another_telegram_under_a_counter_that_is_committed_goes_to_quarantine(town: Town, client: Source) -> None:
    for litres in (1, 2):
        body = chirpstack(encrypted(town.meters[0], bytes([1]) * 16, litres))
        fate = client.post("/uplinks/lns-1", json=body, headers=HEADERS).json()["fate"]
    assert fate == "refused"
    assert [kind for kind, _ in kept(town.engine)] == ["batch"]


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/uplinks/lns-1", ""),
        ("/uplinks/lns-1", "Bearer wrong"),
        ("/uplinks/lns-1", f"Basic {TOKEN}"),
        ("/uplinks/lns-2", f"Bearer {TOKEN}"),
    ],
)
def test_nobody_without_the_token_is_heard(town: Town, client: Source, path: str, header: str) -> None:
    answer = client.post(path, json=chirpstack(b"x"), headers={"Authorization": header})
    assert answer.status_code == 401
    assert counts(town.engine)["ingest_batch"] == 0


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"no json", "uplink:"),
        (b"{}", "deviceInfo"),
        (json.dumps(chirpstack(b"x", data="%%%")).encode(), "uplink.data: '%%%', must be base64"),
        (json.dumps(chirpstack(b"")).encode(), "uplink.data: empty"),
        (json.dumps(chirpstack(b"x", time="2026-11-24T11:00:00")).encode(), "time zone"),
    ],
)
def test_a_body_that_is_no_uplink_is_refused_by_field(client: Source, body: bytes, part: str) -> None:
    answer = client.post("/uplinks/lns-1", content=body, headers=HEADERS)
    assert answer.status_code == 422
    assert part in answer.json()["detail"]


def test_other_events_are_ignored_and_large_bodies_refused(town: Town, client: Source) -> None:
    assert client.post("/uplinks/lns-1?event=join", json={}, headers=HEADERS).json() == {"fate": "ignored"}
    assert client.post("/uplinks/lns-1", content=b"x" * 70_000, headers=HEADERS).status_code == 413
    with pytest.raises(ValueError, match="line 1"):
        read_tokens("lns-1 secret")
