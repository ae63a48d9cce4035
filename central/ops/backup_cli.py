"""``sgc central backup|restore``: copies of the database that are proved equal by their checksums."""

import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Fichero TOML / TOML file")]
DbOption = Annotated[str | None, typer.Option("--db", help="URL de la base de datos / Database URL")]
JsonOption = Annotated[bool, typer.Option("--json", help="Resultado en JSON / Result as JSON")]


def mount(group: typer.Typer) -> None:
    """Add the commands to ``sgc central``."""
    group.command("backup", help="Copia la base de datos, con la central en marcha / Back the database up")(backup)
    group.command("restore", help="Restaura una copia en una base vacía / Restore a backup into an empty database")(
        restore
    )


def backup(
    to: Annotated[
        Path | None, typer.Option("--to", help="Carpeta de las copias / Folder of the backups [backup] folder")
    ] = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a backup; exit 2 where it cannot be made."""
    from datetime import UTC, datetime

    from sqlalchemy.exc import SQLAlchemyError

    from central.config import ConfigError, load_config
    from central.ops.backup import BackupError, back_up, read_manifest
    from central.store import must_exist, open_engine

    try:
        settings = load_config(config)
        folder = to or (Path(settings.backup.folder) if settings.backup else None)
        if folder is None:
            raise ConfigError("backup.folder: not configured, name it there or with --to")
        url = db or settings.database.url
        must_exist(url)
        engine = open_engine(url)
        try:
            made = back_up(engine, folder, datetime.now(UTC))
        finally:
            engine.dispose()
        manifest = read_manifest(made)
    except (BackupError, OSError, ValueError) as error:
        _fail("backup", str(error))
    except SQLAlchemyError as error:
        _fail("backup", f"database: {str(error).splitlines()[0]}")
    result = {"folder": str(made), "schema": manifest.schema, "bytes": manifest.bytes, "rows": manifest.rows}
    text = f"{made}  {manifest.bytes:,} bytes, {manifest.rows:,} filas, esquema {manifest.schema}"
    typer.echo(json.dumps(result, ensure_ascii=False) if as_json else text)


def restore(
    folder: Annotated[Path, typer.Argument(help="Carpeta de la copia / The backup's folder")],
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup and compare every table's checksum; exit 2 where anything differs."""
    from sqlalchemy.exc import SQLAlchemyError

    from central.config import load_config
    from central.ops.backup import BackupError
    from central.ops.backup import restore as bring_back

    try:
        manifest = bring_back(folder, db or load_config(config).database.url)
    except (BackupError, OSError, ValueError) as error:
        _fail("restore", str(error))
    except SQLAlchemyError as error:
        _fail("restore", f"database: {str(error).splitlines()[0]}")
    _tell_logs(folder, config, db)
    result = {"schema": manifest.schema, "tables": len(manifest.tables), "rows": manifest.rows}
    keys = f"; claves necesarias: {', '.join(manifest.key_names)}" if manifest.key_names else ""
    text = f"{manifest.rows:,} filas de {len(manifest.tables)} tablas, iguales; esquema {manifest.schema}{keys}"
    typer.echo(json.dumps(result | {"key_names": manifest.key_names}) if as_json else text)


def _tell_logs(folder: Path, config: Path | None, db: str | None) -> None:
    """A log of fiscal events says that a backup was put back, where a utility keeps one and we may sign."""
    from datetime import UTC, datetime

    from central.config import ConfigError, load_config
    from central.fiscal.events import Keeper
    from central.fiscal.signing import seal
    from central.store import open_engine

    try:
        settings = load_config(config)
        if settings.seal is None:
            return
        engine = open_engine(db or settings.database.url)
        Keeper(engine, seal(settings.seal)).restored(datetime.now(UTC), f"copia {folder.name}")
        engine.dispose()
    except (ConfigError, ValueError) as error:
        _fail("restore", f"restored, but the log of fiscal events does not say so: {error}")


def _fail(command: str, text: str) -> NoReturn:
    typer.echo(f"central {command}: {text}", err=True)
    raise typer.Exit(2)
