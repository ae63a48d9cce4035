"""Commands of the decoder: ``sgc decode`` and ``sgc bench decode``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Mount the commands on the root application."""
    app.command("decode", help=DECODE_HELP)(decode_command)
    bench_group(app).command("decode", help=BENCH_HELP)(bench_command)


def bench_group(app: typer.Typer) -> typer.Typer:
    """``sgc bench``, to which every room adds its own: the one already mounted, or a new one."""
    for group in app.registered_groups:
        if group.name == "bench" and group.typer_instance is not None:
            return group.typer_instance
    benches = typer.Typer(no_args_is_help=True, help="Medidas de velocidad / Speed measurements.")
    app.add_typer(benches, name="bench")
    return benches


DECODE_HELP = (
    "Descodifica telegramas (M-Bus inalámbrico o por cable) leídos de la entrada, uno por línea: "
    "hexadecimal, o un objeto JSON {ref, telegram, key, received_at}. Escribe una línea por cada uno. / "
    "Decode telegrams (wireless or wired M-Bus) read from standard input, one a line: hexadecimal "
    "digits, or a JSON object {ref, telegram, key, received_at}. Writes one line for each."
)
BENCH_HELP = (
    "Telegramas por segundo: columnas, objetos y la orden entera, frente al límite de AES y memoria. / "
    "Telegrams per second: columns, objects and the whole command, against the bound of AES and memory."
)
LINKS = ("auto", "none", "A", "B", "wired", "T1", "C1A", "C1B", "S1")


def decode_command(
    keys: Annotated[
        Path | None,
        typer.Option(help="Fichero de claves (CSV, XML de OMS, KEM de Kamstrup, Diehl) / Key file"),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            "--keys-password",
            envvar="SGC_KEYS_PASSWORD",
            help="Contraseña del fichero KEM / Password of the KEM file",
        ),
    ] = None,
    shape: Annotated[
        str,
        typer.Option("--format", help="jsonl, table o explain / jsonl, table or explain"),
    ] = "jsonl",
    link: Annotated[
        str,
        typer.Option(help=f"Forma de las tramas, si se sabe / Form of the frames, if known: {', '.join(LINKS)}"),
    ] = "auto",
    lang: Annotated[str, typer.Option(help="Idioma de explain: es o en / Language of explain: es or en")] = "es",
) -> None:
    """Run ``sgc decode`` on standard input."""
    from protocols.wmbus import stream
    from protocols.wmbus.meanings import LANGUAGES

    if shape not in stream.SHAPES:
        fail(f"--format: {shape!r} is none of {', '.join(stream.SHAPES)}")
    if link not in LINKS:
        fail(f"--link: {link!r} is none of {', '.join(LINKS)}")
    if lang not in LANGUAGES:
        fail(f"--lang: {lang!r} is none of {', '.join(LANGUAGES)}")
    try:
        ring = stream.read_keys(keys, password) if keys else None
    except (OSError, ValueError) as error:
        fail(f"--keys {keys}: {error}")
    stream.run(stream.Decoder(shape, ring, link, lang))


def bench_command(
    as_json: Annotated[bool, typer.Option("--json", help="Resultado en JSON / Result as JSON")] = False,
    count: Annotated[int, typer.Option("--telegrams", min=1, help="Telegramas / Telegrams")] = 100_000,
) -> None:
    """Run ``sgc bench decode``."""
    import json

    from protocols.wmbus.bench import measure

    result = measure(count)
    if as_json:
        typer.echo(json.dumps(result))
        return
    for name, value in {"value": result["value"], "ratio": result["ratio"], **result["more"]}.items():
        typer.echo(f"{name}: {value:,}" if isinstance(value, int | float) else f"{name}: {value}")


def fail(text: str) -> None:
    """One line on standard error, and the exit code of a bad call."""
    typer.echo(f"sgc decode: {text}", err=True)
    raise typer.Exit(2)
