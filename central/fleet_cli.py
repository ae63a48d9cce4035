"""``sgc central route`` and ``sgc central order``: rounds and routes, work orders, what allows a cut."""

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
    key_ring,
    mount,
    now,
    route,
    settings_and_engine,
    show,
    show_rows,
)
from central.typed import cents, day, day_or_none, one_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from central.fleet.progress import Progress
    from central.store.models import Contract, Device, Route, WorkOrder

order = typer.Typer(no_args_is_help=True, help="Órdenes de trabajo / Work orders")
cut = typer.Typer(no_args_is_help=True, help="Lo que permite un corte, y lo que lo impide / What allows a cut")
RouteArgument = Annotated[str, typer.Argument(help="Código de la ruta / The route's code")]
OrderArgument = Annotated[str, typer.Argument(help="Código de la orden / The order's code")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Motivo / Reason")]
OnOption = Annotated[str | None, typer.Option("--on", help="Día / Day (2026-12-01)")]
DeviceOption = Annotated[str | None, typer.Option("--device", help="Terminal / Device")]


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    mount(order, "order")
    mount(cut, "cut", order)


# Routes ------------------------------------------------------------------------------------------------------------


@route.command("build", help="Divide una ronda en rutas equilibradas / Divide a round into balanced routes")
def build(
    code: Annotated[str, typer.Argument(help="Código de la ronda / The round's code")],
    on: Annotated[list[str], typer.Option("--on", help="Días / Days (2026-12-01)")],
    device: Annotated[list[str] | None, typer.Option("--device", help="Terminales / Devices")] = None,
    routes: Annotated[
        int, typer.Option("--routes", min=1, max=1000, help="Cuántas, sin terminal / How many, no device")
    ] = 1,
    zone: Annotated[str | None, typer.Option(help="Solo esta zona / Only this zone")] = None,
    street: Annotated[list[str] | None, typer.Option("--street", help="Solo estas calles / Only these streets")] = None,
    supplies: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Fichero de suministros / File of supply codes")
    ] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Lista cerrada: solo estos / Only these meters")] = False,
    by_streets: Annotated[bool, typer.Option("--by-streets", help="Calle a calle / Street by street")] = False,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Make a round: one route for each device and day, of about the same walking time."""
    from central.fleet.progress import progress_of
    from central.fleet.rounds import Round, plan_round
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("route build", config, db) as (_, engine):
        wanted = Round(
            code=code,
            days=[day("--on", one) for one in on],
            devices=device or [],
            routes=routes,
            zone=zone,
            streets=street or [],
            supplies=supplies.read_text(encoding="utf-8").split() if supplies else None,
            closed_list=closed,
            way="streets" if by_streets else "clusters",
        )
        with write_session(engine) as session:
            made = plan_round(session, utility_named(session, utility).id, wanted, by=change(actor))
            rows = [_told(one) for one in progress_of(session, made, now())]
    show_rows(rows, as_json)


@route.command("list", help="Las rutas, la última primero / The routes, the newest first")
def list_routes(
    code: Annotated[str | None, typer.Option("--round", help="Solo esta ronda / Only this round")] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List routes with their progress."""
    from central.fleet import progress
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("route list", config, db) as (_, engine), read_session(engine) as session:
        found = progress.list_routes(session, utility_named(session, utility).id, round_code=code)
        rows = [_told(one) for one in progress.progress_of(session, found, now())]
    show_rows(rows, as_json)


@route.command("progress", help="Lo que se ha leído de una ruta / What has been read of a route")
def show_progress(
    code: RouteArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """The counts of a route's stops by state."""
    from central.fleet.progress import progress
    from central.store import read_session

    with settings_and_engine("route progress", config, db) as (_, engine), read_session(engine) as session:
        found = progress(session, _route(session, utility, code), now())
    counts = ", ".join(f"{state} {count}" for state, count in found.counts.items())
    show(_told(found), f"{code}: {found.read}/{found.total} ({counts})", as_json)


@route.command("show", help="Las paradas de una ruta / The stops of a route")
def show_route(
    code: RouteArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """A route stop by stop, in walking order."""
    from central.fleet.progress import progress
    from central.store import read_session

    with settings_and_engine("route show", config, db) as (_, engine), read_session(engine) as session:
        found = progress(session, _route(session, utility, code), now())
    rows = [
        {
            "position": stop.position,
            "supply": stop.supply,
            "address": f"{stop.street} {stop.number}".strip(),
            "meter": stop.meter,
            "state": stop.state,
            "litres": stop.litres,
            "code": stop.code,
            "reread": stop.reread,
        }
        for stop in found.stops
    ]
    show_rows(rows, as_json)


@route.command("assign", help="Da una ruta a un terminal / Give a route to a device")
def assign_route(
    code: RouteArgument,
    device: Annotated[str, typer.Option("--device", help="Terminal / Device")],
    on: OnOption = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Give a route to a device and a day; it is sent with the next message."""
    from central.fleet.rounds import assign
    from central.store import write_session

    with settings_and_engine("route assign", config, db) as (_, engine), write_session(engine) as session:
        found = _route(session, utility, code)
        assign(session, found, _device(session, device), planned_on=day_or_none("--on", on), by=change(actor))
        result = {"route": code, "device": device, "on": found.planned_on.isoformat()}
    show(result, f"{code} → {device} ({result['on']})", as_json)


@route.command("reread", help="Pide una segunda lectura / Order a second reading")
def reread(
    code: RouteArgument,
    supply: Annotated[list[str], typer.Option("--supply", help="Suministros / Supply points")],
    device: DeviceOption = None,
    on: OnOption = None,
    why: Annotated[str, typer.Option("--why", help="Lo que verá el lector / What the reader sees")] = "Leer otra vez",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Order chosen supply points of a route to be read again."""
    from central.fleet import rounds
    from central.store import write_session

    with settings_and_engine("route reread", config, db) as (_, engine), write_session(engine) as session:
        made = rounds.reread(
            session,
            _route(session, utility, code),
            supply,
            planned_on=day_or_none("--on", on),
            device=_device(session, device) if device else None,
            instructions=why,
            by=change(actor),
        )
        rows = [{"order": one.code, "supply": name} for one, name in zip(made, supply, strict=True)]
    show_rows(rows, as_json)


@route.command("cancel", help="Retira una ruta / Take a route back")
def cancel_route(
    code: RouteArgument,
    reason: ReasonOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Take a route back; what was read of it stays read."""
    from central.fleet.rounds import cancel
    from central.store import write_session

    with settings_and_engine("route cancel", config, db) as (_, engine), write_session(engine) as session:
        if not reason.strip():
            raise ValueError(f"--reason {reason!r}: a route that is taken back needs its reason")
        cancel(session, _route(session, utility, code), by=change(actor, reason))
    show({"route": code, "status": "cancelled"}, f"{code}: cancelled", as_json)


# Orders ------------------------------------------------------------------------------------------------------------


@order.command("create", help="Ordena un trabajo / Order work")
def create(
    kind: Annotated[
        str, typer.Argument(help="read, inspect, seal, replace, install, remove, cut, reconnect / what to do")
    ],
    supply: Annotated[str, typer.Argument(help="Código del suministro / The supply point's code")],
    cause: Annotated[str, typer.Option("--cause", help="Causa / Cause")] = "staff",
    instructions: Annotated[str, typer.Option("--say", help="Lo que verá el lector / What the reader sees")] = "",
    device: DeviceOption = None,
    on: OnOption = None,
    finding: Annotated[int | None, typer.Option("--finding", min=1, max=MOST, help="Hallazgo / Finding")] = None,
    contract: Annotated[str | None, typer.Option("--contract", help="Contrato / Contract")] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Make a work order; a cut that is not lawful is refused with the rule's name."""
    from central.fleet.orders import Wanted, order_work
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("order create", config, db) as (_, engine), write_session(engine) as session:
        wanted = Wanted(
            kind, supply, cause, instructions, day_or_none("--on", on), contract=contract, finding_id=finding
        )
        carrier = _device(session, device) if device else None
        made = order_work(session, utility_named(session, utility).id, wanted, device=carrier, by=change(actor))
        result = {"order": made.code, "kind": kind, "supply": supply, "status": made.status, "device": device}
    show(result, f"{result['order']}: {kind} {supply}", as_json)


@order.command("list", help="Las órdenes, la última primero / The orders, the newest first")
def list_orders(
    status: Annotated[str | None, typer.Option("--status", help="Estado / Status")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Clase / Kind")] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List work orders."""
    from central.fleet.kinds import KINDS, STATUSES
    from central.fleet.queries import OrderFilters, orders
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("order list", config, db) as (_, engine), read_session(engine) as session:
        status = status if status is None else one_of("--status", status, STATUSES)
        kind = kind if kind is None else one_of("--kind", kind, KINDS)
        found = orders(session, utility_named(session, utility).id, OrderFilters(status=status, kind=kind))
        rows = [
            {
                "order": one.code,
                "kind": one.kind,
                "status": one.status,
                "supply": one.supply,
                "device": one.device,
                "on": one.planned_on.isoformat() if one.planned_on else None,
                "due_by": one.due_by.isoformat() if one.due_by else None,
                "conflicts": one.conflicts,
            }
            for one in found
        ]
    show_rows(rows, as_json)


@order.command("assign", help="Da una orden a un terminal / Give an order to a device")
def assign_order(
    code: OrderArgument,
    device: Annotated[str, typer.Option("--device", help="Terminal / Device")],
    on: OnOption = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Give an order to a device; it is sent with the next message."""
    from central.fleet import orders
    from central.store import write_session

    with settings_and_engine("order assign", config, db) as (_, engine), write_session(engine) as session:
        found = _order(session, utility, code)
        carrier = _device(session, device)
        orders.assign_order(session, found, carrier, planned_on=day_or_none("--on", on), by=change(actor))
    show({"order": code, "device": device, "status": "planned"}, f"{code} → {device}", as_json)


@order.command("cancel", help="Retira una orden / Withdraw an order")
def cancel_order(
    code: OrderArgument,
    reason: ReasonOption,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Withdraw an order that is not done."""
    from central.fleet import orders
    from central.store import write_session

    with settings_and_engine("order cancel", config, db) as (_, engine), write_session(engine) as session:
        orders.cancel_order(session, _order(session, utility, code), by=change(actor, reason))
    show({"order": code, "status": "cancelled"}, f"{code}: cancelled", as_json)


@order.command("settle", help="Aplica lo que comunicaron los terminales / Apply what devices reported")
def settle(config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False) -> None:
    """Settle new reports, withdraw unlawful cuts and order reconnections now, as the running service does by itself."""
    from central.fleet.sending import settle_and_watch

    with settings_and_engine("order settle", config, db) as (settings, engine):
        settled = settle_and_watch(engine, key_ring(settings), now())
    show({"settled": settled}, f"{settled} reports settled", as_json)


@order.command("decide", help="Resuelve un parte en conflicto / Decide on a report in conflict")
def decide(
    report: Annotated[int, typer.Argument(min=1, max=MOST, help="Identificador del parte / The report's id")],
    reason: ReasonOption,
    apply: Annotated[bool, typer.Option("--apply/--dismiss", help="Aplicarlo o dejarlo / Apply it or leave it")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Apply a report that contradicted the register after all, or leave it aside."""
    from central.fleet import outcomes
    from central.register.utilities import utility_named
    from central.store import write_session
    from central.store.models import OrderReport

    with settings_and_engine("order decide", config, db) as (settings, engine), write_session(engine) as session:
        found = session.get(OrderReport, (utility_named(session, utility).id, report))
        if found is None:
            raise KeyError(f"order report: {report} does not exist")
        outcomes.decide(session, found, apply=apply, ring=key_ring(settings), by=change(actor, reason))
        result = {"report": report, "order": found.order_code, "status": found.status}
    show(result, f"{report}: {result['status']}", as_json)


@cut.command("record", help="Anota un paso o una protección / Keep a step taken or a protection")
def record_fact(
    contract: Annotated[str, typer.Argument(help="Código del contrato / The contract's code")],
    kind: Annotated[str, typer.Argument(help="demand, authority, essential, claim, instalments / what is known of it")],
    since: Annotated[str, typer.Option("--since", help="Desde / Since (2026-11-02)")],
    reference: Annotated[str, typer.Option("--reference", help="Referencia de la prueba / Reference of the proof")],
    until: Annotated[str | None, typer.Option("--until", help="Hasta, sin incluirlo / Until, excluded")] = None,
    amount: Annotated[str | None, typer.Option("--amount", help="Euros reclamados / Euros claimed (80.25)")] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Keep what the law asks about a contract."""
    from central.fleet import cuts
    from central.store import write_session

    with settings_and_engine("order cut record", config, db) as (_, engine), write_session(engine) as session:
        made = cuts.record_fact(
            session,
            _contract(session, utility, contract),
            kind,
            day("--since", since),
            reference,
            until=day_or_none("--until", until),
            cents=cents("--amount", amount) if amount is not None else None,
            by=change(actor),
        )
        result = {"fact": made.id, "contract": contract, "kind": kind, "since": since}
    show(result, f"{contract}: {kind} {since}", as_json)


@cut.command("check", help="¿Se puede cortar ese día? / May it be cut on that day?")
def check(
    contract: Annotated[str, typer.Argument(help="Código del contrato / The contract's code")],
    on: Annotated[str, typer.Option("--on", help="Día / Day (2026-12-01)")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every rule that forbids a cut on a day; exit 1 where one does."""
    from central.fleet import cuts
    from central.store import read_session

    with settings_and_engine("order cut check", config, db) as (_, engine), read_session(engine) as session:
        found = cuts.forbidden(session, _contract(session, utility, contract), day("--on", on), now())
    rows: list[dict[str, Any]] = [{"rule": one.rule, "text": one.text} for one in found]
    if as_json:
        show({"contract": contract, "on": on, "lawful": not found, "refusals": rows}, "", as_json)
    else:
        show_rows(rows or [{"rule": "-", "text": f"{contract}: lawful on {on}"}], as_json)
    if found:
        raise typer.Exit(1)


# What the commands share -------------------------------------------------------------------------------------------


def _told(found: Progress) -> dict[str, Any]:
    return {
        "route": found.code,
        "round": found.round,
        "device": found.device,
        "on": found.planned_on.isoformat(),
        "status": found.status,
        "closed": found.closed_list,
        "stops": found.total,
        **found.counts,
        "minutes": found.seconds // 60,
        "metres": found.metres,
    }


def _route(session: Session, utility: str | None, code: str) -> Route:
    from central.register.routes import find_route
    from central.register.utilities import utility_named

    found = find_route(session, utility_named(session, utility).id, code)
    if found is None:
        raise KeyError(f"route: {code!r} does not exist")
    return found


def _order(session: Session, utility: str | None, code: str) -> WorkOrder:
    from central.fleet.orders import find_order
    from central.register.utilities import utility_named

    found = find_order(session, utility_named(session, utility).id, code)
    if found is None:
        raise KeyError(f"order: {code!r} does not exist")
    return found


def _contract(session: Session, utility: str | None, code: str) -> Contract:
    from central.register.contracts import find_contract
    from central.register.utilities import utility_named

    found = find_contract(session, utility_named(session, utility).id, code)
    if found is None:
        raise KeyError(f"contract: {code!r} does not exist")
    return found


def _device(session: Session, name: str) -> Device:
    from central.register.devices import find_device

    found = find_device(session, name)
    if found is None:
        raise KeyError(f"device: {name!r} is not enrolled")
    return found
