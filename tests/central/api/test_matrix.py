"""Every route, every role, its own utility's rows and another's: each answer is the one that is declared.

What a route needs is declared beside it (``Allowed``, ``May``, ``Member``, ``anyone``); who has it is written here a
second time, so that a slip in the policy is a difference and not a new truth.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from billing.invoice import InvoiceType
from central.access import PERMISSIONS, Permission, load_site, open_session
from central.api import create_api, serve
from central.api.gate import Allowed
from central.invoicing import rectify
from central.store import read_session, write_session
from central.store.models import User
from portal.app import create_app
from portal.config import PortalConfig
from portal.security import May, Member, anyone
from tests.central.api.conftest import Inside, Served
from tests.central.factories import NOW

ROLES = ("subscriber", "reader", "clerk", "supervisor", "auditor", "owner", "admin")
MAY: dict[Permission, set[str]] = {
    Permission.OWN_BILLS: {"subscriber"},
    Permission.OWN_CONSUMPTION: {"subscriber"},
    Permission.READ_ROUTE: {"reader"},
    Permission.SEE_REGISTER: {"clerk", "supervisor", "auditor", "owner"},
    Permission.EDIT_REGISTER: {"clerk", "supervisor"},
    Permission.EXPORT_REGISTER: {"supervisor", "owner"},
    Permission.PLAN_FIELDWORK: {"clerk", "supervisor"},
    Permission.ORDER_CUTS: {"supervisor"},
    Permission.SET_TARIFFS: {"supervisor", "owner"},
    Permission.SEE_RUNS: {"clerk", "supervisor", "auditor", "owner"},
    Permission.MAKE_RUNS: {"clerk", "supervisor"},
    Permission.APPROVE_RUNS: {"supervisor"},
    Permission.SEE_AUDIT: {"auditor", "owner", "admin"},
    Permission.MANAGE_USERS: {"admin"},
    Permission.MANAGE_WEBHOOKS: {"owner", "admin"},
}
As = Callable[[str], httpx.Client]
ABSENT = 10**15


def routes_of(app: Any) -> list[APIRoute]:
    """Every route of an application, those of the routers it includes among them."""
    found: list[APIRoute] = []
    for route in app.routes:
        if isinstance(route, APIRoute):
            found.append(route)
        elif hasattr(route, "original_router"):
            found += routes_of(route.original_router)
    return found


def calls_of(route: APIRoute) -> list[Any]:
    return [dependency.call for dependency in route.dependant.dependencies]


def needs(route: APIRoute) -> Permission | None:
    """The permission declared beside a route; None where it is declared to be for everybody."""
    declared = [call for call in calls_of(route) if isinstance(call, (Allowed, May, Member)) or call is anyone]
    assert len(declared) == 1, f"{route.methods} {route.path}: must declare who may use it, once"
    return declared[0].permission if isinstance(declared[0], (Allowed, May)) else None


def cells(app: Any) -> Iterator[tuple[APIRoute, str, Permission | None]]:
    for route in routes_of(app):
        needed = needs(route)
        for method in sorted(route.methods or ()):
            yield route, method, needed


def path_of(route: APIRoute, number: int) -> str:
    path = route.path
    for name in route.param_convertors:
        path = path.replace("{" + name + "}", str(number))
    return path


def test_the_table_of_this_test_is_whole() -> None:
    assert set(MAY) == set(Permission)
    assert set(PERMISSIONS) == set(ROLES)


def test_no_route_escapes_this_test() -> None:
    described = create_api().openapi()["paths"]
    operations = {(path, method.upper()) for path, methods in described.items() for method in methods}
    assert {(route.path, method) for route, method, _ in cells(create_api())} == operations
    assert len(operations) >= 45


def test_a_route_that_declares_nothing_is_found() -> None:
    app = create_api()
    app.add_api_route("/open", lambda: None)
    with pytest.raises(AssertionError, match="/open: must declare who may use it"):
        list(cells(app))


def test_every_route_of_the_api_answers_each_role_as_declared(served: Served, as_role: As) -> None:
    asked = 0
    for role in ROLES:
        client = as_role(role)
        for route, method, needed in cells(served.app):
            assert needed is not None, f"{route.path}: the API has nothing for everybody"
            answer = client.request(method, path_of(route, ABSENT), headers={"Idempotency-Key": str(uuid.uuid4())})
            if role in MAY[needed]:
                # Past the door: an absent row, an empty body, or the list itself.
                assert answer.status_code in {200, 404, 422}, f"{role} {method} {route.path}: {answer.text}"
            else:
                assert answer.status_code == 403, f"{role} {method} {route.path}: {answer.status_code}"
            asked += 1
    assert asked == len(ROLES) * len(routes_of(served.app)) > 300


def test_without_a_token_or_with_another_utilitys_nothing_is_told(served: Served, as_role: As) -> None:
    stranger = httpx.Client(transport=Inside(served.app), base_url="http://sgc.test")
    elsewhere = as_role("elsewhere")
    for route, method, _ in cells(served.app):
        for client in (stranger, elsewhere):
            answer = client.request(method, path_of(route, ABSENT), headers={"Idempotency-Key": "k"})
            assert answer.status_code == 401, f"{method} {route.path}"
            assert answer.headers["www-authenticate"] == "Bearer"


BODIES: dict[str, dict[str, Any]] = {
    "application": {},
    "discard": {},
    "quality-issues/assignment": {"to": None},
    "reopening": {},
    "holders": {"customer_id": 1, "on": "2026-06-01"},
    "terms": {"use": "domestic", "on": "2026-06-01"},
    "cancellation": {"on": "2026-06-01"},
    "installations": {"meter_id": 1, "at": "2026-06-01T00:00:00Z"},
    "details": {"effective_on": "2026-06-01"},
    "documents": {"code": "identity", "verdict": "waived", "reason": "mine"},
    "final-bill": {},
    "rejection": {"reason": "mine"},
    "withdrawal": {"reason": "mine"},
    "assignment": {"device_id": 1},
    "rereads": {"supplies": ["S1"]},
    "decision": {"apply": True, "reason": "mine"},
    "retirement": {"reason": "mine"},
    "cut-facts": {"kind": "authority", "since": "2026-06-01", "reference": "R1"},
    "exchanges": {"meter_id": 1, "at": "2026-06-01T00:00:00Z", "installation_litres": 0},
    "closing": {"reason": "mine"},
    "dismissal": {"reason": "mine"},
    "retry": {"reason": "mine"},
    "bulk": {"on": "2026-06-01", "members": [{"supply_point_id": 1}]},
    "shares": {"on": "2026-06-01", "parts": [{"contract_id": 1, "part": "1"}]},
    **{one: {"on": "2026-06-01"} for one in ("bulk-ending", "shares-ending")},
    "links": {"proof": "mine"},
    "factor-reset": {"proof": "mine", "reason": "mine"},
    "session-ending": {},
    "confirmation": {},
    "return": {"on": "2026-06-01", "reason": "mine"},
    "payment": {"on": "2026-06-01"},
    "key": {"public_key": "00" * 32},
    "webhooks/replay": {"since": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
    **{one: {} for one in ("revocation", "disabling", "rotation", "pause", "resumption", "removal", "test", "replay")},
}
QUERIES = {"hours": {"from_ms": 0, "to_ms": 3_600_000}}


RUN_BODIES: dict[str, Any] = {
    "issue": {"due_date": "2026-06-01"},
    "rejection": {"reason": "mine"},
    "correction": {"reason": "mine"},
    "fiscal-withdrawal": {"reason": "mine"},
    "cancellation": {"reason": "mine"},
    "waivers": {"codes": ["high_year"], "reason": "mine"},
    "holds": {"contract_id": 1, "reason": "mine"},
}


def test_rows_of_another_utility_do_not_exist(served: Served, as_role: As) -> None:
    own, asked = {}, 0
    for role in ROLES:
        client = as_role(role)
        for route, method, needed in cells(served.app):
            name, *rest = route.path.strip("/").split("/")
            if role not in MAY[needed or Permission.OWN_BILLS] or name not in served.others or not rest:
                continue
            if name not in own:
                own[name] = client.get(f"/{name}").json()["items"][0]["id"]
            part = rest[1] if len(rest) > 1 else ""
            body, query = BODIES.get(f"{name}/{part}", BODIES.get(part)), QUERIES.get(part)
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            theirs = client.request(
                method, path_of(route, served.others[name]), json=body, headers=headers, params=query
            )
            assert theirs.status_code == 404, f"{role} {method} {route.path}: {theirs.text}"
            if method == "GET":
                assert client.get(path_of(route, own[name]), params=query).status_code == 200
            asked += 1
    assert asked > 80
    assert set(own) == set(served.others)


def test_another_utilitys_supervisor_finds_no_run_and_no_invoice_of_ours(served: Served, as_role: As) -> None:
    with read_session(served.town.engine) as session:
        site = load_site(session, "busot")
    ours = {"runs": served.run_id, "invoices": served.invoice_id, "rectifications": propose(served)}
    clerk = as_role("clerk")
    for name, key in (("tariffs", "id"), ("fiscal-records", "record_id"), ("tariff-assignments", "id")):
        ours[name] = clerk.get(f"/{name}").json()["items"][0][key]
    reached = set()
    served.app = create_api(100_000)
    serve(served.app, served.town.engine, site)
    supervisor = as_role("their supervisor")
    for route, method, _ in cells(served.app):
        name, *rest = route.path.strip("/").split("/")
        if name in ours and rest:
            body = RUN_BODIES.get(rest[-1]) if method == "POST" and (name, rest[-1]) != ("runs", "issue") else None
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            answer = supervisor.request(method, path_of(route, ours[name]), json=body, headers=headers)
            assert answer.status_code == 404, f"{method} {route.path}: {answer.text}"
            reached.add(route.path)
    assert len(reached) == 26
    for name in ("runs", "invoices", "consumption", "ledger-entries", "tariffs", "rectifications", "fiscal-records"):
        assert supervisor.get(f"/{name}").json()["items"] == []


def propose(served: Served) -> int:
    """A rectification of ours."""
    with write_session(served.town.engine) as session:
        asked = rectify.Request((served.invoice_id,), "cancel", InvoiceType.R4, "I", "R", "wrong")
        return rectify.propose(session, served.town.utility_id, asked, "clerk", NOW).id


def test_lists_hold_no_row_of_another_utility(served: Served, as_role: As) -> None:
    readers = dict.fromkeys(("users", "tokens", "webhooks", "webhook-events", "webhook-deliveries"), "admin")
    for name, theirs in served.others.items():
        items = as_role(readers.get(name, "clerk")).get(f"/{name}", params={"limit": 1000}).json()["items"]
        assert items
        assert theirs not in {item["id"] for item in items}


@pytest.fixture
def pages(served: Served) -> Any:
    """The portal's application over the same town."""
    engine, site = served.town.engine, served.app.state.site
    url = engine.url.render_as_string(hide_password=False)
    app = create_app(PortalConfig(url, site.code, secure=False))
    app.state.engine, app.state.site = engine, site
    return app


