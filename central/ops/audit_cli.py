"""``sgc audit``: one line a law, exit 1 on any breach."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from central.ops.audit import Verdict

SHOWN = 10


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("audit")(audit)


def audit(
    db: Annotated[
        str | None,
        typer.Option("--db", help="URL de la base de datos. / Database URL (sqlite:///…, postgresql+psycopg://…)."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuración de la central. / The centre's configuration file.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys", help="Fichero que abre las claves de los contadores. / Key file that opens meters' keys."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Resultado en JSON. / Result as JSON.")] = False,
) -> None:
    """Comprueba una base de datos contra todo lo que debe cumplirse. / Check a database against all that must hold."""
    from sqlalchemy.exc import SQLAlchemyError

    from central.config import ConfigError
    from central.register.keys import KeyFileError
    from central.store.migrate import SchemaError

    verdicts = []
    try:
        for verdict in _verdicts(db, config, keys):
            verdicts.append(verdict)
            if not as_json:
                _show(verdict)
    except (ConfigError, KeyFileError, SchemaError, ValueError) as error:
        _fail(str(error))
    except SQLAlchemyError as error:
        _fail(f"database: {str(error).splitlines()[0]}")
    if as_json:
        typer.echo(json.dumps(_as_json(verdicts), ensure_ascii=False))
    if not all(verdict.holds for verdict in verdicts):
        raise typer.Exit(1)


def _verdicts(db: str | None, config: Path | None, keys: Path | None) -> Iterator["Verdict"]:
    from central.config import load_config
    from central.ops.audit import audit as checked
    from central.register import KeyRing
    from central.store import must_exist, open_engine, schema_version
    from central.store.migrate import SchemaError, newest_version

    settings = load_config(config)
    url = db or settings.database.url
    # An audit of nothing must not pass.
    must_exist(url)
    file = keys or (Path(settings.keys.file) if settings.keys else None)
    engine = open_engine(url)
    found = schema_version(engine)
    if found != newest_version():
        raise SchemaError(f"database schema: {found or 'none'}, this program audits {newest_version()}; migrate first")
    yield from checked(engine, KeyRing.load(file) if file else None)
    engine.dispose()


def _show(verdict: "Verdict") -> None:
    state = "ok" if verdict.holds else f"INCUMPLIDA {len(verdict.breaches)}"
    typer.echo(f"{verdict.law:<20} {verdict.checked:>9}  {state:<14} {verdict.text}")
    for text in (*verdict.breaches[:SHOWN], *verdict.notes):
        typer.echo(f"{'':<20} {text}")
    if len(verdict.breaches) > SHOWN:
        typer.echo(f"{'':<20} … {len(verdict.breaches) - SHOWN}")


def _as_json(verdicts: "list[Verdict]") -> dict[str, object]:
    laws = [
        {
            "law": verdict.law,
            "text": verdict.text,
            "checked": verdict.checked,
            "ok": verdict.holds,
            "breach_count": len(verdict.breaches),
            "breaches": verdict.breaches[:100],
            "notes": verdict.notes,
        }
        for verdict in verdicts
    ]
    return {"ok": all(verdict.holds for verdict in verdicts), "laws": laws}


def _fail(text: str) -> NoReturn:
    typer.echo(f"audit: {text}", err=True)
    raise typer.Exit(2)
