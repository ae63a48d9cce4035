"""The commands of routes and orders: what they print, what they refuse in one line."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import select
from typer.testing import CliRunner

from central import cli, fleet_cli
from central.fleet.cutting import CutRules, Debtor, Step, refusals
from central.reading.ingest import Ingest
from central.store import read_session
from central.store.models import OrderReport
from tests.central.conftest import Town
from tests.central.fleet.support import exchanged, owe
from tests.central.reading.support import FakeDevice

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
Sgc = Callable[..., str]


@pytest.fixture
def sgc(town: Town) -> Sgc:
    """Run a command on the town's database; returns what it printed, or its error line."""
    url = town.engine.url.render_as_string(hide_password=False)

    def run(*arguments: str, code: int = 0) -> str:
        app = typer.Typer()
        cli.register(app)
        fleet_cli.register(app)
        app.command("nothing")(lambda: None)
        result = CliRunner().invoke(app, ["central", *arguments, "--db", url], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.stderr if code == 2 else result.stdout

    return run


def rows(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)
    return found if isinstance(found, list) else [found]


def test_a_round_from_its_making_to_its_end(sgc: Sgc, tmp_path: Path) -> None:
    supplies = tmp_path / "supplies.txt"
    supplies.write_text("S1\nS3\n")
    made = rows(
        sgc("route", "build", "D1", "--on", "2026-12-01", "--device", "tpl-1", "--supplies", str(supplies), "--closed",
            "--json")
    )  # fmt: skip
    assert [(one["route"], one["stops"], one["closed"], one["device"]) for one in made] == [("D1-01", 2, True, "tpl-1")]
    assert [one["route"] for one in rows(sgc("route", "list", "--round", "D1", "--json"))] == ["D1-01"]
    assert [one["supply"] for one in rows(sgc("route", "show", "D1-01", "--json"))] == ["S1", "S3"]
    assert sgc("route", "progress", "D1-01").startswith("D1-01: 0/2 (radio 0, typed 0, visited 0, unread 2)")
    assert "2026-12-03" in sgc("route", "assign", "D1-01", "--device", "tpl-1", "--on", "2026-12-03")
    orders = rows(sgc("route", "reread", "D1-01", "--supply", "S1", "--supply", "S3", "--json"))
    assert [one["order"] for one in orders] == ["OT-000001", "OT-000002"]
    assert "cancelled" in sgc("route", "cancel", "D1-01", "--reason", "holiday")
    assert "is closed" in sgc("route", "cancel", "D1-01", "--reason", "again", code=2)


def test_an_order_from_its_making_to_its_decision(sgc: Sgc, town: Town) -> None:
    made = json.loads(sgc("order", "create", "replace", "S1", "--say", "Parado", "--json"))
    assert made["order"] == "OT-000001"
    sgc("order", "assign", "OT-000001", "--device", "tpl-1")
    sgc("order", "cancel", "OT-000001", "--reason", "twice")
    device, now = FakeDevice(), datetime.now(UTC)
    item = exchanged(device, "OT-000001", new_key=None, at_ms=int(now.timestamp() * 1000))
    Ingest(town.engine, None).apply([device.arrival(item, received_at=now)])
    assert sgc("order", "settle") == "1 reports settled\n"
    (listed,) = rows(sgc("order", "list", "--status", "cancelled", "--json"))
    assert listed["conflicts"] == 1
    with read_session(town.engine) as session:
        report = session.scalars(select(OrderReport.id)).one()
    assert "applied" in sgc("order", "decide", str(report), "--apply", "--reason", "it was done")
    assert rows(sgc("order", "list", "--json"))[0]["status"] == "done"


def test_a_cut_is_checked_rule_by_rule(sgc: Sgc, town: Town) -> None:
    day = (datetime.now(UTC).date() + timedelta(days=90)).isoformat()
    assert "debt" in sgc("order", "cut", "check", "K-1", "--on", day, code=1)
    owe(town, 8_000)
    told = json.loads(sgc("order", "cut", "check", "K-1", "--on", day, "--json", code=1))
    assert told["lawful"] is False
    assert told["refusals"][0]["rule"] == "demand"
    since = date(2026, 1, 12).isoformat()
    sgc("order", "cut", "record", "K-1", "demand", "--since", since, "--reference", "RR", "--amount", "80.00")
    sgc("order", "cut", "record", "K-1", "authority", "--since", since, "--reference", "REG")
    left = json.loads(sgc("order", "cut", "check", "K-1", "--on", _working(day), "--json"))
    assert left["lawful"] is True
    assert "cut.cents" in sgc("order", "cut", "record", "K-1", "demand", "--since", since, "--reference", "RR", code=2)


def _working(day: str) -> str:
    """The first day from there on that no rule of days forbids."""
    step = (Step(date(2026, 1, 12), 8_000, "x"),)
    found = date.fromisoformat(day)
    while refusals(Debtor(8_000, step, step), CutRules(), found):
        found += timedelta(days=1)
    return found.isoformat()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("route", "show", "R9"), "route: 'R9' does not exist"),
        (("route", "build", "D1", "--on", "tomorrow"), "--on tomorrow: must be a date like 2026-01-31"),
        (("order", "assign", "OT-9", "--device", "tpl-1"), "order: 'OT-9' does not exist"),
        (("order", "create", "paint", "S1"), "order.kind: 'paint'"),
        (("order", "create", "seal", "S1", "--device", "tpl-9"), "device: 'tpl-9' is not enrolled"),
        (("order", "create", "cut", "S1", "--cause", "debt"), "a cut needs its day"),
        (("order", "decide", "7", "--apply", "--reason", "x"), "order report: 7 does not exist"),
        (("order", "cut", "check", "K-9", "--on", "2026-12-01"), "contract: 'K-9' does not exist"),
    ],
)
def test_what_is_refused_is_one_line_that_names_it(sgc: Sgc, arguments: tuple[str, ...], said: str) -> None:
    line = sgc(*arguments, code=2)
    assert line.count("\n") == 1
    assert said in line
