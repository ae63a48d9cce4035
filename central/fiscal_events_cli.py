"""``sgc central fiscal events …``: the log of events of a system that keeps its records instead of submitting them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from central.cli import (
    MOST,
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    now,
    settings_and_engine,
    show,
    show_rows,
)

if TYPE_CHECKING:
    from central.config import Config
    from central.fiscal.signing import Signer

events = typer.Typer(
    no_args_is_help=True,
    help="Registro de eventos de un sistema que no remite / Log of events of a system that does not submit",
)
SINCE = typer.Option("--since", formats=["%Y-%m-%d"], help="Desde qué día / From which day")
UNTIL = typer.Option("--until", formats=["%Y-%m-%d"], help="Hasta qué día, sin él / Up to which day, without it")


@events.command("list", help="Los últimos eventos / The newest events")
def list_events(
    before: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Anteriores a esta posición / Before this position")
    ] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a page of the log."""
    from central.fiscal import events as log
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("fiscal events list", config, db) as (_, engine), read_session(engine) as session:
        rows = [
            {"position": row.position, "kind": row.kind, "at": row.generated_at.isoformat(), "hash": row.hash}
            for row in log.events(session, utility_named(session, utility).id, before=before)
        ]
    show_rows(rows, as_json)


@events.command(help="Firma lo pendiente y escribe los resúmenes que tocan / Sign what waits, write the summaries due")
def tick(config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False) -> None:
    """Do once what the service does all the time."""
    from central.fiscal.events import Keeper

    with settings_and_engine("fiscal events tick", config, db) as (settings, engine):
        Keeper(engine, _signer(settings)).tick(now())
    show({"done": True}, "hecho", as_json)


@events.command(help="Busca anomalías en registros y eventos; deja constancia / Search for anomalies, and log it")
def check(
    signatures: Annotated[bool, typer.Option(help="También las firmas / Signatures too")] = True,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look through records and log; exit 1 where an anomaly is found."""
    from central.fiscal import integrity
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("fiscal events check", config, db) as (settings, engine):
        signer = _signer(settings)
        with write_session(engine) as session:
            owner = utility_named(session, utility).id
            records = integrity.check_records(session, owner, signer, now(), signatures=signatures)
            found = integrity.check_events(session, owner, signer, now(), signatures=signatures)
    rows = [
        {"of": of, "position": one.position, "name": one.name, "code": one.code, "text": one.text}
        for of, anomalies in (("record", records), ("event", found))
        for one in anomalies
    ]
    if as_json:
        show({"anomalies": rows}, "", as_json)
    for row in rows if not as_json else ():
        typer.echo("  ".join(str(value) for value in row.values()))
    if rows:
        raise typer.Exit(1)


@events.command(help="Exporta los registros o los eventos de un periodo / Export a period's records or events")
def export(
    out: Annotated[Path, typer.Option("--out", help="Fichero XML / XML file")],
    since: Annotated[datetime, SINCE],
    until: Annotated[datetime, UNTIL],
    what: Annotated[str, typer.Option("--what", help="records, events")] = "records",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write signed records or events to a file; the log says so. The newest are there up to the present."""
    from datetime import timedelta

    from central.fiscal import integrity
    from central.register.utilities import utility_named
    from central.store import write_session
    from central.times import instant_of, midnight_ms

    exports = {"records": integrity.export_records, "events": integrity.export_events}
    with settings_and_engine("fiscal events export", config, db) as (settings, engine):
        if what not in exports:
            raise ValueError(f"--what {what}: must be one of {', '.join(exports)}")
        signer = _signer(settings)
        start = instant_of(midnight_ms(since.date())) - timedelta(seconds=1)
        end = instant_of(midnight_ms(until.date())) - timedelta(seconds=1)
        with write_session(engine) as session:
            owner = utility_named(session, utility).id
            content = exports[what](session, owner, signer, now(), start, end)
        out.write_bytes(content)
    show({"file": str(out), "bytes": len(content)}, str(out), as_json)


def _signer(settings: Config) -> Signer:
    from central.config import ConfigError
    from central.fiscal.signing import seal

    if settings.seal is None:
        raise ConfigError("configuration: [seal] is missing, it names the certificate that signs records and events")
    return seal(settings.seal)
