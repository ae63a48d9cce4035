"""What nobody means is refused by its option's name, in one line, before anything is changed."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import sgc
from central import cli
from central.store import open_engine, write_session
from central.store.models import AuditEntry
from tests.central.conftest import Town

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def refused(*words: str) -> str:
    """What standard error says of a command that ends with 2."""
    answer = CliRunner().invoke(sgc.build_app(), list(words), catch_exceptions=False)
    assert answer.exit_code == 2, answer.output
    return answer.stderr


@ONE_DATABASE
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["central", "contract", "list", "--state", "abierto"], "--state abierto: must be one of "),
        (["central", "contract", "list", "--procedure", "compra"], "--procedure compra: must be one of , alta"),
        (["central", "order", "list", "--status", "hecha"], "--status hecha: must be one of planned, "),
        (["central", "order", "list", "--kind", "pintar"], "--kind pintar: must be one of read, "),
        (["central", "refunds", "list", "--state", "pagada"], "--state pagada: must be one of asked, "),
        (["central", "quarantine", "dismiss", "7", "--why", "vieja"], "quarantine: no open entry 7"),
        (["central", "quarantine", "dismiss", "7", "--why", " "], "why: ' ', what is dismissed needs its reason"),
        (["central", "route", "cancel", "R1", "--reason", " "], "--reason ' ': a route that is taken back needs its"),
        (["central", "user", "link", "rosa", "--site", "oficina"], "--site oficina: must be like https://"),
        (
            ["central", "user", "add", "a\nb", "--name", "A", "--role", "clerk", "--password", "x"],
            "no control characters",
        ),
        (["central", "bulk", "list", "--on", "0026-01-01"], "--on 0026-01-01: must lie in the years 1900 to 2199"),
    ],
)
def test_a_value_that_would_find_nothing_is_refused(database: str, town: Town, words: list[str], says: str) -> None:
    line = refused(*words, "--db", database)
    assert says in line
    assert line.count("\n") == 1


@ONE_DATABASE
@pytest.mark.parametrize(
    "words",
    [
        ["contract", "show"],
        ["contract", "complete"],
        ["fiscal", "correct", "--reason", "x"],
        ["fiscal", "system", "confirm"],
        ["order", "decide", "--reason", "x", "--apply"],
        ["quarantine", "show"],
        ["quarantine", "retry"],
        ["refunds", "approve"],
        ["token", "revoke"],
        ["webhook", "pause"],
    ],
)
@pytest.mark.parametrize("number", ["0", str(2**63)])
def test_a_number_that_no_row_can_have_is_refused_by_its_name(database: str, words: list[str], number: str) -> None:
    assert "Invalid value for" in refused("central", *words, "--db", database, number)


@ONE_DATABASE
@pytest.mark.parametrize("actor", ["", " ", "x" * 65])
def test_the_audit_is_never_told_that_nobody_did_it(database: str, town: Town, actor: str) -> None:
    boxed = refused("central", "device", "enrol", "tpl-9", "--actor", actor, "--db", database)
    assert "must be a name of 1 to 64 characters" in " ".join(boxed.replace("│", " ").split())
    with write_session(open_engine(database)) as session:
        assert session.query(AuditEntry).filter_by(action="device.enrolled").count() == 0


@pytest.mark.parametrize("command", ["bill list", "device list", "quality", "quarantine list", "contract list"])
def test_a_database_that_is_not_there_is_not_made(command: str, tmp_path: Path) -> None:
    missing = tmp_path / "none" / "sgc.db"
    assert f"database {missing}: no such file" in refused("central", *command.split(), "--db", f"sqlite:///{missing}")
    assert not missing.parent.exists()


@pytest.mark.parametrize("url", ["", "garbage", "postgresql:secret@host"])
def test_what_is_no_address_of_a_database_is_refused_without_being_shown(url: str) -> None:
    line = refused("central", "bill", "list", "--db", url)
    assert line == (
        "central bill list: database URL: must be like sqlite:///file or postgresql+psycopg://user@host/name\n"
    )
    assert "database URL" in refused("central", "doctor", "--db", url)


def test_the_data_model_is_not_written_where_a_folder_is(tmp_path: Path) -> None:
    assert refused("central", "model", "--write", str(tmp_path)) == (
        f"central model: [Errno 21] Is a directory: '{tmp_path}'\n"
    )


@ONE_DATABASE
@pytest.mark.parametrize("content", ["[" * 100_000, "{", "[]", ""])
def test_details_that_are_no_object_are_refused_by_the_file(
    database: str, town: Town, content: str, tmp_path: Path
) -> None:
    file = tmp_path / "details.json"
    file.write_text(content)
    case = ["central", "contract", "open", "--procedure", "alta", "--on", "2026-03-01", "--details", str(file)]
    assert f"--details {file}: must be a JSON object" in refused(*case, "--db", database)


def test_a_refusal_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        cli.fail("x", "a\x1b[31mb\x07\r\nc\u202ed")
    assert capsys.readouterr().err == "central x: a [31mb   c d\n"
