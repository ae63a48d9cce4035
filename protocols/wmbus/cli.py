"""Commands of the decoder: ``sgc decode``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Mount the commands on the root application."""
    app.command("decode", help=DECODE_HELP)(decode_command)


DECODE_HELP = (
    "Descodifica telegramas (M-Bus inalámbrico o por cable) leídos de la entrada, uno por línea: "
    "hexadecimal, o un objeto JSON {ref, telegram, key, received_at}. Escribe una línea por cada una. / "
    "Decode telegrams (wireless or wired M-Bus) read from standard input, one a line: hexadecimal "
    "digits, or a JSON object {ref, telegram, key, received_at}. Writes one line for each."
)


def decode_command(
    keys: Annotated[
        Path | None,
        typer.Option(help="Fichero de claves (CSV, XML de OMS, KEM de Kamstrup, Diehl) / Key file"),
    ] = None,
    shape: Annotated[
        str,
        typer.Option("--format", help="jsonl, table o explain / jsonl, table or explain"),
    ] = "jsonl",
) -> None:
    """Run ``sgc decode`` on standard input."""
    from protocols.wmbus import stream

    if shape not in stream.SHAPES:
        raise SystemExit(complain(f"--format: {shape!r} is none of {', '.join(stream.SHAPES)}"))
    try:
        decoder = stream.Decoder(shape, stream.read_keys(keys) if keys else None)
    except (OSError, ValueError) as error:
        raise SystemExit(complain(f"--keys {keys}: {error}")) from None
    stream.run(decoder)


def complain(text: str) -> int:
    """One line on standard error; the exit code of a bad call."""
    typer.echo(f"sgc decode: {text}", err=True)
    return 2
