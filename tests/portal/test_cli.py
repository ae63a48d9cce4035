"""``sgc portal run``: what it hands to the server."""

from typing import Any

import pytest
from typer.testing import CliRunner

from sgc import build_app


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the server would have been run with."""
    found: dict[str, Any] = {}

    def take(app: Any, **settings: Any) -> None:
        found.update(settings, config=app.state.config)

    monkeypatch.setattr("uvicorn.run", take)
    return found


def run(*arguments: str) -> Any:
    return CliRunner().invoke(build_app(), ["portal", "run", "--db", "sqlite://", "--utility", "AGOST", *arguments])


def test_a_forwarded_address_is_believed_from_the_named_server_alone(served: dict[str, Any]) -> None:
    assert run().exit_code == 0
    assert (served["proxy_headers"], served["forwarded_allow_ips"]) == (False, "")
    assert run("--proxy", "127.0.0.1", "--origin", "https://oficina.example.es").exit_code == 0
    assert (served["proxy_headers"], served["forwarded_allow_ips"]) == (True, "127.0.0.1")
    assert served["config"].origin == "https://oficina.example.es"
    assert served["config"].secure


def test_an_origin_that_is_none_is_one_line(served: dict[str, Any]) -> None:
    refused = run("--origin", "http://oficina.example.es/x")
    assert refused.exit_code == 2
    assert "--origin" in refused.output
    assert served == {}
