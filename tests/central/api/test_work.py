"""What programs do beyond the register: runs to their end, rectifications, studies, fiscal records, webhooks."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from central.access import load_site
from central.api import serve
from central.store import read_session
from central.store.models import ApiAnswer, AuditEntry, WebhookEvent
from tests.central.api.conftest import Served

As = Callable[[str], httpx.Client]
TARIFF = Path("examples/tariffs/ES-AGOST-2023.yaml")
CLERK, CHIEF, OWNER, ADMIN, AUDITOR = "clerk", "supervisor", "owner", "admin", "auditor"


@pytest.fixture
def post(as_role: As) -> Callable[..., Any]:
    """Post as a role, each time under a key of its own; returns the answer, which must have the status."""
    count = iter(range(1000))

    def send(role: str, path: str, body: dict[str, Any] | None = None, status: int = 200) -> Any:
        answer = as_role(role).post(path, json=body, headers={"Idempotency-Key": f"k{next(count)}"})
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


def test_a_rectification_is_proposed_by_one_looked_at_and_issued_by_another(
    served: Served, as_role: As, post: Callable[..., Any]
) -> None:
    invoice = as_role(CLERK).get(f"/invoices/{served.invoice_id}").json()
    asked = {
        "invoice_ids": [served.invoice_id],
        "cause": "cancel",
        "series": "R2026",
        "reason": "meter of the neighbour",
    }
    made = post(CLERK, "/rectifications", asked, 201)
    assert made["difference"] == str(-Decimal(invoice["total"]))
    assert made["decision"] is None
    (bill,) = made["bills"]
    assert (bill["before"], bill["after"]) == (invoice["total"], "0.00")
    assert all(line["after"] is None or not line["same"] for line in bill["lines"])
    path = f"/rectifications/{made['id']}"
    assert as_role(AUDITOR).get(path).json() == made
    assert as_role(CLERK).post(f"{path}/issue", json={"due_date": "2026-06-30"}).status_code == 403
    issued = post(CHIEF, f"{path}/issue", {"issue_date": "2026-04-03", "due_date": "2026-06-30"})
    assert (issued["decision"], issued["decided_by"]) == ("issued", CHIEF)
    result = issued["bills"][0]["result_id"]
    links = as_role(CLERK).get(f"/invoices/{served.invoice_id}/rectifications").json()
    assert [one["id"] for one in links["later"]] == [result]
    assert links["stands"] == "0.00"
    assert as_role(CLERK).get("/rectifications", params={"decision": "issued"}).json()["items"][0]["id"] == made["id"]


def test_nobody_decides_on_their_own_proposal(served: Served, post: Callable[..., Any]) -> None:
    asked = {"invoice_ids": [served.invoice_id], "cause": "cancel", "series": "R2026", "reason": "wrong"}
    made = post(CHIEF, "/rectifications", asked, 201)
    refused = post(CHIEF, f"/rectifications/{made['id']}/issue", {"due_date": "2026-06-30"}, 409)
    assert "another person must decide" in refused["detail"]
    assert post(CHIEF, f"/rectifications/{made['id']}/rejection", {"reason": "no"})["decision"] == "rejected"
    assert "decided already" in post(CHIEF, f"/rectifications/{made['id']}/rejection", {"reason": "no"}, 409)["detail"]


def test_a_run_says_how_far_it_is_and_shows_its_drafts(served: Served, as_role: As) -> None:
    clerk, path = as_role(CLERK), f"/runs/{served.run_id}"
    progress = clerk.get(f"{path}/progress").json()
    assert progress["contracts"] == 7
    assert progress["stages"] == [{"stage": "deliver", "shares": 3, "done": 0, "contracts": 7}]
    whole = clerk.get(f"{path}/drafts").json()
    assert whole["count"] == 7
    found, after = [], ""
    while True:
        page = clerk.get(f"{path}/drafts", params={"limit": 3, "sort": "total", "after": after}).json()
        found += page["items"]
        if page["next"] is None:
            break
        after = page["next"]
    assert sorted(Decimal(one["total"]) for one in found) == [Decimal(one["total"]) for one in found]
    assert sum(Decimal(one["total"]) for one in found) == Decimal(whole["total"])
    draft = clerk.get(f"{path}/drafts/{found[0]['contract_id']}").json()
    base = sum(Decimal(line["amount"]) for line in draft["lines"])
    assert Decimal(0) < base < Decimal(draft["total"])
    assert clerk.get(f"{path}/drafts", params={"after": "1.x"}).status_code == 422


def test_a_tariff_is_checked_with_every_fault_and_its_line(as_role: As, post: Callable[..., Any]) -> None:
    text = TARIFF.read_text()
    good = post(AUDITOR, "/tariff-checks", {"text": text}, 201)
    assert (good["valid"], good["tariff"], good["problems"]) == (True, "ES-AGOST-2023", [])
    bad = post(AUDITOR, "/tariff-checks", {"text": "id: X\n"}, 201)
    assert not bad["valid"]
    assert {"line", "field", "value", "rule"} == set(bad["problems"][0])


def test_a_study_changes_nothing_and_adds_up(served: Served, as_role: As, post: Callable[..., Any]) -> None:
    asked = {"tariff": "ES-AGOST-2023", "period_from": "2026-01-01", "period_to": "2026-02-01"}
    report = post(CLERK, "/what-if-studies", asked, 201)["report"]
    assert (report["contracts"], report["winners"], report["losers"]) == (7, 0, 0)
    assert report["total"]["before_eur"] == report["total"]["after_eur"]
    assert post(CLERK, "/what-if-studies", asked | {"text": "x"}, 422)["type"] == "urn:sgc:problem:tariff"
    assert post(CLERK, "/what-if-studies", asked | {"tariff": "NO-SUCH"}, 409)


def test_fiscal_records_are_listed_shown_and_given_whole(served: Served, as_role: As) -> None:
    clerk = as_role(CLERK)
    queue = {one["system"]: one for one in clerk.get("/fiscal-queues").json()["items"]}
    assert queue["verifactu"]["counts"]["waiting"] == 7
    found, after = [], ""
    while True:
        page = clerk.get("/fiscal-records", params={"limit": 3, "after": after}).json()
        found += page["items"]
        if page["next"] is None:
            break
        after = page["next"]
    assert [row["position"] for row in found] == [7, 6, 5, 4, 3, 2, 1]
    xml = clerk.get(f"/fiscal-records/{found[0]['record_id']}/xml")
    assert xml.headers["content-type"] == "application/xml"
    assert found[0]["number"] in xml.text
    assert clerk.get(f"/invoices/{served.invoice_id}/facturae").status_code == 409  # no certificate here


def test_an_invoice_tells_its_story_and_comes_out_the_same_again(served: Served, as_role: As) -> None:
    invoice = as_role(CLERK).get(f"/invoices/{served.invoice_id}").json()
    story = as_role(AUDITOR).get(f"/invoices/{served.invoice_id}/story").json()
    assert story["recomputed"] == {"same": True, "total": invoice["total"], "fault": ""}
    opening, closing = story["readings"]
    assert (opening["role"], closing["role"]) == ("opening", "closing")
    assert closing["litres"] - opening["litres"] == story["litres"] == invoice["litres"]
    assert len(story["fiscal_hash"]) == 64


def test_what_the_agency_does_not_hold_is_not_taken_back(served: Served, post: Callable[..., Any]) -> None:
    refused = post(CLERK, f"/invoices/{served.invoice_id}/fiscal-withdrawal", {"reason": "twice"}, 409)
    assert "holds no record" in refused["detail"]


def test_an_accepted_record_is_not_mended(as_role: As, post: Callable[..., Any]) -> None:
    record = as_role(CLERK).get("/fiscal-records").json()["items"][0]["record_id"]
    refused = post(CLERK, f"/fiscal-records/{record}/correction", {"reason": "again"}, 409)
    assert refused["type"] == "urn:sgc:problem:state"
    wrong = {"reason": "again", "recipient": {"name": "Ana"}}
    assert post(CLERK, f"/fiscal-records/{record}/correction", wrong, 422)["errors"][0]["field"] == "body.recipient"


def test_a_webhook_from_its_secret_to_its_end(served: Served, as_role: As, post: Callable[..., Any]) -> None:
    owner = as_role(OWNER)
    body = {"url": "https://erp.example/in", "events": ["device.*"], "description": "ERP"}
    first = owner.post("/webhooks", json=body, headers={"Idempotency-Key": "same"})
    again = owner.post("/webhooks", json=body, headers={"Idempotency-Key": "same"})
    assert first.status_code == again.status_code == 201, first.text
    secret = first.json()["secret"]
    assert secret.startswith("whsec_")
    assert again.json() == first.json() | {"secret": None}
    with read_session(served.town.engine) as session:
        kept = [row.body for row in session.scalars(select(ApiAnswer))]
        kept += [json.dumps(row.after) for row in session.scalars(select(AuditEntry))]
    assert secret not in "".join(kept)
    path = f"/webhooks/{first.json()['id']}"
    assert "secret" not in owner.get(path).json()
    post(CLERK, "/devices", {"name": "tpl-77"}, 201)
    assert post(OWNER, f"{path}/test", {}, 201) == {"events": 1}
    owed = owner.get("/webhook-deliveries", params={"endpoint_id": first.json()["id"]}).json()["items"]
    assert [one["state"] for one in owed] == ["waiting", "waiting"]
    event = owner.get(f"/webhook-events/{owed[0]['event_id']}").json()
    assert (event["type"], event["data"]["name"]) == ("device.enrolled", "tpl-77")
    assert post(ADMIN, f"{path}/rotation", {"overlap_days": 3})["secret"] not in {None, secret}
    assert post(ADMIN, f"{path}/pause", {})["state"] == "paused"
    assert post(ADMIN, f"{path}/resumption", {})["state"] == "active"
    span = {"since": "2020-01-01T00:00:00Z", "until": "2200-01-01T00:00:00Z"}
    post(OWNER, f"{path}/replay", span, 422)  # beyond what an instant may be
    span["until"] = "2199-01-01T00:00:00Z"
    assert post(OWNER, f"{path}/replay", span, 201) == {"events": 0}  # both are still owed
    assert post(OWNER, f"/webhook-deliveries/{owed[0]['id']}/replay", {}, 201)["id"] == owed[0]["id"]
    assert post(OWNER, f"{path}/removal", {"reason": "moved"})["state"] == "removed"
    assert "is removed" in post(OWNER, f"{path}/pause", {}, 409)["detail"]
    assert post(OWNER, "/webhooks", {"url": "https://127.0.0.1/"}, 409)["detail"].endswith("which is no public address")


def test_without_a_key_file_no_webhook_is_made(served: Served, post: Callable[..., Any]) -> None:
    with read_session(served.town.engine) as session:
        serve(served.app, served.town.engine, load_site(session, served.app.state.site.code))
    assert "--keys" in post(OWNER, "/webhooks", {"url": "https://erp.example/in"}, 409)["detail"]


def test_what_is_found_and_kept_apart_is_closed_by_people_who_say_why(
    served: Served, as_role: As, post: Callable[..., Any]
) -> None:
    clerk = as_role(CLERK)
    finding = clerk.get("/findings", params={"rule": "leak"}).json()["items"][0]["id"]
    assert post(CLERK, f"/findings/{finding}/closing", {"reason": "repaired"})["status"] == "closed"
    assert "is closed" in post(CLERK, f"/findings/{finding}/closing", {"reason": "repaired"}, 409)["detail"]
    entry = clerk.get("/quarantine").json()["items"][0]["id"]
    assert post(CLERK, f"/quarantine/{entry}/dismissal", {"reason": "seen"})["resolution"] == "dismissed: seen"
    assert "is resolved" in post(CLERK, f"/quarantine/{entry}/retry", {"reason": "again"}, 409)["detail"]
    told = as_role(AUDITOR).get("/audit", params={"actor": CLERK, "limit": 1000}).json()["items"]
    assert {"finding.closed", "quarantine.dismissed"} <= {one["action"] for one in told}


def test_readings_of_a_time_and_of_a_kind(served: Served, as_role: As) -> None:
    clerk = as_role(CLERK)
    rows = clerk.get("/readings").json()["items"]
    second = sorted({row["at_ms"] for row in rows})[1]
    some = clerk.get("/readings", params={"from_ms": second, "to_ms": second + 1}).json()["items"]
    assert some == [row for row in rows if row["at_ms"] == second]
    assert clerk.get("/readings", params={"kind": 9}).json()["items"] == []
    meter = rows[0]["meter_id"]
    assert clerk.get(f"/meters/{meter}/hours", params={"from_ms": 0, "to_ms": 1}).json() == {"items": []}
    assert clerk.get(f"/meters/{meter}/hours", params={"from_ms": 5, "to_ms": 5}).status_code == 422


def test_a_user_and_a_token_are_shut_out(served: Served, as_role: As, post: Callable[..., Any]) -> None:
    admin = as_role(ADMIN)
    users = {row["login"]: row["id"] for row in admin.get("/users").json()["items"]}
    tokens = {row["user_id"]: row["id"] for row in admin.get("/tokens").json()["items"]}
    assert post(ADMIN, f"/tokens/{tokens[users[CLERK]]}/revocation", {})["revoked_at"]
    assert as_role(CLERK).get("/meters").status_code == 401
    assert post(ADMIN, f"/users/{users[CHIEF]}/disabling", {"reason": "left"})["disabled_at"]
    assert as_role(CHIEF).get("/meters").status_code == 401


def test_the_audit_and_the_service_are_told_to_those_who_may(served: Served, as_role: As) -> None:
    assert as_role(AUDITOR).get("/utility").json()["id"] == served.town.utility_id
    assert as_role(AUDITOR).get("/audit", params={"limit": 1}).json()["items"][0]["position"] == 1
    assert as_role(CLERK).get("/audit").status_code == 403


def test_everything_told_is_described(served: Served, post: Callable[..., Any]) -> None:
    post(OWNER, "/webhooks", {"url": "https://erp.example/in"}, 201)
    post(CLERK, "/devices", {"name": "tpl-77"}, 201)
    described = served.app.openapi()["webhooks"]
    with read_session(served.town.engine) as session:
        told = {row.type for row in session.scalars(select(WebhookEvent))}
    assert told
    assert told <= set(described)
