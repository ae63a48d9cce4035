"""``sgc central import|export``: the register out of files and into them, and a device's batch from a stick."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from central.cli import (
    ActorOption,
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    change,
    key_ring,
    mount_command,
    settings_and_engine,
    show,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from central.config import Config
    from central.register import Change, ImportPlan, KeyRing, RowFate
    from central.store import Session

IMPORT_HELP = (
    "Importa un padrón (CSV, XLSX, zip, carpeta o JSON) o un lote de un terminal / "
    "Import a register (CSV, XLSX, zip, folder or JSON) or a device's batch"
)
EXPORT_HELP = "Exporta el padrón: .xlsx, .zip o carpeta de CSV / Export the register: .xlsx, .zip or a folder of CSV"


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    mount_command(import_files, "import", IMPORT_HELP)
    mount_command(export, "export", EXPORT_HELP)


def import_files(
    files: Annotated[list[Path], typer.Argument(help="Ficheros o una carpeta / Files or a folder")],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML que dice qué es cada columna / What each column is (YAML)")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Solo dice qué haría / Only say what would be done")
    ] = False,
    without_refused: Annotated[
        bool,
        typer.Option("--without-refused", help="Importa sin las filas rechazadas / Leave the refused rows out"),
    ] = False,
    fates: Annotated[
        Path | None,
        typer.Option("--fates", help="Qué será de cada fila, en .csv o .xlsx / Every row's fate as .csv or .xlsx"),
    ] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Import a register whole or not at all, or one batch envelope; exit 1 where anything is refused."""
    with settings_and_engine("import", config, db) as (settings, engine):
        first = files[0].read_bytes()[:3] if files[0].is_file() else b""
        if first == b"SGC":
            refused = import_batch(settings, engine, files[0].read_bytes(), as_json)
        else:
            asked = Asked(files, mapping, dry_run, without_refused, fates, utility, as_json)
            refused = import_register(settings, engine, asked, change(actor))
    if refused:
        raise typer.Exit(1)


class Asked:
    """What an import was asked for."""

    def __init__(
        self,
        files: list[Path],
        mapping: Path | None,
        dry_run: bool,
        without_refused: bool,
        fates: Path | None,
        utility: str | None,
        as_json: bool,
    ) -> None:
        self.files, self.mapping, self.fates, self.utility = files, mapping, fates, utility
        self.dry_run, self.without_refused, self.as_json = dry_run, without_refused, as_json


def import_register(settings: Config, engine: Engine, asked: Asked, by: Change) -> bool:
    """Import register files; True where a row is refused."""
    from central.reading.reattach import reattach
    from central.register import apply_import
    from central.register.importing import desk
    from central.store import migrate as bring_forward
    from central.store import write_session

    bring_forward(engine)
    ring = key_ring(settings)
    attached, applied = 0, False
    with write_session(engine) as session:
        plan = plan_files(session, asked, ring, by)
        if not asked.dry_run and (asked.without_refused or not plan.refused()):
            utility_id = apply_import(session, plan, by, without_refused=asked.without_refused)
            if any(fate.fate in ("added", "changed") for fate in plan.fates):
                without = asked.without_refused
                desk.note_applied(session, utility_id, asked.files, plan, by, without_refused=without)
            attached, applied = reattach(session.connection(), utility_id, ring, by.at).telegrams, True
    if asked.fates is not None:
        write_fates(asked.fates, plan.fates)
    _tell(plan, asked, attached, applied)
    return bool(plan.refused())


def plan_files(session: Session, asked: Asked, ring: KeyRing | None, by: Change) -> ImportPlan:
    """The plan of a JSON file, or of tables."""
    from central.register import find_utility, parse_register_file, plan_import
    from central.register.importing import open_all, plan_table, read_table_mapping, read_tables
    from central.register.utilities import only_utility

    if is_json(asked.files[0]):
        file = parse_register_file(asked.files[0].read_bytes(), asked.files[0].name)
        return plan_import(session, file, ring, by)
    text = asked.mapping.read_text(encoding="utf-8") if asked.mapping else None
    mapping = read_table_mapping(text, str(asked.mapping)) if text is not None else None
    known = find_utility(session, asked.utility) if asked.utility else only_utility(session)
    return plan_table(session, read_tables(open_all(asked.files), mapping, known), ring, by)


def is_json(path: Path) -> bool:
    """Whether a file is a register in JSON, by its name or its first character."""
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return path.suffix.casefold() == ".json" or file.read(64).lstrip()[:1] == b"{"


