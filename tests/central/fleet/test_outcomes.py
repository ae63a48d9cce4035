"""What devices report of orders, on both databases: applied once, whole, or kept as a finding."""

from unittest.mock import Mock

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from central import journal, register
from central.fleet.orders import assign_order, cancel_order
from central.fleet.outcomes import decide, settle_all
from central.reading.findings import Found
from central.reading.findings import record as record_findings
from central.reading.ingest import Ingest
from central.reading.validation import validate
from central.register import Change, RegisterError
from central.register.installations import exchange_meter
from central.register.meters import find_meter_by_serial, registered_keys
from central.store import read_session, write_session
from central.store.models import Finding, OrderReport, Quarantine, ReadingKind, ReadingStatus
from central.times import instant_of
from tests.central.conftest import BY, INSTALLED, NOW, Town, point_of
from tests.central.fleet.support import (
    DONE_MS,
    KEY,
    device_of,
    exchanged,
    hanging,
    open_conflicts,
    ordered,
    report,
    reports,
    said,
    stated,
    status,
    the_order,
    told,
)
from tests.central.reading.support import MINUTE, NOW_MS, FakeDevice, kept, stamp

INSTALLED_MS = int(INSTALLED.timestamp()) * 1000
REMOVAL, INSTALLATION = int(ReadingKind.REMOVAL), int(ReadingKind.INSTALLATION)
VALID, SUSPECT = int(ReadingStatus.VALID), int(ReadingStatus.SUSPECT)


def test_an_order_reaches_its_device_with_what_the_reader_needs(town: Town) -> None:
    code = ordered(town, instructions="Contador parado")
    (order,) = told(town) or ()
    assert (order.code, order.kind, order.supply, order.meter, order.serial) == (
        code, "replace", "S1", town.meters[0], "K1",
    )  # fmt: skip
    assert (order.instructions, order.modulus_litres, order.day) == ("Contador parado", 10**8, "")
    assert status(town, code) == "sent"
    assert told(town) is None


def test_it_is_accepted_then_done_and_leaves_the_device(town: Town) -> None:
    device = FakeDevice()
    code = ordered(town)
    told(town)
    report(town, device, said(device, code, "accepted", at_ms=DONE_MS - MINUTE))
    assert status(town, code) == "accepted"
    report(town, device, exchanged(device, code))
    assert status(town, code) == "done"
    assert told(town) == ()


def test_an_exchange_moves_meters_with_a_reading_at_both_ends_and_the_key(town: Town) -> None:
    device = FakeDevice()
    report(town, device, exchanged(device, ordered(town)))
    assert hanging(town)[:2] == [("K1", INSTALLED_MS, DONE_MS), ("N-1", DONE_MS, None)]
    assert stated(town) == [("N-1", INSTALLATION, 12, VALID), ("K1", REMOVAL, 500_000, VALID)]
    with read_session(town.engine) as session:
        new = find_meter_by_serial(session, town.utility_id, "N-1")
        assert new is not None
        assert (new.calibre_mm, new.modulus_litres, new.q3_litres_hour) == (15, 10**8, 2500)
        assert registered_keys(session, town.utility_id, [new.address], town.ring).keys == {new.address: KEY}
        (row,) = session.scalars(select(OrderReport)).all()
        assert (row.seal, row.kek is not None, KEY in (row.sealed or b"")) == ("P77", True, False)
        assert set(journal.verify(session, town.utility_id)) == {None}


def test_a_meter_of_the_stock_is_hung_as_it_is_registered(town: Town) -> None:
    with write_session(town.engine) as session:
        register.add_meter(
            session, town.utility_id, address="KAM-00000077-1B-16", serial="N-1", calibre_mm=20, modulus_litres=10**9,
            radio=True, by=BY,
        )  # fmt: skip
    device = FakeDevice()
    report(town, device, exchanged(device, ordered(town), new_key=None))
    with read_session(town.engine) as session:
        new = find_meter_by_serial(session, town.utility_id, "N-1")
        assert new is not None
        assert (new.calibre_mm, new.address) == (20, "KAM-00000077-1B-16")
    assert hanging(town)[1][0] == "N-1"


def test_a_batch_that_comes_again_changes_nothing(town: Town) -> None:
    device = FakeDevice()
    arrival = device.arrival(exchanged(device, ordered(town)))
    for _ in range(3):
        Ingest(town.engine, town.ring).apply([arrival])
        settle_all(town.engine, town.ring, NOW)
    assert reports(town) == [("done", "applied", "")]
    assert len(stated(town)) == 2
    assert open_conflicts(town) == []


