"""Commands of the agent: ``sgc edge run|status|receivers|retry|export|photos|signature``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.config import Config

edge = typer.Typer(
    no_args_is_help=True,
    help="Agente de campo: recibe, guarda, envía, enseña / Field agent: receives, stores, syncs, shows",
)

ConfigOption = Annotated[Path, typer.Option("--config", help="Fichero TOML / TOML file")]
JsonOption = Annotated[bool, typer.Option("--json", help="Una línea JSON / One JSON line")]


def register(app: typer.Typer) -> None:
    """Mount the commands on the root application."""
    app.add_typer(edge, name="edge")


@edge.command(help="Pone el agente en marcha hasta SIGTERM o Ctrl-C / Run the agent until SIGTERM or Ctrl-C")
def run(config: ConfigOption = Path("edge.toml")) -> None:
    """Run the agent; exit 0 after a clean stop."""
    import asyncio

    from edge.agent import run_agent
    from edge.config import ConfigError
    from edge.keys import KeysError
    from edge.log import set_up_logs
    from edge.screen.server import ScreenError
    from edge.signature import SignatureError
    from edge.store import StoreError

    settings = read_config(config)
    set_up_logs(settings.log.level)
    try:
        asyncio.run(run_agent(settings, config))
    except (ConfigError, KeysError, SignatureError, StoreError, ScreenError) as error:
        raise fail("run", str(error)) from error


@edge.command(help="Contadores y estado / Counters and state")
def status(config: ConfigOption = Path("edge.toml"), as_json: JsonOption = False) -> None:
    """What the running agent says, or what the store holds where none runs."""
    settings = read_config(config)
    found = from_agent(settings) or from_store(settings, config)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, value in flat(found):
        typer.echo(f"{name:<32} {value}")


@edge.command(
    help="Tipos de receptor, o prueba de los configurados / Kinds of receivers, or a test of those configured"
)
def receivers(
    config: Annotated[
        Path | None, typer.Option("--config", help="Prueba los de este fichero / Test those of this file")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the kinds; with a configuration open each receiver, set it up and say what answers."""
    from edge.receivers.registry import drivers

    if config is None:
        rows = [
            {"kind": d.kind, "description": d.description, "baudrate": d.baudrate, "modes": list(d.modes)}
            for d in drivers().values()
        ]
        show(rows, as_json)
        return
    rows = check_receivers(read_config(config))
    show(rows, as_json)
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


@edge.command(help="Ofrece otra vez los lotes rechazados / Offer refused batches again")
def retry(config: ConfigOption = Path("edge.toml")) -> None:
    """Mark every refused batch as to be sent; the agent must not be running."""
    import asyncio

    from edge.store import StoreError

    settings = read_config(config)
    try:
        count = asyncio.run(offer_again(settings, config))
    except StoreError as error:
        raise fail("retry", str(error)) from error
    typer.echo(f"{count}")


async def offer_again(settings: Config, config: Path) -> int:
    """Offer every refused batch again; returns how many."""
    from edge.agent import clock_of
    from edge.config import beside
    from edge.store import Store

    store = Store(beside(config, settings.store.path), settings.device, clock_of(settings))
    try:
        return await store.offer_again()
    finally:
        await store.close()


