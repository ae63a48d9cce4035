"""``sgc bench run`` and ``reads``: how fast bills are issued, and how soon the common pages are answered."""

import json
from typing import Annotated

import typer

from billing.cli import bench_group

HELP = "Facturas emitidas por segundo sobre PostgreSQL / Issued bills per second on PostgreSQL"
READS_HELP = (
    "Consultas habituales sobre una base llena, en milisegundos / Common reads on a full database, in milliseconds"
)


def register(app: typer.Typer) -> None:
    """Mount the command."""
    group = bench_group(app)
    group.command("run", help=HELP)(bench_run)
    group.command("reads", help=READS_HELP)(bench_reads)


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


def bench_reads(
    db: Annotated[str, typer.Option("--db", help="Base llena, p. ej. de «sgc demo load» / A full database")],
    contracts: Annotated[int, typer.Option(min=1, help="Contratos al azar / Contracts at random")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Resultado en JSON / Result as JSON")] = False,
) -> None:
    """Time the reads; exit 1 where the median of one is above 100 ms."""
    from central.ops.bench_reads import measure
    from central.store import open_engine

    engine = open_engine(db)
    try:
        result = measure(engine, contracts)
    except ValueError as error:
        typer.echo(f"bench reads: {error}", err=True)
        raise typer.Exit(2) from error
    finally:
        engine.dispose()
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
    else:
        for name, row in result["reads"].items():
            typer.echo(f"{name:<32} {row['median_ms']:>9} ms  {row['most_ms']:>9} ms")
    if not result["ok"]:
        raise typer.Exit(1)