def test_what_could_not_be_done_says_why_and_can_be_tried_again(town: Town) -> None:
    device = FakeDevice()
    code = ordered(town)
    report(town, device, said(device, code, "impossible", reason="02", note="perro"))
    assert status(town, code) == "impossible"
    with write_session(town.engine) as session:
        assign_order(session, the_order(session, code), device_of(session, town), by=BY)
    assert [one.code for one in told(town) or ()] == [code]
    report(town, device, exchanged(device, code))
    assert status(town, code) == "done"


@pytest.mark.parametrize("kind", ["read", "inspect", "seal"])
def test_an_index_read_with_an_order_is_a_reading(town: Town, kind: str) -> None:
    device = FakeDevice()
    report(town, device, said(device, ordered(town, kind), litres=4_000, seal="P1"))
    assert stated(town) == [("K1", int(ReadingKind.TYPED), 4_000, VALID)]


def test_a_last_reading_is_a_final_one(town: Town) -> None:
    device = FakeDevice()
    code = ordered(town, "read", cause="contract", details={"final": True})
    report(town, device, said(device, code, litres=4_000))
    assert stated(town) == [("K1", int(ReadingKind.FINAL), 4_000, VALID)]


def test_a_meter_is_taken_down_and_another_hung_later(town: Town) -> None:
    device = FakeDevice()
    report(town, device, said(device, ordered(town, "remove"), litres=7_000, at_ms=DONE_MS - 2 * MINUTE))
    assert hanging(town)[0] == ("K1", INSTALLED_MS, DONE_MS - 2 * MINUTE)
    with write_session(town.engine) as session:
        register.add_meter(
            session, town.utility_id, serial="N-9", calibre_mm=15, modulus_litres=10**8, radio=False, by=BY
        )
    code = ordered(town, "install")
    report(town, device, said(device, code, meter="", new_serial="N-9", new_litres=3))
    assert hanging(town)[1] == ("N-9", DONE_MS, None)
    assert stated(town)[-1] == ("N-9", INSTALLATION, 3, VALID)


def test_an_instant_that_is_not_certain_makes_its_readings_suspect(town: Town) -> None:
    device = FakeDevice()
    device.sealed_at = stamp(1_000, trusted=False, mono_ns=NOW_MS * 1_000_000)
    item = exchanged(device, ordered(town))
    untrusted = stamp(5, trusted=False, mono_ns=NOW_MS * 1_000_000)
    report(town, device, msgspec.structs.replace(item, at=untrusted))
    assert {row[3] for row in stated(town)} == {SUSPECT}


def test_readings_of_an_exchange_are_judged_by_the_validations_rules(town: Town) -> None:
    device = FakeDevice()
    earlier = device.typed("S1", town.meters[0], 600_000, DONE_MS - 24 * 60 * MINUTE)
    Ingest(town.engine, town.ring).apply([device.arrival(earlier)])
    report(town, device, exchanged(device, ordered(town), litres=500_000))
    with write_session(town.engine) as session:
        validate(session, town.utility_id, None, NOW)
    with read_session(town.engine) as session:
        rules = session.scalars(select(Finding.rule).where(Finding.status == "open")).all()
    assert "backwards" in rules
    assert ("K1", REMOVAL, 500_000, SUSPECT) in stated(town)


