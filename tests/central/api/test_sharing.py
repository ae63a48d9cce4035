"""Bulk meters and shared supplies by programs: stated, told day by day, ended; what each refusal says."""

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from central.register import sharing
from central.store import read_session
from central.store.models import AuditEntry, SupplyShare
from tests.central.api.conftest import Served

As = Callable[[str], httpx.Client]
Post = Callable[..., Any]
SINCE = "2026-02-01"


@pytest.fixture
def post(as_role: As) -> Post:
    """Post as the clerk, under ``key`` or one of its own; returns the answer, which must have the status."""

    def send(path: str, body: Any, status: int = 200, key: str = "", role: str = "clerk") -> Any:
        answer = as_role(role).post(path, json=body, headers={"Idempotency-Key": key or str(uuid.uuid4())})
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


def points(client: httpx.Client) -> list[int]:
    return [row["id"] for row in client.get("/supply-points").json()["items"]]


def contracts_of(client: httpx.Client, supply: int) -> int:
    (own,) = client.get("/contracts", params={"supply_point_id": supply}).json()["items"]
    return int(own["id"])


def test_a_bulk_meter_is_stated_told_and_ended(served: Served, as_role: As, post: Post) -> None:
    clerk = as_role("clerk")
    general, one, two, *_ = points(clerk)
    members = [{"supply_point_id": one}, {"supply_point_id": two, "weight": 2}]
    body = {"on": SINCE, "members": members, "policy": "shared", "by": "weight", "reason": "obra nueva"}
    made = post(f"/supply-points/{general}/bulk", body, 201, "k1")
    assert (made["supply_point_id"], made["policy"], made["by"], made["since"]) == (general, "shared", "weight", SINCE)
    assert sorted(member["weight"] for member in made["members"]) == [1, 2]
    assert post(f"/supply-points/{general}/bulk", body, 201, "k1") == made
    assert as_role("auditor").get("/bulk-supplies", params={"on": SINCE}).json()["items"] == [made]
    assert clerk.get("/bulk-supplies", params={"on": "2026-01-31"}).json()["items"] == []
    assert post(f"/supply-points/{general}/bulk-ending", {"on": "2026-03-01"})["on"] == "2026-03-01"
    (before,) = clerk.get("/bulk-supplies", params={"on": "2026-02-28"}).json()["items"]
    assert before["until"] == "2026-03-01"
    assert clerk.get("/bulk-supplies").json()["items"] == []
    gone = post(f"/supply-points/{general}/bulk-ending", {"on": "2026-03-01"}, 422)
    assert gone["errors"][0]["field"] == "bulk_supply.supply_point"
    with read_session(served.town.engine) as session:
        rows = select(AuditEntry.actor, AuditEntry.action).where(AuditEntry.subject_id == general)
        told = [tuple(row) for row in session.execute(rows) if "bulk" in row.action]
    assert told == [("clerk", "set_bulk"), ("clerk", "end_bulk")]


def test_a_supply_is_divided_exactly_among_contracts(served: Served, as_role: As, post: Post) -> None:
    clerk = as_role("clerk")
    supply, *others = points(clerk)
    contracts = [contracts_of(clerk, point) for point in (supply, *others[:2])]
    thirds = [{"contract_id": contract, "part": "1/3"} for contract in contracts]
    made = post(f"/supply-points/{supply}/shares", {"on": SINCE, "parts": thirds}, 201, "k1")
    assert (made["by"], [one["part"] for one in made["parts"]]) == ("litres", ["1/3"] * 3)
    assert post(f"/supply-points/{supply}/shares", {"on": SINCE, "parts": thirds}, 201, "k1") == made
    assert clerk.get("/shared-supplies", params={"on": SINCE}).json()["items"] == [made]
    with read_session(served.town.engine) as session:
        assert session.scalars(select(SupplyShare.weight)).all() == [1, 1, 1]
    uneven = [{"contract_id": one, "part": part} for one, part in zip(contracts, ("50%", "0.3", "1/5"), strict=True)]
    assert {
        one["part"]
        for one in post(f"/supply-points/{supply}/shares", {"on": "2026-03-01", "parts": uneven}, 201)["parts"]
    } == {
        "1/2",
        "3/10",
        "1/5",
    }
    assert post(f"/supply-points/{supply}/shares-ending", {"on": "2026-04-01"})["supply_point_id"] == supply
    assert clerk.get("/shared-supplies").json()["items"] == []


