"""``sgc audit`` from outside: one line a law, exit 1 on a breach, one line on stderr where it cannot audit."""

import json
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from central.ops.audit_cli import register
from central.ops.laws import LAWS
from central.store import guards, open_engine

app = typer.Typer()
register(app)


@app.callback()
def main() -> None:
    """As in sgc, the command is one of several."""


def test_a_sound_database_prints_one_line_a_law(issued_database: tuple[str, Path]) -> None:
    url, keys = issued_database
    result = CliRunner().invoke(app, ["audit", "--db", url, "--keys", str(keys)])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [law.name for law in LAWS]
    assert all(line.split()[2] == "ok" for line in lines)


def test_a_breach_exits_one_and_is_in_the_json(issued_database: tuple[str, Path], engine: Engine) -> None:
    with engine.begin() as connection:
        guards.remove(connection)
        connection.execute(text("UPDATE invoice SET total_cents = total_cents + 1 WHERE number = 2"))
        guards.install(connection)
    result = CliRunner().invoke(app, ["audit", "--db", issued_database[0], "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["ok"] is False
    broken = {law["law"]: law for law in found["laws"] if not law["ok"]}
    assert set(broken) == {
        "invoice_lines",
        "invoices_posted",
        "invoice_content",
        "bills_follow_again",
        "fiscal_chain",
    }
    assert broken["invoice_lines"]["breach_count"] == 1
    assert "AG2026/000002" in broken["invoice_lines"]["breaches"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--db", "sqlite:////nowhere/sgc.db"], "database /nowhere/sgc.db: no such file"),
        (["--db", "mysql://x"], "'mysql', must be sqlite or postgresql"),
        (["--db", "nonsense"], "database URL: must be like sqlite:///file or postgresql+psycopg://"),
        (["--config", "/nowhere.toml"], "/nowhere.toml"),
    ],
)
def test_what_cannot_be_audited_is_one_line_on_stderr(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["audit", *arguments])
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_database_without_a_schema_is_refused(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    engine.connect().close()
    engine.dispose()
    result = CliRunner().invoke(app, ["audit", "--db", f"sqlite:///{tmp_path / 'empty.db'}"])
    assert result.exit_code == 2
    assert "audit: database schema: none, this program audits" in result.stderr
