"""Events are written with the change or not at all, for those who want them, and say what happened."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from central import journal, register
from central.events.kinds import KINDS, wants
from central.invoicing import run as runs
from central.reading import findings, quarantine
from central.reading.findings import Found
from central.register.contracts import Terms
from central.store import read_session, write_session
from central.store.models import AuditEntry, Contract, Finding, Invoice, WebhookEndpoint, WebhookEvent
from central.times import millis
from central.webhooks import endpoints
from central.webhooks.endpoints import WebhookError
from tests.central.conftest import BY, NOW, Town, point_of
from tests.central.factories import found
from tests.central.webhooks.conftest import Hooked, Receiver, hook


@pytest.fixture
def every(town: Town, receiver: Receiver) -> Hooked:
    """An endpoint that wants everything."""
    return hook(town, receiver, ())


def told(hooked: Hooked) -> list[tuple[str, dict[str, Any]]]:
    """What was told since the endpoint was added."""
    return [(event.type, event.data) for event in hooked.events() if event.data.get("action") != "webhook.added"]


def test_the_life_of_a_contract_and_its_meter(every: Hooked) -> None:
    town = every.town
    with write_session(town.engine) as session:
        point = point_of(session, town, 1)
        contract = session.scalars(select(Contract).where(Contract.supply_point_id == point.id)).one()
        customer = register.add_customer(session, town.utility_id, "C9", nif="12345678Z", name="Berta", by=BY)
        register.change_holder(session, contract, customer, date(2026, 6, 1), by=BY)
        register.change_terms(session, contract, Terms(use="domestic", persons=5), date(2026, 7, 1), by=BY)
        register.cancel_contract(session, contract, date(2026, 10, 1), by=BY)
        meter = register.add_meter(
            session, town.utility_id, serial="N1", calibre_mm=15, modulus_litres=10**8, radio=False, by=BY
        )
        register.exchange_meter(
            session, point, meter, datetime(2026, 9, 1, tzinfo=UTC), removal_litres=900, installation_litres=0, by=BY
        )
    names = [name for name, _ in told(every)]
    assert names == [
        "change.recorded", "contract.holder_changed", "contract.terms_changed", "contract.ended", "change.recorded",
        "meter.removed", "meter.installed",
    ]  # fmt: skip
    payloads = dict(told(every))
    assert payloads["contract.holder_changed"] == {
        "contract_id": contract.id, "supply_point_id": point.id, "on": "2026-06-01", "customer_id": customer.id,
    }  # fmt: skip
    assert payloads["contract.ended"]["on"] == "2026-10-01"
    assert payloads["meter.installed"]["meter_id"] == meter.id
    assert payloads["meter.removed"]["litres"] == 900
    assert "Berta" not in str(told(every))
    assert "12345678Z" not in str(told(every))


def test_a_change_that_is_taken_back_told_nobody(every: Hooked) -> None:
    before = len(every.events())

    with Session(every.town.engine) as session:
        register.enrol_device(session, every.town.utility_id, "tpl-9", by=BY)
        session.rollback()
    assert len(every.events()) == before


def test_an_endpoint_gets_what_it_wants_and_what_nobody_wants_is_not_kept(town: Town, receiver: Receiver) -> None:
    hooked = hook(town, receiver, ("contract.*", "device.revoked"))
    with write_session(town.engine) as session:
        register.enrol_device(session, town.utility_id, "tpl-9", by=BY)
        register.revoke_device(session, "tpl-9", by=BY)
    assert [name for name, _ in told(hooked)] == ["device.revoked"]


def test_of_another_utility_nothing_is_told(every: Hooked) -> None:
    before = len(every.deliveries())
    with write_session(every.town.engine) as session:
        other = register.add_utility(
            session, "busot", "Busot", "P0300200C", "03046", address={}, contact={}, settings={}, by=BY
        )
        register.enrol_device(session, other.id, "busot-1", by=BY)
    assert len(every.deliveries()) == before


def test_without_endpoints_the_outbox_stays_empty(town: Town) -> None:
    with write_session(town.engine) as session:
        register.enrol_device(session, town.utility_id, "tpl-9", by=BY)
    with read_session(town.engine) as session:
        assert session.scalar(select(func.count()).select_from(WebhookEvent)) == 0


def test_findings_are_told_when_they_open_and_when_they_close(every: Hooked) -> None:
    town, now_ms = every.town, millis(NOW)
    leak = Found("leak", "high", town.meters[0], now_ms - 5, now_ms, "leak", meter_id=town.meter_ids[0])
    with town.engine.begin() as connection:
        assert findings.record(connection, town.utility_id, [leak], now_ms) == 1
        assert findings.record(connection, town.utility_id, [leak], now_ms) == 0
    with town.engine.begin() as connection:
        assert findings.close(connection, town.utility_id, NOW, Finding.rule == "leak") == 1
        assert findings.close(connection, town.utility_id, NOW, Finding.rule == "leak") == 0
    assert [name for name, _ in told(every)] == ["finding.opened", "finding.closed"]
    assert told(every)[0][1]["meter_id"] == town.meter_ids[0]


def test_what_is_quarantined_is_told_once_however_often_it_arrives(every: Hooked) -> None:
    entry = quarantine.Entry("batch", "k", "tpl-1", "reason", b"x", NOW, every.town.utility_id)
    stranger = quarantine.Entry("batch", "s", "nobody", "reason", b"x", NOW)
    with every.town.engine.begin() as connection:
        quarantine.keep(connection, [entry, entry, stranger])
        quarantine.keep(connection, [entry])
    assert [name for name, _ in told(every)] == ["reading.quarantined"]
    assert told(every)[0][1]["device"] == "tpl-1"


def test_an_entry_that_says_less_than_its_event_needs_is_told_as_a_change(every: Hooked) -> None:
    with write_session(every.town.engine) as session:
        journal.record(session, every.town.utility_id, "x", "enrol", "device", 5, at=NOW, after={})
    name, data = told(every)[-1]
    assert (name, data["action"], data["subject_id"]) == ("change.recorded", "enrol", 5)


def test_every_payload_that_was_written_has_its_types_shape(every: Hooked) -> None:
    test_the_life_of_a_contract_and_its_meter(every)
    every.ping()
    for event in every.events():
        kind = KINDS[event.type]
        assert event.version == kind.version
        value = msgspec.convert(event.data, kind.payload, strict=True)
        assert msgspec.to_builtins(value) == event.data


@pytest.mark.parametrize(
    ("filters", "name", "wanted"),
    [([], "invoice.issued", True), (["invoice.*"], "invoice.issued", True), (["invoice.*"], "invoices.x", False),
     (["run.state_changed"], "run.state_changed", True), (["contract.*"], "run.state_changed", False)],
)  # fmt: skip
def test_filters(filters: list[str], name: str, wanted: bool) -> None:
    assert wants(filters, name) is wanted


def test_a_filter_that_names_nothing_and_an_address_that_is_none_are_refused(town: Town) -> None:
    with write_session(town.engine) as session:
        with pytest.raises(WebhookError, match=r"events: invoice\.payed"):
            endpoints.add(session, town.utility_id, "https://a.example/", town.ring, events=["invoice.payed"], by=BY)
        with pytest.raises(WebhookError, match="https"):
            endpoints.add(session, town.utility_id, "http://a.example/", town.ring, by=BY)


def test_the_secret_is_nowhere_in_the_database_and_a_removed_endpoint_is_told_nothing(every: Hooked) -> None:
    town = every.town
    with write_session(town.engine) as session:
        row = session.get_one(WebhookEndpoint, (town.utility_id, every.endpoint_id))
        endpoints.pause(session, row, by=BY)
        endpoints.remove(session, row, by=BY)
        with pytest.raises(WebhookError, match="is removed"):
            endpoints.resume(session, row, by=BY)
        register.enrol_device(session, town.utility_id, "tpl-9", by=BY)
    assert {row.state for row in every.deliveries()} <= {"failed"}
    with read_session(town.engine) as session:
        told = [(entry.action, entry.after) for entry in session.scalars(select(AuditEntry))]
        assert every.secret not in str(told)
        assert {"webhook.added", "webhook.paused", "webhook.removed"} <= {action for action, _ in told}


def test_a_run_tells_its_states_its_invoices_and_what_was_posted(engine: Engine, tmp_path: Path) -> None:
    town = found(engine, 7)
    town.read_all((date(2026, 1, 1), date(2026, 2, 1)))
    ring = register.KeyRing.create(tmp_path / "hooks.keys")
    with write_session(engine) as session:
        endpoints.add(session, town.utility_id, "https://erp.example/", ring, events=["invoice.*", "run.*"], by=BY)
        endpoints.add(session, town.utility_id, "https://books.example/", ring, events=["ledger.posted"], by=BY)
        run_id = runs.create(session, town.utility_id, town.plan(), "clerk", NOW).id
    runs.simulate(engine, town.utility_id, run_id, runs.Operator("clerk"), NOW)
    with write_session(engine) as session:
        runs.approve(session, runs.run_of(session, town.utility_id, run_id), "supervisor", NOW)
    runs.issue(engine, town.utility_id, run_id, runs.Operator("supervisor"), NOW)
    with read_session(engine) as session:
        events = list(session.scalars(select(WebhookEvent).order_by(WebhookEvent.id)))
        invoices = {row.id: row for row in session.scalars(select(Invoice))}
    states = [event.data["after"] for event in events if event.type == "run.state_changed"]
    assert states[-1] == "issued"
    assert "approved" in states
    issued = {event.data["invoice_id"]: event.data for event in events if event.type == "invoice.issued"}
    assert set(issued) == set(invoices)
    for number, data in issued.items():
        row = invoices[number]
        assert Decimal(data["total"]) * 100 == row.total_cents
        assert (data["number"], data["run_id"], data["rectifies"]) == (row.number_text, run_id, [])
    posted = [event.data for event in events if event.type == "ledger.posted"]
    assert {data["invoice_id"] for data in posted} == set(invoices)
    assert all(sum(Decimal(side["amount"]) for side in data["entries"]) == 0 for data in posted)
