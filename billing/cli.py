"""Commands of the billing room: ``sgc rate``, ``sgc tariff check|show|list``, ``sgc bench rate|pdf``.

``python -m billing.cli`` runs them alone.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from billing.tariff import TariffBook, TariffVersion

TARIFFS = Path(__file__).resolve().parent.parent / "examples" / "tariffs"
Folder = Annotated[
    Path,
    typer.Option(
        "--tariffs",
        envvar="SGC_TARIFFS",
        show_default="examples/tariffs",
        help="Carpeta de tarifas / Folder of tariff files.",
    ),
]


def register(app: typer.Typer) -> None:
    """Mount the room's commands on the root application."""
    app.command("rate", help=RATE_HELP)(rate)
    tariffs = typer.Typer(no_args_is_help=True, help="Tarifas: revisar, mostrar, listar / Tariffs: check, show, list.")
    tariffs.command("check", help=CHECK_HELP)(check)
    tariffs.command("show", help="Una tarifa como el cuadro que se publica / A tariff as its published table.")(show)
    tariffs.command("list", help="Las tarifas de la carpeta / The tariffs of the folder.")(listing)
    app.add_typer(tariffs, name="tariff")
    benches = bench_group(app)
    benches.command("rate", help=BENCH_HELP)(bench)
    benches.command("pdf", help="Facturas en PDF por segundo / PDF invoices per second.")(pdf)


def bench_group(app: typer.Typer) -> typer.Typer:
    """``sgc bench``, to which every room adds its own: the one already mounted, or a new one."""
    for group in app.registered_groups:
        if group.name == "bench" and group.typer_instance is not None:
            return group.typer_instance
    benches = typer.Typer(no_args_is_help=True, help="Medidas de velocidad / Speed measurements.")
    app.add_typer(benches, name="bench")
    return benches


BENCH_HELP = """Contratos tarificados por segundo, frente a un núcleo escrito a mano / Contracts rated per second,
against a hand-written kernel."""


RATE_HELP = """La factura de un caso, línea a línea y con su porqué / Rate a case line by line, with its reasons.

CASE es un fichero JSON, o - para leer un caso por línea / CASE is a JSON file, or - to read one case a line."""

CHECK_HELP = """Revisa ficheros de tarifa: errores y avisos / Check tariff files: errors and warnings.

Termina con 1 si hay errores / Exits 1 on errors."""


def rate(
    case: Annotated[str, typer.Argument(help="Fichero JSON o - / JSON file or -.")],
    tariffs: Folder = TARIFFS,
    as_json: Annotated[bool, typer.Option("--json", help="JSON (siempre lo es) / JSON (it always is).")] = True,
) -> None:
    """Rate one case or a stream of them."""
    from billing.tariff import TariffBook

    book = TariffBook(tariffs)
    texts = sys.stdin if case == "-" else [_file(case)]
    failed = False
    for number, text in enumerate(texts, 1):
        if text.strip():
            failed |= not _rate_one(text, f"line {number}" if case == "-" else case, book)
    if failed:
        raise typer.Exit(1)


def _rate_one(text: str, where: str, book: "TariffBook") -> bool:
    """Rate one case and print its bill, or its error on both streams; whether it went well."""
    from billing.rating import Case
    from billing.rating import rate as rated
    from billing.tariff import RatingError, TariffError

    ref: object = None
    try:
        raw = _decode(text)
        ref = raw.get("ref") if isinstance(raw, dict) else None
        _emit(rated(Case.parse(raw), book).to_json(ref))
    except (RatingError, TariffError, ValueError) as error:
        reason = " ".join(str(error).split())
        _emit({"ref": ref, "error": reason})
        typer.echo(f"sgc rate: {where}: {reason}", err=True)
        return False
    return True


def _decode(text: str) -> Any:
    """JSON with exact numbers: a decimal stays the text it was."""
    import json
    from decimal import Decimal

    def refuse(word: str) -> None:
        raise ValueError(f"case: {word} is not a number")

    try:
        return json.loads(text, parse_float=Decimal, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"case: not JSON ({error.msg} at character {error.pos})") from error
    except RecursionError as error:
        raise ValueError("case: not JSON (nested too deep)") from error


