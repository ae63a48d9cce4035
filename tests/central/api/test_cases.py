"""Cases of contracts by the interface: a change of holder from its opening to its end, and what is refused."""

import base64
import uuid
from collections.abc import Callable
from typing import Any

import httpx

from tests.central.api.conftest import Served

As = Callable[[str], httpx.Client]
JOAN = {"nif": "12345678Z", "name": "Joan Pérez"}
CHANGE = {
    "procedure": "change_of_holder",
    "contract": "K-0000002",
    "effective_on": "2026-02-15",
    "holder": JOAN,
    "closing": {"source": "real", "litres": 15_000},
}
PDF = base64.b64encode(b"%PDF-1.7 dni").decode()


def post(client: httpx.Client, path: str, body: Any = None, key: str = "") -> httpx.Response:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return client.post(path, json=body, headers=headers)


def test_a_change_of_holder_by_a_program(served: Served, as_role: As) -> None:
    clerk = as_role("clerk")
    made = post(clerk, "/contract-cases", CHANGE, "k1")
    assert made.status_code == 201, made.text
    case = made.json()
    assert (case["state"], case["next_step"], case["channel"]) == ("waiting", "documents", "api")
    assert post(clerk, "/contract-cases", CHANGE, "k1").json() == case
    path = f"/contract-cases/{case['id']}"
    early = post(clerk, f"{path}/completion")
    assert early.status_code == 422
    assert "documents are missing: identity, title" in early.json()["detail"]
    for code in ("identity", "title"):
        told = post(clerk, f"{path}/documents", {"code": code, "verdict": "received", "content": PDF})
        assert told.status_code == 200, told.text
    paper = told.json()["documents"][0]
    assert (paper["verdict"], paper["media_type"], paper["size"]) == ("received", "application/pdf", 12)
    content = as_role("auditor").get(f"/case-documents/{paper['document_id']}/content")
    assert (content.content, content.headers["content-type"]) == (b"%PDF-1.7 dni", "application/pdf")
    done = post(clerk, f"{path}/completion").json()
    assert done["state"] == "done"
    assert done["result"]["reading"]["litres"] == 15_000
    contract = clerk.get(f"/contracts/{done['contract_id']}").json()
    assert [one["valid_from"] for one in contract["holders"]] == ["2024-01-01", "2026-02-15"]
    assert clerk.get("/contract-cases", params={"state": "done"}).json()["items"][0]["id"] == case["id"]


def test_what_is_refused_names_field_value_and_rule(served: Served, as_role: As) -> None:
    clerk = as_role("clerk")
    wrong = post(clerk, "/contract-cases", CHANGE | {"holder": {"nif": "12345678A", "name": "X"}})
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == [
        {"field": "holder.nif", "value": "'12345678A'", "rule": "must be a valid NIF, NIE or CIF"}
    ]
    path = f"/contract-cases/{post(clerk, '/contract-cases', CHANGE).json()['id']}"
    bad = post(clerk, f"{path}/documents", {"code": "identity", "verdict": "received", "content": "AAA"})
    assert (bad.status_code, bad.json()["type"]) == (422, "urn:sgc:problem:base64")
    amended = post(clerk, f"{path}/details", {"effective_on": "2026-02-16", "holder": JOAN})
    assert (amended.json()["state"], amended.json()["missing"]) == ("open", ["closing"])
    assert post(clerk, f"{path}/rejection", {"reason": ""}).status_code == 422
    assert post(clerk, f"{path}/rejection", {"reason": "falta todo"}).json()["state"] == "rejected"
    assert post(clerk, f"{path}/withdrawal", {"reason": "tarde"}).status_code == 422
    assert post(as_role("auditor"), "/contract-cases", CHANGE).status_code == 403


LEAVING = {
    "procedure": "cancellation",
    "contract": "K-0000003",
    "effective_on": "2026-02-15",
    "closing": {"source": "real", "litres": 15_000},
}


def closed(clerk: httpx.Client, body: Any) -> Any:
    """A case from its opening to its end."""
    case = post(clerk, "/contract-cases", body).json()
    path = f"/contract-cases/{case['id']}"
    for paper in case["documents"]:
        if paper["required"]:
            post(clerk, f"{path}/documents", {"code": paper["code"], "verdict": "received", "content": PDF})
    done = post(clerk, f"{path}/completion")
    assert done.status_code == 200, done.text
    return done.json()


def test_the_closing_bill_of_a_case_by_a_program(served: Served, as_role: As) -> None:
    clerk, boss = as_role("clerk"), as_role("supervisor")
    case = closed(clerk, LEAVING)
    assert case["final_bill"] is None
    path = f"/contract-cases/{case['id']}"
    made = post(clerk, f"{path}/final-bill", {"due_date": "2027-01-31"}, "k1")
    assert made.status_code == 201, made.text
    run = made.json()
    assert (run["code"], run["period_from"], run["period_to"]) == ("CIERRE-000002", "2026-02-01", "2026-02-15")
    assert post(clerk, f"{path}/final-bill", {"due_date": "2027-01-31"}, "k1").json() == run
    again = post(clerk, f"{path}/final-bill", {})
    assert (again.status_code, "CIERRE-000002 makes its closing bill" in again.text) == (409, True)
    assert post(clerk, f"/runs/{run['id']}/simulation").json()["status"] == "review"
    (bill,) = clerk.get(path).json()["final_bill"]["bills"]
    assert (bill["period_from"], bill["period_to"], bill["number"]) == ("2026-02-01", "2026-02-15", "")
    waived = list(clerk.get(f"/runs/{run['id']}/progress").json()["exceptions"])
    if waived:
        post(clerk, f"/runs/{run['id']}/waivers", {"codes": waived, "reason": "visto"})
    assert post(boss, f"/runs/{run['id']}/approval").status_code == 200
    assert post(boss, f"/runs/{run['id']}/issue").json()["status"] == "issued"
    assert post(boss, f"/runs/{run['id']}/delivery").json()["status"] == "delivered"
    told = clerk.get(path).json()["final_bill"]
    assert told["status"] == "delivered"
    assert told["bills"][0]["number"].startswith(f"{run['series']}/")
    assert told["bills"][0]["total"] == bill["total"] != "0.00"


def test_a_run_of_closings_by_a_program(served: Served, as_role: As) -> None:
    clerk = as_role("clerk")
    closed(clerk, LEAVING)
    body = {"code": "CIERRES-1", "contracts": ["K-0000003"]}
    made = post(clerk, "/closing-runs", body)
    assert (made.status_code, made.json()["period_to"]) == (201, "2026-02-15")
    unknown = post(clerk, "/closing-runs", body | {"contracts": ["K-9"]})
    assert (unknown.status_code, "contract K-9: does not exist" in unknown.text) == (409, True)
    assert post(as_role("auditor"), "/closing-runs", body).status_code == 403
