"""``sgc edge export``: what waits on a device goes to a folder, signed where that is configured, and stays too."""

import asyncio
import hashlib
from pathlib import Path

import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import CliRunner

from edge import cli
from edge.clock import SystemClock
from edge.signature import create_key
from edge.store import NewOutcome, Store
from protocols.sync import Event, WorkOrder, WorkOrders, open_batch, read_envelope

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


async def photographed(path: Path, *pictures: bytes) -> None:
    store = Store(path, DEVICE, SystemClock())
    await store.store_orders(WorkOrders(1, DEVICE, 1, (WorkOrder("W1", "seal", "S", "", "", "", "M", "1", 10**8),)))
    await store.record_outcome(NewOutcome("t", "W1", "done", "lector"), pictures)
    await store.close()


def test_photos_are_written_under_the_digests_that_reports_carry(tmp_path: Path) -> None:
    jpeg, other = b"\xff\xd8\xff\xe0 a picture", b"something else"
    asyncio.run(photographed(tmp_path / "edge.db", jpeg, other))
    config, folder = tmp_path / "edge.toml", tmp_path / "photos"
    config.write_text(f'device = "{DEVICE}"\n[store]\npath = "edge.db"\n')
    assert sgc("photos", str(folder), "--config", str(config)) == (0, "2\n")
    digest = hashlib.sha256(jpeg).hexdigest()
    assert (folder / f"{digest}.jpg").read_bytes() == jpeg
    assert (folder / hashlib.sha256(other).hexdigest()).read_bytes() == other
