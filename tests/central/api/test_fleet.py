"""Work in the street by programs: rounds, orders, reports, cuts; what each refusal says."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from central import register
from central.fleet.orders import Wanted, order_work
from central.fleet.outcomes import settle_all
from central.reading.ingest import Ingest
from central.store import read_session, write_session
from central.store.models import Contract, Meter, SupplyPoint
from tests.central.api.conftest import Served
from tests.central.fleet.support import exchanged
from tests.central.reading.support import FakeDevice

As = Callable[[str], httpx.Client]
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def post(client: httpx.Client, path: str, status: int = 201, **body: Any) -> Any:
    answer = client.post(path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def clerk(as_role: As) -> httpx.Client:
    return as_role("clerk")


@pytest.fixture
def house(served: Served) -> Iterator[tuple[str, str]]:
    """The code of a supply point and the address of its meter."""
    with read_session(served.town.engine) as session:
        point = session.scalars(select(SupplyPoint.code).where(SupplyPoint.utility_id == served.town.utility_id))
        meter = session.get_one(Meter, (served.town.utility_id, served.town.meters[0]))
        yield sorted(point)[0], meter.address


def device_id(client: httpx.Client, name: str = "agost-1") -> int:
    return int(client.get("/devices", params={"name": name}).json()["items"][0]["id"])


def test_a_round_is_planned_followed_read_again_and_withdrawn(clerk: httpx.Client) -> None:
    made = post(clerk, "/rounds", code="2026-12", days=["2026-12-01", "2026-12-02"], devices=["agost-1"])
    assert [one["code"] for one in made["items"]] == ["2026-12-01", "2026-12-02"]
    number = made["items"][0]["id"]
    told = clerk.get(f"/routes/{number}/progress").json()
    assert (told["device"], told["round"], sum(told["counts"].values())) == ("agost-1", "2026-12", len(told["stops"]))
    again = post(clerk, f"/routes/{number}/rereads", supplies=[told["stops"][0]["supply"]])
    assert [(one["kind"], one["route_id"]) for one in again["items"]] == [("read", number)]
    moved = post(clerk, f"/routes/{number}/assignment", 200, device_id=device_id(clerk), planned_on="2026-12-09")
    assert moved["planned_on"] == "2026-12-09"
    assert post(clerk, f"/routes/{number}/withdrawal", 200, reason="holiday")["status"] == "cancelled"
    refused = post(clerk, f"/routes/{number}/withdrawal", 422, reason="again")
    assert refused["errors"][0]["field"] == "route.status"


def test_the_same_request_makes_one_round(clerk: httpx.Client) -> None:
    body = {"code": "D1", "days": ["2026-12-01"]}
    answers = [clerk.post("/rounds", json=body, headers={"Idempotency-Key": "k1"}).text for _ in range(2)]
    assert answers[0] == answers[1]
    assert post(clerk, "/rounds", 422, **body)["errors"][0]["field"] == "round.code"


def test_an_order_goes_out_and_its_report_comes_back(
    served: Served, clerk: httpx.Client, house: tuple[str, str]
) -> None:
    supply, meter = house
    order = post(clerk, "/work-orders", kind="replace", supply=supply, device_id=device_id(clerk))
    assert (order["code"], order["status"], order["created_by"]) == ("OT-000001", "planned", "clerk")
    again = post(clerk, "/work-orders", 422, kind="replace", supply=supply)
    assert again["errors"][0]["field"] == "order.kind"
    device, now = FakeDevice("agost-1"), datetime.now(UTC)
    item = exchanged(device, "OT-000001", supply=supply, meter=meter, new_key=None, at_ms=int(now.timestamp() * 1000))
    Ingest(served.town.engine, None).apply([device.arrival(item, received_at=now)])
    settle_all(served.town.engine, None, now)
    assert clerk.get(f"/work-orders/{order['id']}").json()["status"] == "done"
    (told,) = clerk.get("/order-reports", params={"order_id": order["id"]}).json()["items"]
    assert (told["outcome"], told["status"], told["new_serial"], told["litres"]) == ("done", "applied", "N-1", 500_000)
    assert "sealed" not in told


def test_a_conflict_is_decided_on(served: Served, clerk: httpx.Client, house: tuple[str, str]) -> None:
    supply, meter = house
    order = post(clerk, "/work-orders", kind="replace", supply=supply, device_id=device_id(clerk))
    post(clerk, f"/work-orders/{order['id']}/withdrawal", 200, reason="twice")
    device, now = FakeDevice("agost-1"), datetime.now(UTC)
    item = exchanged(device, order["code"], supply=supply, meter=meter, new_key=None, at_ms=int(now.timestamp() * 1000))
    Ingest(served.town.engine, None).apply([device.arrival(item, received_at=now)])
    settle_all(served.town.engine, None, now)
    (told,) = clerk.get("/order-reports", params={"status": "conflict"}).json()["items"]
    done = post(clerk, f"/order-reports/{told['id']}/decision", 200, apply=True, reason="it was done")
    assert (done["status"], done["settled_by"]) == ("applied", "clerk")
    assert clerk.get(f"/work-orders/{order['id']}").json()["status"] == "done"


def test_a_cut_needs_a_supervisor_and_the_law(served: Served, as_role: As, house: tuple[str, str]) -> None:
    clerk, supervisor = as_role("clerk"), as_role("supervisor")
    day = (datetime.now(UTC).date() + timedelta(days=60)).isoformat()
    body = {"kind": "cut", "supply": house[0], "cause": "debt", "planned_on": day}
    assert "order_cuts" in post(clerk, "/work-orders", 403, **body)["detail"]
    refused = post(supervisor, "/work-orders", 422, **body)
    assert refused["errors"][0]["field"].startswith("cut.")
    contract = supervisor.get("/contracts").json()["items"][0]["id"]
    told = supervisor.get(f"/contracts/{contract}/cut", params={"on": day}).json()
    assert told["lawful"] is False
    assert told["law"].startswith("Decreto 120/1991")
    fact = post(supervisor, f"/contracts/{contract}/cut-facts", kind="claim", since="2026-01-12", reference="RC-1")
    rules = [one["rule"] for one in supervisor.get(f"/contracts/{contract}/cut").json()["refusals"]]
    assert "claim" in rules
    post(supervisor, f"/cut-facts/{fact['id']}/retirement", 200, reason="answered")
    rules = [one["rule"] for one in supervisor.get(f"/contracts/{contract}/cut").json()["refusals"]]
    assert "claim" not in rules
    assert post(clerk, f"/contracts/{contract}/cut-facts", 403, kind="claim", since="2026-01-12", reference="R")


def test_orders_of_another_utility_do_not_exist(served: Served, clerk: httpx.Client) -> None:
    with write_session(served.town.engine) as session:
        by = register.Change("pau", datetime.now(UTC))
        other = session.scalars(
            select(Contract.utility_id).where(Contract.utility_id != served.town.utility_id)
        ).first()
        assert other is not None
        theirs = order_work(session, other, Wanted("seal", "S1"), by=by).id
    assert clerk.get(f"/work-orders/{theirs}").status_code == 404
    post(clerk, f"/work-orders/{theirs}/withdrawal", 404, reason="mine")
    assert clerk.get("/work-orders").json()["items"] == []


def test_what_is_told_of_a_days_of_a_round_is_strict(clerk: httpx.Client) -> None:
    assert post(clerk, "/rounds", 422, code="X", days=[date(2026, 12, 1).strftime("%d/%m/%Y")])["type"]
    assert post(clerk, "/work-orders", 422, kind="paint", supply="S1")["errors"][0]["field"] == "body.kind"
