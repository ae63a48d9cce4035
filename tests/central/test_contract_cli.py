"""`sgc central contract`: a change of holder and a sign-up from the counter, and errors of one line."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from central.store import open_engine
from sgc import build_app
from tests.central.factories import found

TODAY = datetime.now(UTC).date()
ON = TODAY - timedelta(10)


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of two houses that were read a month ago."""
    path = tmp_path / "sgc.db"
    shutil.copy(sqlite_template, path)
    url = f"sqlite:///{path}"
    engine = open_engine(url)
    found(engine, 2).read_all((TODAY - timedelta(30),))
    engine.dispose()
    return url


def run(database: str, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(build_app(), ["central", "contract", *words, "--db", database])
    assert result.exit_code == code, result.output
    return result.output


def told(database: str, *words: str) -> Any:
    return json.loads(run(database, *words, "--json"))


def opened(database: str, *words: str) -> Any:
    return told(
        database, "open", "--procedure", "titular", "--contract", "K-0000001", "--on", ON.isoformat(),
        "--nif", "12345678Z", "--name", "Joan Pérez", *words,
    )  # fmt: skip


def test_a_change_of_holder_from_the_counter(database: str, tmp_path: Path) -> None:
    case = opened(database)
    assert (case["case"], case["state"], case["next_step"], case["missing"]) == (1, "open", "data", ["closing"])
    assert {one["code"]: one["source"] for one in case["deadlines"]}["documents"] == "Ley 39/2015, art. 68.1"
    assert told(database, "amend", "1", "--closing", "real:4000")["next_step"] == "documents"
    paper = tmp_path / "dni.pdf"
    paper.write_bytes(b"%PDF-1.4 dni")
    told(database, "document", "1", "identity", "--file", str(paper))
    case = told(database, "document", "1", "title", "--waive", "--why", "consta", "--actor", "maria")
    assert case["next_step"] == "complete"
    refused = run(database, "complete", "1", "--actor", "maria", code=2)
    assert refused == (
        "central contract complete: case.completed_by: 'maria', waived title; another person must complete the case\n"
    )
    done = told(database, "complete", "1", "--actor", "jefa")
    assert done["state"] == "done"
    assert done["result"]["reading"]["litres"] == 4000
    assert [row["state"] for row in told(database, "list")] == ["done"]
    assert told(database, "list", "--live") == []
    assert "done" in run(database, "show", "1")


def test_a_case_is_found_by_what_people_remember_of_it(database: str) -> None:
    opened(database)
    for text in ("joan", "12345678z", "K-0000001", "PS-0000001", "EXP-000001", "1"):
        assert len(told(database, "list", "--text", text)) == 1, text
    assert told(database, "list", "--text", "Marta") == []
    assert told(database, "list", "--procedure", "baja") == []
    assert told(database, "withdraw", "1", "--why", "se lo piensa")["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("open", "--procedure", "venta", "--on", "2026-02-01"), "case.procedure: 'venta', must be one of sign_up"),
        (("open", "--procedure", "baja", "--on", "mañana"), "--on mañana: must be a date like 2026-01-31"),
        (("open", "--procedure", "baja", "--on", "2026-02-01"), "case.contract: '', cancellation names the contract"),
        (
            ("open", "--procedure", "alta", "--on", "2026-02-01", "--supply", "X", "--closing", "real:1,5"),
            "--closing real:1,5: must be SOURCE:LITRES with whole litres, or remote",
        ),
        (
            ("open", "--procedure", "alta", "--on", "2026-02-01", "--supply", "X", "--deposit", "1.234"),
            "--deposit 1.234: must be euros with at most two decimals",
        ),
        (("show", "7"), "case: 7, does not exist"),
        (("document", "7", "title"), "document title: name one of --file, --waive, --refuse"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(database: str, words: tuple[str, ...], text: str) -> None:
    said = run(database, *words, code=2)
    assert text in said
    assert said.count("\n") == 1


def in_bill(database: str, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(build_app(), ["central", "bill", *words, "--db", database])
    assert result.exit_code == code, result.output
    return result.output


def test_the_closing_bill_of_who_left(database: str, tmp_path: Path) -> None:
    opened(database, "--closing", "real:4000")
    paper = tmp_path / "dni.pdf"
    paper.write_bytes(b"%PDF-1.4 dni")
    for document in ("identity", "title"):
        run(database, "document", "1", document, "--file", str(paper))
    said = ("--series", "C26", "--since", (TODAY - timedelta(30)).isoformat(), "--actor", "maria")
    early = run(database, "final-bill", "1", *said, code=2)
    rule = "a closing bill follows a completed cancellation, change of holder or subrogation"
    assert early == f"central contract final-bill: case 1: change_of_holder, ready: {rule}\n"
    assert told(database, "complete", "1")["final_bill"] is None
    made = told(database, "final-bill", "1", *said)["final_bill"]
    (bill,) = made["bills"]
    assert (made["run"], made["status"]) == ("CIERRE-000001", "review")
    assert (bill["to"], bill["litres"], bill["number"]) == (ON.isoformat(), 3_000, "")
    if made["open_exceptions"]:
        codes = [row["code"] for row in json.loads(in_bill(database, "exceptions", "--run", made["run"], "--json"))]
        waived = [word for code in codes for word in ("--code", code)]
        in_bill(database, "waive", "--run", made["run"], *waived, "--reason", "visto")
    refused = in_bill(database, "approve", "--run", made["run"], "--actor", "maria", code=2)
    assert "another person must approve it" in refused
    in_bill(database, "approve", "--run", made["run"], "--actor", "jefa")
    in_bill(database, "issue", "--run", made["run"], "--workers", "1")
    in_bill(database, "deliver", "--run", made["run"], "--workers", "1")
    words = run(database, "show", "1")
    assert "cierre / closing: CIERRE-000001  delivered" in words
    assert f"3000 l  {bill['total_cents'] // 100}.{bill['total_cents'] % 100:02d} EUR  C26/000001" in words
    again = in_bill(database, "closing", "K-0000001", "--run", "OTRA", code=2)
    assert f"contract K-0000001: is billed up to {ON}; nothing is left to bill before {ON}" in again
    none = in_bill(database, "closing", "K-0000002", "--run", "OTRA", code=2)
    assert "contract K-0000002: has no end and never changed holder" in none
    wrong = in_bill(database, "closing", "K-0000001", "--run", "OTRA", "--since", "ayer", code=2)
    assert "--since ayer: must be a date like 2026-01-31" in wrong


def test_several_closings_are_one_run(database: str, tmp_path: Path) -> None:
    paper = tmp_path / "dni.pdf"
    paper.write_bytes(b"%PDF-1.4 dni")
    for number in (1, 2):
        case = told(
            database, "open", "--procedure", "baja", "--contract", f"K-000000{number}", "--on", ON.isoformat(),
            "--closing", "real:4000",
        )  # fmt: skip
        for item in (one["code"] for one in case["documents"] if one["required"]):
            run(database, "document", str(number), item, "--file", str(paper))
        run(database, "complete", str(number))
    since = (TODAY - timedelta(30)).isoformat()
    made = json.loads(
        in_bill(
            database, "closing", "K-0000001", "K-0000002", "--run", "CIERRES", "--series", "C26", "--since", since,
            "--json",
        )
    )  # fmt: skip
    assert (made["run"], made["status"], made["from"], made["to"]) == ("CIERRES", "created", since, ON.isoformat())
    simulated = json.loads(in_bill(database, "simulate", "--run", "CIERRES", "--workers", "1", "--json"))
    assert simulated["summary"]["bills"] == 2
