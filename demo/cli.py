"""``sgc demo``: the main job end to end on this machine."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Mount the command on the root application."""
    group = typer.Typer(invoke_without_command=True)
    app.add_typer(
        group,
        name="demo",
        help="El trabajo entero en esta máquina: pueblo simulado, lectura, factura y portal / "
        "The whole job on this machine: simulated town, reading, bill and portal",
    )
    group.callback()(demo)
    group.command(
        "load",
        help="Llena una base vacía con un servicio de cualquier tamaño / Fill an empty database",
    )(load)


def demo(
    context: typer.Context,
    meters: Annotated[int, typer.Option(min=12, help="Contadores del pueblo / Meters in the town")] = 60,
    months: Annotated[int, typer.Option(min=1, max=24, help="Meses de consumo / Months of consumption")] = 3,
    seed: Annotated[int, typer.Option(help="Semilla del pueblo / The town's seed")] = 1,
    headless: Annotated[
        bool, typer.Option("--headless", help="Termina solo, sin portal / Ends by itself, no portal")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Una línea JSON / One JSON line")] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Conserva los ficheros en esta carpeta / Keep the files in this folder")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            help="Telegramas grabados en vez del pueblo (hex o JSON por línea) / "
            "Recorded telegrams instead of the town (hex or JSON lines)"
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Puerto del portal / The portal's port")] = 8080,
) -> None:
    """Run the demonstration; exit 1 where anything was lost, doubled or differs from the ground truth."""
    if context.invoked_subcommand is not None:
        return
    from demo.command import Options, run_demo, run_replay

    options = Options(meters, months, seed, headless, as_json, keep, port)
    raise typer.Exit(run_demo(options) if replay is None else run_replay(options, replay))


def load(
    contracts: Annotated[int, typer.Option(min=1, help="Contratos / Contracts")] = 50_000,
    db: Annotated[str, typer.Option("--db", help="Base vacía / Empty database")] = "sqlite:///sgc-load.db",
    hourly: Annotated[
        float, typer.Option(min=0, max=1, help="Parte con series horarias / Share with hourly series")
    ] = 0.02,
    bills: Annotated[int, typer.Option(min=0, max=6, help="Bimestres que facturar / Two-month periods to bill")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Procesos / Processes")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Una línea JSON / One JSON line")] = False,
) -> None:
    """Load a believable utility in bulk; exit 2 where the database is not empty."""
    import json
    import sys
    from datetime import UTC, datetime

    from central.ops.log import set_up_logs
    from demo.load import Load, LoadError
    from demo.load import load as fill
    from demo.road import TARIFFS

    def show(stage: str, done: int, total: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{stage:<10} {done:>9,} / {total:,} ")

    set_up_logs("warning")
    what = Load(db, contracts, hourly, bills, workers)
    try:
        seconds = fill(what, TARIFFS, datetime.now(UTC).date(), show)
    except LoadError as error:
        typer.echo(f"demo load: {error}", err=True)
        raise typer.Exit(2) from error
    result = {"contracts": contracts, "seconds": seconds}
    text = f"{contracts:,}: " + ", ".join(f"{part} {value} s" for part, value in seconds.items())
    typer.echo(json.dumps(result, ensure_ascii=False) if as_json else text)
