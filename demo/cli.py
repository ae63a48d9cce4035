"""``sgc demo``: the main job end to end on this machine."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Mount the command on the root application."""
    app.command(
        name="demo",
        help="El trabajo entero en esta máquina: pueblo simulado, lectura, factura y portal / "
        "The whole job on this machine: simulated town, reading, bill and portal",
    )(demo)


def demo(
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
    from demo.command import Options, run_demo, run_replay

    options = Options(meters, months, seed, headless, as_json, keep, port)
    raise typer.Exit(run_demo(options) if replay is None else run_replay(options, replay))
