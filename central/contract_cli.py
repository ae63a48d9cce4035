"""``sgc central contract``: sign-ups, changes of holder, subrogations and cancellations, as cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from central.cli import (
    MOST,
    ActorOption,
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    change,
    mount,
    now,
    settings_and_engine,
    show,
    show_rows,
)
from central.typed import cents, day, day_or_none, one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from central.lifecycle import Details
    from central.lifecycle.final_bill import FinalBill
    from central.lifecycle.queries import Listed, View
    from central.register.change import Change
    from central.store.models import ContractCase

contract = typer.Typer(
    no_args_is_help=True,
    help="Expedientes de contrato: altas, cambios de titular, subrogaciones y bajas / Cases of contracts",
)
NumberArgument = Annotated[int, typer.Argument(min=1, max=MOST, help="Número de expediente / The case's number")]
WhyOption = Annotated[str, typer.Option("--why", help="Motivo / Reason")]
OnOption = Annotated[
    str | None, typer.Option("--on", help="Primer día con el cambio / First day of the change (2026-03-01)")
]
ProcedureOption = Annotated[
    str, typer.Option(help="sign_up, change_of_holder, subrogation, cancellation (alta, titular, subrogacion, baja)")
]
DetailsOption = Annotated[
    Path | None, typer.Option("--details", help="JSON con el resto de los datos / JSON with all other data")
]
NifOption = Annotated[str | None, typer.Option(help="NIF del nuevo titular / NIF of the new holder")]
NameOption = Annotated[str | None, typer.Option(help="Su nombre / Their name")]
KindOption = Annotated[str, typer.Option(help="person, company, community, public_body")]
EmailOption = Annotated[str | None, typer.Option(help="Correo / E-mail")]
PhoneOption = Annotated[str | None, typer.Option(help="Teléfono / Telephone")]
IbanOption = Annotated[str | None, typer.Option(help="Cuenta de domiciliación / Account for direct debit")]
UseOption = Annotated[str | None, typer.Option(help="Uso: domestic, commercial… / Use")]
PersonsOption = Annotated[int | None, typer.Option(min=0, max=32_767, help="Personas empadronadas / Persons")]
ClosingOption = Annotated[
    str | None,
    typer.Option(help="Lectura: real:LITROS, self:LITROS, agreed:LITROS o remote / Reading at the start of that day"),
]
DepositOption = Annotated[str | None, typer.Option(help="Fianza en euros, en vez de la tarifa / Deposit in euros")]
SPANISH = {"alta": "sign_up", "titular": "change_of_holder", "subrogacion": "subrogation", "baja": "cancellation"}


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    mount(contract, "contract")


@contract.command("open", help="Abre un expediente / Open a case")
def open_one(
    procedure: ProcedureOption,
    on: Annotated[str, typer.Option("--on", help="Primer día con el cambio / First day of the change (2026-03-01)")],
    supply: Annotated[str, typer.Option(help="Alta: punto de suministro / Sign-up: supply point")] = "",
    of: Annotated[str, typer.Option("--contract", help="Los demás: contrato / The others: the contract")] = "",
    cause: Annotated[str, typer.Option(help="Causa; la usual / Cause; the usual one")] = "",
    nif: NifOption = None,
    name: NameOption = None,
    kind: KindOption = "person",
    email: EmailOption = None,
    phone: PhoneOption = None,
    iban: IbanOption = None,
    use: UseOption = None,
    persons: PersonsOption = None,
    closing: ClosingOption = None,
    deposit: DepositOption = None,
    assume_debt: Annotated[
        bool, typer.Option("--assume-debt", help="Subrogación: asume la deuda / Subrogation: takes over the debt")
    ] = False,
    details: DetailsOption = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Open a case and show what it still needs."""
    from central.lifecycle import Asked, open_case
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("contract open", config, db) as (_, engine), write_session(engine) as session:
        person = {"nif": nif, "name": name, "kind": kind, "email": email, "phone": phone}
        terms = {"use": use, "persons": persons}
        said = _details({}, details, person, terms, iban, closing, deposit, assume_debt)
        asked = Asked(SPANISH.get(procedure, procedure), day("--on", on), said, supply, of, cause)
        case = open_case(session, utility_named(session, utility).id, asked, by=change(actor))
        _show(session, case, as_json)


