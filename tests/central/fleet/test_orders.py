"""Orders and cuts in the register, on both databases: what is refused, what the law stops, what a payment brings."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from central import register
from central.fleet import cuts, watch
from central.fleet.cutting import CutRules
from central.fleet.mail import due, mark_sent, message_of
from central.fleet.orders import Wanted, assign_order, cancel_order, order_work
from central.fleet.outcomes import settle_all
from central.fleet.sending import settle_and_watch
from central.reading.ingest import Ingest
from central.register import Change, RegisterError
from central.register.contracts import Terms, change_terms
from central.store import read_session, write_session
from central.store.models import Utility
from central.times import MADRID
from protocols.sync import decode_orders
from tests.central.conftest import BY, NOW, Town
from tests.central.fleet.support import (
    CUT_DAY,
    contract_of,
    device_of,
    exchanged,
    ordered,
    owe,
    pay,
    report,
    said,
    status,
    the_order,
    told,
)
from tests.central.reading.support import FakeDevice


def fact(town: Town, kind: str, since: date, **more: Any) -> None:
    with write_session(town.engine) as session:
        cuts.record_fact(session, contract_of(session, town), kind, since, "RR-1", by=BY, **more)


def lawful(town: Town) -> None:
    """A debt with every step that the law asks for before ``CUT_DAY``."""
    owe(town, 8_000)
    fact(town, "demand", date(2026, 11, 2), cents=8_000)
    fact(town, "authority", date(2026, 11, 3))


def cut(town: Town, day: date | None = CUT_DAY, cause: str = "debt") -> str:
    return ordered(town, "cut", cause=cause, planned_on=day)


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"kind": "paint"}, "order.kind"),
        ({"cause": "debt"}, "order.cause"),
        ({"kind": "install"}, "a meter hangs there already"),
        ({"contract": "K-2"}, "is not a contract at supply point S1"),
        ({"finding_id": 7}, "is not a finding of this utility"),
        ({"instructions": "x" * 501}, "at most 500 characters"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_by_name(town: Town, more: dict[str, Any], rule: str) -> None:
    values: dict[str, Any] = {"kind": "replace", "house": 1} | more
    with pytest.raises(RegisterError, match=rule):
        ordered(town, values.pop("kind"), **values)


def test_one_order_of_a_kind_is_open_at_a_supply_point(town: Town) -> None:
    first = ordered(town)
    with pytest.raises(RegisterError, match=f"order {first} of this kind is open at S1"):
        ordered(town)
    assert ordered(town, "seal") == "OT-000002"
    assert ordered(town, house=2) == "OT-000003"


def test_an_order_that_moves_to_another_device_leaves_the_first(town: Town) -> None:
    code = ordered(town)
    told(town)
    with write_session(town.engine) as session:
        other = register.enrol_device(session, town.utility_id, "tpl-2", by=BY)
        assign_order(session, the_order(session, code), other, by=BY)
    found = {}
    with write_session(town.engine) as session:
        for one in due(session):
            message = message_of(session, one, NOW)
            assert message is not None
            found[message.topic.split("/")[2]] = [order.code for order in decode_orders(message.payload).orders]
            mark_sent(session, one, NOW)
    assert found == {"tpl-1": [], "tpl-2": [code]}
    assert status(town, code) == "sent"


def test_a_change_while_a_message_is_on_its_way_is_told_again(town: Town) -> None:
    first = ordered(town)
    with read_session(town.engine) as session:
        (waiting,) = due(session)
    second = ordered(town, "seal")
    with write_session(town.engine) as session:
        mark_sent(session, waiting, NOW)
    assert (status(town, first), status(town, second)) == ("planned", "planned")
    assert [one.code for one in told(town) or ()] == [first, second]


def test_a_withdrawn_order_needs_its_reason_and_is_told(town: Town) -> None:
    code = ordered(town)
    told(town)
    with write_session(town.engine) as session:
        with pytest.raises(RegisterError, match="needs its reason"):
            cancel_order(session, the_order(session, code), by=BY)
        cancel_order(session, the_order(session, code), by=Change("ana", NOW, "twice"))
        with pytest.raises(RegisterError, match="is closed"):
            cancel_order(session, the_order(session, code), by=Change("ana", NOW, "twice"))
    assert told(town) == ()


def test_a_revoked_device_gets_nothing(town: Town) -> None:
    ordered(town)
    with write_session(town.engine) as session:
        register.revoke_device(session, town.device, by=BY)
        (waiting,) = due(session)
        assert message_of(session, waiting, NOW) is None
        with pytest.raises(RegisterError, match="is revoked"):
            order_work(session, town.utility_id, Wanted("seal", "S2"), device=device_of(session, town), by=BY)


# Cuts --------------------------------------------------------------------------------------------------------------


def test_a_lawful_cut_is_told_with_the_only_day_on_which_it_may_be_made(town: Town) -> None:
    lawful(town)
    code = cut(town)
    (order,) = told(town) or ()
    assert (order.code, order.kind, order.day) == (code, "cut", "2026-11-26")
    with read_session(town.engine) as session:
        assert the_order(session, code).details == {"debt_cents": 8_000, "law": CutRules().source}


@pytest.mark.parametrize(
    ("day", "cause", "rule"),
    [
        (None, "debt", "order.planned_on"),
        (date(2026, 11, 23), "debt", "lies in the past"),
        (date(2026, 11, 28), "debt", "cut.day"),
        (date(2026, 12, 24), "debt", "cut.day"),
        (CUT_DAY, "contract", "it has not ended"),
    ],
)
def test_a_cut_on_a_wrong_day_or_for_a_wrong_cause(town: Town, day: date | None, cause: str, rule: str) -> None:
    lawful(town)
    with pytest.raises(RegisterError, match=rule):
        cut(town, day, cause)


def test_each_step_is_asked_for_in_turn(town: Town) -> None:
    with pytest.raises(RegisterError, match=r"cut\.debt: 'K-1', debe 0,00 €"):
        cut(town)
    owe(town, 8_000)
    with pytest.raises(RegisterError, match=r"cut\.demand"):
        cut(town)
    fact(town, "demand", date(2026, 11, 2), cents=8_000)
    with pytest.raises(RegisterError, match=r"cut\.authority"):
        cut(town)
    fact(town, "authority", date(2026, 11, 3))
    assert cut(town)


@pytest.mark.parametrize("kind", cuts.PROTECTIONS)
def test_a_protection_forbids_until_it_ends(town: Town, kind: str) -> None:
    lawful(town)
    fact(town, kind, date(2026, 11, 20))
    with pytest.raises(RegisterError, match=rf"cut\.{kind}: .*RR-1"):
        cut(town)
    with write_session(town.engine) as session:
        (row,) = [one for one in cuts.facts_of(session, contract_of(session, town)) if one.kind == kind]
        cuts.retire_fact(session, row, by=BY)
    assert cut(town)


def test_a_vulnerable_household_is_never_cut(town: Town) -> None:
    lawful(town)
    with write_session(town.engine) as session:
        terms = Terms(use="domestic", vulnerable=True, habitual_home=True)
        change_terms(session, contract_of(session, town), terms, date(2026, 11, 1), by=BY)
    with pytest.raises(RegisterError, match=r"cut\.vulnerable"):
        cut(town)


@pytest.mark.parametrize(
    ("kind", "more", "rule"),
    [
        ("rumour", {}, "cut.kind"),
        ("demand", {}, "cut.cents"),
        ("demand", {"cents": 0}, "cut.cents"),
        ("claim", {"until": date(2026, 11, 1)}, "cut.until"),
    ],
)
def test_facts_are_checked(town: Town, kind: str, more: dict[str, Any], rule: str) -> None:
    with pytest.raises(RegisterError, match=rule):
        fact(town, kind, date(2026, 11, 2), **more)
    with pytest.raises(RegisterError, match="lies ahead"):
        fact(town, "authority", date(2026, 12, 2))


def test_a_cut_that_is_paid_for_before_its_day_is_withdrawn(town: Town) -> None:
    lawful(town)
    code = cut(town)
    told(town)
    watched = [watched_at(town, NOW)]
    pay(town, 8_000)
    watched.append(watched_at(town, NOW))
    assert watched == [(0, 0), (1, 0)]
    assert status(town, code) == "cancelled"
    assert told(town) == ()


def test_a_cut_whose_day_has_passed_is_withdrawn(town: Town) -> None:
    lawful(town)
    code = cut(town)
    assert watched_at(town, NOW + timedelta(days=3)) == (1, 0)
    assert status(town, code) == "cancelled"


def test_wrong_settings_of_one_utility_stop_nobody_elses_work(town: Town) -> None:
    lawful(town)
    cut(town)
    with write_session(town.engine) as session:
        session.get_one(Utility, town.utility_id).settings = {"cuts": {"region": "XX"}}
    assert settle_and_watch(town.engine, None, NOW) == 0
    with pytest.raises(RegisterError, match=r"utility\.settings\.cuts"):
        watched_at(town, NOW)


def watched_at(town: Town, now: datetime) -> tuple[int, int]:
    with write_session(town.engine) as session:
        return watch.watch(session, town.utility_id, now)


def test_the_water_comes_back_when_the_debt_is_paid_and_once(town: Town) -> None:
    lawful(town)
    code = cut(town)
    on = datetime(2026, 11, 26, 9, tzinfo=UTC)
    device = FakeDevice()
    device.sealed_at = said(device, code).at

    item = said(device, code, at_ms=int(on.timestamp() * 1000))
    Ingest(town.engine, None).apply([device.arrival(item, received_at=on)])
    settle_all(town.engine, None, on)
    assert status(town, code) == "done"
    owe(town, 900, "F2", on)
    pay(town, 7_999, on + timedelta(hours=1))
    assert watched_at(town, on + timedelta(hours=2)) == (0, 0)
    pay(town, 1, on + timedelta(hours=3), "P2")
    assert watched_at(town, on + timedelta(hours=4)) == (0, 1)
    assert watched_at(town, on + timedelta(hours=5)) == (0, 0)
    with read_session(town.engine) as session:
        order = the_order(session, "OT-000002")
        assert (order.kind, order.cause, order.status) == ("reconnect", "paid", "planned")
        assert order.due_by == datetime(2026, 11, 27, tzinfo=MADRID)
    done = said(device, "OT-000002", at_ms=int((on + timedelta(hours=6)).timestamp() * 1000))
    Ingest(town.engine, None).apply([device.arrival(done, received_at=on + timedelta(hours=6))])
    settle_all(town.engine, None, on + timedelta(hours=6))
    assert watched_at(town, on + timedelta(hours=7)) == (0, 0)


@pytest.mark.parametrize("second", ["assign", "cancel"])
def test_who_saw_an_order_before_it_was_done_changes_nothing(town: Town, second: str) -> None:
    code = ordered(town)
    with read_session(town.engine) as session:
        seen = the_order(session, code)
    report(town, FakeDevice(town.device), exchanged(FakeDevice(town.device), code))
    assert status(town, code) == "done"
    with write_session(town.engine) as session:
        session.add(seen)
        device, change = device_of(session, town), Change("jefa", NOW, "ya no hace falta")
        do = partial(assign_order, device=device) if second == "assign" else cancel_order
        with pytest.raises(RegisterError, match=f"order.status: 'done', order {code} is closed"):
            do(session, seen, by=change)
    assert status(town, code) == "done"
