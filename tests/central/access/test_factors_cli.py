"""Factors, sessions, links and rules from the command line, and what the doctor says of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import Engine, update
from typer.testing import CliRunner, Result

from central.access import AccessError, authenticate, create_user, identify, open_session, totp
from central.access.passwords import use_link
from central.config import Config, DatabaseConfig
from central.ops.doctor import examine
from central.store import write_session
from central.store.models import Utility
from sgc import build_app
from tests.central.conftest import Town

NOW = datetime.now(UTC)


@pytest.fixture
def run(engine: Engine) -> Any:
    url = engine.url.render_as_string(hide_password=False)
    app = build_app()

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["central", "user", *arguments, "--db", url])

    return call


def enrolled(engine: Engine, town: Town) -> str:
    """An administrator with codes; the token of a session of theirs."""
    with write_session(engine) as session:
        user = create_user(session, town.utility_id, "jefa", "long enough", role="admin", name="Jefa")
        secret = totp.shared_secret(totp.begin(session, user, town.ring, NOW), town.ring)
        assert totp.confirm(session, user, town.ring, pyotp.TOTP(secret).at(NOW), NOW)
        return open_session(session, user, NOW, factor=True)


def doctor(engine: Engine) -> tuple[bool, str]:
    url = engine.url.render_as_string(hide_password=False)
    found = [one for one in examine(Config(database=DatabaseConfig(url))) if one.name == "second factors"]
    return found[0].ok, found[0].text


def test_a_lost_factor_is_reset_and_the_doctor_misses_it(engine: Engine, town: Town, run: Any) -> None:
    token = enrolled(engine, town)
    assert doctor(engine)[0]
    listed = json.loads(run("mfa", "list", "--json").stdout)
    assert [(one["login"], one["codes"], one["required"]) for one in listed] == [("jefa", True, True)]
    assert run("mfa", "reset", "jefa", "--reason", "lost phone").exit_code == 0
    ok, text = doctor(engine)
    assert not ok
    assert text == "none for jefa (admin)"
    with write_session(engine) as session:
        assert identify(session, town.utility_id, token, NOW) is None
    refused = run("mfa", "reset", "nobody")
    assert refused.exit_code == 2
    assert "login: 'nobody' does not exist" in refused.output


def test_sessions_are_listed_and_ended(engine: Engine, town: Town, run: Any) -> None:
    enrolled(engine, town)
    listed = json.loads(run("sessions", "jefa", "--json").stdout)
    assert [one["second_factor"] for one in listed] == [True]
    assert json.loads(run("sessions", "jefa", "--end", "--json").stdout) == {"login": "jefa", "ended": 1}
    assert json.loads(run("sessions", "jefa", "--json").stdout) == []


def test_a_link_sets_a_password(engine: Engine, town: Town, run: Any) -> None:
    enrolled(engine, town)
    made = run("link", "jefa", "--site", "https://oficina.example.es/")
    address = made.stdout.strip()
    assert address.startswith("https://oficina.example.es/clave/")
    with write_session(engine) as session:
        use_link(session, town.utility_id, address.rsplit("/", 1)[1], "otra bien larga", datetime.now(UTC))
        assert authenticate(session, town.utility_id, "jefa", "otra bien larga") is not None
    assert run("link", "nobody").exit_code == 2


def test_the_rules_are_shown_and_changed(engine: Engine, town: Town, run: Any) -> None:
    shown = json.loads(run("policy", "--json").stdout)
    assert shown["factor_roles"] == ["admin", "clerk", "owner", "supervisor"]
    assert shown["idle_minutes"] == {"admin": 15}
    changed = json.loads(
        run(
            "policy", "--require", "admin", "--grace-days", "0", "--idle", "clerk=20", "--longest", "clerk=300",
            "--proof-minutes", "5", "--json",
        ).stdout
    )  # fmt: skip
    assert changed == {
        "factor_roles": ["admin"],
        "grace_days": 0,
        "proof_minutes": 5,
        "idle_minutes": {"admin": 15, "clerk": 20},
        "longest_minutes": {"admin": 480, "clerk": 300},
    }
    assert json.loads(run("policy", "--require", "none", "--json").stdout)["factor_roles"] == []
    for wrong, told in (
        (("--idle", "clerk"), "--idle clerk: must be ROLE=MINUTES"),
        (("--idle", "king=5"), "idle_minutes: king, must be of"),
        (("--require", "king"), "factor_roles: king"),
        (("--grace-days", "500"), "Expected `int` <= 90"),
    ):
        refused = run("policy", *wrong)
        assert refused.exit_code == 2
        assert told in refused.output


def test_what_no_program_understands_lets_nobody_in(engine: Engine, town: Town) -> None:
    token = enrolled(engine, town)
    with write_session(engine) as session:
        session.execute(update(Utility).values(settings={"access": {"grace_days": "many"}}))
    with write_session(engine) as session, pytest.raises(AccessError, match=r"settings\.access"):
        identify(session, town.utility_id, token, NOW + timedelta(minutes=1))
    assert doctor(engine) == (False, "settings.access: Expected `int`, got `str` - at `$.grace_days`")
