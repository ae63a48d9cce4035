"""``sgc central user`` and ``sgc central grant``: who may log in, and as what the web process meets the database."""

from __future__ import annotations

from typing import Annotated

import typer

from central.cli import (
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
from central.factors_cli import mount_factors

user = typer.Typer(no_args_is_help=True, help="Usuarios / Users")


def register(_app: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central``."""
    mount_factors(user)
    mount(user, "user")
    mount_command(grant, "grant", GRANT_HELP)


GRANT_HELP = (
    "Da a un rol de PostgreSQL lo que el portal necesita, servicio a servicio / "
    "Give a PostgreSQL role what the portal needs, one utility at a time"
)


@user.command("add", help="Añade uno; la contraseña se pide o llega por la entrada / Add one; asks for the password")
def add(
    login: Annotated[str, typer.Argument(help="Usuario / Login")],
    role: Annotated[str, typer.Option(help="reader, clerk, supervisor, auditor, owner, admin")],
    name: Annotated[str, typer.Option(help="Nombre / Name")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="(se pide)")],
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Add a user."""
    from central.access import create_user
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("user add", config, db) as (_, engine), write_session(engine) as session:
        place = utility_named(session, utility)
        made = create_user(session, place.id, login, password, role=role, name=name, actor=actor)
        result = {"id": str(made.id), "login": made.login, "role": made.role}
    show(result, f"{login} ({role})", as_json)


@user.command("list", help="Los que hay / Those there are")
def listing(
    utility: UtilityOption = None, config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """List the users."""
    from central.access import users
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("user list", config, db) as (_, engine), read_session(engine) as session:
        rows = [
            {
                "login": found.login,
                "role": found.role,
                "name": found.name,
                "disabled_at": found.disabled_at.isoformat() if found.disabled_at else None,
            }
            for found in users(session, utility_named(session, utility).id)
        ]
    show_rows(rows, as_json)


@user.command("disable", help="Cierra la puerta a uno / Shut one out")
def disable(
    login: Annotated[str, typer.Argument(help="Usuario / Login")],
    reason: Annotated[str, typer.Option(help="Por qué / Why")] = "",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """End a user's sessions and tokens for good."""
    from central.access import disable_user
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("user disable", config, db) as (_, engine), write_session(engine) as session:
        disable_user(session, utility_named(session, utility).id, login, actor, now(), reason)
    show({"login": login, "disabled": True}, f"{login}: sin acceso / shut out", as_json)


def grant(
    role: Annotated[str, typer.Argument(help="Rol de PostgreSQL, que no posee nada / Role, which owns nothing")],
    config: ConfigOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grant the rights of a process that serves one utility."""
    from central.store import isolation

    with settings_and_engine("grant", config, db) as (_, engine), engine.begin() as connection:
        if connection.dialect.name != "postgresql":
            raise ValueError("database: SQLite has no roles, only PostgreSQL isolates by role")
        isolation.grant(connection, role)
    show({"role": role, "tables": len(isolation.tables())}, f"{role}: {len(isolation.tables())} tablas", as_json)