def write_fates(path: Path, fates: list[RowFate]) -> None:
    """The fates as a table to hand back."""
    from central.register.importing import fates_csv, fates_workbook

    with path.open("wb") as out:
        if path.suffix.casefold() == ".xlsx":
            fates_workbook(out, fates)
        else:
            out.writelines(fates_csv(fates))


def _tell(plan: ImportPlan, asked: Asked, attached: int, applied: bool) -> None:
    import msgspec

    result: dict[str, Any] = {"dry_run": asked.dry_run, "applied": applied, "counts": plan.counts()}
    result["telegrams_attached"] = attached
    if asked.as_json:
        typer.echo(json.dumps(result | {"rows": msgspec.to_builtins(plan.fates)}, ensure_ascii=False))
        return
    for fate in plan.fates:
        if asked.dry_run or fate.reason or fate.warning:
            typer.echo(_line(fate))
    for section, counted in plan.counts().items():
        typer.echo(f"{section:<14} " + ", ".join(f"{number} {fate}" for fate, number in counted.items()))
    if not applied and not asked.dry_run:
        typer.echo("nothing was changed: correct the refused rows, or leave them out with --without-refused", err=True)


def _line(fate: RowFate) -> str:
    changes = ", ".join(f"{name}: {before!r} → {after!r}" for name, (before, after) in fate.changes.items())
    said = "; ".join(part for part in (changes, fate.reason, fate.warning) if part)
    where = f" ({fate.sheet})" if fate.sheet else ""
    return f"{fate.section:<14} {fate.row:>6}  {fate.fate:<10} {fate.key}{where}  {said}".rstrip()


def import_batch(settings: Config, engine: Engine, payload: bytes, as_json: bool) -> bool:
    """Apply one batch from a file; True where it is refused."""
    from datetime import UTC, datetime

    from central.reading.arrivals import Arrival
    from central.reading.ingest import Ingest
    from protocols.sync import read_envelope

    sender = read_envelope(payload).header.device
    applied = Ingest(engine, key_ring(settings)).apply([Arrival(sender, payload, datetime.now(UTC))])
    outcome = applied.outcomes[0]
    text = f"{outcome.fate}: {sender} {outcome.boot} {outcome.number}, {outcome.items} items {outcome.reason}".rstrip()
    show(
        {
            "fate": outcome.fate,
            "device": sender,
            "boot": outcome.boot,
            "number": outcome.number,
            "reason": outcome.reason,
        },
        text,
        as_json,
    )
    return outcome.fate not in ("committed", "repeated")


def export(
    out: Annotated[str, typer.Argument(help="padron.xlsx, padron.zip, una carpeta, o - / a folder, or - (zip)")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Con las claves de los contadores / With the meters' keys")
    ] = False,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
) -> None:
    """Write the register out; the audit says who took it, and whether with keys."""
    from central.register import RegisterError
    from central.register.exporting import tell_export
    from central.register.utilities import utility_named
    from central.store import read_session, write_session

    with settings_and_engine("export", config, db) as (settings, engine):
        ring = key_ring(settings) if with_keys else None
        if with_keys and ring is None:
            raise RegisterError("keys.file", None, "needs the key file the keys are sealed under")
        form = "xlsx" if out.casefold().endswith(".xlsx") else "csv"
        with write_session(engine) as session:
            utility_id = utility_named(session, utility).id
            tell_export(session, utility_id, form, change(actor), keys=with_keys)
        with read_session(engine) as session:
            _write(session, utility_id, out, ring)


def _write(session: Session, utility_id: int, out: str, ring: KeyRing | None) -> None:
    from central.register.exporting import csv_parts, csv_set, write_workbook
    from central.register.importing.columns import SHAPES

    if out == "-":
        for part in csv_set(session, utility_id, ring):
            sys.stdout.buffer.write(part)
        return
    path = Path(out)
    if path.suffix.casefold() == ".xlsx":
        with _private(path) as file:
            write_workbook(session, utility_id, file, ring)
    elif path.suffix.casefold() == ".zip":
        with _private(path) as file:
            file.writelines(csv_set(session, utility_id, ring))
    else:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for shape in SHAPES:
            with _private(path / f"{shape.spanish}.csv") as file:
                file.writelines(csv_parts(session, utility_id, shape, ring))


def _private(path: Path) -> io.BufferedWriter:
    """A file that only its owner may read: it is full of people."""
    file = path.open("wb")
    path.chmod(0o600)
    return file
