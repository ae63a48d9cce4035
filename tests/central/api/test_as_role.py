"""The interface over a PostgreSQL role that owns no table: all of a month's work, and nothing of another utility."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from central.access import load_site
from central.api import serve
from central.store import isolation, open_engine, read_session
from tests.central.api.conftest import Served

pytestmark = pytest.mark.postgres
ROLE = "sgc_test_api"


@pytest.fixture
def engine(postgres_database: str) -> Iterator[Engine]:
    """The owner's, on PostgreSQL alone."""
    engine = open_engine(postgres_database)
    yield engine
    engine.dispose()


@pytest.fixture
def web(postgres: Any, engine: Engine, served: Served) -> Iterator[Served]:
    """The same town, served by the role."""
    with closing(postgres.connect()) as connection:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(ROLE)))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(ROLE)))
    with engine.begin() as connection:
        isolation.grant(connection, ROLE)
    url = make_url(engine.url.render_as_string(hide_password=False)).set(username=ROLE)
    scoped = isolation.scoped(url.render_as_string(hide_password=False), served.town.utility_id)
    narrow = open_engine(scoped)
    with read_session(narrow) as session:
        serve(served.app, narrow, load_site(session, served.app.state.site.code), served.keys)
    yield served
    narrow.dispose()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
    with closing(postgres.connect()) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


def test_a_month_is_billed_rectified_and_told(web: Served) -> None:
    clerk, supervisor, owner = (web.client(role) for role in ("clerk", "supervisor", "owner"))
    count = iter(range(100))

    def post(client: Any, path: str, body: Any = None) -> Any:
        answer = client.post(path, json=body, headers={"Idempotency-Key": f"k{next(count)}"})
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    hook = post(owner, "/webhooks", {"url": "https://erp.example/in", "events": ["invoice.*", "run.*", "meter.*"]})
    plan = {
        "code": "R-ROLE", "period_from": "2026-02-01", "period_to": "2026-03-01", "series": "AG2026",
        "issue_date": "2026-03-01", "due_date": "2026-04-30",
    }  # fmt: skip
    path = f"/runs/{post(clerk, '/runs', plan)['id']}"
    for client, step in (
        (clerk, "simulation"),
        (supervisor, "approval"),
        (supervisor, "issue"),
        (supervisor, "delivery"),
    ):
        run = post(client, f"{path}/{step}")
    assert run["status"] == "delivered"
    asked = {"invoice_ids": [web.invoice_id], "cause": "cancel", "series": "R2026", "reason": "wrong"}
    made = post(clerk, "/rectifications", asked)
    post(supervisor, f"/rectifications/{made['id']}/issue", {"issue_date": "2026-04-03", "due_date": "2026-06-30"})
    point = clerk.get("/supply-points").json()["items"][0]["id"]
    meter = {"serial": "N-1", "calibre_mm": 15, "modulus_litres": 10**8, "radio": False}
    number = post(clerk, "/meters", meter)["id"]
    # A month that nobody has prepared: the role lets the database make it.
    change = {"meter_id": number, "at": "2033-05-05T10:00:00Z", "removal_litres": 90_000, "installation_litres": 3}
    post(clerk, f"/supply-points/{point}/exchanges", change)
    owed = owner.get("/webhook-deliveries", params={"endpoint_id": hook["id"], "limit": 1000}).json()["items"]
    types = {owner.get(f"/webhook-events/{one['event_id']}").json()["type"] for one in owed}
    assert {"invoice.issued", "invoice.rectified", "run.state_changed", "meter.installed", "meter.removed"} <= types
    for name in ("supply-points", "devices", "meters", "webhooks"):
        shown = {row["id"] for row in (owner if name == "webhooks" else clerk).get(f"/{name}").json()["items"]}
        assert shown
        assert web.others[name] not in shown
