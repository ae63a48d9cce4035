"""Compact frames that travel sealed: what full ones taught the centre outlives the process."""

from collections.abc import Sequence

import pytest

import central.register as register
from central.reading.ingest import Ingest
from central.register.meters import find_meter
from central.store import write_session
from firmware_sim.telegram import Mode5, Transport, build, compact, records
from protocols.sync import TelegramItem
from protocols.wmbus import Address
from tests.central.conftest import BY, Town
from tests.central.reading.support import NOW_MS, FakeDevice, reading_of, readings

KEY = b"the right key 16"


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture(autouse=True)
def _key(town: Town) -> None:
    with write_session(town.engine) as session:
        meter = find_meter(session, town.utility_id, town.meters[0])
        assert meter is not None
        register.add_meter_key(session, meter, KEY, town.ring, by=BY)


def frame(address: str, litres: int, *, short: bool) -> bytes:
    content = [records.integer(records.Vif.VOLUME_L, litres)]
    payload = compact.compact_payload(content) if short else records.payload(content)
    transport = Transport(access_no=7, application="compact" if short else "full")
    return build(Address.parse(address), payload, transport, Mode5(KEY))


def heard(device: FakeDevice, town: Town, indices: Sequence[int], *, short: bool) -> list[TelegramItem]:
    meter = town.meters[0]
    return [
        device.telegram(meter, None, NOW_MS - n, state="key_missing", frame=frame(meter, n, short=short))
        for n in indices
    ]


def test_a_format_outlives_the_process_that_learnt_it(town: Town, device: FakeDevice) -> None:
    Ingest(town.engine, town.ring).apply([device.arrival(*heard(device, town, [30], short=False))])
    Ingest(town.engine, town.ring).apply([device.arrival(*heard(device, town, [20, 10], short=True))])
    assert readings(town.engine) == {reading_of(town, 1, n, NOW_MS - n) for n in (30, 20, 10)}


def test_a_compact_frame_whose_format_nobody_taught_gives_no_value(town: Town, device: FakeDevice) -> None:
    Ingest(town.engine, town.ring).apply([device.arrival(*heard(device, town, [20], short=True))])
    assert readings(town.engine) == set()
