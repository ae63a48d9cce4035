"""Commands of the centre: ``sgc central run|migrate|backup|restore|device|route|quarantine|doctor|model``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from central.ops.backup_cli import mount as mount_backup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from sqlalchemy import Engine

    from central.config import Config
    from central.register import Change, KeyRing

central = typer.Typer(
    no_args_is_help=True,
    help="Central: padrón, lecturas y su operación / Centre: register, readings and their operation",
)
device = typer.Typer(no_args_is_help=True, help="Terminales / Devices")
route = typer.Typer(no_args_is_help=True, help="Rutas de lectura / Reading routes")
quarantine = typer.Typer(no_args_is_help=True, help="Cuarentena / Quarantine")
central.add_typer(device, name="device")
central.add_typer(route, name="route")
central.add_typer(quarantine, name="quarantine")
mount_backup(central)

# The largest identifier.
MOST = 2**63 - 1
LONGEST_ACTOR = 64
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Fichero TOML / TOML file")]
DbOption = Annotated[str | None, typer.Option("--db", help="URL de la base de datos / Database URL")]
JsonOption = Annotated[bool, typer.Option("--json", help="Resultado en JSON / Result as JSON")]
UtilityOption = Annotated[
    str | None, typer.Option("--utility", help="Código del servicio, si hay varios / The utility's code, if several")
]


def somebody(name: str) -> str:
    """Who does it, as the audit keeps it for ever; BadParameter where that names nobody."""
    if not name.strip() or len(name) > LONGEST_ACTOR:
        raise typer.BadParameter(f"{name[:LONGEST_ACTOR]!r}: must be a name of 1 to {LONGEST_ACTOR} characters")
    return name


ActorOption = Annotated[
    str,
    typer.Option("--actor", callback=somebody, help="Quién lo hace, para la auditoría / Who does it, for the audit"),
]


def register(app: typer.Typer) -> None:
    """Mount the commands on the root application."""
    app.add_typer(central, name="central")
    bench_group(app).command("ingest", help=BENCH_HELP)(bench_ingest)


def mount(group: typer.Typer, name: str, parent: typer.Typer = central) -> None:
    """A group of commands of another file, mounted once however often the command line is built."""
    if all(other.typer_instance is not group for other in parent.registered_groups):
        parent.add_typer(group, name=name)


def mount_command(command: Callable[..., None], name: str, text: str, parent: typer.Typer = central) -> None:
    """One command of another file, mounted once."""
    if all(other.callback is not command for other in parent.registered_commands):
        parent.command(name, help=text)(command)


BENCH_HELP = "Lecturas por segundo, de MQTT al commit / Readings a second, from MQTT to the commit"


def bench_group(app: typer.Typer) -> typer.Typer:
    """``sgc bench``, to which every room adds its own: the one already mounted, or a new one."""
    for group in app.registered_groups:
        if group.name == "bench" and group.typer_instance is not None:
            return group.typer_instance
    benches = typer.Typer(no_args_is_help=True, help="Medidas de velocidad / Speed measurements.")
    app.add_typer(benches, name="bench")
    return benches


def bench_ingest(
    telegrams: Annotated[int, typer.Option(min=1000, help="Telegramas / Telegrams")] = 200_000,
    readings: Annotated[
        int, typer.Option(min=24_000, help="Lecturas horarias, en series / Hourly readings, in series")
    ] = 12_000_000,
    workers: Annotated[int, typer.Option(min=1, help="Procesos / Processes")] = 2,
    db: Annotated[
        str | None, typer.Option("--db", help="Base vacía, en vez de un PostgreSQL propio / An empty database instead")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the road from a broker to committed readings."""
    from central.ops.bench import measure
    from central.ops.log import set_up_logs
    from central.ops.scratch import ScratchError

    set_up_logs("warning")

    try:
        result = measure(telegrams, readings, workers, db)
    except ScratchError as error:
        typer.echo(f"bench ingest: {error}", err=True)
        raise typer.Exit(2) from error
    bound = result["bound"]
    text = f"{result['value']:,} {result['unit']}, {result['ratio']} × {bound['value']:,} ({bound['name']})"
    show(result, text, as_json)


