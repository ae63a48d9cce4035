"""Users and tokens made by programs: with a proof of who one is, secrets told once, nothing of them kept."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyotp
import pytest
from sqlalchemy import select, update

from central.access import open_session, totp
from central.access.passwords import use_link
from central.access.rules import set_rules
from central.access.users import authenticate
from central.register import KeyRing
from central.store import read_session, write_session
from central.store.models import ApiAnswer, AuditEntry, FactorGrace, User
from tests.central.api.conftest import Inside, Served

As = Callable[[str], httpx.Client]
Post = Callable[..., Any]
PROOF, NEW = "long enough", "correct horse battery"
CLERK, ADMIN = "clerk", "admin"


@pytest.fixture
def post(as_role: As) -> Post:
    """Post as the admin, under ``key`` or one of its own; returns the answer, which must have the status."""

    def send(path: str, body: Any, status: int = 200, key: str = "", role: str = ADMIN) -> Any:
        answer = as_role(role).post(path, json=body, headers={"Idempotency-Key": key or str(uuid.uuid4())})
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


def ids(client: httpx.Client) -> dict[str, int]:
    return {row["login"]: row["id"] for row in client.get("/users").json()["items"]}


def kept(served: Served) -> str:
    """Everything that answers and the audit keep, as text."""
    with read_session(served.town.engine) as session:
        answers = [row.body for row in session.scalars(select(ApiAnswer))]
        told = [f"{row.before} {row.after} {row.reason}" for row in session.scalars(select(AuditEntry))]
    return "\n".join([*answers, *told])


def enrol(served: Served, login: str) -> pyotp.TOTP:
    """Give a user codes; the one of half a minute ago is used up."""
    ring, at = KeyRing.load(served.keys), datetime.now(UTC) - timedelta(seconds=30)
    with write_session(served.town.engine) as session:
        user = session.scalars(select(User).where(User.utility_id == served.town.utility_id, User.login == login)).one()
        secret = totp.shared_secret(totp.begin(session, user, ring, at), ring)
        assert totp.confirm(session, user, ring, pyotp.TOTP(secret).at(at), at)
    return pyotp.TOTP(secret)


def test_a_user_is_made_without_a_password_and_chooses_one_by_the_link(served: Served, post: Post) -> None:
    body = {"login": "rosa", "name": "Rosa", "role": "clerk", "proof": PROOF}
    made = post("/users", body, 201, "k1")
    assert (made["login"], made["role"], made["disabled_at"]) == ("rosa", "clerk", None)
    again = post("/users", body, 201, "k1")
    assert again == made | {"link": None}
    secret = made["link"].removeprefix("/clave/")
    assert secret not in kept(served)
    assert PROOF not in kept(served)
    with write_session(served.town.engine) as session:
        use_link(session, served.town.utility_id, secret, NEW, datetime.now(UTC))
    with write_session(served.town.engine) as session:
        assert authenticate(session, served.town.utility_id, "rosa", NEW) is not None
    another = post(f"/users/{made['id']}/links", {"proof": PROOF}, 201, "k2")
    assert another["link"] not in {None, made["link"]}
    assert post(f"/users/{made['id']}/links", {"proof": PROOF}, 201, "k2")["link"] is None
    assert "is taken" in post("/users", body, 409)["detail"]


def test_a_token_is_made_and_its_secret_told_once(served: Served, as_role: As, post: Post) -> None:
    clerk = ids(as_role(ADMIN))[CLERK]
    body = {"user_id": clerk, "name": "export", "days": 30, "scopes": ["see_register"], "proof": PROOF}
    made = post("/tokens", body, 201, "k1")
    assert post("/tokens", body, 201, "k1") == made | {"secret": None}
    assert post("/tokens", body | {"days": 31}, 422, "k1")["type"] == "urn:sgc:problem:idempotency"
    assert made["secret"] not in kept(served)
    headers = {"Authorization": f"Bearer {made['secret']}"}
    with httpx.Client(transport=Inside(served.app), base_url="http://sgc.test", headers=headers) as program:
        assert program.get("/meters").status_code == 200
        assert program.get("/invoices").status_code == 403
    beyond = post("/tokens", body | {"scopes": ["approve_runs"]}, 409)
    assert "must be what a clerk may do" in beyond["detail"]
    told = as_role("auditor").get("/audit", params={"actor": ADMIN}).json()["items"]
    assert [one["action"] for one in told] == ["token.created"]


def test_nobody_lets_others_in_with_a_token_alone(served: Served, as_role: As, post: Post) -> None:
    clerk = ids(as_role(ADMIN))[CLERK]
    token = {"user_id": clerk, "name": "export"}
    lacking = post("/tokens", token, 422)
    assert [one["field"] for one in lacking["errors"]] == ["body.proof"]
    wrong = post("/tokens", token | {"proof": "not this one"}, 403, "k1")
    assert [(one["field"], one["value"]) for one in wrong["errors"]] == [("body.proof", "…")]
    assert post("/tokens", token | {"proof": PROOF}, 201, "k1")["secret"]
    for path, body in ((f"/users/{clerk}/links", {}), ("/users", {"login": "eve", "role": "admin"})):
        post(path, body | {"proof": "not this one"}, 403)
    post("/access-rules", {"factor_roles": [], "proof": "not this one"}, 403)
    assert "eve" not in ids(as_role(ADMIN))
    post("/tokens", token | {"proof": "not this one"}, 403)
    waits = as_role(ADMIN).post("/tokens", json=token | {"proof": PROOF}, headers={"Idempotency-Key": "w"})
    assert (waits.status_code, waits.headers["retry-after"]) == (429, "300")
    with read_session(served.town.engine) as session:
        refused = select(AuditEntry).where(AuditEntry.action == "login.refused")
        assert [entry.actor for entry in session.scalars(refused)] == [ADMIN] * 5
    assert "not this one" not in kept(served)


def test_who_has_a_second_factor_proves_it_with_a_code_once(served: Served, as_role: As, post: Post) -> None:
    clerk = ids(as_role(ADMIN))[CLERK]
    codes = enrol(served, ADMIN)
    body = {"user_id": clerk, "name": "export"}
    post("/tokens", body | {"proof": PROOF}, 403)
    right = codes.at(datetime.now(UTC) + timedelta(seconds=2))
    made = post("/tokens", body | {"proof": right}, 201, "k1")
    post("/tokens", body | {"proof": right}, 403)
    # The answer that is kept needs no other code, and tells no secret.
    assert post("/tokens", body | {"proof": right}, 201, "k1") == made | {"secret": None}


def test_a_forgotten_answer_does_not_stand_for_a_proof(served: Served, as_role: As, post: Post) -> None:
    clerk = ids(as_role(ADMIN))[CLERK]
    post(f"/users/{clerk}/session-ending", {}, 200, "old")
    with write_session(served.town.engine) as session:
        session.execute(update(ApiAnswer).values(created_at=datetime.now(UTC) - timedelta(days=2)))
    post("/tokens", {"user_id": clerk, "name": "export", "proof": "not this one"}, 403, "old")


def test_after_its_grace_a_password_is_no_proof(served: Served, as_role: As, post: Post) -> None:
    users, now = ids(as_role(ADMIN)), datetime.now(UTC)
    with write_session(served.town.engine) as session:
        set_rules(session, served.town.utility_id, {"factor_roles": [ADMIN], "grace_days": 1}, "test", now)
        since = now - timedelta(days=2)
        session.add(FactorGrace(utility_id=served.town.utility_id, user_id=users[ADMIN], since=since))
    refused = post("/tokens", {"user_id": users[CLERK], "name": "export", "proof": PROOF}, 403)
    assert "time of grace is over" in refused["errors"][0]["rule"]


def test_who_lost_their_factor_is_helped_by_another(served: Served, as_role: As, post: Post) -> None:
    admin = as_role(ADMIN)
    users = ids(admin)
    enrol(served, CLERK)
    with write_session(served.town.engine) as session:
        open_session(session, session.get_one(User, (served.town.utility_id, users[CLERK])))
    path = f"/users/{users[CLERK]}"
    assert admin.get(f"{path}/factors").json()["codes_since"] is not None
    (place,) = admin.get(f"{path}/sessions").json()["items"]
    assert place["second_factor"] is False
    assert post(f"{path}/session-ending", {}, 200, "e1")["ended"] == 1
    assert post(f"{path}/session-ending", {}, 200, "e1")["ended"] == 1
    assert admin.get(f"{path}/sessions").json()["items"] == []
    reset = post(f"{path}/factor-reset", {"proof": PROOF, "reason": "phone lost"}, 200, "r1")
    assert (reset["codes_since"], reset["passkeys"]) == (None, 0)
    assert post(f"{path}/factor-reset", {"proof": PROOF, "reason": "phone lost"}, 200, "r1") == reset
    own = post(f"/users/{users[ADMIN]}/factor-reset", {"proof": PROOF, "reason": "mine"}, 409)
    assert "another one must do it" in own["detail"]


def test_the_rules_of_access_are_told_and_changed(as_role: As, post: Post) -> None:
    before = as_role(ADMIN).get("/access-rules").json()
    assert before["idle_minutes"] == {"admin": 15}
    body = {"grace_days": 7, "idle_minutes": {"clerk": 20}, "proof": PROOF}
    after = post("/access-rules", body, 200, "k1")
    assert after == before | {"grace_days": 7, "idle_minutes": {"admin": 15, "clerk": 20}}
    assert post("/access-rules", body, 200, "k1") == after == as_role(ADMIN).get("/access-rules").json()
    for field, wrong in {"grace_days": 91, "proof_minutes": True, "factor_roles": ["boss"]}.items():
        told = post("/access-rules", {field: wrong, "proof": PROOF}, 422)["errors"][0]["field"]
        assert told.startswith(f"body.{field}")
    assert as_role("owner").get("/access-rules").status_code == 403


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("days", 0), ("days", 367), ("days", "30"), ("days", 30.0), ("name", " "), ("scopes", ["all"]), ("user_id", "1")],
)
def test_what_is_wrong_of_a_token_is_named_without_the_proof(
    as_role: As, post: Post, field: str, wrong: object
) -> None:
    good = {"user_id": ids(as_role(ADMIN))[CLERK], "name": "export", "proof": PROOF}
    problem = post("/tokens", good | {field: wrong}, 422)
    assert all(one["field"].startswith(f"body.{field}") for one in problem["errors"])
    del good["user_id"]
    assert PROOF not in str(post("/tokens", good, 422))
    assert PROOF not in str(post("/tokens", good | {"proof": [PROOF]}, 422))


def test_what_is_wrong_of_a_user_is_named(served: Served, post: Post) -> None:
    good = {"login": "rosa", "role": "clerk", "proof": PROOF}
    for field, wrong in {"login": " rosa", "role": "subscriber", "name": "a\x00b"}.items():
        problem = post("/users", good | {field: wrong}, 422)
        assert [one["field"] for one in problem["errors"]] == [f"body.{field}"]
    post("/users", good, 403, role="owner")
    post("/tokens", {"user_id": served.others["users"], "name": "x", "proof": PROOF}, 404)