@contract.command("amend", help="Corrige lo que dice un expediente abierto / Change what an open case says")
def amend_one(
    number: NumberArgument,
    on: OnOption = None,
    nif: NifOption = None,
    name: NameOption = None,
    kind: KindOption = "person",
    email: EmailOption = None,
    phone: PhoneOption = None,
    iban: IbanOption = None,
    use: UseOption = None,
    persons: PersonsOption = None,
    closing: ClosingOption = None,
    deposit: DepositOption = None,
    details: DetailsOption = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Say something else; what is not named stays."""
    from central.lifecycle import amend
    from central.lifecycle.details import read, stored
    from central.store import write_session

    with settings_and_engine("contract amend", config, db) as (_, engine), write_session(engine) as session:
        case = _case(session, utility, number)
        person = {"nif": nif, "name": name, "kind": kind, "email": email, "phone": phone}
        terms = {"use": use, "persons": persons}
        said = _details(stored(read(case.details)), details, person, terms, iban, closing, deposit, False)
        amend(session, case, said, day_or_none("--on", on) or case.effective_on, by=change(actor))
        _show(session, case, as_json)


@contract.command("document", help="Aporta, dispensa o devuelve un documento / Bring, waive or refuse a document")
def document(
    number: NumberArgument,
    code: Annotated[str, typer.Argument(help="Código del documento / The document's code")],
    file: Annotated[Path | None, typer.Option(help="PDF, JPEG, PNG o TIFF / PDF, JPEG, PNG or TIFF")] = None,
    waive: Annotated[bool, typer.Option("--waive", help="Dispensarlo / Do without it")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="El aportado no vale / The one brought will not do")] = False,
    why: WhyOption = "",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Settle one document of the checklist."""
    from central import lifecycle
    from central.store import write_session

    with settings_and_engine("contract document", config, db) as (_, engine), write_session(engine) as session:
        if sum((file is not None, waive, refuse)) != 1:
            raise ValueError(f"document {code}: name one of --file, --waive, --refuse")
        case, by = _case(session, utility, number), change(actor, why)
        if file is not None:
            lifecycle.receive(session, case, code, file.read_bytes(), file.name, by=by)
        else:
            settle = lifecycle.waive if waive else lifecycle.refuse_document
            settle(session, case, code, by=by)
        _show(session, case, as_json)


@contract.command("show", help="Un expediente: documentos, plazos, próximo paso / A case with all it needs")
def show_one(
    number: NumberArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a case."""
    from central.store import read_session

    with settings_and_engine("contract show", config, db) as (_, engine), read_session(engine) as session:
        _show(session, _case(session, utility, number), as_json)


@contract.command("list", help="Expedientes, el último primero / Cases, the newest first")
def list_all(
    state: Annotated[str, typer.Option(help="open, waiting, ready, done, rejected, withdrawn")] = "",
    procedure: Annotated[str, typer.Option(help="Solo este trámite / Only this procedure")] = "",
    live: Annotated[bool, typer.Option("--live", help="Solo los no cerrados / Only those not closed")] = False,
    text: Annotated[str, typer.Option(help="Número, código, NIF o nombre / Number, code, NIF or name")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Cuántos / How many")] = 100,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List cases with their age in days."""
    from central.lifecycle.procedures import Procedure, State
    from central.lifecycle.queries import Filters, cases
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("contract list", config, db) as (_, engine), read_session(engine) as session:
        wanted = one_of("--procedure", procedure, ("", *SPANISH, *Procedure))
        filters = Filters(one_of("--state", state, ("", *State)), SPANISH.get(wanted, wanted), live, text)
        found = cases(session, utility_named(session, utility).id, filters, now(), limit=limit)
        show_rows([_listed(one) for one in found], as_json)


@contract.command("complete", help="Hace lo que pide un expediente completo / Do what a ready case asks")
def complete_one(
    number: NumberArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Complete a case, all of it or nothing."""
    from central.lifecycle import complete

    _act("complete", lambda session, case, by: complete(session, case, by=by), number, utility, config, db,
         change(actor), as_json)  # fmt: skip


@contract.command(
    "final-bill",
    help="Calcula ya la factura de cierre de una baja o un cambio / Make the closing bill of who left, at once",
)
def final_bill_of_one(
    number: NumberArgument,
    series: Annotated[str, typer.Option(help="Serie; la de la última remesa / Series; that of the last run")] = "",
    issue_date: Annotated[str | None, typer.Option(help="Fecha de expedición; hoy / Date of issue; today")] = None,
    due_date: Annotated[str | None, typer.Option(help="Vencimiento; a 30 días / Due date; in 30 days")] = None,
    since: Annotated[
        str | None, typer.Option(help="Primer día; donde se facturó / First day; where it was billed until")
    ] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Make and simulate the run; another person approves it with ``sgc central bill``."""
    from central.invoicing import run as runs
    from central.lifecycle.final_bill import Asked, make_final_bill
    from central.store import read_session, write_session

    with settings_and_engine("contract final-bill", config, db) as (_, engine):
        issued, due = day_or_none("--issue-date", issue_date), day_or_none("--due-date", due_date)
        asked = Asked(series, issued, due, day_or_none("--since", since))
        with write_session(engine) as session:
            case = _case(session, utility, number)
            made = make_final_bill(session, case, asked, by=change(actor)).id
        runs.simulate(engine, case.utility_id, made, runs.Operator(actor), now())
        with read_session(engine) as session:
            _show(session, _case(session, utility, number), as_json)


@contract.command("reject", help="Lo cierra sin hacerlo / Close it without doing it")
def reject_one(
    number: NumberArgument,
    why: WhyOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Reject a case."""
    from central.lifecycle import reject

    _act("reject", lambda session, case, by: reject(session, case, by=by), number, utility, config, db,
         change(actor, why), as_json)  # fmt: skip


@contract.command("withdraw", help="Quien lo pidió desiste / Who asked does not want it any more")
def withdraw_one(
    number: NumberArgument,
    why: WhyOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Withdraw a case."""
    from central.lifecycle import withdraw

    _act("withdraw", lambda session, case, by: withdraw(session, case, by=by), number, utility, config, db,
         change(actor, why), as_json)  # fmt: skip


def _act(
    command: str,
    work: Callable[[Session, ContractCase, Change], object],
    number: int,
    utility: str | None,
    config: Path | None,
    db: str | None,
    by: Change,
    as_json: bool,
) -> None:
    from central.store import write_session

    with settings_and_engine(f"contract {command}", config, db) as (_, engine), write_session(engine) as session:
        case = _case(session, utility, number)
        work(session, case, by)
        _show(session, case, as_json)


def _case(session: Session, utility: str | None, number: int) -> ContractCase:
    from central.lifecycle import find_case
    from central.register import RegisterError
    from central.register.utilities import utility_named

    case = find_case(session, utility_named(session, utility).id, number)
    if case is None:
        raise RegisterError("case", number, "does not exist")
    return case


def _details(
    before: dict[str, Any],
    file: Path | None,
    person: dict[str, str | None],
    terms: dict[str, str | int | None],
    iban: str | None,
    closing: str | None,
    deposit: str | None,
    assume_debt: bool,
) -> Details:
    """What a case said before, with the file on top, and what the options say on top of both."""
    from central.lifecycle.details import read

    said: dict[str, Any] = before | (_object(file) if file else {})
    if person["nif"] or person["name"]:
        said["holder"] = {**said.get("holder", {}), **{key: value for key, value in person.items() if value}}
    stated = {key: value for key, value in terms.items() if value is not None}
    if stated:
        said["terms"] = {**said.get("terms", {}), **stated}
    if iban:
        said["bank"] = {**said.get("bank", {}), "iban": iban}
    if closing:
        said["closing"] = _closing(closing)
    if deposit is not None:
        said["deposit_cents"] = cents("--deposit", deposit)
    return read(said | ({"assume_debt": True} if assume_debt else {}))


def _object(file: Path) -> dict[str, Any]:
    import json

    try:
        said = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--details {file}: must be a JSON object, {error}") from None
    if not isinstance(said, dict):
        raise ValueError(f"--details {file}: must be a JSON object")
    return said


def _closing(text: str) -> dict[str, Any]:
    source, colon, litres = text.partition(":")
    if colon and not litres.isdecimal():
        raise ValueError(f"--closing {text}: must be SOURCE:LITRES with whole litres, or remote")
    return {"source": source, "litres": int(litres)} if colon else {"source": source}


def _listed(one: Listed) -> dict[str, Any]:
    return {
        "case": one.number,
        "procedure": one.procedure,
        "state": one.state,
        "days": one.days,
        "on": one.effective_on.isoformat(),
        "supply": one.supply,
        "contract": one.contract,
        "holder": one.holder,
    }


def _show(session: Session, case: ContractCase, as_json: bool) -> None:
    from central.lifecycle.queries import view

    found = view(session, case.utility_id, case.id, now())
    if found is not None:
        show(_told(found), "\n".join(_in_words(found)), as_json)


def _told(found: View) -> dict[str, Any]:
    return {
        **_listed(found.listed),
        "cause": found.listed.cause,
        "next_step": found.next_step,
        "missing": found.missing,
        "problems": found.problems,
        "present_holder": found.present_holder,
        "owed_cents": found.owed_cents,
        "deposit_cents": found.deposit_cents,
        "fees": [{"code": fee.code, "name": fee.name, "cents": fee.cents} for fee in found.fees],
        "documents": [
            {"code": one.item.code, "title": one.item.title, "required": one.item.required, "state": one.verdict}
            for one in found.papers
        ],
        "deadlines": [
            {"code": one.code, "last_day": one.last_day.isoformat(), "late": one.late, "source": one.source}
            for one in found.deadlines
        ],
        "result": found.case.result,
        "final_bill": _final(found.final) if found.final else None,
    }


def _final(found: FinalBill) -> dict[str, Any]:
    return {
        "run": found.run.code,
        "status": str(found.run.status),
        "open_exceptions": found.open_exceptions,
        "bills": [
            {
                "from": one.period_from.isoformat(),
                "to": one.period_to.isoformat(),
                "litres": one.litres,
                "total_cents": one.total_cents,
                "parked": one.parked,
                "number": one.number,
            }
            for one in found.lines
        ],
        "deposit_cents": found.deposit_cents,
        "balance_cents": found.balance_cents,
    }


def _in_words(found: View) -> list[str]:
    one = found.listed
    lines = [
        f"{one.number}  {one.procedure}  {one.state}  {one.effective_on}  {one.contract or one.supply}  {one.holder}"
    ]
    for paper in found.papers:
        mark = "" if paper.item.required else " (opcional / optional)"
        lines.append(f"  {paper.verdict:<9} {paper.item.code}: {paper.item.title}{mark}")
    lines += [f"  falta / missing: {what}" for what in found.missing]
    lines += [f"  impide / prevents: {problem}" for problem in found.problems]
    lines += [f"  plazo / deadline {due.last_day}: {due.title} ({due.source})" for due in found.deadlines]
    if found.next_step:
        lines.append(f"  próximo paso / next step: {found.next_step}")
    if found.final:
        final = found.final
        lines.append(
            f"  cierre / closing: {final.run.code}  {final.run.status}  {final.open_exceptions} por ver / open"
        )
        lines += [
            f"    {one.period_from} – {one.period_to}  {one.litres} l  {_euros(one.total_cents)} EUR  {one.number}"
            for one in final.lines
        ]
        lines.append(f"  saldo / balance: {_euros(final.balance_cents)} EUR")
    return lines


def _euros(cents: int) -> str:
    from decimal import Decimal

    return f"{Decimal(cents).scaleb(-2):.2f}"
