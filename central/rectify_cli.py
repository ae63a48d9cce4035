"""``sgc rectify``: propose, look at, issue and reject rectifications of issued bills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from central.cli import (
    MOST,
    ActorOption,
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    key_ring,
    now,
    settings_and_engine,
    show,
    show_rows,
    today,
)
from central.typed import day, day_or_none

if TYPE_CHECKING:
    from billing.invoice import InvoiceType
    from central.invoicing.rectify.queries import Listed, Preview

rectify = typer.Typer(
    no_args_is_help=True,
    help="Facturas rectificativas: proponer, ver, emitir / Rectifying invoices",
)
IdArgument = Annotated[int, typer.Argument(min=1, max=MOST, help="Número de la propuesta / The proposal's id")]


def register(app: typer.Typer) -> None:
    """Mount the commands on the root application."""
    app.add_typer(rectify, name="rectify")


@rectify.command(help="Propone rectificar facturas de un contrato / Propose to rectify bills of one contract")
def propose(
    invoices: Annotated[list[str], typer.Argument(help="Números de factura / Invoice numbers")],
    reason: Annotated[str, typer.Option(help="Causa, para la factura / Cause, as the invoice states it")],
    cause: Annotated[
        str,
        typer.Option(
            help="correct (recalcula), spread (reparte estimaciones), cancel (anula) / correct, spread, cancel"
        ),
    ] = "correct",
    kind: Annotated[str, typer.Option(help="R1 a R4 / R1 to R4")] = "R4",
    method: Annotated[str, typer.Option(help="I diferencias, S sustitución / I differences, S substitution")] = "I",
    series: Annotated[str, typer.Option(help="Serie de rectificativas / Series of rectifying invoices")] = "R",
    until: Annotated[
        str | None, typer.Option(help="spread: fin del periodo con lectura real / end of the period that was read")
    ] = None,
    repaired: Annotated[
        str | None, typer.Option(help="leak: fecha de la factura de la reparación / date of the repair's invoice")
    ] = None,
    hidden: Annotated[bool, typer.Option(help="leak: si la fuga era oculta / whether the leak was hidden")] = True,
    actor: ActorOption = "cli",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store a proposal and show its preview."""
    from central.invoicing.rectify import Request
    from central.invoicing.rectify import propose as proposed
    from central.invoicing.rectify.leak import LEAK, Evidence
    from central.invoicing.rectify.standing import invoice_named
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("rectify", config, db) as (_, engine), write_session(engine) as session:
        place = utility_named(session, utility).id
        ids = tuple(invoice_named(session, place, number).id for number in invoices)
        mended = day_or_none("--repaired", repaired)
        evidence = Evidence(hidden, mended) if cause == LEAK else None
        read_to = day_or_none("--until", until)
        asked = Request(ids, cause, _kind(kind), _method(method), series, reason, read_to, evidence)
        row = proposed(session, place, asked, actor, now())
        _show_one(session, place, row.id, as_json)


