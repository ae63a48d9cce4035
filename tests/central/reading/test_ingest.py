"""Ingest: every batch once, every item somewhere, nothing in anybody's way."""

from datetime import date, timedelta

import msgspec
import pytest
from sqlalchemy import select

from central import register
from central.reading.acks import Answer
from central.reading.arrivals import Arrival
from central.reading.ingest import Ingest
from central.store import read_session, write_session
from central.store.models import (
    Device,
    DeviceEvent,
    Finding,
    Quarantine,
    Reading,
    ReadingKind,
    ReadingStatus,
    Receiver,
    Telegram,
    Visit,
)
from central.times import midnight_ms
from protocols.sync import Ack, Refusal, seal
from tests.central.conftest import BY, NOW, Town
from tests.central.reading.support import (
    BOOT,
    MINUTE,
    NOW_MS,
    FakeDevice,
    counts,
    encrypted,
    kept,
    later,
    reading_of,
    readings,
    stamp,
)

DUE = date(2026, 11, 1)


@pytest.fixture
def ingest(town: Town) -> Ingest:
    return Ingest(town.engine, town.ring)


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


def test_a_batch_becomes_telegrams_readings_visits_and_events(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    one, two, _ = town.meters
    applied = ingest.apply(
        [
            device.arrival(
                device.telegram(one, 1234, due=[(DUE, 1100)]),
                device.telegram("KAM-99999999-1B-16", 5),
                device.typed("S2", two, 2500, note="bajo la maceta"),
                device.typed("S3", "", None, code="02"),
                device.event("receiver_lost", receiver="dongle"),
            )
        ]
    )
    assert [outcome.fate for outcome in applied.outcomes] == ["committed"]
    assert applied.acks == [Ack(1, "tpl-1", BOOT, 1, (1,))]
    assert readings(town.engine) == {
        reading_of(town, 1, 1234),
        reading_of(town, 1, 1100, midnight_ms(DUE), kind=2),
        reading_of(town, 2, 2500, kind=3),
    }
    with read_session(town.engine) as session:
        heard = session.scalars(select(Telegram).order_by(Telegram.item)).all()
        assert [(row.address, row.meter_id, row.litres) for row in heard] == [
            (one, town.meter_ids[0], 1234),
            ("KAM-99999999-1B-16", None, 5),
        ]
        assert heard[0].frame == b"frame 1"
        radio = session.scalars(select(Reading).where(Reading.kind == ReadingKind.RADIO)).one()
        assert (radio.telegram_ms, radio.telegram_id) == (heard[0].received_ms, heard[0].id)
        visits = session.scalars(select(Visit).order_by(Visit.item)).all()
        assert [(visit.litres, visit.code, visit.note) for visit in visits] == [
            (2500, "00", "bajo la maceta"),
            (None, "02", ""),
        ]
        assert session.scalars(select(DeviceEvent)).one().data == {"receiver": "dongle"}
        assert session.scalars(select(Receiver)).one().name == "dongle"
        assert session.scalars(select(Device)).one().last_batch_ms == NOW_MS
    assert kept(town.engine) == []


def test_a_repeated_batch_is_acknowledged_again_and_changes_nothing(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    arrival = device.arrival(
        device.telegram(town.meters[0], 1234, due=[(DUE, 1100)]), device.typed("S2", town.meters[1], 7)
    )
    first = ingest.apply([arrival, arrival])
    before = counts(town.engine)
    assert [outcome.fate for outcome in first.outcomes] == ["committed", "repeated"]
    again = Ingest(town.engine, town.ring).apply([later(arrival, received_at=NOW + timedelta(days=1))])
    assert [outcome.fate for outcome in again.outcomes] == ["repeated"]
    assert again.acks == first.acks
    assert counts(town.engine) == before


def test_the_same_number_with_other_bytes_is_refused_and_kept(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    ingest.apply([device.arrival(device.telegram(town.meters[0], 1234))])
    device.number = 0
    forged = device.arrival(device.telegram(town.meters[0], 9999))
    applied = ingest.apply([forged])
    assert applied.outcomes[0].fate == "refused"
    assert applied.acks[0].committed == 1
    assert applied.acks[0].refused[0].reason.startswith("batch.digest: ")
    assert readings(town.engine) == {reading_of(town, 1, 1234)}
    assert [kind for kind, _ in kept(town.engine)] == ["batch"]


def test_gaps_are_told_until_they_are_filled(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    one, two, three, four = (device.arrival(device.telegram(town.meters[0], 1000 + n, NOW_MS - n)) for n in range(1, 5))
    assert ingest.apply([three]).acks == [Ack(1, "tpl-1", BOOT, 0, (3,))]
    assert ingest.apply([one]).acks == [Ack(1, "tpl-1", BOOT, 1, (1,))]
    assert ingest.apply([four, two]).acks == [Ack(1, "tpl-1", BOOT, 4, (2, 4))]
    # Another process knows no more than the database.
    assert Ingest(town.engine).apply([one]).acks == [Ack(1, "tpl-1", BOOT, 4, (1,))]


def test_boots_count_from_one_each(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    other = FakeDevice(boot="11111111-2222-3333-4444-555555555555", last_item=100)
    acks = ingest.apply([device.arrival(device.event("a")), other.arrival(other.event("b"))]).acks
    assert {(ack.boot, ack.committed) for ack in acks} == {(BOOT, 1), (other.boot, 1)}


def test_an_unknown_device_is_refused_until_it_is_enrolled(town: Town, ingest: Ingest) -> None:
    stranger = FakeDevice("tpl-9")
    arrival = stranger.arrival(stranger.telegram(town.meters[0], 1234))
    applied = ingest.apply([arrival])
    assert applied.acks == [Ack(1, "tpl-9", BOOT, 0, (), (Refusal(1, "device: 'tpl-9', is not enrolled"),))]
    assert kept(town.engine) == [("batch", "device: 'tpl-9', is not enrolled")]
    with write_session(town.engine) as session:
        register.enrol_device(session, town.utility_id, "tpl-9", by=BY)
    assert ingest.apply([arrival]).acks == [Ack(1, "tpl-9", BOOT, 1, (1,))]
    assert kept(town.engine) == []
    with read_session(town.engine) as session:
        assert session.scalars(select(Quarantine)).one().resolution == "batch 1 arrived whole and is committed"


def test_a_revoked_device_is_refused_at_once(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    ingest.apply([device.arrival(device.event("a"))])
    with write_session(town.engine) as session:
        register.revoke_device(session, "tpl-1", by=BY)
    applied = ingest.apply([device.arrival(device.event("b"))])
    assert applied.outcomes[0].reason == "device: 'tpl-1', was revoked on 2026-11-24"


def test_a_batch_by_another_devices_topic_is_refused(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    with write_session(town.engine) as session:
        register.enrol_device(session, town.utility_id, "tpl-2", by=BY)
    applied = ingest.apply([later(device.arrival(device.event("a")), device="tpl-2")])
    assert applied.outcomes[0].reason == "header.device: 'tpl-1', came by the topic of 'tpl-2'"
    assert applied.acks[0].device == "tpl-2"


def test_damaged_bytes_are_kept_and_the_device_asked_only_when_they_come_again(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    whole = device.arrival(device.telegram(town.meters[0], 1234))
    cut = later(whole, payload=whole.payload[:-5])
    first = ingest.apply([cut])
    assert (first.outcomes[0].fate, first.acks) == ("kept", [])
    assert "does not match its" in first.outcomes[0].reason
    assert "(truncated or altered)" in kept(town.engine)[0][1]
    second = ingest.apply([cut])
    assert second.outcomes[0].fate == "refused"
    assert second.acks[0].refused[0].number == 1
    assert len(kept(town.engine)) == 1
    assert ingest.apply([whole]).acks == [Ack(1, "tpl-1", BOOT, 1, (1,))]
    assert kept(town.engine) == []


@pytest.mark.parametrize("payload", [b"", b"SGC", b"not an envelope at all, only some bytes that came by"])
def test_bytes_without_a_header_are_kept_and_answered_with_nothing(town: Town, ingest: Ingest, payload: bytes) -> None:
    for _ in range(2):
        applied = ingest.apply([Arrival("tpl-1", payload, NOW)])
        assert (applied.outcomes[0].fate, applied.acks) == ("kept", [])
    with read_session(town.engine) as session:
        entry = session.scalars(select(Quarantine)).one()
        assert (entry.payload, entry.arrivals, entry.number) == (payload, 2, None)


def test_a_poisoned_batch_is_refused_whole_and_blocks_nobody(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    good = device.arrival(device.telegram(town.meters[0], 1234))
    # Sound bytes around a body that is no batch.
    poisoned = later(good, payload=seal_raw(device, b"\xc1 not msgpack"))
    # A sound batch that no table can take: an item beyond 64 bits.
    monster = msgspec.structs.replace(device.telegram(town.meters[0], 1), id=1 << 63)
    unstorable = device.arrival(monster)
    last = device.arrival(device.telegram(town.meters[1], 2345))
    applied = ingest.apply([poisoned, good, unstorable, last])
    assert [outcome.fate for outcome in applied.outcomes] == ["refused", "committed", "refused", "committed"]
    assert readings(town.engine) == {reading_of(town, 1, 1234), reading_of(town, 2, 2345)}
    reasons = [reason for _, reason in kept(town.engine)]
    assert reasons[0].startswith("batch: MessagePack data is malformed")
    assert reasons[1].startswith("batch: cannot be stored (")


def seal_raw(device: FakeDevice, body: bytes) -> bytes:
    """An envelope around any body."""
    import zstandard

    from protocols.sync.envelope import MAGIC, VERSION, Header, digest_of

    device.number += 1
    header = msgspec.msgpack.encode(Header(device.name, device.boot, device.number, 1, len(body)))
    rest = len(header).to_bytes(2, "big") + header + zstandard.compress(body)
    return MAGIC + bytes([VERSION]) + digest_of(rest) + rest


def test_text_a_database_cannot_hold_is_that_batchs_trouble(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    nul = device.arrival(device.typed("S1", town.meters[0], 5, note="a\0b"))
    good = device.arrival(device.telegram(town.meters[0], 1234))
    fates = [outcome.fate for outcome in ingest.apply([nul, good]).outcomes]
    assert fates[1] == "committed"
    # SQLite keeps such text, PostgreSQL cannot: nothing is lost either way.
    assert fates[0] == ("committed" if town.engine.dialect.name == "sqlite" else "refused")


def test_an_index_that_cannot_be_is_rejected_with_its_reason_and_the_rest_goes_on(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    hour = 60 * MINUTE
    ingest.apply(
        [
            device.arrival(
                device.telegram(town.meters[0], 1234, NOW_MS + hour),
                device.telegram(town.meters[1], 10**8),
                device.telegram(town.meters[2], 3100, due=[(date(2027, 1, 1), 0), (DUE, 3000)]),
            )
        ]
    )
    assert readings(town.engine) == {
        reading_of(town, 3, 3100),
        reading_of(town, 3, 3000, midnight_ms(DUE), kind=2),
    }
    with read_session(town.engine) as session:
        rejected = session.scalars(select(Reading.reason).where(Reading.status == ReadingStatus.REJECTED)).all()
        assert sorted(rejected) == [
            "reading.at: 2026-11-24T13:00:00+00:00, later than its arrival 2026-11-24T12:00:00+00:00 plus 600 s",
            "reading.at: 2026-12-31T23:00:00+00:00, later than its arrival 2026-11-24T11:59:00+00:00 plus 600 s",
            "reading.litres: 100000000, the meter shows 0 to 99999999",
        ]
        assert len(session.scalars(select(Telegram)).all()) == 3


def test_a_rejected_index_does_not_stand_in_the_way_of_a_valid_one(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    due = date(2026, 12, 1)
    ingest.apply([device.arrival(device.telegram(town.meters[0], 1234, due=[(due, 7)]))])
    in_december = NOW + timedelta(days=10)
    heard = NOW_MS + 10 * 24 * 60 * MINUTE - MINUTE
    for _ in range(2):
        arrival = device.arrival(
            device.telegram(town.meters[0], 1300, heard, due=[(due, 1290)]), received_at=in_december
        )
        ingest.apply([arrival])
        heard += 1
    with read_session(town.engine) as session:
        rows = session.execute(
            select(Reading.revision, Reading.litres, Reading.status)
            .where(Reading.kind == ReadingKind.RADIO_DUE)
            .order_by(Reading.revision)
        ).all()
        assert [tuple(row) for row in rows] == [
            (0, 7, ReadingStatus.REJECTED),
            (1, 1290, ReadingStatus.VALID),
        ]
    assert kept(town.engine) == []


def test_two_indices_for_one_instant_keep_the_first_and_tell_of_the_second(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    one = town.meters[0]
    ingest.apply([device.arrival(device.telegram(one, 1234, due=[(DUE, 1100)]))])
    applied = ingest.apply(
        [device.arrival(device.telegram(one, 1240, NOW_MS, due=[(DUE, 1101)]), device.telegram(one, 1250, NOW_MS))]
    )
    assert applied.outcomes[0].fate == "committed"
    assert {reason for _, reason in kept(town.engine)} == {
        "reading.litres: 1101, the RADIO_DUE reading of this meter at 2026-10-31T23:00:00+00:00 is recorded as 1100",
        "reading.litres: 1250, the RADIO reading of this meter at 2026-11-24T12:00:00+00:00 is recorded as 1240",
    }
    assert readings(town.engine) == {
        reading_of(town, 1, 1234),
        reading_of(town, 1, 1240, NOW_MS),
        reading_of(town, 1, 1100, midnight_ms(DUE), kind=2),
    }


def test_a_telegram_heard_by_two_receivers_is_two_telegrams_and_one_reading(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    heard = [device.telegram(town.meters[0], 1234, receiver=name) for name in ("left", "right")]
    ingest.apply([device.arrival(*heard)])
    ingest.apply([device.arrival(device.telegram(town.meters[0], 1234, receiver="left"))])
    found = counts(town.engine)
    assert (found["telegram"], found["receiver"]) == (3, 2)
    assert readings(town.engine) == {reading_of(town, 1, 1234)}
    assert kept(town.engine) == []


def test_a_sealed_telegram_is_opened_with_the_registers_key(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    frame = encrypted(town.meters[0], bytes([1]) * 16, 4321)
    ingest.apply([device.arrival(device.telegram(town.meters[0], None, state="key_missing", frame=frame))])
    assert readings(town.engine) == {reading_of(town, 1, 4321)}
    with read_session(town.engine) as session:
        row = session.scalars(select(Telegram)).one()
        assert (row.state, row.proof, row.litres, row.frame) == ("decrypted", "2f2f", 4321, frame)
    assert kept(town.engine) == []


def test_a_telegram_no_key_opens_stays_with_one_entry_that_says_why(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    wrong = encrypted(town.meters[0], b"another key 1234", 4321)
    items = [device.telegram(town.meters[0], None, NOW_MS - n, state="key_missing", frame=wrong) for n in range(3)]
    without = device.telegram("KAM-88888888-1B-16", None, state="key_missing", frame=wrong)
    ingest.apply([device.arrival(*items, without, device.telegram(town.meters[1], 2222))])
    assert counts(town.engine)["telegram"] == 5
    assert readings(town.engine) == {reading_of(town, 2, 2222)}
    (entry,) = kept(town.engine)
    assert entry[0] == "telegram"
    assert f"telegram of meter {town.meters[0]}: " in entry[1]
    assert "key" in entry[1]
    with read_session(town.engine) as session:
        assert session.scalars(select(Quarantine.arrivals)).one() == 3


def test_without_the_key_file_the_reason_says_so(town: Town, device: FakeDevice) -> None:
    frame = encrypted(town.meters[0], bytes([1]) * 16, 4321)
    item = device.telegram(town.meters[0], None, state="key_missing", frame=frame)
    Ingest(town.engine, None).apply([device.arrival(item)])
    assert kept(town.engine)[0][1] == (f"key of meter {town.meters[0]}: this process has no key file to open it with")


def test_a_visit_that_cannot_be_recorded_is_kept_alone(town: Town, ingest: Ingest, device: FakeDevice) -> None:
    ingest.apply(
        [
            device.arrival(
                device.typed("S9", town.meters[0], 1),
                device.typed("S1", "KAM-77777777-1B-16", 2),
                device.typed("S1", town.meters[0], 3, code="123"),
                device.typed("S1", town.meters[0], 1500),
            )
        ]
    )
    assert kept(town.engine) == [
        ("visit", "visit.supply: 'S9', is not a supply point of this utility"),
        ("visit", "visit.meter: 'KAM-77777777-1B-16', is not a meter of this utility"),
        ("visit", "visit.code: '123', must be two characters"),
    ]
    assert readings(town.engine) == {reading_of(town, 1, 1500, kind=3)}


@pytest.mark.parametrize("correction_first", [False, True])
def test_a_correction_rejects_what_it_replaces_in_any_order(
    town: Town, ingest: Ingest, device: FakeDevice, correction_first: bool
) -> None:
    wrong = device.typed("S1", town.meters[0], 15_000, NOW_MS - 2 * MINUTE)
    right = device.typed("S1", town.meters[0], 1500, replaces=wrong.id)
    arrivals = [device.arrival(wrong), device.arrival(right)]
    for arrival in reversed(arrivals) if correction_first else arrivals:
        ingest.apply([arrival])
    assert readings(town.engine) == {reading_of(town, 1, 1500, kind=3)}
    with read_session(town.engine) as session:
        rejected = session.scalars(select(Reading).where(Reading.status == ReadingStatus.REJECTED)).one()
        assert (rejected.litres, rejected.reason) == (15_000, f"visit: replaced by the reader's item {right.id}")
        assert len(session.scalars(select(Visit)).all()) == 2


@pytest.mark.parametrize("backwards", [False, True])
def test_an_alarm_is_one_finding_from_its_first_telegram_to_its_last(
    town: Town, ingest: Ingest, device: FakeDevice, backwards: bool
) -> None:
    times = [NOW_MS - 3 * MINUTE, NOW_MS - 2 * MINUTE, NOW_MS - MINUTE]
    for at_ms in reversed(times) if backwards else times:
        ingest.apply([device.arrival(device.telegram(town.meters[0], 1234, at_ms, alarms=("leak",)))])
    with read_session(town.engine) as session:
        finding = session.scalars(select(Finding)).one()
        assert (finding.rule, finding.severity, finding.status) == ("alarm.leak", "high", "open")
        assert (finding.since_ms, finding.until_ms) == (times[0], times[-1])
        assert (finding.subject, finding.meter_id) == (town.meters[0], town.meter_ids[0])
        assert finding.supply_point_id is not None


def test_a_clock_that_was_set_before_sealing_puts_earlier_stamps_right(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    second = 1_000_000_000
    device.sealed_at = stamp(NOW_MS, mono_ns=1000 * second)
    item = device.telegram(town.meters[0], 1234, at=stamp(5_000, trusted=False, mono_ns=940 * second))
    ingest.apply([device.arrival(item)])
    assert readings(town.engine) == {reading_of(town, 1, 1234, NOW_MS - 60_000)}
    with read_session(town.engine) as session:
        row = session.scalars(select(Telegram)).one()
        assert (row.clock_trusted, row.claimed_ms, row.mono_ns) == (False, 5_000, 940 * second)


def test_a_clock_that_nobody_set_is_believed_only_where_it_is_plausible(
    town: Town, ingest: Ingest, device: FakeDevice
) -> None:
    device.sealed_at = stamp(NOW_MS - MINUTE, trusted=False)
    plausible = device.telegram(town.meters[0], 1234, at=stamp(NOW_MS - 2 * MINUTE, trusted=False))
    ingest.apply([device.arrival(plausible)])
    assert readings(town.engine) == {reading_of(town, 1, 1234, NOW_MS - 2 * MINUTE)}
    device.sealed_at = stamp(120_000, trusted=False)
    ingest.apply([device.arrival(device.telegram(town.meters[1], 2345, at=stamp(60_000, trusted=False)))])
    assert readings(town.engine, status=ReadingStatus.SUSPECT) == {reading_of(town, 2, 2345, NOW_MS - MINUTE)}
    with read_session(town.engine) as session:
        reason = session.scalars(select(Reading.reason).where(Reading.status == ReadingStatus.SUSPECT)).one()
        assert reason == "reading.at: the device's clock said 60000 ms and was not set; reckoned from the arrival"


def test_an_answer_names_a_batch_below_the_head_too() -> None:
    answer = Answer("tpl-1", BOOT, committed=9, also={3})
    assert answer.ack() == Ack(1, "tpl-1", BOOT, 9, (3,))


def test_bytes_of_a_batch_do_not_change_by_sealing_again(device: FakeDevice) -> None:
    batch = device.batch(device.event("a"))
    assert seal(batch) == seal(batch)
