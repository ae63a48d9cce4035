"""`sgc rectify` and `sgc explain`, from a wrong bill to the right one."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from central.store import open_engine
from sgc import build_app
from tests.central.factories import Town, found
from tests.central.invoicing.driving import issued

FIRST = "AG2026/000002"


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of three houses' issued January; the second one's last index was read 2 m3 too high."""
    path = tmp_path / "sgc.db"
    shutil.copy(sqlite_template, path)
    url = f"sqlite:///{path}"
    engine = open_engine(url)
    town: Town = found(engine, 3)
    town.read_all((date(2026, 1, 1), date(2026, 2, 1)))
    issued(town)
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    engine.dispose()
    return url


def told(database: str, *words: str, code: int = 0) -> Any:
    """What a command prints as JSON."""
    result = CliRunner().invoke(build_app(), [*words, "--db", database, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def said(database: str, *words: str, code: int = 0) -> str:
    """What a command prints for a person."""
    result = CliRunner().invoke(build_app(), [*words, "--db", database])
    assert result.exit_code == code, result.output
    return result.output


def test_a_bill_is_explained_rectified_and_explained_again(database: str) -> None:
    before = told(database, "explain", FIRST)
    assert before["recomputed"] == {"same": True, "total": before["total"], "fault": ""}
    assert before["lines"][0]["tariff"]["id"] == "ES-AGOST-2023"
    proposal = told(database, "rectify", "propose", FIRST, "--reason", "Lectura errónea", "--actor", "maria")
    assert proposal["bills"][0]["total"] == [before["total"], "11.98"]
    number = str(proposal["id"])
    assert "8100 l" in said(database, "rectify", "show", number)
    same = said(database, "rectify", "issue", number, "--due", "2027-01-31", "--actor", "maria", code=2)
    assert "another person must decide" in same
    (made,) = told(database, "rectify", "issue", number, "--due", "2099-01-31", "--actor", "jefa")
    assert made["invoice"] == "R/000001"
    after = told(database, "explain", FIRST)
    assert [one["number"] for one in after["rectified_by"]] == ["R/000001"]
    assert after["stands"] == "11.98"
    text = said(database, "explain", "R/000001")
    assert f"Rectifica {FIRST} por diferencias: Lectura errónea" in text
    assert "sale igual, 11.98 €" in text


def test_a_bill_that_does_not_follow_from_history_is_told_with_exit_1(database: str) -> None:
    engine = open_engine(database)
    with engine.connect() as connection:
        for (name,) in connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'guard_invoice_update%'"
        ).all():
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        connection.exec_driver_sql("UPDATE invoice SET content = replace(content, '[\"5\",219]', '[\"5\",220]')")
        connection.commit()
    engine.dispose()
    found = told(database, "explain", FIRST, code=1)
    assert found["recomputed"]["fault"] == "line 2: rated again it differs"


def test_an_unknown_invoice_is_one_line(database: str) -> None:
    assert said(database, "explain", "AG2026/999999", code=2).strip().endswith("AG2026/999999: does not exist")


def test_a_proposal_may_be_rejected_with_a_reason(database: str) -> None:
    proposal = told(database, "rectify", "propose", FIRST, "--reason", "Lectura errónea", "--actor", "maria")
    told(database, "rectify", "reject", str(proposal["id"]), "--reason", "La lectura era buena", "--actor", "jefa")
    (listed,) = told(database, "rectify", "list")
    assert (listed["decision"], listed["decided_by"]) == ("rejected", "jefa")
    assert told(database, "rectify", "list", "--open") == []
