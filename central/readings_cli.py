"""``sgc central readings``: readings from another system's export, or from the stick of a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from central.cli import (
    ActorOption,
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    key_ring,
    mount_command,
    now,
    settings_and_engine,
    show,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from central.config import Config

HELP = """Lecturas de un fichero ajeno (CSV y su descripción) o de la memoria de un terminal (carpeta de lotes) /
Readings from another system's file (CSV with its mapping) or from a device's stick (a folder of batches)."""

UPLINKS_HELP = """Recibe por HTTP los mensajes de servidores LoRaWAN (ChirpStack, The Things Stack) /
Take uplinks of LoRaWAN network servers (ChirpStack, The Things Stack) over HTTP."""


def register(_app: typer.Typer) -> None:
    """Mount the command beside the others of ``sgc central``."""
    mount_command(readings, "readings", HELP)
    mount_command(uplinks, "uplinks", UPLINKS_HELP)


def readings(
    file: Annotated[Path, typer.Argument(help="CSV, lote o carpeta de lotes / CSV, batch or folder of batches")],
    mapping: Annotated[Path | None, typer.Option(help="Descripción del CSV (YAML) / The CSV's mapping (YAML)")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Solo dice qué haría / Only say what would be done")
    ] = False,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Import; exit 1 where anything is refused."""
    from central.config import ConfigError

    with settings_and_engine("readings", config, db) as (settings, engine):
        if mapping is not None:
            result = _from_export(engine, file, mapping, utility, actor, dry_run=dry_run)
        elif dry_run:
            raise ConfigError("--dry-run: is for files with a mapping; a batch is applied whole or not at all")
        else:
            result = _from_batches(settings, engine, file)
    counts: dict[str, int] = {}
    for row in result:
        counts[row["fate"]] = counts.get(row["fate"], 0) + 1
    if as_json:
        show({"dry_run": dry_run, "counts": counts, "rows": result}, "", as_json)
    else:
        for row in result:
            if dry_run or row["reason"]:
                typer.echo("  ".join(str(value) for value in row.values() if value is not None))
        typer.echo(", ".join(f"{number} {fate}" for fate, number in counts.items()))
    if counts.get("refused") or counts.get("kept"):
        raise typer.Exit(1)


def _from_export(
    engine: Engine, file: Path, mapping: Path, utility: str | None, actor: str, *, dry_run: bool
) -> list[dict[str, Any]]:
    import hashlib
    from dataclasses import asdict

    from central import journal
    from central.reading.exports import import_export, read_mapping
    from central.register.utilities import utility_named
    from central.store import Session

    described = read_mapping(mapping.read_text(encoding="utf-8"), mapping.name)
    payload, at = file.read_bytes(), now()
    with Session(engine) as session, session.begin() as transaction:
        found = utility_named(session, utility)
        fates = import_export(session.connection(), found.id, described, payload, at)
        if dry_run:
            transaction.rollback()
        else:
            told = {"file": file.name, "mapping": described.name, "sha256": hashlib.sha256(payload).hexdigest()}
            journal.record(session, found.id, actor, "readings.imported", "reading", None, at=at, after=told)
    return [asdict(fate) for fate in fates]


def _from_batches(settings: Config, engine: Engine, path: Path) -> list[dict[str, Any]]:
    from central.reading.arrivals import Arrival
    from central.reading.ingest import Ingest
    from protocols.sync import SyncError, read_envelope

    ingest = Ingest(engine, key_ring(settings))
    rows = []
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        payload = file.read_bytes()
        row: dict[str, Any] = {"file": file.name, "fate": "refused", "number": None, "items": 0}
        try:
            sender = read_envelope(payload).header.device
        except SyncError as error:
            rows.append(row | {"reason": str(error)})
            continue
        outcome = ingest.apply([Arrival(sender, payload, now())]).outcomes[0]
        told = {"fate": outcome.fate, "number": outcome.number, "items": outcome.items, "reason": outcome.reason}
        rows.append(row | told)
    return rows


def uplinks(
    tokens: Annotated[
        Path, typer.Option(help="Líneas «fuente sha256-del-token» / Lines: source, SHA-256 of its token")
    ],
    host: Annotated[str, typer.Option(help="Dirección / Address")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Puerto / Port")] = 9181,
    config: ConfigOption = None,
    db: DbOption = None,
) -> None:
    """Listen until SIGTERM. A source is enrolled like a device: ``sgc central device enrol NAME --kind fixed``."""
    import uvicorn

    from central.ops.uplinks import create_uplinks, read_tokens
    from central.reading.ingest import Ingest

    with settings_and_engine("uplinks", config, db) as (settings, engine):
        known = read_tokens(tokens.read_text(encoding="utf-8"))
        app = create_uplinks(Ingest(engine, key_ring(settings)), known)
        uvicorn.run(app, host=host, port=port, log_level="warning")
