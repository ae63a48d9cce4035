"""``sgc whatif``: what another tariff would have made of the bills of a period."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from central.cli import ConfigOption, DbOption, JsonOption, UtilityOption, settings_and_engine
from central.typed import period

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.volume import Period
    from central.invoicing.whatif import Study

HELP = """Las facturas de un periodo con otra tarifa / The bills of a period under another tariff.

Nada se escribe en la base / Nothing is written to the database."""
PICTURES = (
    ("grupos-de-uso", "use", "Cambio medio por uso"),
    ("tramos-de-consumo", "m3_month", "Cambio medio por consumo (m³ al mes)"),
)


def register(app: typer.Typer) -> None:
    """Mount the command on the root application."""
    app.command("whatif", help=HELP)(whatif)


def whatif(
    tariff: Annotated[
        str, typer.Option("--tariff", help="Fichero o id de la tarifa nueva / The new tariff's file or id")
    ],
    on: Annotated[
        str,
        typer.Option(
            "--on", help="Periodo DESDE/HASTA, sin incluir HASTA / Period FROM/TO, TO excluded (2026-01-01/2026-04-01)"
        ),
    ],
    replaces: Annotated[
        str | None,
        typer.Option(
            "--replaces", help="Tarifa de las facturas a la que sustituye / The bills' tariff that it replaces"
        ),
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(
            "--assume",
            help="Dato del suministro que falte: NOMBRE=VALOR / A supply fact where it is missing: NAME=VALUE",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Carpeta para los gráficos SVG / Folder for the SVG pictures")
    ] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Study a change of tariff on real bills."""
    with settings_and_engine("whatif", config, db) as (_, engine):
        result = studied(engine, utility, _study(tariff, replaces, assume or []), period("--on", on))
        pictures = _draw(result, out) if out else []
    typer.echo(json.dumps(result, ensure_ascii=False) if as_json else "\n".join([*in_words(result), *pictures]))


def studied(engine: Any, utility: str | None, study: Study, period: Period) -> dict[str, Any]:
    """The report of a study, with how long each part took."""
    from billing.whatif import report
    from central.invoicing import whatif as studies
    from central.register.utilities import utility_named
    from central.store import read_session

    started = time.monotonic()
    with read_session(engine) as session:
        place = utility_named(session, utility)
        loaded = studies.load(session, place.id, period, _progress())
        ready = time.monotonic()
        found = report(studies.study(session, place.id, loaded, study))
    seconds = {"load": round(ready - started, 2), "study": round(time.monotonic() - ready, 2)}
    span = {"from": period.start.isoformat(), "to": period.end.isoformat()}
    return {"tariff": study.tariff, "replaces": study.replaces, "on": span, **found, "seconds": seconds}


def _study(tariff: str, replaces: str | None, assume: list[str]) -> Study:
    from billing.tariff import parse
    from central.invoicing.whatif import Study

    path = Path(tariff)
    is_file = path.suffix in (".yaml", ".yml") or path.is_file()
    text = path.read_text(encoding="utf-8") if is_file else None
    name = tariff if text is None else parse(text, path.name).id
    return Study(name, text, replaces, _facts(assume))


def _facts(assume: list[str]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for item in assume:
        name, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"--assume {item}: must be NAME=VALUE")
        found[name] = int(value) if value.isdecimal() else value
    return found


def _progress() -> Callable[[int], None]:
    """Says on a terminal how many bills have been read."""
    if not sys.stderr.isatty():
        return lambda _bills: None
    return _say_read


def _say_read(bills: int) -> None:
    sys.stderr.write(f"\r{bills:,} facturas leídas / bills read")


def _draw(result: dict[str, Any], folder: Path) -> list[str]:
    """Write the pictures; their paths."""
    from billing.whatif import picture

    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"cambio": picture.histogram(result)}
    for name, by, title in PICTURES:
        if by in result["groups"]:
            drawn[name] = picture.group_means(result, by, title)
            drawn[f"{name}-ganan-pierden"] = picture.winners_and_losers(
                result, by, f"{title}: quién gana y quién pierde"
            )
    for name, svg in drawn.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    return [str(folder / f"{name}.svg") for name in drawn]


def in_words(result: dict[str, Any]) -> list[str]:
    """The report for a person."""
    total = result["total"]
    lines = [
        f"{result['contracts']:,} contratos, {result['bills']:,} facturas, {result['litres']:,} l",
        f"Total: {_change(total)}",
        f"Pagan menos {result['winners']:,}, igual {result['same']:,}, más {result['losers']:,}",
    ]
    if result["billed_otherwise"]:
        lines.append(f"Facturas cuyo total no sale de su propia tarifa: {result['billed_otherwise']:,}")
    lines += [f"Fuera del estudio {count:,}: {why}" for why, count in result["left_out"].items()]
    for by, groups in result["groups"].items():
        lines.append(f"Por {by}:")
        lines += [
            f"  {item['group']:<12} {item['contracts']:>9,}  {_change(item)}  "
            f"ganan {item['winners']:,}, pierden {item['losers']:,}"
            for item in groups
        ]
    lines.append("Por concepto:")
    lines += [
        f"  {item['code']:<24} {item['before_eur']:>14} → {item['after_eur']:>14} €" for item in result["components"]
    ]
    lines.append("Los más afectados:")
    lines += [f"  {item['contract']:<16} {item['litres']:>9,} l  {_change(item)}" for item in result["most_affected"]]
    return lines


def _change(item: dict[str, Any]) -> str:
    pct = "" if item["difference_pct"] is None else f" ({item['difference_pct']} %)"
    return f"{item['before_eur']} → {item['after_eur']} €, {item['difference_eur']} €{pct}"
