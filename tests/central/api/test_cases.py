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
