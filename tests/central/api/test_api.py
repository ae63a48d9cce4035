"""What a program is told and what it may change."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from central.access import Permission
from central.api import create_api, serve
from central.store import read_session
from central.store.models import AuditEntry, SupplyPoint
from tests.central.api.conftest import Served

As = Callable[[str], httpx.Client]
POINT: dict[str, Any] = {
    "code": "S-900", "street": "Carrer Major", "number": "9", "postal_code": "03698", "ine_code": "03002",
}  # fmt: skip


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


def refused(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    return problem


def test_a_list_is_read_page_by_page_and_every_row_comes_once(as_role: As) -> None:
    clerk = as_role("clerk")
    whole = clerk.get("/supply-points").json()
    assert whole["next"] is None
    found, after = [], ""
    while True:
        page = clerk.get("/supply-points", params={"limit": 2, "after": after}).json()
        found += page["items"]
        assert len(page["items"]) <= 2
        if page["next"] is None:
            break
        after = page["next"]
    assert len(found) == 7
    assert found == whole["items"]


def test_pages_of_readings_follow_a_key_of_several_columns(as_role: As) -> None:
    clerk = as_role("clerk")
    whole = clerk.get("/readings").json()["items"]
    first = clerk.get("/readings", params={"limit": 5}).json()
    rest = clerk.get("/readings", params={"after": first["next"]}).json()
    assert first["items"] + rest["items"] == whole
    assert len(whole) == 21


def test_a_cursor_nobody_gave_is_a_problem_that_names_it(as_role: As) -> None:
    problem = refused(as_role("clerk").get("/meters", params={"after": "bm8="}), 422)
    assert problem["errors"] == [
        {"field": "query.after", "value": "bm8=", "rule": "must be the next of a page of this list"}
    ]


def test_money_is_decimal_text_and_lines_sum_to_the_base(as_role: As, served: Served) -> None:
    clerk = as_role("clerk")
    invoice = clerk.get(f"/invoices/{served.invoice_id}").json()
    assert {type(invoice[name]) for name in ("base", "vat", "total")} == {str}
    lines = clerk.get(f"/invoices/{served.invoice_id}/lines").json()["items"]
    cents = [round(float(line["amount"]) * 100) for line in lines]
    assert sum(cents) == round(float(invoice["base"]) * 100)
    entries = clerk.get("/ledger-entries", params={"contract_id": invoice["contract_id"]}).json()["items"]
    assert invoice["total"] in {entry["amount"] for entry in entries}


def test_the_same_key_changes_nothing_twice_and_another_body_under_it_is_refused(as_role: As, served: Served) -> None:
    clerk = as_role("clerk")
    first = clerk.post("/supply-points", json=POINT, headers=key("k1"))
    again = clerk.post("/supply-points", json=POINT, headers=key("k1"))
    assert first.status_code == again.status_code == 201, first.text
    assert first.json() == again.json()
    refused(clerk.post("/supply-points", json=POINT | {"number": "10"}, headers=key("k1")), 422)
    with read_session(served.town.engine) as session:
        assert session.scalar(select(func.count()).where(SupplyPoint.code == "S-900")) == 1
        entry = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == first.json()["id"])).one()
    assert (entry.actor, entry.action) == ("clerk", "add")


def test_a_refused_change_leaves_its_key_free(as_role: As) -> None:
    clerk = as_role("clerk")
    problem = refused(clerk.post("/supply-points", json=POINT | {"ine_code": "99999"}, headers=key("k1")), 422)
    assert problem["errors"][0]["field"] == "supply_point.ine_code"
    assert problem["errors"][0]["value"] == "'99999'"
    assert clerk.post("/supply-points", json=POINT, headers=key("k1")).status_code == 201


@pytest.mark.parametrize("wrong", [True, "15", 15.0, 10**30, None])
def test_a_whole_number_is_nothing_else(as_role: As, wrong: object) -> None:
    body = {"serial": "X1", "calibre_mm": wrong, "modulus_litres": 10**8, "radio": False}
    problem = refused(as_role("clerk").post("/meters", json=body, headers=key("k1")), 422)
    assert [one["field"] for one in problem["errors"]] == ["body.calibre_mm"]


def test_a_post_without_a_key_is_refused(as_role: As) -> None:
    problem = refused(as_role("clerk").post("/supply-points", json=POINT), 422)
    assert problem["errors"][0]["field"] == "header.Idempotency-Key"


def test_a_contract_changes_only_as_it_was_read(as_role: As) -> None:
    clerk = as_role("clerk")
    contract = clerk.get("/contracts", params={"limit": 1}).json()["items"][0]
    path = f"/contracts/{contract['id']}"
    read = clerk.get(path)
    customers = [row["id"] for row in clerk.get("/customers").json()["items"]]
    other = next(one for one in customers if one != contract["holders"][0]["customer_id"])
    body = {"customer_id": other, "on": "2026-06-01", "reason": "sold"}
    refused(clerk.post(f"{path}/holders", json=body, headers=key("k1")), 428)
    changed = clerk.post(f"{path}/holders", json=body, headers=key("k2") | {"If-Match": read.headers["etag"]})
    assert changed.status_code == 201, changed.text
    assert [one["customer_id"] for one in changed.json()["holders"]][-1] == other
    refused(
        clerk.post(
            f"{path}/cancellation", json={"on": "2026-07-01"}, headers=key("k3") | {"If-Match": read.headers["etag"]}
        ),
        412,
    )
    now = clerk.get(path).headers["etag"]
    ended = clerk.post(f"{path}/cancellation", json={"on": "2026-07-01"}, headers=key("k4") | {"If-Match": now})
    assert ended.json()["valid_to"] == "2026-07-01", ended.text


def test_a_run_goes_from_its_maker_to_another_who_approves_and_issues_it(as_role: As) -> None:
    clerk, supervisor = as_role("clerk"), as_role("supervisor")
    plan = {
        "code": "R-API", "period_from": "2026-02-01", "period_to": "2026-03-01", "series": "AG2026",
        "issue_date": "2026-03-01", "due_date": "2026-04-30",
    }  # fmt: skip
    # Made by the supervisor, so that their own approval is refused.
    made = supervisor.post("/runs", json=plan, headers=key("r1"))
    assert made.status_code == 201, made.text
    path = f"/runs/{made.json()['id']}"
    simulated = supervisor.post(f"{path}/simulation", headers=key("r2"))
    assert simulated.json()["status"] == "review", simulated.text
    assert "another person" in refused(supervisor.post(f"{path}/approval", headers=key("r3")), 409)["detail"]
    refused(clerk.post(f"{path}/approval", headers=key("r3")), 403)
    refused(clerk.post(f"{path}/waivers", json={"codes": ["high_year"], "reason": " "}, headers=key("w1")), 409)
    refused(clerk.post(f"{path}/waivers", json={"codes": [], "reason": "seen"}, headers=key("w2")), 422)
    waived = clerk.post(f"{path}/waivers", json={"codes": ["high_year"], "reason": "seen"}, headers=key("w3"))
    assert waived.json()["status"] == "review", waived.text
    contract = clerk.get("/contracts", params={"limit": 1}).json()["items"][0]["id"]
    held = clerk.post(f"{path}/holds", json={"contract_id": contract, "reason": "read again"}, headers=key("h1"))
    assert held.status_code == 200, held.text
    refused(clerk.post(f"{path}/holds", json={"contract_id": "1", "reason": "read again"}, headers=key("h2")), 422)
    cancelled = clerk.post(f"{path}/cancellation", json={"reason": "wrong maker"}, headers=key("r4"))
    assert cancelled.json()["status"] == "cancelled"
    made = clerk.post("/runs", json=plan | {"code": "R-API-2"}, headers=key("r5"))
    path = f"/runs/{made.json()['id']}"
    assert clerk.post(f"{path}/simulation", headers=key("r6")).status_code == 200
    for step, status in (("approval", "approved"), ("issue", "issued"), ("delivery", "delivered")):
        done = supervisor.post(f"{path}/{step}", headers=key(step))
        assert done.json()["status"] == status, done.text
    assert supervisor.post(f"{path}/issue", headers=key("issue")).json()["status"] == "issued"
    invoice = clerk.get("/invoices", params={"run_id": made.json()["id"], "limit": 1}).json()["items"][0]
    document = clerk.get(f"/invoices/{invoice['id']}/document")
    assert document.content.startswith(b"%PDF-")
    assert clerk.get(f"/invoices/{invoice['id']}/document", params={"language": "fr"}).status_code == 404


def test_a_token_does_no_more_than_its_scopes(as_role: As, served: Served) -> None:
    clerk = as_role("clerk")
    clerk.headers["Authorization"] = f"Bearer {served.token('clerk', (Permission.SEE_REGISTER,))}"
    assert clerk.get("/meters").status_code == 200
    refused(clerk.get("/invoices"), 403)
    refused(clerk.post("/supply-points", json=POINT, headers=key("k1")), 403)


def test_too_many_requests_are_told_when_to_come_again(as_role: As, served: Served) -> None:
    site = served.app.state.site
    served.app = create_api(per_minute=3, wrong_tokens="2 per minute")
    serve(served.app, served.town.engine, site)
    clerk = as_role("clerk")
    assert [clerk.get("/routes").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert int(clerk.get("/routes").headers["retry-after"]) >= 1
    auditor = as_role("auditor")
    assert auditor.get("/routes").status_code == 200
    auditor.headers["Authorization"] = "Bearer sgc_guess"
    assert [auditor.get("/routes").status_code for _ in range(3)] == [401, 401, 429]


def test_users_and_audit_are_told_without_secrets(as_role: As) -> None:
    users = as_role("admin").get("/users").text
    assert '"clerk"' in users
    assert "argon2" not in users
    entries = as_role("auditor").get("/audit").json()["items"]
    assert all(entry["previous_hash"] for entry in entries)
    assert [one["position"] for one in entries] == list(range(1, len(entries) + 1))


def test_an_address_that_is_nothing_is_a_problem_too(as_role: As) -> None:
    clerk = as_role("clerk")
    refused(clerk.get("/nothing"), 404)
    refused(clerk.delete("/meters"), 405)
    refused(clerk.get("/meters/1.0"), 422)
    refused(clerk.get("/meters", params={"colour": "red"}), 422)
