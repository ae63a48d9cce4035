"""``sgc central webhook`` from an address to its last answer."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from central.register import KeyRing
from central.store import migrate, open_engine
from central.webhooks.worker import Courier
from sgc import build_app
from tests.central.conftest import Town, found_town
from tests.central.webhooks.conftest import CONFIG, Receiver


@pytest.fixture
def files(tmp_path: Path) -> tuple[Town, Path]:
    """A town in a file and the configuration that names it."""
    (tmp_path / "c").mkdir()
    ring = KeyRing.create(tmp_path / "c" / "keys.txt")
    url = f"sqlite:///{tmp_path}/c/sgc.db"
    engine = open_engine(url)
    migrate(engine)
    town = found_town(engine, ring)
    config = tmp_path / "c" / "central.toml"
    config.write_text(
        '[database]\nurl = "sqlite:///sgc.db"\n[keys]\nfile = "keys.txt"\n'
        '[webhooks]\nplain_http = true\nnetworks = ["127.0.0.0/8"]\n'
    )
    return town, config


def run(config: Path, *arguments: str, fails: bool = False) -> Any:
    result = CliRunner().invoke(build_app(), ["central", "webhook", *arguments, "--config", str(config), "--json"])
    assert (result.exit_code != 0) is fails, result.output
    return result.stderr if fails else json.loads(result.stdout)


def test_an_endpoint_from_its_address_to_its_end(files: tuple[Town, Path], receiver: Receiver) -> None:
    town, config = files
    made = run(config, "add", receiver.url, "--event", "device.*")
    assert made["secret"].startswith("whsec_")
    number = made["id"]
    run(config, "test", number)
    assert run(config, "list")[0]["waiting"] == 1
    assert "whsec_" not in json.dumps(run(config, "list"))
    courier = Courier(town.engine, town.ring, CONFIG)
    assert courier.deliver() == 1
    (told,) = run(config, "log", number)
    assert (told["type"], told["state"], told["status"]) == ("webhook.test", "delivered", 204)
    assert run(config, "replay", number, "--delivery", told["id"])["events"] == 1
    assert run(config, "replay", number, "--since", "2020-01-01")["events"] == 0
    assert run(config, "rotate", number, "--overlap-days", "2")["secret"] != made["secret"]
    assert run(config, "pause", number)["state"] == "paused"
    assert courier.deliver() == 0
    assert run(config, "resume", number)["state"] == "active"
    assert courier.deliver() == 1
    run(config, "remove", number)
    assert run(config, "list") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("add", "ftp://x.example/"), "must begin with"), (("add", "https://x.example/", "--event", "no"), "events: no"),
     (("pause", "7"), "webhook: 7 does not exist"), (("add", "https://10.0.0.1/"), "no public address")],
)  # fmt: skip
def test_a_refusal_is_one_line(files: tuple[Town, Path], arguments: tuple[str, ...], said: str) -> None:
    error = run(files[1], *arguments, fails=True)
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_without_a_key_file_no_endpoint_is_made(files: tuple[Town, Path]) -> None:
    files[1].write_text('[database]\nurl = "sqlite:///sgc.db"\n')
    assert "[keys] is missing" in run(files[1], "add", "https://x.example/", fails=True)
