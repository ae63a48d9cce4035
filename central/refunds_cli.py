"""``sgc central refunds``: credits of customers, and paying them back with two people's yes and a file for the bank."""

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
    mount,
    now,
    settings_and_engine,
    show,
    show_rows,
)
from central.typed import day, one_of

if TYPE_CHECKING:
    from central.store.models import Refund

refunds = typer.Typer(no_args_is_help=True, help="Saldos a favor y su devolución / Credits and paying them back")
STATES = ("asked", "approved", "rejected", "sent", "paid", "returned")
IdArgument = Annotated[int, typer.Argument(min=1, max=MOST, help="Número de la devolución / The refund's id")]
OrderArgument = Annotated[str, typer.Argument(help="Código de la orden / The order's code (SGC-…)")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Motivo / Reason")]
OnOption = Annotated[str, typer.Option("--on", help="Fecha / Date (2026-05-04)")]


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    mount(refunds, "refunds")


@refunds.command("credits", help="Contratos con saldo a favor / Contracts with a credit")
def list_credits(
    utility: UtilityOption = None, config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """List credits, whose they are and what becomes of each: off the next bill, or paid back."""
    from central.collection.credits import credits_of, hidden, today
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("refunds credits", config, db) as (_, engine), read_session(engine) as session:
        found = credits_of(session, utility_named(session, utility).id, today(now()))
    rows = [
        {
            "contract": one.contract,
            "customer": one.customer,
            "holder": one.holder,
            "cents": one.cents,
            "fate": one.fate,
            "iban": hidden(one.iban),
            "asked_cents": one.asked,
        }
        for one in found
    ]
    show_rows(rows, as_json)


@refunds.command("list", help="Las devoluciones / The refunds")
def list_refunds(
    state: Annotated[str | None, typer.Option(help=f"{', '.join(STATES)}: solo esas / only those")] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List refunds, the newest first."""
    from central.collection.credits import hidden
    from central.collection.refunds import refunds as every
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("refunds list", config, db) as (_, engine), read_session(engine) as session:
        state = state if state is None else one_of("--state", state, STATES)
        rows = [
            {
                "id": one.refund.id,
                "contract": one.contract,
                "holder": one.refund.holder,
                "cents": one.refund.cents,
                "iban": hidden(one.refund.iban),
                "state": one.state,
                "asked_by": one.refund.asked_by,
                "reason": one.refund.reason,
            }
            for one in every(session, utility_named(session, utility).id, state)
        ]
    show_rows(rows, as_json)


@refunds.command("ask", help="Pide devolver el saldo de un contrato / Ask that a contract's credit be paid back")
def ask(
    reason: ReasonOption,
    contract: Annotated[
        str | None,
        typer.Argument(help="Contrato; sin él, todos los que se dieron de baja / Contract; without, all that ended"),
    ] = None,
    cents: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Céntimos; todo el saldo / Cents; the whole credit")
    ] = None,
    iban: Annotated[str, typer.Option(help="Otra cuenta del titular / Another account of the holder")] = "",
    customer: Annotated[str, typer.Option(help="De quién, si se debe a varios / Whose, where several are owed")] = "",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Ask for one refund, or for those of everybody who left."""
    from central.collection import refunds as service
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("refunds ask", config, db) as (_, engine), write_session(engine) as session:
        found = utility_named(session, utility).id
        if contract is None:
            made = service.ask_all(session, found, actor, now(), reason=reason)
        else:
            said = {"reason": reason, "iban": iban, "customer": customer}
            made = [service.ask(session, found, contract, actor, now(), cents=cents, **said)]
        rows = [_told(one) for one in made]
    show_rows(rows, as_json)


@refunds.command("approve", help="Aprueba una devolución; otra persona / Approve a refund; another person")
def approve(
    refund: IdArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Decide that it is paid back."""
    from central.collection import refunds as service
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("refunds approve", config, db) as (_, engine), write_session(engine) as session:
        row = service.refund_of(session, utility_named(session, utility).id, refund)
        service.approve(session, row, actor, now())
        told = _told(row)
    show(told, f"{refund}: {told['cents']} céntimos a {told['iban']}", as_json)


@refunds.command("reject", help="Rechaza una devolución / Reject a refund")
def reject(
    refund: IdArgument,
    reason: ReasonOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Decide against it."""
    from central.collection import refunds as service
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("refunds reject", config, db) as (_, engine), write_session(engine) as session:
        row = service.refund_of(session, utility_named(session, utility).id, refund)
        service.reject(session, row, actor, now(), reason)
        told = _told(row)
    show(told, f"{refund}: rechazada", as_json)


@refunds.command("export", help="Fichero SEPA (pain.001) de lo aprobado / SEPA file of what is approved")
def export(
    file: Annotated[Path, typer.Argument(help="Dónde se escribe / Where it is written")],
    iban: Annotated[str, typer.Option(help="Cuenta de la que se paga / Account that pays")],
    on: OnOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Put everything approved into one order; ``file`` writes it again."""
    from central.collection import refunds as service
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("refunds export", config, db) as (_, engine), write_session(engine) as session:
        found = utility_named(session, utility).id
        made = service.export(session, found, actor, now(), iban=iban, execute_on=day("--on", on))
        file.write_text(made.content, encoding="utf-8")
        told = {"order": made.code, "transfers": made.transfers, "cents": made.total_cents, "sha256": made.sha256}
    show(told, f"{told['order']}: {told['transfers']}, {told['cents']} céntimos → {file}", as_json)


@refunds.command("file", help="Vuelve a escribir el fichero de una orden / Write an order's file again")
def write_file(
    order: OrderArgument,
    file: Annotated[Path, typer.Argument(help="Dónde se escribe / Where it is written")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an order's file as it was made."""
    from central.collection import refunds as service
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("refunds file", config, db) as (_, engine), read_session(engine) as session:
        row = service.order_named(session, utility_named(session, utility).id, order)
        file.write_text(row.content, encoding="utf-8")
        told = {"order": row.code, "sha256": row.sha256}
    show(told, f"{order} → {file}", as_json)


@refunds.command("paid", help="El banco ha pagado una orden / The bank has paid an order")
def paid(
    order: OrderArgument,
    on: OnOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Post an order's payments."""
    from central.collection import refunds as service
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("refunds paid", config, db) as (_, engine), write_session(engine) as session:
        row = service.order_named(session, utility_named(session, utility).id, order)
        count = service.paid(session, row, actor, now(), day("--on", on))
    show({"order": order, "paid": count, "on": on}, f"{order}: {count} pagadas el {on}", as_json)


@refunds.command("returned", help="El banco devuelve una transferencia / The bank gave a transfer back")
def returned(
    refund: IdArgument,
    on: OnOption,
    reason: ReasonOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Give the contract its credit again."""
    from central.collection import refunds as service
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("refunds returned", config, db) as (_, engine), write_session(engine) as session:
        row = service.refund_of(session, utility_named(session, utility).id, refund)
        service.returned(session, row, actor, now(), day("--on", on), reason)
        told = _told(row)
    show(told, f"{refund}: devuelta el {on}", as_json)


def _told(row: Refund) -> dict[str, Any]:
    from central.collection.credits import hidden
    from central.collection.refunds import state_of

    return {"id": row.id, "holder": row.holder, "cents": row.cents, "iban": hidden(row.iban), "state": state_of(row)}