def test_what_is_wrong_is_named(served: Served, as_role: As, post: Post) -> None:
    clerk = as_role("clerk")
    supply, other, *_ = points(clerk)
    own, neighbour = contracts_of(clerk, supply), contracts_of(clerk, other)
    bulk, shares = f"/supply-points/{supply}/bulk", f"/supply-points/{supply}/shares"

    def parts(*texts: Any) -> dict[str, Any]:
        named = zip((own, neighbour), texts, strict=False)
        return {"on": SINCE, "parts": [{"contract_id": one, "part": text} for one, text in named]}

    for wrong in ("third", "-1", "1e3", "1/3/3", 0.5, ""):
        assert post(shares, parts(wrong), 422)["errors"][0]["field"] == "body.parts.0.part"
    whole = post(shares, parts("1/2", "1/3"), 422)["errors"][0]
    assert (whole["field"], whole["value"]) == ("supply_share.part", "'5/6'")
    assert post(shares, parts("1/0", "1"), 422)["errors"][0]["value"] == "'1/0'"
    finer = post(shares, parts("1/999999937", "999999936/999999937"), 201)
    assert finer["parts"][0]["part"].endswith("/999999937")
    twice = [{"contract_id": own, "part": "1/2"}] * 2
    assert post(shares, {"on": SINCE, "parts": twice}, 422)["errors"][0]["value"] == str(own)
    theirs = served.others["contracts"]
    post(shares, {"on": SINCE, "parts": [{"contract_id": theirs, "part": "1"}]}, 404)
    post(bulk, {"on": SINCE, "members": [{"supply_point_id": served.others["supply-points"]}]}, 404)
    member = [{"supply_point_id": other}]
    assert post(bulk, {"on": SINCE, "members": []}, 422)["errors"][0]["field"] == "body.members"
    for wrong in (0, True, "2", 2.0, 2**31):
        body = {"on": SINCE, "members": [{"supply_point_id": other, "weight": wrong}]}
        assert post(bulk, body, 422)["errors"][0]["field"] == "body.members.0.weight"
    assert post(bulk, {"on": SINCE, "members": member, "policy": "halves"}, 422)["errors"][0]["field"] == "body.policy"
    assert post(bulk, {"on": "01/02/2026", "members": member}, 422)["errors"][0]["field"] == "body.on"
    itself = post(bulk, {"on": SINCE, "members": [{"supply_point_id": supply}]}, 422)
    assert itself["errors"][0]["rule"] == "cannot hang under itself"
    post(bulk, {"on": SINCE, "members": member}, 403, role="auditor")


def test_parts_too_fine_for_their_denominator_are_refused(as_role: As, post: Post) -> None:
    clerk = as_role("clerk")
    supply, *others = points(clerk)
    ids = [contracts_of(clerk, point) for point in (supply, *others[:3])]
    texts = ("1/99991", "99989/199982", "1/99989", "99987/199978")
    parts = [{"contract_id": one, "part": text} for one, text in zip(ids, texts, strict=True)]
    refused = post(f"/supply-points/{supply}/shares", {"on": SINCE, "parts": parts}, 422)["errors"][0]
    assert refused["field"] == "supply_share.part"
    assert str(sharing.FINEST) in refused["rule"]


def test_shared_supplies_are_told_page_by_page(served: Served, as_role: As, post: Post) -> None:
    clerk = as_role("clerk")
    every = points(clerk)
    for point in every:
        body = {"on": SINCE, "parts": [{"contract_id": contracts_of(clerk, point), "part": "1"}]}
        post(f"/supply-points/{point}/shares", body, 201)
    found, after = [], ""
    while True:
        page = clerk.get("/shared-supplies", params={"on": SINCE, "limit": 3, "after": after}).json()
        found += [one["supply_point_id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert found == sorted(every)
    with read_session(served.town.engine) as session:
        whole = sharing.divisions(session, served.town.utility_id, date(2026, 2, 1))
    assert [one.point_id for one in whole] == found