def test_what_is_interrupted_on_the_way_is_settled_whole_by_the_next(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = FakeDevice()
    Ingest(town.engine, town.ring).apply([device.arrival(exchanged(device, ordered(town)))])
    broken = OperationalError("INSERT", None, Exception("the disk is full"))
    with monkeypatch.context() as patched:
        patched.setattr("central.fleet.outcomes._settled", Mock(side_effect=broken))
        with pytest.raises(OperationalError):
            settle_all(town.engine, town.ring, NOW)
    assert reports(town) == [("done", "new", "")]
    assert stated(town) == []
    settle_all(town.engine, town.ring, NOW)
    assert reports(town) == [("done", "applied", "")]
    assert len(stated(town)) == 2


# What contradicts the register -------------------------------------------------------------------------------------


def test_a_meter_that_was_replaced_meanwhile_is_a_finding(town: Town) -> None:
    device = FakeDevice()
    code = ordered(town)
    with write_session(town.engine) as session:
        new = register.add_meter(
            session, town.utility_id, serial="X-1", calibre_mm=15, modulus_litres=10**8, radio=False, by=BY
        )
        exchange_meter(
            session, point_of(session, town, 1), new, instant_of(DONE_MS - 60 * MINUTE), removal_litres=1,
            installation_litres=2, by=BY,
        )  # fmt: skip
    report(town, device, exchanged(device, code))
    assert reports(town)[0][1] == "conflict"
    assert (
        "meter SN-X-1 hung there at 2026-11-24T11:59:00" in open_conflicts(town)[0]
        or "X-1 hung" in open_conflicts(town)[0]
    )
    assert status(town, code) == "planned"
    assert [row[0] for row in hanging(town)[:2]] == ["K1", "X-1"]


def test_an_order_that_was_withdrawn_meanwhile_is_decided_by_a_person(town: Town) -> None:
    device = FakeDevice()
    code = ordered(town)
    with write_session(town.engine) as session:
        cancel_order(session, the_order(session, code), by=Change("ana", NOW, "duplicate"))
    report(town, device, exchanged(device, code))
    assert open_conflicts(town) == [f"order {code}, done: the order was withdrawn before it was done"]
    assert hanging(town)[0] == ("K1", INSTALLED_MS, None)
    with write_session(town.engine) as session:
        (row,) = session.scalars(select(OrderReport)).all()
        decide(session, row, apply=True, ring=town.ring, by=Change("ana", NOW, "it was done all the same"))
    assert status(town, code) == "done"
    assert hanging(town)[1][0] == "N-1"
    assert open_conflicts(town) == []


def test_a_report_can_be_left_aside_with_a_reason(town: Town) -> None:
    device = FakeDevice()
    report(town, device, exchanged(device, "OT-999999"))
    assert open_conflicts(town) == ["order OT-999999, done: no such order is known"]
    with write_session(town.engine) as session:
        (row,) = session.scalars(select(OrderReport)).all()
        with pytest.raises(RegisterError, match="needs its reason"):
            decide(session, row, apply=False, ring=None, by=BY)
        with pytest.raises(RegisterError, match="no such order"):
            decide(session, row, apply=True, ring=None, by=Change("ana", NOW, "try"))
        decide(session, row, apply=False, ring=None, by=Change("ana", NOW, "a test"))
    assert reports(town)[0][1] == "dismissed"
    assert open_conflicts(town) == []


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"new_serial": "K2"}, "hangs at another supply point"),
        ({"litres": 10**8}, "shows 0 to 99999999"),
        ({"new_litres": None}, "first index"),
        ({"at_ms": NOW_MS + 60 * MINUTE}, "later than its arrival"),
    ],
)
def test_what_the_register_refuses_changes_nothing_of_it(town: Town, more: dict[str, int | str], rule: str) -> None:
    device = FakeDevice()
    code = ordered(town)
    report(town, device, exchanged(device, code, **more))
    assert rule in open_conflicts(town)[0]
    assert stated(town) == []
    assert hanging(town)[0] == ("K1", INSTALLED_MS, None)
    with read_session(town.engine) as session:
        assert find_meter_by_serial(session, town.utility_id, "N-1") is None


def test_the_second_of_two_who_did_it_is_a_finding(town: Town) -> None:
    device = FakeDevice()
    code = ordered(town)
    report(town, device, exchanged(device, code), exchanged(device, code, new_serial="N-2", at_ms=DONE_MS + 1))
    assert [row[1] for row in reports(town)] == ["applied", "conflict"]
    assert "done already" in open_conflicts(town)[0]


def test_what_nobody_foresaw_about_a_report_is_in_no_others_way(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeDevice()
    first, second = ordered(town, "seal"), ordered(town, "seal", house=2)
    monkeypatch.setattr("central.fleet.outcomes.apply_deed", Mock(side_effect=[ZeroDivisionError("odd"), None]))
    report(
        town, device, said(device, first), said(device, second, supply="S2", meter=town.meters[1], at_ms=DONE_MS + 1)
    )
    assert [row[1] for row in reports(town)] == ["conflict", "applied"]
    assert open_conflicts(town) == [f"order {first}, done: cannot be settled (ZeroDivisionError: odd)"]


def test_a_key_that_nobody_could_keep_is_told(town: Town) -> None:
    device = FakeDevice()
    report(town, device, exchanged(device, ordered(town)), ring=False)
    assert hanging(town)[1][0] == "N-1"
    assert "no key file" in open_conflicts(town)[0]


def test_a_report_that_is_none_is_quarantined_without_its_key(town: Town) -> None:
    device = FakeDevice()
    report(town, device, exchanged(device, "OT-1", outcome="maybe"), said(device, "X" * 65))
    assert [kind for kind, _ in kept(town.engine)] == ["report", "report"]
    assert "must be one of accepted, done, impossible" in kept(town.engine)[0][1]
    with read_session(town.engine) as session:
        assert all(KEY not in payload for payload in session.scalars(select(Quarantine.payload)))


def test_a_finding_that_brought_an_order_is_closed_with_it(town: Town) -> None:
    found = Found("stopped_meter", "high", town.meters[0], 1, 2, "stopped")
    with write_session(town.engine) as session:
        record_findings(session.connection(), town.utility_id, [found], NOW_MS)
        finding_id = session.scalars(select(Finding.id)).one()
    device = FakeDevice()
    report(town, device, exchanged(device, ordered(town, cause="finding", finding_id=finding_id)))
    with read_session(town.engine) as session:
        assert session.scalars(select(Finding.status).where(Finding.id == finding_id)).one() == "closed"
