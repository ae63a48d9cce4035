"""A registered town with orders, a device that reports of them, and a debt."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from billing.ledger import Account, Transaction, post_payment
from billing.ledger.value import entries_of
from central import register
from central.collection.posting import Postings
from central.fleet.mail import Due, due, mark_sent, message_of
from central.fleet.orders import Wanted, order_work
from central.fleet.outcomes import settle_all
from central.reading.ingest import Ingest
from central.register.contracts import find_contract
from central.store import Session, read_session, write_session
from central.store.models import Contract, Device, Finding, Installation, Meter, OrderReport, Reading, WorkOrder
from protocols.sync import OrderReport as Said
from protocols.sync import WorkOrder as Told
from protocols.sync import decode_orders
from tests.central.conftest import BY, NOW, Town
from tests.central.reading.support import MINUTE, NOW_MS, FakeDevice, stamp

KEY = bytes(range(16))
DONE_MS = NOW_MS - MINUTE
# A day on which a cut is lawful, with demand and notice long before.
CUT_DAY = date(2026, 11, 26)


def device_of(session: Session, town: Town) -> Device:
    device = register.find_device(session, town.device)
    assert device is not None
    return device


def ordered(town: Town, kind: str = "replace", house: int = 1, *, give: bool = True, **more: Any) -> str:
    """The code of a new order at a house."""
    with write_session(town.engine) as session:
        wanted = Wanted(kind, f"S{house}", **more)
        given = device_of(session, town) if give else None
        return order_work(session, town.utility_id, wanted, device=given, by=BY).code


def the_order(session: Session, code: str) -> WorkOrder:
    return session.scalars(select(WorkOrder).where(WorkOrder.code == code)).one()


def status(town: Town, code: str) -> str:
    with read_session(town.engine) as session:
        return the_order(session, code).status


def told(town: Town) -> tuple[Told, ...] | None:
    """The orders that the device would be told of now, noted as sent; None where it knows the newest."""
    with write_session(town.engine) as session:
        waiting = [one for one in due(session, town.utility_id) if one.kind == "orders"]
        if not waiting:
            return None
        return _sent(session, waiting[0])


def _sent(session: Session, one: Due) -> tuple[Told, ...]:
    message = message_of(session, one, NOW)
    assert message is not None
    mark_sent(session, one, NOW)
    return decode_orders(message.payload).orders


def said(device: FakeDevice, code: str, outcome: str = "done", *, at_ms: int = DONE_MS, **more: Any) -> Said:
    values = {"supply": "S1", "meter": "KAM-00000001-1B-16", "reader": "luis"} | more
    return Said(device.item_id(), stamp(at_ms), code, outcome, **values)


def exchanged(device: FakeDevice, code: str, **more: Any) -> Said:
    values: dict[str, Any] = {
        "litres": 500_000,
        "new_serial": "N-1",
        "new_litres": 12,
        "new_key": KEY,
        "seal": "P77",
    } | more
    return said(device, code, **values)


def report(town: Town, device: FakeDevice, *items: Said, ring: bool = True, now: datetime = NOW) -> None:
    """The device's batch arrives and is settled."""
    key_ring = town.ring if ring else None
    Ingest(town.engine, key_ring).apply([device.arrival(*items)])
    settle_all(town.engine, key_ring, now)


def reports(town: Town) -> list[tuple[str, str, str]]:
    with read_session(town.engine) as session:
        rows = session.scalars(select(OrderReport).order_by(OrderReport.at_ms, OrderReport.item))
        return [(row.outcome, row.status, row.problem) for row in rows]


def open_conflicts(town: Town) -> list[str]:
    with read_session(town.engine) as session:
        query = select(Finding.text).where(Finding.rule == "order_conflict", Finding.status == "open")
        return list(session.scalars(query.order_by(Finding.id)))


def hanging(town: Town) -> list[tuple[str, int, int | None]]:
    """Serial, from and to of every installation that holds, at any house."""
    query = (
        select(Meter.serial, Installation.from_ms, Installation.to_ms)
        .join(Installation, Installation.meter_id == Meter.id)
        .where(Installation.retired_at.is_(None))
        .order_by(Installation.supply_point_id, Installation.from_ms)
    )
    with read_session(town.engine) as session:
        return [(serial, start, end) for serial, start, end in session.execute(query)]


def stated(town: Town) -> list[tuple[str, int, int, int]]:
    """Serial, kind, litres and status of every reading, in the order of time."""
    query = (
        select(Meter.serial, Reading.kind, Reading.litres, Reading.status)
        .join(Meter, Meter.id == Reading.meter_id)
        .order_by(Reading.at_ms, Reading.kind)
    )
    with read_session(town.engine) as session:
        return [(serial, kind, litres, status) for serial, kind, litres, status in session.execute(query)]


def contract_of(session: Session, town: Town, house: int = 1) -> Contract:
    found = find_contract(session, town.utility_id, f"K-{house}")
    assert found is not None
    return found


def owe(town: Town, cents: int, key: str = "F1", at: datetime = datetime(2026, 9, 1, tzinfo=UTC)) -> None:
    """The contract of the first house owes more from a day on."""
    entries = entries_of([(Account("receivable", "K-1"), cents), (Account("revenue", "AGUA"), -cents)])
    _post(town, Transaction(key, at.date(), key, entries), "invoice", at)


def pay(town: Town, cents: int, at: datetime = NOW, key: str = "P1") -> None:
    payment = post_payment(key, at.date(), "K-1", cents, Account("bank", "ES00"), "Ventanilla")
    _post(town, payment, "payment", at)


def _post(town: Town, transaction: Transaction, kind: str, at: datetime) -> None:
    postings = Postings(town.utility_id, at)
    with write_session(town.engine) as session:
        postings.add(transaction, kind, contract_id=contract_of(session, town).id)
        postings.write(session)
