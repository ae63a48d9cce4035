"""Quarantine: what is put right is tried again and then counts as if it had never been wrong."""

from datetime import date

import pytest
from sqlalchemy import select

from central import register
from central.reading import quarantine
from central.reading.ingest import Ingest
from central.reading.reattach import reattach
from central.reading.retry import dismiss, retry
from central.register.meters import find_meter
from central.store import read_session, write_session
from central.store.models import Quarantine, Telegram, Visit
from central.times import midnight_ms
from tests.central.conftest import BY, NOW, Town
from tests.central.reading.support import NOW_MS, FakeDevice, counts, encrypted, kept, reading_of, readings

NEW = "KAM-00000009-1B-16"


@pytest.fixture
def ingest(town: Town) -> Ingest:
    return Ingest(town.engine, town.ring)


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


def only_entry(town: Town) -> Quarantine:
    with read_session(town.engine) as session:
        return session.scalars(select(Quarantine)).one()


def register_meter(town: Town, key: bytes | None = None) -> int:
    with write_session(town.engine) as session:
        meter = register.add_meter(
            session, town.utility_id, address=NEW, serial="K9", calibre_mm=15, modulus_litres=10**8, radio=True, by=BY
        )
        if key is not None:
            register.add_meter_key(session, meter, key, town.ring, by=BY)
        return meter.id


def test_a_batch_is_applied_after_its_device_is_enrolled(town: Town, ingest: Ingest) -> None:
    stranger = FakeDevice("tpl-9")
    ingest.apply([stranger.arrival(stranger.telegram(town.meters[0], 1234))])
    entry = only_entry(town)
    assert retry(town.engine, town.ring, entry.id, NOW) == "unchanged: device: 'tpl-9', is not enrolled"
    with write_session(town.engine) as session:
        register.enrol_device(session, town.utility_id, "tpl-9", by=BY)
    assert retry(town.engine, town.ring, entry.id, NOW) == "committed: batch 1, 1 items"
    assert readings(town.engine) == {reading_of(town, 1, 1234)}
    with pytest.raises(KeyError, match=f"no open entry {entry.id}"):
        retry(town.engine, town.ring, entry.id, NOW)


def test_telegrams_are_attached_when_their_meter_is_registered(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    plain = [device.telegram(NEW, 100 + n, NOW_MS - n, state="none", alarms=("leak",)) for n in (1, 2, 3)]
    ingest.apply([device.arrival(*plain, device.telegram(town.meters[0], 5))])
    meter_id = register_meter(town)
    with town.engine.begin() as connection:
        assert reattach(connection, town.utility_id, town.ring, NOW).telegrams == 3
    with town.engine.begin() as connection:
        assert reattach(connection, town.utility_id, town.ring, NOW).telegrams == 0
    assert readings(town.engine) == {
        reading_of(town, 1, 5),
        *((meter_id, NOW_MS - n, 1, 100 + n) for n in (1, 2, 3)),
    }
    assert counts(town.engine)["finding"] == 1
    with read_session(town.engine) as session:
        assert None not in set(session.scalars(select(Telegram.meter_id)))


def test_sealed_telegrams_are_opened_when_the_right_key_is_registered(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    key = b"the right key 16"
    sealed = [
        device.telegram(town.meters[0], None, NOW_MS - n, state="key_missing", frame=encrypted(town.meters[0], key, n))
        for n in (10, 20)
    ]
    ingest.apply([device.arrival(*sealed)])
    entry = only_entry(town)
    assert retry(town.engine, town.ring, entry.id, NOW).startswith("unchanged: 2 telegrams of KAM-00000001-1B-16 stay")
    with write_session(town.engine) as session:
        meter = find_meter(session, town.utility_id, town.meters[0])
        assert meter is not None
        register.add_meter_key(session, meter, key, town.ring, by=BY)
    assert retry(town.engine, town.ring, entry.id, NOW) == "opened: 2 telegrams of KAM-00000001-1B-16"
    assert readings(town.engine) == {reading_of(town, 1, n, NOW_MS - n) for n in (10, 20)}
    assert kept(town.engine) == []


def test_a_meter_and_its_key_registered_together_open_what_was_kept(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    key = b"the right key 16"
    item = device.telegram(NEW, None, state="key_missing", frame=encrypted(NEW, key, 77))
    ingest.apply([device.arrival(item)])
    assert kept(town.engine) == []
    meter_id = register_meter(town, key)
    with town.engine.begin() as connection:
        done = reattach(connection, town.utility_id, town.ring, NOW)
    assert (done.telegrams, done.sealed) == (1, 0)
    assert {(row[0], row[3]) for row in readings(town.engine)} == {(meter_id, 77)}


def test_a_visit_is_recorded_after_its_meter_is_registered(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    ingest.apply([device.arrival(device.typed("S1", NEW, 42, note="nuevo"))])
    entry = only_entry(town)
    assert retry(town.engine, town.ring, entry.id, NOW).startswith("unchanged: visit.meter: ")
    meter_id = register_meter(town)
    assert retry(town.engine, town.ring, entry.id, NOW) == "recorded: the visit and its reading"
    assert {(row[0], row[2], row[3]) for row in readings(town.engine)} == {(meter_id, 3, 42)}
    with read_session(town.engine) as session:
        assert session.scalars(select(Visit)).one().note == "nuevo"
    assert kept(town.engine) == []


def test_a_contradiction_is_only_ever_dismissed(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    due = date(2026, 11, 1)
    for index in (10, 11):
        ingest.apply([device.arrival(device.telegram(town.meters[0], None, due=[(due, index)]))])
    entry = only_entry(town)
    assert retry(town.engine, town.ring, entry.id, NOW).startswith("unchanged: reading.litres: 11")
    dismiss(town.engine, entry.id, "the meter was changed", NOW)
    assert kept(town.engine) == []
    assert only_entry(town).resolution == "dismissed: the meter was changed"
    assert readings(town.engine) == {reading_of(town, 1, 10, midnight_ms(due), kind=2)}


def test_open_entries_are_listed_and_counted(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    stranger = FakeDevice("tpl-9")
    ingest.apply([stranger.arrival(), device.arrival(device.typed("S9", town.meters[0], 1))])
    with read_session(town.engine) as session:
        assert quarantine.count_open(session) == {"batch": 1, "visit": 1}
        assert [entry.kind for entry in quarantine.list_open(session, town.utility_id)] == ["batch", "visit"]
        assert len(quarantine.list_open(session, limit=1)) == 1