@central.command(help="Recibe y valida lecturas hasta SIGTERM o Ctrl-C / Ingest and validate until SIGTERM or Ctrl-C")
def run(config: ConfigOption = None, db: DbOption = None) -> None:
    """Run the ingest worker, the validation and the operations listener."""
    import asyncio

    from central.ops.log import set_up_logs
    from central.ops.service import Service
    from central.store import migrate

    with settings_and_engine("run", config, db, makes=True) as (settings, engine):
        set_up_logs(settings.log.level)
        migrate(engine)
        asyncio.run(Service(settings, engine).run())


@central.command(help="Lleva el esquema al más nuevo / Bring the schema to the newest")
def migrate(config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False) -> None:
    """Migrate the database forward."""
    from central.store import migrate as bring_forward
    from central.store import schema_version

    with settings_and_engine("migrate", config, db, makes=True) as (_, engine):
        before = schema_version(engine)
        bring_forward(engine)
        after = schema_version(engine)
    show({"before": before, "after": after}, f"{before or '-'} → {after}", as_json)


@device.command(help="Da de alta un terminal / Enrol a device")
def enrol(
    name: Annotated[str, typer.Argument(help="Nombre: a-z, 0-9 y '-' / Name: a-z, 0-9 and '-'")],
    kind: Annotated[
        str, typer.Option(help="Clase: handheld, vehicle, fixed / Kind: handheld, vehicle, fixed")
    ] = "handheld",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Let a device in."""
    from central.register import enrol_device
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("device enrol", config, db) as (_, engine), write_session(engine) as session:
        found = utility_named(session, utility)
        enrolled = enrol_device(session, found.id, name, kind, by=change(actor))
        show({"device": enrolled.name, "utility": found.code, "kind": kind}, f"{enrolled.name} → {found.code}", as_json)


@device.command("key", help="Exige lotes firmados con esta clave / Take only batches signed with this key")
def set_key(
    name: Annotated[str, typer.Argument(help="Nombre / Name")],
    public_key: Annotated[str, typer.Argument(help="Clave pública, de «sgc edge signature» / Public key (hex)")],
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Register the key that signs a device's batches."""
    from central.register import RegisterError, set_device_key
    from central.store import write_session

    with settings_and_engine("device key", config, db) as (_, engine), write_session(engine) as session:
        try:
            raw = bytes.fromhex(public_key)
        except ValueError as error:
            raise RegisterError("device.public_key", public_key, "must be 64 hexadecimal digits") from error
        set_device_key(session, name, raw, by=change(actor))
        show({"device": name, "public_key": raw.hex()}, f"{name} {raw.hex()}", as_json)


@device.command(help="Retira un terminal / Revoke a device")
def revoke(
    name: Annotated[str, typer.Argument(help="Nombre / Name")],
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Refuse everything a device sends from now on."""
    from central.register import revoke_device
    from central.store import write_session

    with settings_and_engine("device revoke", config, db) as (_, engine), write_session(engine) as session:
        revoked = revoke_device(session, name, by=change(actor))
        when = revoked.revoked_at.isoformat() if revoked.revoked_at else None
        show({"device": name, "revoked_at": when}, f"{name} {when}", as_json)


@device.command("list", help="Terminales y su último lote / Devices and their last batch")
def list_devices(config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False) -> None:
    """List the devices."""
    from central.register import list_devices as devices
    from central.store import read_session
    from central.times import instant_of

    with settings_and_engine("device list", config, db) as (_, engine), read_session(engine) as session:
        rows = [
            {
                "device": row.name,
                "kind": row.kind,
                "enrolled_at": row.enrolled_at.isoformat(),
                "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
                "last_batch": instant_of(row.last_batch_ms).isoformat() if row.last_batch_ms else None,
            }
            for row in devices(session)
        ]
    show_rows(rows, as_json)


@route.command(help="Publica una ruta en su terminal / Publish a route to its device")
def publish(
    code: Annotated[str, typer.Argument(help="Código de la ruta / The route's code")],
    to: Annotated[str | None, typer.Option("--device", help="Asignar antes a este terminal / Assign it first")] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Send a route with its expected indices, retained."""
    import asyncio

    from central.config import ConfigError
    from central.reading.routes import prepare_route, send
    from central.register import RegisterError, find_device
    from central.register.routes import assign_route, find_route
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("route publish", config, db) as (settings, engine):
        if settings.broker is None:
            raise ConfigError("configuration: [broker] is missing, it says where the route is sent")
        by = change(actor)
        with write_session(engine) as session:
            found = find_route(session, utility_named(session, utility).id, code)
            if found is None:
                raise RegisterError("route.code", code, "is not registered")
            if to is not None:
                carrier = find_device(session, to)
                if carrier is None:
                    raise RegisterError("device.name", to, "is not enrolled")
                assign_route(session, found, carrier, by=by)
            message = prepare_route(session, found, by=by)
        asyncio.run(send(settings.broker, message))
    result = {"route": code, "topic": message.topic, "stops": message.stops}
    show(result, f"{code} → {message.topic}, {message.stops}", as_json)


@quarantine.command("list", help="Lo que está en cuarentena / What is in quarantine")
def list_entries(
    config: ConfigOption = None,
    db: DbOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Cuántas / How many")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List open entries, the oldest first."""
    from central.reading import quarantine as kept
    from central.store import read_session

    with settings_and_engine("quarantine list", config, db) as (_, engine), read_session(engine) as session:
        rows = [
            {
                "id": entry.id,
                "kind": entry.kind,
                "device": entry.device,
                "number": entry.number,
                "arrivals": entry.arrivals,
                "received_at": entry.received_at.isoformat(timespec="seconds"),
                "reason": entry.reason,
            }
            for entry in kept.list_open(session, limit=limit)
        ]
    show_rows(rows, as_json)


@quarantine.command("show", help="Una entrada entera, con sus bytes / One entry whole, with its bytes")
def show_entry(
    entry: Annotated[int, typer.Argument(min=1, max=MOST, help="Identificador / Id")],
    config: ConfigOption = None,
    db: DbOption = None,
) -> None:
    """Print an entry as JSON, its bytes in hexadecimal."""
    from central.reading import quarantine as kept
    from central.store import read_session

    with settings_and_engine("quarantine show", config, db) as (_, engine), read_session(engine) as session:
        found = kept.find(session, entry)
        if found is None:
            raise KeyError(f"quarantine: no entry {entry}")
        columns = {column.name: getattr(found, column.name) for column in found.__table__.columns}
    columns["payload"] = columns["payload"].hex()
    typer.echo(json.dumps(columns, ensure_ascii=False, default=str))


@quarantine.command(help="Vuelve a intentarlo / Try again")
def retry(
    entry: Annotated[
        list[int] | None, typer.Argument(min=1, max=MOST, help="Identificadores; ninguno: todas / Ids; none: all")
    ] = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try entries again; exit 1 where one stays."""
    from central.reading import quarantine as kept
    from central.reading.retry import retry as retry_entry
    from central.store import read_session

    with settings_and_engine("quarantine retry", config, db) as (settings, engine):
        ids = entry or []
        if not ids:
            with read_session(engine) as session:
                ids = [row.id for row in kept.list_open(session, limit=10_000)]
        ring = key_ring(settings)
        rows = [{"id": one, "result": retry_entry(engine, ring, one, now())} for one in ids]
    show_rows(rows, as_json)
    if any(str(row["result"]).startswith("unchanged") for row in rows):
        raise typer.Exit(1)


@quarantine.command(help="Cierra una entrada sin aplicarla / Close an entry without applying it")
def dismiss(
    entry: Annotated[int, typer.Argument(min=1, max=MOST, help="Identificador / Id")],
    why: Annotated[str, typer.Option("--why", help="Motivo / Reason")],
    config: ConfigOption = None,
    db: DbOption = None,
) -> None:
    """Dismiss an entry; what it keeps stays kept."""
    from central.reading.retry import dismiss as dismiss_entry

    with settings_and_engine("quarantine dismiss", config, db) as (_, engine):
        dismiss_entry(engine, entry, why, now())


@central.command(help="Comprueba todo lo que la central necesita / Check everything the centre needs")
def doctor(config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False) -> None:
    """One line for each thing looked at; exit 1 where one is not well."""
    from dataclasses import asdict

    from central.config import ConfigError
    from central.ops.doctor import examine

    try:
        found = list(examine(read_config(config, db)))
    except (ConfigError, ValueError) as error:
        fail("doctor", str(error))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False))
    else:
        for one in found:
            remedy = f"  → {one.remedy}" if one.remedy else ""
            typer.echo(f"{one.name:<11} {'ok' if one.ok else 'MAL':<4} {one.text}{remedy}")
    if not all(one.ok for one in found):
        raise typer.Exit(1)


@central.command(help="El modelo de datos, con su diagrama (Markdown) / The data model with its diagram (Markdown)")
def model(
    write: Annotated[
        Path | None, typer.Option("--write", help="Fichero donde escribirlo / File to write it to")
    ] = None,
) -> None:
    """Print or write the data model."""
    from central.store.diagram import data_model

    if write is None:
        sys.stdout.write(data_model())
        return
    try:
        write.write_text(data_model(), encoding="utf-8")
    except OSError as error:
        fail("model", str(error))


# What the commands share -------------------------------------------------------------------------------------------


@contextmanager
def settings_and_engine(
    command: str, config: Path | None, db: str | None, *, makes: bool = False
) -> Iterator[tuple[Config, Engine]]:
    """Configuration and database of a command; whatever it is refused becomes one line and exit code 2.

    ``makes``: the command makes the database where there is none yet.
    """
    import aiomqtt
    from sqlalchemy.exc import SQLAlchemyError

    from central.invoicing.states import RunError
    from central.ops.log import set_up_logs
    from central.store import must_exist, open_engine
    from central.store.migrate import SchemaError

    set_up_logs("warning")
    engine: Engine | None = None
    try:
        settings = read_config(config, db)
        if not makes:
            must_exist(settings.database.url)
        engine = open_engine(settings.database.url)
        yield settings, engine
    except SQLAlchemyError as error:
        fail(command, f"database: {str(error).splitlines()[0]}")
    except KeyError as error:
        fail(command, str(error.args[0]))
    except (ValueError, OSError, SchemaError, RunError, aiomqtt.MqttError) as error:
        fail(command, str(error))
    finally:
        if engine is not None:
            engine.dispose()


def read_config(config: Path | None, db: str | None) -> Config:
    """The configuration, with another database where one is named."""
    import msgspec

    from central.config import DatabaseConfig, load_config

    settings = load_config(config)
    return settings if db is None else msgspec.structs.replace(settings, database=DatabaseConfig(db))


def key_ring(settings: Config) -> KeyRing | None:
    """The key file that is configured."""
    from central.register import KeyRing

    return KeyRing.load(Path(settings.keys.file)) if settings.keys else None


def change(actor: str, why: str = "") -> Change:
    """A change by ``actor``, now, for the reason that is given."""
    from central.register import Change

    return Change(actor, now(), why)


def now() -> datetime:
    """The present instant."""
    from datetime import UTC, datetime

    return datetime.now(UTC)


def today() -> date:
    """The present legal day."""
    from central.times import local_day, millis

    return local_day(millis(now()))


def show(result: dict[str, Any], text: str, as_json: bool) -> None:
    """Print a result."""
    typer.echo(json.dumps(result, ensure_ascii=False) if as_json else text)


def show_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print a list, one row a line."""
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        typer.echo("  ".join("-" if value is None else str(value) for value in row.values()))


def fail(command: str, text: str) -> NoReturn:
    """One line on standard error, exit code 2."""
    # What it quotes may have been written by anybody: nothing of it may steer a terminal.
    line = "".join(char if char.isprintable() else " " for char in text)
    typer.echo(f"central {command}: {line}", err=True)
    raise typer.Exit(2)
