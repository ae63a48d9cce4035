"""``sgc central fiscal …``: the queue of fiscal records to the tax agency, its answers, and what is to be mended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from central.cli import (
    MOST,
    ActorOption,
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    mount,
    mount_command,
    now,
    settings_and_engine,
    show,
    show_rows,
)

if TYPE_CHECKING:
    from billing.fiscal.facturae import Offices
    from billing.invoice import Party

fiscal = typer.Typer(
    no_args_is_help=True,
    help="Registros de facturación y su remisión a la AEAT / Fiscal records and their submission to the tax agency",
)
FACTURAE_HELP = """Factura electrónica firmada (Facturae 3.2.2) para FACe / Signed electronic invoice for public bodies.

Las oficinas DIR3 salen de [[facturae.bodies]] o de --offices / DIR3 offices come from there or from --offices."""
SystemOption = Annotated[str, typer.Option("--system", help="verifactu, sii")]
ReasonOption = Annotated[str, typer.Option(help="Por qué / Why")]
RecordArgument = Annotated[int, typer.Argument(min=1, max=MOST, help="Identificador del registro / The record's id")]


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    from central.fiscal_events_cli import events
    from central.fiscal_system_cli import system

    mount(fiscal, "fiscal")
    mount(system, "system", fiscal)
    mount(events, "events", fiscal)
    mount_command(facturae, "facturae", FACTURAE_HELP)


@fiscal.command(help="Remite lo que toca ahora / Send what is due now")
def send(config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False) -> None:
    """Send everything that is due; exit 1 where a message got no answer or a record was rejected."""
    from dataclasses import asdict

    from central.config import ConfigError
    from central.fiscal.agency import HttpAgency
    from central.fiscal.sending import send_all

    with settings_and_engine("fiscal send", config, db) as (settings, engine):
        if settings.agency is None:
            raise ConfigError("configuration: [agency] is missing, it names the certificate to submit with")
        with HttpAgency(settings.agency) as agency:
            sent = send_all(engine, agency, settings.agency)
    if as_json:
        show({"sent": [asdict(one) for one in sent]}, "", as_json)
    for one in sent if not as_json else ():
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in one.verdicts.items())
        typer.echo(f"{one.utility_id}  {one.records} registros  {verdicts or one.error}")
    if any(one.error or one.verdicts.get("rejected") for one in sent):
        raise typer.Exit(1)


@fiscal.command(help="Cuántos esperan y qué se contestó / How many wait, and what was answered")
def status(
    system: SystemOption = "verifactu",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the queue's state; exit 1 where anything is rejected or late, or the line fails."""
    from central.fiscal import queries, supply
    from central.fiscal.systems import SII
    from central.register.utilities import utility_named
    from central.store import read_session
    from central.times import local_day, millis

    with settings_and_engine("fiscal status", config, db) as (_, engine), read_session(engine) as session:
        found = utility_named(session, utility)
        counts = queries.counts(session, found.id, system=_submitted(system))
        lines = [one for one in queries.troubled(session) if (one.utility_id, one.system) == (found.id, system)]
        due = list(supply.open_entries(session, found.id)) if system == SII else []
    error = lines[0].error if lines else ""
    until = lines[0].not_before.isoformat() if lines and lines[0].not_before else None
    late = [one.number for one in due if one.due < local_day(millis(now()))]
    text = "  ".join(f"{state} {count}" for state, count in counts.items())
    shown: dict[str, object] = {
        "utility": found.code,
        "system": system,
        "records": counts,
        "error": error,
        "next_try": until,
    }
    if system == SII:
        first = min((one.due for one in due), default=None)
        shown |= {"open": len(due), "first_due": first.isoformat() if first else None, "late": late}
        text += f"  por suministrar {len(due)}" + (f", el primero hasta el {first}" if first else "")
        text += f"\nfuera de plazo: {', '.join(late)}" if late else ""
    show(shown, f"{text}\n{error} ({until})" if error else text, as_json)
    if counts["rejected"] or error or late:
        raise typer.Exit(1)


