"""``sgc central bulk`` and ``sgc central shares``: general meters, and supplies that several contracts pay for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from central.cli import (
    ActorOption,
    ConfigOption,
    DbOption,
    JsonOption,
    UtilityOption,
    change,
    mount,
    settings_and_engine,
    show,
    show_rows,
    today,
)
from central.typed import day, day_or_none, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from sqlalchemy.orm import Session

    from central.register import Change
    from central.store.models import Contract, SupplyPoint

bulk = typer.Typer(no_args_is_help=True, help="Contadores generales y sus divisionarios / Bulk meters and sub-meters")
shares = typer.Typer(
    no_args_is_help=True, help="Suministros que pagan varios contratos / Supplies that several contracts pay for"
)
PointArgument = Annotated[str, typer.Argument(help="Punto de suministro / Supply point")]
OnOption = Annotated[str, typer.Option("--on", help="Primer día / First day (2026-01-01)")]
DayOption = Annotated[str | None, typer.Option("--on", help="En qué día; hoy / On which day; today")]


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    mount(bulk, "bulk")
    mount(shares, "shares")


@bulk.command("set", help="Qué suministros cuelgan de un contador general / Which supplies hang under a bulk meter")
def set_bulk(
    point: PointArgument,
    members: Annotated[list[str], typer.Argument(help="Suministros, con su peso: PS-2 PS-3=2 / Supplies with weight")],
    on: OnOption,
    policy: Annotated[
        str, typer.Option(help="difference (la paga el general), shared (se reparte), watch_only (nadie) / who pays")
    ] = "difference",
    by: Annotated[str, typer.Option(help="shared: equal, weight, litres")] = "equal",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """State a general meter's group from a day on."""
    from central.register import sharing
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("bulk set", config, db) as (_, engine), write_session(engine) as session:
        found = utility_named(session, utility).id
        weights = {}
        for text in members:
            code, _, weight = text.partition("=")
            weights[_point(session, found, code)] = whole(f"bulk_member.weight of {code}", weight or "1")
        general = _point(session, found, point)
        sharing.set_bulk(session, general, weights, day("--on", on), policy=policy, shared=by, by=change(actor))
    result = {"supply": point, "policy": policy, "members": len(weights), "on": on}
    show(result, f"{point}: {policy}, {len(weights)} desde {on}", as_json)


@shares.command("set", help="Qué parte de un suministro paga cada contrato / Which part each contract pays")
def set_shares(
    point: PointArgument,
    parts: Annotated[list[str], typer.Argument(help="Contratos con su parte: K-1=1/3 K-2=2/3 / Contracts with parts")],
    on: OnOption,
    by: Annotated[
        str, typer.Option(help="litres (cada uno con su tarifa), amount (se divide la factura) / what is divided")
    ] = "litres",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """State who pays which part of a supply, from a day on; one contract with all of it joins the supply to its own."""
    from central.register import sharing
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("shares set", config, db) as (_, engine), write_session(engine) as session:
        found = utility_named(session, utility).id
        divided = {}
        for text in parts:
            code, _, written = text.partition("=")
            divided[_contract(session, found, code)] = sharing.part(f"supply_share.part of {code}", written or "1")
        supply = _point(session, found, point)
        sharing.set_shares(session, supply, divided, day("--on", on), shared=by, by=change(actor))
        told = {contract.code: str(one) for contract, one in divided.items()}
    show({"supply": point, "by": by, "parts": told, "on": on}, f"{point}: {told} desde {on}", as_json)


def _end_bulk(session: Session, point: SupplyPoint, on: date, by: Change) -> None:
    from central.register.sharing import end_bulk

    end_bulk(session, point, on, by=by)


def _end_shares(session: Session, point: SupplyPoint, on: date, by: Change) -> None:
    from central.register.sharing import end_shares

    end_shares(session, point, on, by=by)


def _groups(session: Session, utility_id: int, on: date) -> list[dict[str, str]]:
    from central.register.sharing import groups

    return [
        {
            "supply": one.point,
            "policy": one.policy,
            "by": one.by,
            "members": " ".join(f"{code}={weight}" for code, weight in one.members.items()),
            "since": one.since.isoformat(),
        }
        for one in groups(session, utility_id, on)
    ]


def _divisions(session: Session, utility_id: int, on: date) -> list[dict[str, str]]:
    from central.register.sharing import divisions

    return [
        {
            "supply": one.point,
            "by": one.by,
            "parts": " ".join(f"{code}={part}" for code, part in one.parts.items()),
            "since": one.since.isoformat(),
        }
        for one in divisions(session, utility_id, on)
    ]


def _add_end(
    app: typer.Typer, name: str, work: Callable[[Session, SupplyPoint, date, Change], None], told: str
) -> None:
    """Add ``end``: what a supply point is ends on a day."""

    @app.command("end", help=told)
    def end(
        point: PointArgument,
        on: OnOption,
        utility: UtilityOption = None,
        config: ConfigOption = None,
        db: DbOption = None,
        actor: ActorOption = "operator",
        as_json: JsonOption = False,
    ) -> None:
        from central.register.utilities import utility_named
        from central.store import write_session

        with settings_and_engine(f"{name} end", config, db) as (_, engine), write_session(engine) as session:
            found = _point(session, utility_named(session, utility).id, point)
            work(session, found, day("--on", on), change(actor))
        show({"supply": point, "on": on}, f"{point}: hasta {on}", as_json)


def _add_list(
    app: typer.Typer, name: str, rows: Callable[[Session, int, date], list[dict[str, str]]], told: str
) -> None:
    """Add ``list``: the rows of a day."""

    @app.command("list", help=told)
    def listed(
        on: DayOption = None,
        utility: UtilityOption = None,
        config: ConfigOption = None,
        db: DbOption = None,
        as_json: JsonOption = False,
    ) -> None:
        from central.register.utilities import utility_named
        from central.store import read_session

        with settings_and_engine(f"{name} list", config, db) as (_, engine), read_session(engine) as session:
            found = rows(session, utility_named(session, utility).id, day_or_none("--on", on) or today())
        show_rows(found, as_json)


_add_end(bulk, "bulk", _end_bulk, "Deja de haber contador general / The supply is no bulk meter any more")
_add_list(bulk, "bulk", _groups, "Los contadores generales de un día / The bulk meters of a day")
_add_end(
    shares, "shares", _end_shares, "El suministro vuelve a ser de su contrato / The supply is its own contract's again"
)
_add_list(shares, "shares", _divisions, "Los suministros repartidos de un día / The divided supplies of a day")


def _point(session: Session, utility_id: int, code: str) -> SupplyPoint:
    from central.register import RegisterError
    from central.register.supply import find_supply_point

    found = find_supply_point(session, utility_id, code)
    if found is None:
        raise RegisterError("supply_point.code", code, "is not registered")
    return found


def _contract(session: Session, utility_id: int, code: str) -> Contract:
    from central.register import RegisterError
    from central.register.contracts import find_contract

    found = find_contract(session, utility_id, code)
    if found is None:
        raise RegisterError("contract.code", code, "is not registered")
    return found
