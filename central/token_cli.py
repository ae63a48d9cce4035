"""``sgc central token``: the tokens of programs that use the API."""

from __future__ import annotations

from datetime import timedelta
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
    now,
    settings_and_engine,
    show,
    show_rows,
)

if TYPE_CHECKING:
    from central.access import Permission

token = typer.Typer(no_args_is_help=True, help="Credenciales de la API / Tokens of the API")


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    mount(token, "token")


@token.command("create", help="Crea una; el secreto se enseña una sola vez / Make one; its secret is shown only once")
def create(
    login: Annotated[str, typer.Option(help="Usuario que actúa / The user it acts as")],
    name: Annotated[str, typer.Option(help="Para qué es / What it is for")],
    days: Annotated[int, typer.Option(min=1, max=366, help="Días que vale / Days it is valid")] = 90,
    scope: Annotated[
        list[str] | None, typer.Option(help="Solo este permiso; se puede repetir / Only this; may be repeated")
    ] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Make a token and print its secret."""
    from central.access import create_token
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("token create", config, db) as (_, engine), write_session(engine) as session:
        place = utility_named(session, utility)
        scopes = [_permission(one) for one in scope or []]
        made, secret = create_token(session, place.id, login, name, timedelta(days), actor, now(), scopes)
        result = {"id": str(made.id), "login": login, "name": name, "expires_at": made.expires_at.isoformat()}
    show({**result, "secret": secret}, secret, as_json)


def _permission(text: str) -> Permission:
    from central.access import Permission

    known = [one.value for one in Permission]
    if text not in known:
        raise ValueError(f"--scope {text}: must be one of {', '.join(known)}")
    return Permission(text)


@token.command("list", help="Las que hay / Those there are")
def listing(
    utility: UtilityOption = None, config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """List the tokens, without their secrets."""
    from central.access import tokens
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("token list", config, db) as (_, engine), read_session(engine) as session:
        rows = [
            {
                "id": str(found.id),
                "login": login,
                "name": found.name,
                "expires_at": found.expires_at.isoformat(),
                "revoked_at": found.revoked_at.isoformat() if found.revoked_at else None,
            }
            for found, login in tokens(session, utility_named(session, utility).id)
        ]
    show_rows(rows, as_json)


@token.command("revoke", help="Anula una / Revoke one")
def revoke(
    token_id: Annotated[int, typer.Argument(min=1, max=MOST, help="Identificador / Its id")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """End a token."""
    from central.access import revoke_token
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("token revoke", config, db) as (_, engine), write_session(engine) as session:
        ended = revoke_token(session, utility_named(session, utility).id, token_id, actor, now())
        result = {"id": str(ended.id), "revoked_at": ended.revoked_at.isoformat() if ended.revoked_at else None}
    show(result, f"{token_id} anulada / revoked", as_json)
