"""Tokens of programs through the commands."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine
from typer.testing import CliRunner

from central.access import Permission, bearer, create_user
from central.store import read_session, write_session
from sgc import build_app
from tests.central.factories import found


def ordered(engine: Engine, *arguments: str) -> Any:
    url = engine.url.render_as_string(hide_password=False)
    return CliRunner().invoke(build_app(), ["central", "token", *arguments, "--db", url])


def test_a_token_is_made_with_its_scopes_listed_and_revoked(engine: Engine) -> None:
    town = found(engine, 1)
    with write_session(engine) as session:
        create_user(session, town.utility_id, "clerk", "a long password", role="clerk", name="Clara")
    refused = ordered(engine, "create", "--login", "clerk", "--name", "ERP", "--scope", "everything")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("central token create: --scope everything: must be one of own_bills, ")
    made = json.loads(
        ordered(engine, "create", "--login", "clerk", "--name", "ERP", "--scope", "see_runs", "--json").stdout
    )
    with read_session(engine) as session:
        identity = bearer(session, town.utility_id, made["secret"], datetime.now(UTC))
    assert identity is not None
    assert identity.scopes == frozenset({Permission.SEE_RUNS.value})
    assert made["secret"] not in ordered(engine, "list", "--json").stdout
    assert ordered(engine, "revoke", made["id"]).exit_code == 0
    with read_session(engine) as session:
        assert bearer(session, town.utility_id, made["secret"], datetime.now(UTC)) is None
