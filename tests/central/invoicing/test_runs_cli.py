"""A billing run through the commands alone, from creation to printed documents."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from sgc import build_app
from tests.central.factories import Town


def ordered(town: Town, *arguments: str, workers: bool = False) -> Any:
    url = town.engine.url.render_as_string(hide_password=False)
    few = ["--workers", "1"] if workers else []
    return CliRunner().invoke(build_app(), ["central", "bill", *arguments, "--db", url, *few])


def created(town: Town, code: str = "2026-01") -> Any:
    return ordered(
        town, "create", "--run", code, "--on", "2026-01-01/2026-02-01", "--series", "T",
        "--issue-date", "2026-03-05", "--due-date", "2026-04-05", "--actor", "maria",
    )  # fmt: skip


def told(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_run_from_creation_to_delivery(town: Town) -> None:
    assert created(town).exit_code == 0
    simulated = told(ordered(town, "simulate", "--run", "2026-01", "--json", workers=True))
    assert (simulated["status"], simulated["summary"]["bills"]) == ("review", 7)
    counts = json.loads(ordered(town, "exceptions", "--run", "2026-01", "--json").stdout)
    for row in counts:
        waived = ordered(town, "waive", "--run", "2026-01", "--code", row["code"], "--reason", "visto", "--json")
        assert told(waived)["waived"] == row["open"]
    assert told(ordered(town, "approve", "--run", "2026-01", "--actor", "jefa", "--json"))["status"] == "approved"
    issued = told(ordered(town, "issue", "--run", "2026-01", "--json", workers=True))
    assert (issued["status"], issued["summary"]["invoices"]) == ("issued", 7)
    assert told(ordered(town, "deliver", "--run", "2026-01", "--json", workers=True))["status"] == "delivered"
    assert json.loads(ordered(town, "list", "--json").stdout) == [
        {"run": "2026-01", "status": "delivered", "from": "2026-01-01", "to": "2026-02-01"}
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["issue", "--run", "2026-01"], "central bill issue: run 2026-01: is created; only an approved run is issued"),
        (["simulate", "--run", "nada"], "central bill simulate: run nada: does not exist"),
        (["approve", "--run", "2026-01", "--actor", "maria"], "another person must approve it"),
        (["cancel", "--run", "2026-01", "--reason", " "], "cancelling needs a reason"),
    ],
)
def test_a_refusal_is_one_line(town: Town, arguments: list[str], said: str) -> None:
    created(town)
    result = ordered(town, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_dates_that_are_none_are_named(town: Town) -> None:
    result = ordered(
        town, "create", "--run", "x", "--on", "2026-01-01/2026-02-01", "--series", "T",
        "--issue-date", "5/3/2026", "--due-date", "2026-04-05",
    )  # fmt: skip
    assert result.exit_code == 2
    assert "--issue-date 5/3/2026: must be a date like 2026-01-31" in result.stderr


def test_a_given_up_run_is_cancelled(town: Town) -> None:
    created(town)
    assert (
        told(ordered(town, "cancel", "--run", "2026-01", "--reason", "otra fecha", "--json"))["status"] == "cancelled"
    )