@edge.command(help="Escribe los lotes pendientes en una carpeta / Write the batches that wait to a folder")
def export(
    folder: Annotated[Path, typer.Argument(help="Carpeta, p. ej. una memoria USB / Folder, e.g. a stick")],
    config: ConfigOption = Path("edge.toml"),
) -> None:
    """For a device without a network, while its agent rests: the centre reads the folder with ``central readings``.

    Nothing is let go here: what the centre committed this way, it says when the device meets it again.
    """
    import asyncio

    from edge.signature import SignatureError
    from edge.store import StoreError

    settings = read_config(config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = asyncio.run(write_batches(settings, config, folder))
    except (StoreError, SignatureError, OSError) as error:
        raise fail("export", str(error)) from error
    typer.echo(f"{len(names)}")


async def write_batches(settings: Config, config: Path, folder: Path) -> list[str]:
    """Seal what waits and write every batch that is not acknowledged; returns the files' names."""
    from edge.agent import clock_of, signer_of
    from edge.config import BrokerConfig, beside
    from edge.store import Store

    most = (settings.broker or BrokerConfig(host="-")).batch_most
    sign = signer_of(settings, config)
    store = Store(beside(config, settings.store.path), settings.device, clock_of(settings), sign=sign)
    try:
        while await store.seal(most):
            pass
        names, after = [], (0, 0)
        while batch := await store.next_batch(after):
            after = (batch.boot_seq, batch.number)
            names.append(f"{settings.device}-{batch.boot}-{batch.number:06}.sgc")
            (folder / names[-1]).write_bytes(batch.envelope)
        return names
    finally:
        await store.close()


@edge.command(help="Escribe las fotos de las órdenes en una carpeta / Write the photos of work orders to a folder")
def photos(
    folder: Annotated[Path, typer.Argument(help="Carpeta / Folder")],
    config: ConfigOption = Path("edge.toml"),
) -> None:
    """Each photo under the SHA-256 digest that its order's report carries; prints how many."""
    from edge.config import beside
    from edge.store import StoreError
    from edge.store.connection import open_reader
    from edge.store.orders import photos as stored_photos

    settings = read_config(config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        database = open_reader(beside(config, settings.store.path))
        found = stored_photos(database.conn)
        for digest, content in found:
            (folder / f"{digest}{picture_suffix(content)}").write_bytes(content)
        database.close()
    except (StoreError, OSError) as error:
        raise fail("photos", str(error)) from error
    typer.echo(f"{len(found)}")


def picture_suffix(content: bytes) -> str:
    """The usual ending of a picture's file, by its first bytes; none where they are not known."""
    for start, suffix in ((b"\xff\xd8\xff", ".jpg"), (b"\x89PNG", ".png"), (b"RIFF", ".webp")):
        if content.startswith(start):
            return suffix
    return ""


@edge.command(help="Crea la clave que firma los lotes / Make the key that signs batches")
def signature(file: Annotated[Path, typer.Argument(help="Fichero nuevo / New file")]) -> None:
    """Write a new key; the public half goes to the centre: ``sgc central device key``."""
    from edge.signature import SignatureError, create_key

    try:
        typer.echo(create_key(file))
    except SignatureError as error:
        raise fail("signature", str(error)) from error


def read_config(path: Path) -> Config:
    """The configuration, or one line on standard error and exit code 2."""
    from edge.config import ConfigError, load_config

    try:
        return load_config(path)
    except ConfigError as error:
        raise fail("config", str(error)) from error


def fail(command: str, text: str) -> typer.Exit:
    """One line on standard error; what to raise."""
    typer.echo(f"sgc edge {command}: {' '.join(text.split())}", err=True)
    return typer.Exit(2)


def from_agent(settings: Config) -> dict[str, object] | None:
    """The running agent's own answer, or None where none answers."""
    import httpx

    if settings.screen is None:
        return None
    try:
        answer = httpx.get(f"http://127.0.0.1:{settings.screen.port}/api/status", timeout=5, trust_env=False)
        answer.raise_for_status()
        found: dict[str, object] = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    return {"agent": "running", **found} if found.get("device") == settings.device else None


def from_store(settings: Config, config: Path) -> dict[str, object]:
    """What the store's file holds."""
    from edge.config import beside
    from edge.store import StoreError
    from edge.store.connection import open_reader
    from edge.store.view import counts

    try:
        database = open_reader(beside(config, settings.store.path))
    except StoreError as error:
        raise fail("status", str(error)) from error
    try:
        return {"agent": "not running", "device": settings.device, **counts(database.conn)._asdict()}
    finally:
        database.close()


def check_receivers(settings: Config) -> list[dict[str, object]]:
    """Open and set up each configured receiver once."""
    import asyncio

    from edge.clock import SystemClock
    from edge.receivers.port import ReceiverError
    from edge.receivers.registry import driver
    from edge.receivers.serial_receiver import SerialReceiver, SerialSettings

    async def check() -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        for wanted in settings.receiver:
            what = SerialSettings(wanted.name, wanted.port, wanted.mode, wanted.silence_s)
            receiver = SerialReceiver(driver(wanted.kind), what, SystemClock())
            row: dict[str, object] = {"name": wanted.name, "kind": wanted.kind, "port": wanted.port}
            try:
                rows.append({**row, "ok": True, "device": await receiver.identify()})
            except ReceiverError as error:
                rows.append({**row, "ok": False, "error": str(error)})
        return rows

    return asyncio.run(check())


def show(rows: list[dict[str, object]], as_json: bool) -> None:
    """Rows as JSON lines or as text."""
    for row in rows:
        line = json.dumps(row, ensure_ascii=False) if as_json else "  ".join(str(value) for value in row.values())
        sys.stdout.write(line + "\n")


def flat(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Nested values as dotted names."""
    found: list[tuple[str, object]] = []
    for name, value in values.items():
        found += flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return found