def sessions(served: Served) -> dict[str, str]:
    found = {}
    with write_session(served.town.engine) as session:
        for user in session.query(User).filter(User.utility_id == served.town.utility_id):
            if user.login == "subscriber":
                user.customer_id = served.town.customers[0]
            found[user.login] = open_session(session, user)
    return found


def test_every_page_answers_each_role_as_declared(served: Served, pages: Any) -> None:
    for role, token in sessions(served).items():
        for route, method, needed in cells(pages):
            if method != "GET":
                assert needed is None or role in ROLES
            headers = {"Cookie": f"sgc={token}", "Sec-Fetch-Site": "same-origin"}
            if route.path == "/salir":
                continue  # would end the session of the rows that follow
            with httpx.Client(transport=Inside(pages), base_url="http://sgc.test", headers=headers) as client:
                answer = client.request(method, path_of(route, ABSENT))
            if needed is not None and role not in MAY[needed]:
                assert answer.status_code == 404, f"{role} {method} {route.path}"
            elif "{" not in route.path:
                # 429: so many try to log in from one address here that it is told to wait.
                told = f"{role} {method} {route.path}: {answer.status_code}"
                assert answer.status_code in {200, 303, 401, 422, 429}, told


def test_every_page_that_is_not_for_everybody_sends_a_visitor_to_log_in(served: Served, pages: Any) -> None:
    for route, method, needed in cells(pages):
        headers = {"Sec-Fetch-Site": "same-origin"}
        with httpx.Client(transport=Inside(pages), base_url="http://sgc.test", headers=headers) as client:
            answer = client.request(method, path_of(route, ABSENT))
        if needed is not None:
            assert answer.status_code == 303, f"{method} {route.path}"
            assert answer.headers["location"].startswith("/entrar")


def test_no_page_changes_anything_that_another_site_started(served: Served, pages: Any) -> None:
    changing = [(route, method) for route, method, _ in cells(pages) if method not in {"GET", "HEAD"}]
    assert changing
    for route, method in changing:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}, {}):
            with httpx.Client(transport=Inside(pages), base_url="http://sgc.test", headers=headers) as client:
                assert client.request(method, path_of(route, ABSENT)).status_code == 403
