"""Users, their tokens and sessions: who is let in, until when, and what the audit says of it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from central import journal
from central.access import (
    AccessError,
    Permission,
    bearer,
    create_token,
    create_user,
    disable_user,
    identify,
    open_session,
    revoke_token,
)
from central.store import read_session, write_session
from central.store.models import ApiToken, AuditEntry
from sgc import build_app
from tests.central.conftest import Town

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def test_a_token_acts_for_its_user_until_it_ends(engine: Engine, town: Town) -> None:
    with write_session(engine) as session:
        create_user(session, town.utility_id, "ana", "long enough", role="clerk", name="Ana")
        token, secret = create_token(session, town.utility_id, "ana", "export", WEEK, "admin", NOW)
        row = session.get_one(ApiToken, (town.utility_id, token.id))
        assert secret.encode() not in row.token_hash
        found = bearer(session, town.utility_id, secret, NOW)
        assert found is not None
        assert (found.login, found.role, found.scopes) == ("ana", "clerk", None)
        assert bearer(session, town.utility_id, secret, NOW + WEEK) is None
        assert bearer(session, town.utility_id + 1, secret, NOW) is None
        assert bearer(session, town.utility_id, secret + "x", NOW) is None
        revoke_token(session, town.utility_id, token.id, "admin", NOW)
        assert bearer(session, town.utility_id, secret, NOW) is None


def test_a_token_takes_no_scope_its_user_has_not(engine: Engine, town: Town) -> None:
    with write_session(engine) as session:
        create_user(session, town.utility_id, "ana", "long enough", role="auditor", name="Ana")
        with pytest.raises(AccessError, match="scopes: make_runs, must be what a auditor may do"):
            create_token(session, town.utility_id, "ana", "x", WEEK, "admin", NOW, (Permission.MAKE_RUNS,))


def test_who_is_shut_out_is_out_at_once(engine: Engine, town: Town) -> None:
    with write_session(engine) as session:
        user = create_user(session, town.utility_id, "ana", "long enough", role="clerk", name="Ana")
        cookie = open_session(session, user, NOW)
        _, secret = create_token(session, town.utility_id, "ana", "export", WEEK, "admin", NOW)
        assert identify(session, town.utility_id, cookie, NOW) is not None
        disable_user(session, town.utility_id, "ana", "admin", NOW, "left")
        assert identify(session, town.utility_id, cookie, NOW) is None
        assert bearer(session, town.utility_id, secret, NOW) is None


def test_the_audit_says_who_made_and_shut_out_whom(engine: Engine, town: Town) -> None:
    with write_session(engine) as session:
        create_user(session, town.utility_id, "ana", "long enough", role="clerk", name="Ana", actor="admin")
        disable_user(session, town.utility_id, "ana", "admin", NOW, "left")
    with read_session(engine) as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject == "user")).all()
        assert [(one.actor, one.action, one.reason) for one in entries] == [
            ("admin", "user.created", ""),
            ("admin", "user.disabled", "left"),
        ]
        assert "long enough" not in str([one.after for one in entries])
        assert [fault for fault in journal.verify(session, town.utility_id) if fault] == []


def test_users_are_kept_from_the_command_line(engine: Engine, town: Town) -> None:
    url = engine.url.render_as_string(hide_password=False)
    run = CliRunner().invoke
    app = build_app()
    added = run(
        app,
        ["central", "user", "add", "ana", "--role", "clerk", "--name", "Ana", "--db", url, "--json"],
        input="long enough\nlong enough\n",
    )
    assert added.exit_code == 0, added.output
    refused = run(
        app,
        ["central", "user", "add", "bo", "--role", "king", "--name", "Bo", "--db", url, "--password", "long enough"],
    )
    assert refused.exit_code != 0
    assert "role: 'king', must be one of" in refused.output
    assert run(app, ["central", "user", "disable", "ana", "--db", url]).exit_code == 0
    listed = json.loads(run(app, ["central", "user", "list", "--db", url, "--json"]).stdout)
    assert [(one["login"], one["disabled_at"] is None) for one in listed] == [("ana", False)]
