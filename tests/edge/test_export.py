"""``sgc edge export``: what waits on a device goes to a folder, signed where that is configured, and stays too."""

from pathlib import Path

import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import CliRunner

from edge import cli
from edge.clock import SystemClock
from edge.signature import create_key
from edge.store import Store
from protocols.sync import Event, open_batch, read_envelope

DEVICE = "tpl-1"


def sgc(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    cli.register(app)
    app.command("nothing")(lambda: None)
    result = CliRunner().invoke(app, ["edge", *arguments], catch_exceptions=False)
    return result.exit_code, result.output


async def recorded(path: Path, kinds: list[str]) -> None:
    store = Store(path, DEVICE, SystemClock())
    for kind in kinds:
        await store.event(kind, {})
    await store.close()


@pytest.mark.parametrize("signed", [False, True])
def test_every_batch_that_waits_is_written_and_kept(tmp_path: Path, signed: bool) -> None:
    import asyncio

    asyncio.run(recorded(tmp_path / "edge.db", ["a", "b"]))
    config, stick = tmp_path / "edge.toml", tmp_path / "stick"
    public = create_key(tmp_path / "key.pem")
    signature = '[signature]\nfile = "key.pem"\n' if signed else ""
    config.write_text(f'device = "{DEVICE}"\n[store]\npath = "edge.db"\n{signature}')
    assert sgc("export", str(stick), "--config", str(config)) == (0, "1\n")
    (file,) = stick.iterdir()
    envelope = read_envelope(file.read_bytes())
    items = open_batch(envelope).items
    assert [item.kind for item in items if isinstance(item, Event)][-2:] == ["a", "b"]
    assert file.name == f"{DEVICE}-{envelope.header.boot}-000001.sgc"
    assert bool(envelope.signature) == signed
    if signed:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(envelope.signature, envelope.signed)
    before = file.read_bytes()
    assert sgc("export", str(stick), "--config", str(config)) == (0, "1\n")
    assert file.read_bytes() == before
