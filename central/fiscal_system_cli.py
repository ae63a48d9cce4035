"""``sgc central fiscal system …``: which system holds from which day, proposed by one, confirmed by another."""

from __future__ import annotations

from datetime import datetime
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
    now,
    settings_and_engine,
    show,
    show_rows,
)

if TYPE_CHECKING:
    from central.store.models import FiscalRegime

system = typer.Typer(
    no_args_is_help=True,
    help="Sistema fiscal por fechas / The fiscal system by dates",
)
FROM_HELP = "Desde qué fecha de expedición / From which issue date"
CHANGE_HELP = "Identificador del cambio / The change's id"
ChangeArgument = Annotated[int, typer.Argument(min=1, max=MOST, help=CHANGE_HELP)]


@system.command(
    "list", help="Qué sistema rige desde cuándo, y lo propuesto / What holds since when, and what is proposed"
)
def list_systems(
    utility: UtilityOption = None, config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """List the systems in force in time, then every change proposed."""
    from central.invoicing import regimes
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("fiscal system list", config, db) as (_, engine), read_session(engine) as session:
        owner = utility_named(session, utility).id
        spans = [
            {
                "from": None if span.start == regimes.EVER else span.start.isoformat(),
                "until": span.end.isoformat() if span.end else None,
                "system": span.fiscal.system,
            }
            for span in regimes.spans(session, owner)
        ]
        changes = [_shown(row) for row in regimes.regimes(session, owner)]
    if as_json:
        show({"systems": spans, "changes": changes}, "", as_json)
        return
    show_rows(spans, as_json)
    show_rows(changes, as_json)


@system.command(help="Propone un cambio de sistema / Propose a change of system")
def propose(
    settings: Annotated[Path, typer.Argument(help="Ajustes fiscales (JSON) / Fiscal settings (JSON)", exists=True)],
    start: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help=FROM_HELP)],
    reason: Annotated[str, typer.Option(help="Por qué / Why")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Record a change for another person to confirm."""
    import msgspec

    from central.invoicing import regimes
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("fiscal system propose", config, db) as (_, engine), write_session(engine) as session:
        try:
            stated = msgspec.json.decode(settings.read_bytes(), type=dict)
        except msgspec.DecodeError as error:
            raise ValueError(f"{settings}: {error}") from None
        owner = utility_named(session, utility).id
        row = regimes.propose(session, owner, start.date(), stated, actor, now(), reason)
        told = _shown(row)
    show(told, f"{told['id']}  {told['from']}  {told['system']}", as_json)


@system.command(help="Confirma un cambio que propuso otra persona / Confirm a change that somebody else proposed")
def confirm(
    change: ChangeArgument,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Put a change in force."""
    from central.invoicing import regimes
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("fiscal system confirm", config, db) as (_, engine), write_session(engine) as session:
        row = regimes.regime(session, utility_named(session, utility).id, change)
        regimes.confirm(session, row, actor, now())
        told = _shown(row)
    show(told, f"{told['from']}  {told['system']}  {told['decision']}", as_json)


@system.command(help="Rechaza un cambio / Reject a change")
def reject(
    change: ChangeArgument,
    reason: Annotated[str, typer.Option(help="Por qué / Why")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Decide against a change; it stays on record."""
    from central.invoicing import regimes
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("fiscal system reject", config, db) as (_, engine), write_session(engine) as session:
        row = regimes.regime(session, utility_named(session, utility).id, change)
        regimes.reject(session, row, actor, now(), reason)
        told = _shown(row)
    show(told, f"{told['from']}  {told['system']}  {told['decision']}", as_json)


def _shown(row: FiscalRegime) -> dict[str, object]:
    return {
        "id": row.id,
        "from": row.valid_from.isoformat(),
        "system": row.system,
        "decision": row.decision,
        "proposed_by": row.proposed_by,
        "decided_by": row.decided_by,
        "reason": row.reason,
    }