@rectify.command("sweep", help="Propone lo mismo para todos los contratos / Propose the same for every contract")
def sweep_all(
    since: Annotated[str, typer.Option(help="Periodos que empiezan desde / Periods that begin from (2026-01-01)")],
    reason: Annotated[str, typer.Option(help="Causa, para la factura / Cause, as the invoice states it")],
    until: Annotated[str | None, typer.Option(help="Y antes de / And before")] = None,
    kind: Annotated[str, typer.Option(help="R1 a R4 / R1 to R4")] = "R1",
    method: Annotated[str, typer.Option(help="I diferencias, S sustitución / I differences, S substitution")] = "I",
    series: Annotated[str, typer.Option(help="Serie de rectificativas / Series of rectifying invoices")] = "R",
    actor: ActorOption = "cli",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose every bill that rates differently now; exit 1 where a contract could not be proposed."""
    from central.invoicing.rectify import Request
    from central.invoicing.rectify.sweep import sweep
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("rectify sweep", config, db) as (_, engine):
        with read_session(engine) as session:
            place = utility_named(session, utility).id
        asked = Request((), "correct", _kind(kind), _method(method), series, reason)
        first, end = day("--since", since), day_or_none("--until", until)
        found = sweep(engine, place, asked, first, end, actor, now())
    told = {
        "proposed": found.proposed,
        "bills": found.bills,
        "cents": found.cents,
        "right": found.right,
        "waiting": found.waiting,
        "refused": found.refused,
    }
    text = (
        f"{len(found.proposed)} propuestas, {found.bills} facturas, {found.cents / 100:.2f} €; {found.right} correctas"
    )
    show(told, "\n".join([text, *(f"{code}: {why}" for code, why in found.refused.items())]), as_json)
    if found.refused:
        raise typer.Exit(1)


@rectify.command("issue-all", help="Emite las propuestas de una causa / Issue every proposal that states a cause")
def issue_every(
    reason: Annotated[str, typer.Option(help="La causa que declaran / The cause they state")],
    due: Annotated[str, typer.Option(help="Último día de pago / Last day to pay (2026-05-31)")],
    on: Annotated[str | None, typer.Option("--date", help="Fecha de emisión; hoy / Issue date; today")] = None,
    actor: ActorOption = "cli",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Issue what another person proposed; exit 1 where a proposal could not be issued."""
    from central.invoicing.rectify.sweep import issue_all
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("rectify issue-all", config, db) as (settings, engine):
        with read_session(engine) as session:
            place = utility_named(session, utility).id
        ring, last = key_ring(settings), day("--due", due)
        first = day_or_none("--date", on) or today()
        made = issue_all(engine, place, reason, actor, now(), issue_date=first, due_date=last, ring=ring)
    told = {
        "invoices": made.invoices,
        "cents": made.cents,
        "refused": {str(key): why for key, why in made.refused.items()},
    }
    show(
        told, "\n".join([f"{made.invoices} rectificativas, {made.cents / 100:.2f} €", *made.refused.values()]), as_json
    )
    if made.refused:
        raise typer.Exit(1)


@rectify.command("list", help="Propuestas, la más nueva primero / Proposals, the newest first")
def list_all(
    only_open: Annotated[bool, typer.Option("--open", help="Solo las pendientes / Only open ones")] = False,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List rectifications."""
    from central.invoicing.rectify.queries import rectifications
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("rectify", config, db) as (_, engine), read_session(engine) as session:
        found = rectifications(session, utility_named(session, utility).id, open_only=only_open)
        show_rows([_listed(one) for one in found], as_json)


@rectify.command("show", help="Una propuesta: antes y después, línea a línea / A proposal: before and after, by line")
def show_one(
    rectification: IdArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one rectification."""
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("rectify", config, db) as (_, engine), read_session(engine) as session:
        _show_one(session, utility_named(session, utility).id, rectification, as_json)


@rectify.command(help="Emite una propuesta de otra persona / Issue a proposal of another person")
def issue(
    rectification: IdArgument,
    due: Annotated[str, typer.Option(help="Último día de pago / Last day to pay (2026-05-31)")],
    on: Annotated[str | None, typer.Option("--date", help="Fecha de emisión; hoy / Issue date; today")] = None,
    actor: ActorOption = "cli",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Issue a rectification's invoices."""
    from central.invoicing.rectify import issue as issued
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("rectify", config, db) as (settings, engine), write_session(engine) as session:
        row = _found(session, utility_named(session, utility).id, rectification)
        ring, last = key_ring(settings), day("--due", due)
        first = day_or_none("--date", on) or today()
        made = issued(session, row, actor, now(), issue_date=first, due_date=last, ring=ring)
        show_rows(
            [
                {"invoice": one.number_text, "kind": one.kind, "litres": one.litres, "total_cents": one.total_cents}
                for one in made
            ],
            as_json,
        )


@rectify.command(help="Rechaza una propuesta / Reject a proposal")
def reject(
    rectification: IdArgument,
    reason: Annotated[str, typer.Option(help="Por qué / Why")],
    actor: ActorOption = "cli",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reject a rectification."""
    from central.invoicing.rectify import reject as rejected
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("rectify", config, db) as (_, engine), write_session(engine) as session:
        row = _found(session, utility_named(session, utility).id, rectification)
        rejected(session, row, actor, now(), reason)
    show({"rectification": rectification, "decision": "rejected"}, f"{rectification}: rechazada / rejected", as_json)


def _kind(text: str) -> InvoiceType:
    from billing.invoice import InvoiceType

    if text not in list(InvoiceType) or not text.startswith("R"):
        raise ValueError(f"--kind {text}: must be R1, R2, R3, R4 or R5")
    return InvoiceType(text)


def _method(text: str) -> Literal["S", "I"]:
    if text == "S":
        return "S"
    if text == "I":
        return "I"
    raise ValueError(f"--method {text}: must be S or I")


def _found(session: Any, utility_id: int, rectification_id: int) -> Any:
    from central.store.models import Rectification

    row = session.get(Rectification, (utility_id, rectification_id))
    if row is None:
        raise ValueError(f"rectification {rectification_id}: does not exist")
    return row


def _show_one(session: Any, utility_id: int, rectification_id: int, as_json: bool) -> None:
    from central.invoicing.rectify.queries import rectification

    found = rectification(session, utility_id, rectification_id)
    if found is None:
        raise ValueError(f"rectification {rectification_id}: does not exist")
    listed, previews = found
    told = {**_listed(listed), "bills": [_preview(one) for one in previews]}
    show(told, "\n".join(_in_words(listed, previews)), as_json)


def _listed(one: Listed) -> dict[str, Any]:
    return {
        "id": one.id,
        "contract": one.contract,
        "cause": one.cause,
        "kind": one.kind,
        "method": one.method,
        "difference": str(one.difference),
        "proposed_by": one.proposed_by,
        "decision": one.decision or "open",
        "decided_by": one.decided_by or "",
        "reason": one.reason,
    }


def _preview(one: Preview) -> dict[str, Any]:
    lines = [
        {
            "description": (change.after or change.before).description,  # type: ignore[union-attr]
            "before": str(change.before.amount) if change.before else None,
            "after": str(change.after.amount) if change.after else None,
        }
        for change in one.lines
    ]
    return {
        "invoice": one.number,
        "from": one.period_from.isoformat(),
        "to": one.period_to.isoformat(),
        "litres": [one.litres_before, one.litres_after],
        "total": [str(one.before), str(one.after)],
        "lines": lines,
        "result": one.result,
    }


def _in_words(listed: Listed, previews: list[Preview]) -> list[str]:
    state = listed.decision or "pendiente / open"
    head = f"{listed.id}  {listed.kind} {listed.method}  {listed.contract}  {state}  {listed.reason}"
    lines = [head]
    for one in previews:
        lines.append(f"{one.number}  {one.litres_before} → {one.litres_after} l  {one.before} → {one.after} €")
        for change in _preview(one)["lines"]:
            mark = " " if change["before"] == change["after"] else "*"
            lines.append(f"  {mark} {change['description']}: {change['before'] or '–'} → {change['after'] or '–'}")
    return lines