@fiscal.command("list", help="Registros y su estado, los últimos primero / Records and their state, the newest first")
def list_records(
    state: Annotated[str | None, typer.Option(help="waiting, accepted, accepted_with_errors, rejected, mended")] = None,
    before: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Anteriores a esta posición / Before this position")
    ] = None,
    system: SystemOption = "verifactu",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a page of records."""
    from central.fiscal import queries
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("fiscal list", config, db) as (_, engine), read_session(engine) as session:
        wanted = next((known for known in queries.STATES if known == state), None)
        if state is not None and wanted is None:
            raise ValueError(f"--state {state}: must be one of {', '.join(queries.STATES)}")
        owner = utility_named(session, utility).id
        found = queries.records(session, owner, wanted, before=before, system=_submitted(system))
    rows = [one._asdict() | {"generated_at": one.generated_at.isoformat()} for one in found]
    show_rows(rows, as_json)


@fiscal.command(help="Subsana un registro rechazado o aceptado con errores / Mend a record and send it again")
def correct(
    record: RecordArgument,
    reason: ReasonOption,
    name: Annotated[str | None, typer.Option(help="Nombre correcto del destinatario / Recipient's right name")] = None,
    nif: Annotated[str | None, typer.Option(help="NIF correcto / Right NIF")] = None,
    not_in_census: Annotated[
        str | None,
        typer.Option("--not-in-census", help="Identificación de quien no está en el censo (07) / Identity outside it"),
    ] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Chain the mending record; it is sent with the next message."""
    from central.fiscal.desk import correct as mend
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("fiscal correct", config, db) as (_, engine), write_session(engine) as session:
        recipient = _recipient(name, nif, not_in_census)
        made = mend(session, utility_named(session, utility).id, record, recipient, actor, now(), reason)
    show(made._asdict(), f"{made.record_id}  {made.position}  {made.hash}", as_json)


@fiscal.command(help="Anula el registro de una factura que no debió declararse / Take a record back")
def withdraw(
    invoice: Annotated[str, typer.Argument(help="Número de factura / Invoice number")],
    reason: ReasonOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Chain the record that takes it back (anulación, baja); the invoice itself stays as it is."""
    from central.fiscal.desk import withdraw as take_back
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("fiscal withdraw", config, db) as (_, engine), write_session(engine) as session:
        made = take_back(session, utility_named(session, utility).id, invoice, actor, now(), reason)
    show(made._asdict(), f"{made.record_id}  {made.position}", as_json)


@fiscal.command(help="Reintenta ya, arreglada la causa / Try again now that the cause is mended")
def retry(
    system: SystemOption = "verifactu",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do not wait for the next try any longer."""
    from central.fiscal.queue import retry_now
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("fiscal retry", config, db) as (_, engine), write_session(engine) as session:
        found = utility_named(session, utility)
        retry_now(session, found.id, _submitted(system))
    show({"utility": found.code}, found.code, as_json)


def facturae(
    invoice: Annotated[str, typer.Argument(help="Número de factura / Invoice number")],
    out: Annotated[Path, typer.Option("--out", help="Fichero .xsig / File")],
    offices: Annotated[
        str | None,
        typer.Option(help="DIR3: contable,gestora,tramitadora / accounting,managing,processing"),
    ] = None,
    reason_code: Annotated[
        str | None,
        typer.Option(help="Motivo de la rectificativa, 01 a 16 u 80 a 85 / Why a rectifying invoice rectifies"),
    ] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the signed invoice to a file."""
    from central.config import ConfigError
    from central.fiscal.bodies import signed_invoice
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("facturae", config, db) as (settings, engine), read_session(engine) as session:
        if settings.facturae is None:
            raise ConfigError("configuration: [facturae] is missing, it names the certificate to sign with")
        found = utility_named(session, utility).id
        content = signed_invoice(session, found, invoice, settings.facturae, _offices(offices), reason_code)
        out.write_bytes(content)
    show({"invoice": invoice, "file": str(out), "bytes": len(content)}, str(out), as_json)


def _submitted(system: str) -> str:
    from central.fiscal.systems import SUBMITTED

    if system not in SUBMITTED:
        raise ValueError(f"--system {system}: must be one of {', '.join(SUBMITTED)}")
    return system


def _offices(text: str | None) -> Offices | None:
    from billing.fiscal.facturae import Offices

    if text is None:
        return None
    codes = [code.strip() for code in text.split(",")]
    if len(codes) != 3:
        raise ValueError(f"--offices {text}: must be three DIR3 codes with commas between them")
    return Offices(*codes)


def _recipient(name: str | None, nif: str | None, not_in_census: str | None) -> Party | None:
    from billing.invoice import ForeignId, Party

    if name is None and nif is None and not_in_census is None:
        return None
    if name is None or (nif is None) == (not_in_census is None):
        raise ValueError(
            "--name, and either --nif or --not-in-census: a corrected recipient has a name and one identity"
        )
    return Party(name, nif or "", foreign_id=ForeignId("07", not_in_census, "ES") if not_in_census else None)