def _emit(result: dict[str, Any]) -> None:
    import json

    sys.stdout.write(json.dumps(result, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def _file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        typer.echo(f"sgc rate: {path}: {getattr(error, 'strerror', None) or 'must be UTF-8 text'}", err=True)
        raise typer.Exit(1) from error


def check(
    files: Annotated[list[Path], typer.Argument(help="Ficheros de tarifa / Tariff files.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Un objeto JSON por hallazgo / One JSON object a finding.")
    ] = False,
) -> None:
    """Check tariff files, each by itself and the versions of a series together, and print what was found."""
    from billing.tariff.lint import lint_series

    checked = [_check_one(path, as_json) for path in files]
    series: dict[str, list[TariffVersion]] = {}
    for version in filter(None, checked):
        series.setdefault(version.series, []).append(version)
    for versions in series.values():
        _print_findings("warning", lint_series(versions), as_json)
    if not all(checked):
        raise typer.Exit(1)


def _check_one(path: Path, as_json: bool) -> "TariffVersion | None":
    """Print what is found in a file; its version, or None where it has errors."""
    from billing.tariff import TariffError, load
    from billing.tariff.lint import lint

    try:
        version = load(path)
    except TariffError as error:
        _print_findings("error", error.problems, as_json)
        return None
    findings = lint(version)
    _print_findings("warning", findings, as_json)
    if not findings and not as_json:
        typer.echo(f"{path.name}: ok")
    return version


def _print_findings(level: str, findings: Iterable[Any], as_json: bool) -> None:
    from dataclasses import asdict

    for finding in findings:
        if as_json:
            _emit({"level": level, **asdict(finding)})
        else:
            typer.echo(f"{level}: {finding}", err=level == "error")


def show(
    tariff: Annotated[str, typer.Argument(help="Identificador o fichero / Id or file.")],
    tariffs: Folder = TARIFFS,
    as_json: Annotated[bool, typer.Option("--json", help="El cuadro como JSON / The table as JSON.")] = False,
) -> None:
    """Print a tariff as the table that is published."""
    from dataclasses import asdict

    from billing.tariff import RatingError, TariffBook, TariffError, load
    from billing.tariff.published import published

    try:
        version = load(tariff) if Path(tariff).suffix == ".yaml" else TariffBook(tariffs).get(tariff)
    except (RatingError, TariffError) as error:
        typer.echo(f"sgc tariff show: {error}", err=True)
        raise typer.Exit(1) from error
    table = published(version)
    if as_json:
        _emit(asdict(table))
    else:
        sys.stdout.writelines(f"{line}\n" for line in table.text())


def listing(
    tariffs: Folder = TARIFFS,
    as_json: Annotated[bool, typer.Option("--json", help="Una por línea, JSON / One a line, JSON.")] = False,
) -> None:
    """Print the tariffs of the folder, one a line."""
    from billing.tariff import TariffBook

    if not tariffs.is_dir():
        typer.echo(f"sgc tariff list: --tariffs {tariffs}: must be a folder of tariff files", err=True)
        raise typer.Exit(1)
    book = TariffBook(tariffs)
    for version in _versions(book.ids(), book.get):
        since = version.start.isoformat() if version.start else None
        row = {"tariff": version.id, "place": version.place, "from": since, "certainty": version.source.certainty}
        if as_json:
            _emit(row)
        else:
            typer.echo("  ".join(str(value or "-") for value in row.values()))


def bench(
    contracts: Annotated[int, typer.Option(min=1000, help="Contratos por pasada / Contracts a pass.")] = 65_536,
    as_json: Annotated[bool, typer.Option("--json", help="El resultado como JSON / The result as JSON.")] = False,
) -> None:
    """Measure the rating kernel against the same tariff written by hand, in this process."""
    from billing.rating.bench import measure

    _tell(measure(contracts), as_json)


def pdf(
    invoices: Annotated[int, typer.Option(min=10, help="Facturas por pasada / Invoices a pass.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="El resultado como JSON / The result as JSON.")] = False,
) -> None:
    """Measure the typesetting of different bills against the bare export of one."""
    from billing.document.bench import bench_pdf

    _tell(bench_pdf(invoices), as_json)


def _tell(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _emit(result)
    else:
        bound = result["bound"]
        typer.echo(f"{result['value']:,} {result['unit']}, {result['ratio']} × {bound['value']:,} ({bound['name']})")


def _versions(ids: Iterable[str], get: Callable[[str], Any]) -> Iterator[Any]:
    from billing.tariff import RatingError, TariffError

    for name in ids:
        try:
            yield get(name)
        except (RatingError, TariffError) as error:
            typer.echo(f"sgc tariff list: {error}", err=True)


def main() -> None:
    """The room's commands alone."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    register(app)
    app()


if __name__ == "__main__":
    main()
