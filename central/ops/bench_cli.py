"""``sgc bench run``: how fast bills are issued."""

import json
from typing import Annotated

import typer

from billing.cli import bench_group

HELP = "Facturas emitidas por segundo sobre PostgreSQL / Issued bills per second on PostgreSQL"


def register(app: typer.Typer) -> None:
    """Mount the command."""
    bench_group(app).command("run", help=HELP)(bench_run)


def bench_run(
    contracts: Annotated[int, typer.Option(min=100, help="Contratos / Contracts")] = 20_000,
    workers: Annotated[int, typer.Option(min=1, help="Procesos / Processes")] = 2,
    db: Annotated[
        str | None,
        typer.Option("--db", help="Base PostgreSQL vacía, en vez de una propia / An empty PostgreSQL database instead"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Resultado en JSON / Result as JSON")] = False,
) -> None:
    """Measure a run from its simulation to its issued bills, without documents."""
    from central.ops.bench_run import measure
    from central.ops.scratch import ScratchError

    try:
        result = measure(contracts, workers, db)
    except ScratchError as error:
        typer.echo(f"bench run: {error}", err=True)
        raise typer.Exit(2) from error
    bound = result["bound"]
    text = f"{result['value']:,} {result['unit']}, {result['ratio']} × {bound['value']:,} ({bound['name']})"
    typer.echo(json.dumps(result, ensure_ascii=False) if as_json else text)
