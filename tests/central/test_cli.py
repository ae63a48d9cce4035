"""The centre's commands: what they print, how they fail, and the process from start to SIGTERM."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiomqtt
import httpx
import pytest
import typer
from typer.testing import CliRunner

from central import cli, exchange_cli
from central.store.diagram import data_model
from central.store.models import Base
from protocols.sync import Ack, Route, ack_topic, batch_topic, decode_ack, decode_route, route_topic
from sgc import build_app
from tests.central.conftest import Town
from tests.central.reading.support import FakeDevice, readings
from tests.fixtures.mosquitto import Mosquitto

ROOT = Path(__file__).parents[2]
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def sgc(*arguments: str, code: int = 0) -> str:
    """Run a command in this process; returns what it printed, or its error line."""
    app = typer.Typer()
    cli.register(app)
    exchange_cli.register(app)
    app.command("nothing")(lambda: None)
    result = CliRunner().invoke(app, ["central", *arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stderr if code == 2 else result.stdout


def register_file(folder: Path) -> Path:
    """A register file of one house."""
    path = folder / "town.json"
    document = {
        "schema": 1,
        "utility": {"code": "agost", "name": "Aguas", "nif": "P0300200C", "ine_code": "03002"},
        "supply_points": [
            {"code": "S1", "street": "Major", "number": "1", "postal_code": "03698", "ine_code": "03002"},
            {"code": "S2", "street": "Major", "number": "2", "postal_code": "x", "ine_code": "03002"},
        ],
        "devices": [{"name": "tpl-1"}],
    }
    path.write_text(json.dumps(document))
    return path


def test_migrate_says_from_where_to_where(empty_database: str) -> None:
    assert json.loads(sgc("migrate", "--db", empty_database, "--json")) == {"before": None, "after": "0001"}
    assert sgc("migrate", "--db", empty_database) == "0001 → 0001\n"


def test_an_import_shows_every_row_first_and_exits_with_1_where_one_is_refused(database: str, tmp_path: Path) -> None:
    path = register_file(tmp_path)
    dry = sgc("import", str(path), "--db", database, "--dry-run", code=1)
    assert "supply_points       2  refused    S2  supply_point.postal_code: 'x', must be" in dry
    assert "devices        1 added" in dry
    assert "device" not in sgc("device", "list", "--db", database)
    whole = json.loads(sgc("import", str(path), "--db", database, "--json", code=1))
    assert (whole["applied"], whole["counts"]["supply_points"]) == (False, {"added": 1, "refused": 1})
    assert "device" not in sgc("device", "list", "--db", database)
    done = json.loads(sgc("import", str(path), "--without-refused", "--db", database, "--json", code=1))
    assert (done["applied"], done["counts"]["supply_points"]) == (True, {"added": 1, "refused": 1})
    again = json.loads(sgc("import", str(path), "--without-refused", "--db", database, "--json", code=1))
    assert again["counts"]["supply_points"] == {"unchanged": 1, "refused": 1}


def test_a_batch_is_imported_from_a_file(town: Town, database: str, tmp_path: Path) -> None:
    device, heard = FakeDevice(), just_now()
    path = tmp_path / "batch.sgc"
    path.write_bytes(device.sealed(device.telegram(town.meters[0], 1234, heard)))
    assert json.loads(sgc("import", str(path), "--db", database, "--json"))["fate"] == "committed"
    assert sgc("import", str(path), "--db", database).startswith("repeated: tpl-1 ")
    assert readings(town.engine) == {(town.meter_ids[0], heard, 1, 1234)}


def test_devices_come_and_go(town: Town, database: str) -> None:
    assert sgc("device", "enrol", "tpl-2", "--db", database) == "tpl-2 → agost\n"
    assert "device.name: 'tpl-2', is enrolled already" in sgc("device", "enrol", "tpl-2", "--db", database, code=2)
    sgc("device", "revoke", "tpl-2", "--db", database)
    rows = json.loads(sgc("device", "list", "--db", database, "--json"))
    assert [(row["device"], row["revoked_at"] is None) for row in rows] == [("tpl-1", True), ("tpl-2", False)]


def test_quarantine_is_listed_shown_retried_and_dismissed(town: Town, database: str, tmp_path: Path) -> None:
    stranger = FakeDevice("tpl-9")
    path = tmp_path / "batch.sgc"
    path.write_bytes(stranger.sealed(stranger.telegram(town.meters[0], 1234)))
    sgc("import", str(path), "--db", database, code=1)
    (row,) = json.loads(sgc("quarantine", "list", "--db", database, "--json"))
    assert row["reason"] == "device: 'tpl-9', is not enrolled"
    shown = json.loads(sgc("quarantine", "show", str(row["id"]), "--db", database))
    assert bytes.fromhex(shown["payload"]) == path.read_bytes()
    assert "unchanged" in sgc("quarantine", "retry", "--db", database, code=1)
    sgc("device", "enrol", "tpl-9", "--db", database)
    assert "committed: batch 1, 1 items" in sgc("quarantine", "retry", str(row["id"]), "--db", database)
    assert sgc("quarantine", "list", "--db", database) == ""
    assert "no open entry 5" in sgc("quarantine", "retry", "5", "--db", database, code=2)
    path.write_bytes(FakeDevice("tpl-8").sealed())
    sgc("import", str(path), "--db", database, code=1)
    (row,) = json.loads(sgc("quarantine", "list", "--db", database, "--json"))
    sgc("quarantine", "dismiss", str(row["id"]), "--why", "never ours", "--db", database)
    assert sgc("quarantine", "list", "--db", database) == ""


@ONE_DATABASE
def test_doctor_exits_with_1_where_something_is_wrong(town: Town, database: str) -> None:
    said = json.loads(sgc("doctor", "--db", database, "--json", code=1))
    assert {one["name"]: one["ok"] for one in said}["database"] is True


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "--db", "mysql://x"], "central run: database URL: 'mysql', must be sqlite or postgresql"),
        (["run", "--db", "sqlite://"], "central run: configuration: [broker] is missing, it says where batches arrive"),
        (["migrate", "--config", "/none.toml"], "central migrate: /none.toml: [Errno 2] No such file"),
        (
            ["import", "/none.json", "--db", "sqlite://"],
            "central import: [Errno 2] No such file or directory: '/none.json'",
        ),
        (["device", "list", "--db", "sqlite://"], "central device list: database: "),
    ],
)
def test_a_failure_is_one_line_that_names_what_where_and_why(arguments: list[str], line: str) -> None:
    said = sgc(*arguments, code=2)
    assert said.startswith(line)
    assert said.count("\n") == 1


def test_the_data_model_document_is_current() -> None:
    path = ROOT / "docs/data-model.md"
    assert path.read_text(encoding="utf-8") == data_model(), "run: sgc central model --write docs/data-model.md"


def test_the_data_model_document_tells_every_table() -> None:
    told = set(re.findall(r"^\* \*\*(\w+)\*\*", data_model(), re.MULTILINE))
    assert told == set(Base.metadata.tables)


@pytest.mark.mosquitto
def test_the_process_ingests_is_observed_and_ends_cleanly(
    town: Town, database: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    path = tmp_path / "central.toml"
    path.write_text(
        f'[database]\nurl = "{database}"\n[broker]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}\n'
        "[ops]\nport = 0\n[validation]\nevery_s = 0.1\n"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "sgc", "central", "run", "--config", str(path)],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        try:
            started = json.loads(process.stderr.readline())
            assert started["event"] == "started"
            address = f"http://127.0.0.1:{started['ops_port']}"
            wait_until_ready(address)
            assert asyncio.run(send_one(mosquitto, town)).committed == 1
            assert sgc("route", "publish", "R1", "--config", str(path)) == "R1 → sgc/v1/tpl-1/down/route, 3\n"
            assert asyncio.run(retained_route(mosquitto)).stops[0].last_litres == 1234
            assert "sgc_ingest_items_total 1.0" in httpx.get(f"{address}/metrics").text
        finally:
            process.send_signal(signal.SIGTERM)
        last = process.stderr.read().splitlines()[-1]
    assert (process.returncode, json.loads(last)["event"]) == (0, "stopped")


def wait_until_ready(address: str) -> None:
    while True:
        try:
            if httpx.get(f"{address}/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)


async def send_one(broker: Mosquitto, town: Town) -> Ack:
    """Send one batch as a device does; returns the centre's answer."""
    device = FakeDevice()
    payload = device.sealed(device.telegram(town.meters[0], 1234, just_now()))
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe(ack_topic("tpl-1"), qos=1)
        await client.publish(batch_topic("tpl-1"), payload, qos=1)
        return decode_ack(bytes((await anext(client.messages)).payload))


async def retained_route(broker: Mosquitto) -> Route:
    """The route that waits for the device."""
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe(route_topic("tpl-1"), qos=1)
        return decode_route(bytes((await anext(client.messages)).payload))


def just_now() -> int:
    """The commands take the machine's clock, so what they are given must not lie ahead of it."""
    return time.time_ns() // 1_000_000 - 60_000


def test_a_command_line_that_is_built_again_has_no_command_twice() -> None:
    def count(group: typer.Typer) -> int:
        below = (one.typer_instance for one in group.registered_groups if one.typer_instance is not None)
        return len(group.registered_commands) + sum(count(one) for one in below)

    first = count(build_app())
    assert count(build_app()) == first
