"""A device with a key is believed only what it signed; garbage in its name fills no disk."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from central.reading import quarantine
from central.reading.arrivals import Arrival
from central.reading.ingest import Ingest
from central.register import RegisterError, find_device, set_device_key
from central.store import read_session, write_session
from central.store.models import Quarantine
from edge.signature import SignatureError, create_key, load_signer
from protocols.sync import SyncError, open_batch, read_envelope, seal
from tests.central.conftest import BY, NOW, Town
from tests.central.reading.support import FakeDevice, counts, kept


def give_key(town: Town, key: Ed25519PrivateKey) -> None:
    with write_session(town.engine) as session:
        set_device_key(session, town.device, key.public_key().public_bytes_raw(), by=BY)


def signed(device: FakeDevice, town: Town, key: Ed25519PrivateKey) -> Arrival:
    batch = device.batch(device.telegram(town.meters[0], 1000 + device.number))
    return Arrival(device.name, seal(batch, sign=key.sign), NOW)


def test_what_the_device_signed_is_committed_and_nothing_else(town: Town) -> None:
    key, device = Ed25519PrivateKey.generate(), FakeDevice()
    give_key(town, key)
    ingest = Ingest(town.engine, town.ring)
    good = signed(device, town, key)
    forged = signed(FakeDevice(number=1, last_item=5), town, Ed25519PrivateKey.generate())
    plain = FakeDevice(number=2, last_item=9)
    unsigned = plain.arrival(plain.telegram(town.meters[0], 1))
    applied = ingest.apply([good, forged, unsigned])
    assert [outcome.fate for outcome in applied.outcomes] == ["committed", "kept", "kept"]
    assert [(ack.committed, ack.refused) for ack in applied.acks] == [(1, ())]
    assert counts(town.engine)["telegram"] == 1
    assert [reason for _, reason in kept(town.engine)] == [
        "batch.signature: not made with the key of device 'tpl-1'",
        "batch.signature: missing, device 'tpl-1' signs its batches",
    ]


def test_a_batch_that_waited_for_its_key_is_committed_when_it_comes_again(town: Town) -> None:
    wrong, right, device = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(), FakeDevice()
    give_key(town, wrong)
    ingest, arrival = Ingest(town.engine, town.ring), signed(device, town, right)
    assert [ingest.apply([arrival]).outcomes[0].fate for _ in range(3)] == ["kept"] * 3
    give_key(town, right)
    assert ingest.apply([arrival]).outcomes[0].fate == "committed"
    assert kept(town.engine) == []


def test_any_changed_byte_breaks_envelope_or_signature(town: Town) -> None:
    key, device = Ed25519PrivateKey.generate(), FakeDevice()
    give_key(town, key)
    arrival = signed(device, town, key)
    ingest = Ingest(town.engine, town.ring)
    for place in (3, 4, 20, 50, 83, 84, 90, len(arrival.payload) - 1):
        payload = bytearray(arrival.payload)
        payload[place] ^= 1
        assert ingest.apply([replace(arrival, payload=bytes(payload))]).outcomes[0].fate != "committed"
    assert counts(town.engine)["ingest_batch"] == 0
    assert ingest.apply([arrival]).outcomes[0].fate == "committed"


def test_a_signed_batch_is_the_same_batch() -> None:
    key, device = Ed25519PrivateKey.generate(), FakeDevice()
    batch = device.batch(device.event("started"))
    plain, with_key = read_envelope(seal(batch)), read_envelope(seal(batch, sign=key.sign))
    assert plain.digest == with_key.digest
    assert open_batch(plain) == open_batch(with_key) == batch
    key.public_key().verify(with_key.signature, with_key.signed)
    with pytest.raises(SyncError, match="digest"):
        read_envelope(seal(batch, sign=key.sign)[:-1])


def test_a_device_makes_its_key_once_and_guards_it(tmp_path: Path, town: Town) -> None:
    file = tmp_path / "edge.pem"
    public = create_key(file)
    with pytest.raises(SignatureError, match="exists"):
        create_key(file)
    device = FakeDevice()
    with write_session(town.engine) as session:
        set_device_key(session, town.device, bytes.fromhex(public), by=BY)
    envelope = seal(device.batch(device.event("started")), sign=load_signer(file))
    assert Ingest(town.engine).apply([Arrival(device.name, envelope, NOW)]).outcomes[0].fate == "committed"
    file.chmod(0o640)
    with pytest.raises(SignatureError, match="mode to 600"):
        load_signer(file)


def test_a_key_of_another_length_is_refused(town: Town) -> None:
    with pytest.raises(RegisterError, match="32 bytes"), write_session(town.engine) as session:
        set_device_key(session, town.device, b"short", by=BY)
    with read_session(town.engine) as session:
        found = find_device(session, town.device)
        assert found is not None
        assert found.public_key is None


def test_a_flood_of_garbage_is_counted_and_not_kept(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MOST_ENTRIES", 5)
    ingest = Ingest(town.engine, town.ring)
    for number in range(20):
        ingest.apply([Arrival(town.device, b"garbage %d" % number, NOW), Arrival(f"who-{number}", b"noise", NOW)])
    device = FakeDevice()
    assert ingest.apply([device.arrival(device.telegram(town.meters[0], 5))]).outcomes[0].fate == "committed"
    with read_session(town.engine) as session:
        rows = session.scalars(select(Quarantine)).all()
    floods = {row.key: row for row in rows if row.key.startswith("flood:")}
    assert len(rows) == 12
    assert {key: (row.arrivals, row.payload) for key, row in floods.items()} == {
        "flood:tpl-1": (15, b""),
        "flood:*": (15, b""),
    }
    assert "at most 5" in floods["flood:tpl-1"].reason


def test_a_flood_of_bytes_is_bounded_too(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MOST_BYTES", 1000)
    ingest = Ingest(town.engine, town.ring)
    for number in range(5):
        ingest.apply([Arrival(town.device, b"%d" % number * 400, NOW)])
    with read_session(town.engine) as session:
        assert sum(len(payload) for payload in session.scalars(select(Quarantine.payload))) == 800
