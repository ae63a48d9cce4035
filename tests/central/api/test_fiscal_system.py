"""The fiscal system by dates by programs: proposed by one, confirmed by another; what each refusal says."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from central.store import read_session
from central.store.models import AuditEntry
from tests.central.api.conftest import Served

As = Callable[[str], httpx.Client]
Post = Callable[..., Any]
CLERK, CHIEF = "clerk", "supervisor"
PATH = "/fiscal-system-changes"
SII = {"valid_from": "2027-01-01", "settings": {"system": "sii"}, "reason": "gran empresa"}


@pytest.fixture
def post(as_role: As) -> Post:
    """Post as a role, under ``key`` or one of its own; returns the answer, which must have the status."""

    def send(role: str, path: str, body: Any = None, status: int = 200, key: str = "") -> Any:
        answer = as_role(role).post(path, json=body, headers={"Idempotency-Key": key or str(uuid.uuid4())})
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


def systems(client: httpx.Client) -> list[tuple[str, str | None, str | None]]:
    found = client.get("/fiscal-systems").json()["items"]
    return [(one["system"], one["valid_from"], one["valid_to"]) for one in found]


def test_a_system_is_proposed_by_one_and_confirmed_by_another(served: Served, as_role: As, post: Post) -> None:
    auditor = as_role("auditor")
    assert systems(auditor) == [("verifactu", None, None)]
    made = post(CLERK, PATH, SII, 201, "k1")
    assert (made["system"], made["decision"], made["proposed_by"]) == ("sii", None, CLERK)
    assert post(CLERK, PATH, SII, 201, "k1") == made
    assert systems(auditor) == [("verifactu", None, None)]
    post(CLERK, f"{PATH}/{made['id']}/confirmation", None, 403)
    done = post(CHIEF, f"{PATH}/{made['id']}/confirmation", None, 200, "c1")
    assert (done["decision"], done["decided_by"], done["settings"]["system"]) == ("confirmed", CHIEF, "sii")
    assert post(CHIEF, f"{PATH}/{made['id']}/confirmation", None, 200, "c1") == done
    assert systems(auditor) == [("verifactu", None, "2027-01-01"), ("sii", "2027-01-01", None)]
    assert auditor.get(PATH, params={"decision": "confirmed"}).json()["items"] == [done]
    assert auditor.get(f"{PATH}/{made['id']}").json() == done
    assert "decided already" in post(CHIEF, f"{PATH}/{made['id']}/rejection", {"reason": "late"}, 409)["detail"]
    with read_session(served.town.engine) as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == made["id"]))
        told = [(one.actor, one.action) for one in entries]
    assert told == [(CLERK, "fiscal.system.proposed"), (CHIEF, "fiscal.system.confirmed")]


def test_nobody_confirms_what_they_proposed(as_role: As, post: Post) -> None:
    made = post(CHIEF, PATH, SII, 201)
    refused = post(CHIEF, f"{PATH}/{made['id']}/confirmation", None, 409)
    assert "another person must confirm it" in refused["detail"]
    rejected = post(CHIEF, f"{PATH}/{made['id']}/rejection", {"reason": "not yet"})
    assert (rejected["decision"], rejected["decided_why"]) == ("rejected", "not yet")
    assert systems(as_role("auditor")) == [("verifactu", None, None)]


def test_what_is_wrong_is_named(served: Served, as_role: As, post: Post) -> None:
    for settings, field, value in (
        ({"system": 3}, "body.settings.system", "3"),
        ({"system": "sii", "colour": "red"}, "body.settings", None),
        ({"system": "sii", "sii": {"environment": "moon"}}, "body.settings.sii.environment", "moon"),
        ({"system": "none", "obligatory_from": "1/1/2027"}, "body.settings.obligatory_from", "1/1/2027"),
    ):
        (told,) = post(CLERK, PATH, SII | {"settings": settings}, 422)["errors"]
        assert (told["field"], told["value"] if value else None) == (field, value)
    for field, wrong in {"valid_from": "01/01/2027", "settings": [], "reason": ""}.items():
        assert post(CLERK, PATH, SII | {field: wrong}, 422)["errors"][0]["field"] == f"body.{field}"
    nul = {"system": "sii", "sii": {"levy_regime": "\x00"}}
    assert "NUL" in post(CLERK, PATH, SII | {"settings": nul}, 422)["errors"][0]["rule"]
    half = b'{"valid_from": "2027-01-01", "settings": {"system": "\\ud800"}, "reason": "x"}'
    headers = {"Idempotency-Key": "half", "Content-Type": "application/json"}
    answer = as_role(CLERK).post(PATH, content=half, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.settings")
    assert "fiscal settings" in post(CLERK, PATH, SII | {"settings": {"system": "abacus"}}, 409)["detail"]
    past = post(CLERK, PATH, SII | {"valid_from": "2026-01-15"}, 409)
    assert "invoices were issued up to" in past["detail"]
    post("auditor", PATH, SII, 403)
    post(CLERK, PATH, SII, 201, "k1")
    assert post(CLERK, PATH, SII | {"reason": "other"}, 422, "k1")["type"] == "urn:sgc:problem:idempotency"
    post(CHIEF, f"{PATH}/{served.others['fiscal-system-changes']}/confirmation", None, 404)
