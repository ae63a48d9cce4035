"""The register into files and out of them, and its quality board, for programs."""

import base64
import io
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import openpyxl
import pytest
from sqlalchemy import select

from central.access import create_token, create_user, load_site
from central.api import create_api, serve
from central.api import exchange as routes
from central.store import read_session, write_session
from central.store.models import AuditEntry, RegisterImport, SupplyPoint
from tests.central.api.conftest import PLENTY, Inside
from tests.central.conftest import Town

As = Callable[[str], httpx.Client]
CSV = "codigo;calle;numero;cp;ine\r\nS9;Carrer Nou;9;03698;03002\r\nS1;Carrer Major;1;03698;03002\r\n"
REFUSED = f"{CSV}MAL;Carrer Nou;11;3698;03002\r\n"


@pytest.fixture
def program(town: Town) -> Iterator[As]:
    """Programs of a clerk, a supervisor and an auditor."""
    app = create_api(PLENTY, "1000000 per minute")
    now, secrets = datetime.now(UTC), {}
    with write_session(town.engine) as session:
        for role in ("clerk", "supervisor", "auditor"):
            create_user(session, town.utility_id, role, "long enough", role=role, name=role)
            _, secrets[role] = create_token(session, town.utility_id, role, "t", timedelta(days=1), "test", now)
    with read_session(town.engine) as session:
        serve(app, town.engine, load_site(session, "agost"))
    made: list[httpx.Client] = []

    def client(role: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {secrets[role]}"}
        made.append(httpx.Client(transport=Inside(app), base_url="http://sgc.test", headers=headers))
        return made[-1]

    yield client
    for one in made:
        one.close()


def post(client: httpx.Client, path: str, key: str = "", **body: Any) -> httpx.Response:
    return client.post(path, json=body, headers={"Idempotency-Key": key or str(uuid.uuid4())})


def sent(client: httpx.Client, text: str, key: str = "") -> httpx.Response:
    content = base64.b64encode(text.encode()).decode()
    return post(client, "/register-imports", key, name="suministros.csv", content=content)


def points(town: Town) -> list[str]:
    with read_session(town.engine) as session:
        return list(session.scalars(select(SupplyPoint.code).order_by(SupplyPoint.code)))


def test_a_file_is_planned_read_and_applied_once(program: As, town: Town) -> None:
    clerk = program("clerk")
    planned = sent(clerk, CSV, "k1")
    assert planned.status_code == 201, planned.text
    made = planned.json()
    assert made["counts"] == {"supply_points": {"added": 1, "unchanged": 1}}
    assert sent(clerk, CSV, "k1").json() == made
    assert sent(clerk, REFUSED, "k1").status_code == 422
    path = f"/register-imports/{made['id']}"
    first = clerk.get(f"{path}/rows", params={"limit": 1}).json()
    assert [row["key"] for row in first["items"]] == ["S9"]
    second = clerk.get(f"{path}/rows", params={"limit": 1, "after": first["next"]}).json()
    assert ([row["fate"] for row in second["items"]], second["next"]) == (["unchanged"], None)
    assert clerk.get(f"{path}/rows", params={"fate": "refused"}).json()["items"] == []
    applied = post(clerk, f"{path}/application", "k2", reason="alta de la calle nueva")
    assert (applied.status_code, applied.json()["state"]) == (201, "applied")
    assert points(town) == ["S1", "S2", "S3", "S9"]
    assert post(clerk, f"{path}/application", "k2", reason="alta de la calle nueva").json() == applied.json()
    assert post(clerk, f"{path}/application").status_code == 422
    assert clerk.get("/register-imports", params={"state": "applied"}).json()["items"] == [applied.json()]
    with read_session(town.engine) as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "import")).one()
        assert (told.actor, told.reason) == ("clerk", "alta de la calle nueva")


def test_refused_rows_say_field_value_and_rule_and_keep_the_file_out(program: As, town: Town) -> None:
    clerk = program("clerk")
    made = sent(clerk, REFUSED).json()
    path = f"/register-imports/{made['id']}"
    (row,) = clerk.get(f"{path}/rows", params={"fate": "refused"}).json()["items"]
    assert (row["sheet"], row["line"], row["field"], row["value"]) == (
        "suministros", 4, "supply_point.postal_code", "3698",
    )  # fmt: skip
    refused = post(clerk, f"{path}/application")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "file")
    assert points(town) == ["S1", "S2", "S3"]
    assert post(clerk, f"{path}/application", without_refused=True).json()["without_refused"] is True
    assert points(town) == ["S1", "S2", "S3", "S9"]
    other = sent(clerk, REFUSED).json()
    assert post(clerk, f"/register-imports/{other['id']}/discard").json()["state"] == "discarded"
    with read_session(town.engine) as session:
        assert [row.content for row in session.scalars(select(RegisterImport))] == [None, None]


def test_who_may_only_look_plans_nothing_and_bad_base64_is_refused(program: As) -> None:
    assert sent(program("auditor"), CSV).status_code == 403
    assert program("auditor").get("/register-imports").status_code == 200
    bad = post(program("clerk"), "/register-imports", name="x.csv", content="AAAAA")
    assert (bad.status_code, bad.json()["errors"][0]["rule"]) == (422, "must be base64")


def test_the_register_is_exported_and_comes_back_unchanged(program: As, town: Town) -> None:
    assert program("clerk").get("/register-export").status_code == 403
    supervisor = program("supervisor")
    answer = supervisor.get("/register-export")
    assert answer.headers["content-type"] == routes.FORMS["csv"]
    assert "contratos.csv" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    content = base64.b64encode(answer.content).decode()
    made = post(supervisor, "/register-imports", name="padron.zip", content=content).json()
    assert {fate for counted in made["counts"].values() for fate in counted} == {"unchanged"}
    book = supervisor.get("/register-export", params={"form": "xlsx"})
    assert "contratos" in openpyxl.load_workbook(io.BytesIO(book.content), read_only=True).sheetnames
    assert supervisor.get("/register-export", params={"form": "pdf"}).status_code == 422


def test_the_board_is_refreshed_narrowed_and_decided(program: As, town: Town) -> None:
    clerk = program("clerk")
    assert clerk.get("/quality").json()["asked_on"] is None
    board = post(clerk, "/quality-refreshes").json()
    line = next(one for one in board["items"] if one["rule"] == "same_nif")
    assert (line["open"], line["severity"], board["open"]["warning"]) == (1, "warning", 1)
    assert line["trend"] == [{"day": board["asked_on"], "open": 1}]
    (issue,) = clerk.get("/quality-issues", params={"severity": "warning"}).json()["items"]
    assert (issue["about"], issue["subject"], issue["state"]) == ("nif", "12345678Z", "open")
    path = f"/quality-issues/{issue['id']}"
    assert post(clerk, f"{path}/assignment", to="supervisor").json()["assigned_to"] == "supervisor"
    assert clerk.get("/quality-issues", params={"assigned_to": "-"}).json()["items"] == []
    assert post(clerk, f"{path}/dismissal", reason="").status_code == 422
    assert post(clerk, f"{path}/dismissal", reason="x", until="2020-01-01").status_code == 422
    assert post(clerk, f"{path}/dismissal", reason="tres viviendas").json()["state"] == "dismissed"
    assert clerk.get("/quality-issues").json()["items"] == []
    assert clerk.get(path).json()["dismissed_reason"] == "tres viviendas"
    assert post(clerk, f"{path}/reopening").json()["state"] == "open"
    assert post(program("auditor"), "/quality-refreshes").status_code == 403
    assert clerk.get("/quality-issues", params={"rule": "gato"}).status_code == 422
