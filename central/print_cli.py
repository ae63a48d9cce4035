"""``sgc central print``: a run's bills for the printing house."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from central.cli import (
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    mount_command,
    settings_and_engine,
    show,
)

HELP = """Las facturas de una remesa para la imprenta, por lotes en PDF / A run's bills for the printer, in PDF batches.

Lo que ya está hecho no se repite / What is there already is not made again."""


def register(_app: typer.Typer) -> None:
    """Mount the command beside the others of ``sgc central``."""
    mount_command(print_run, "print", HELP)


def print_run(
    run: Annotated[str, typer.Option("--run", help="Código de la remesa / The run's code")],
    out: Annotated[Path, typer.Option("--out", help="Carpeta / Folder")],
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Facturas por lote / Bills a batch")] = 100,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the batches of an issued run."""
    from central.invoicing import printing
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("print", config, db) as (_, engine), read_session(engine) as session:
        found = printing.printable_run(session, utility_named(session, utility).id, run)
        files = printing.print_run(session, found, out, batch, _say)
    names = [str(path) for path in files]
    show({"run": run, "files": names}, "\n".join(names), as_json)


def _say(done: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done:,} facturas / bills")
