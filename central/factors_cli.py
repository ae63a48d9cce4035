"""``sgc central user mfa|sessions|link|policy``: help for who is locked out, and the rules of access."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from central.access.rules import AccessRules

mfa = typer.Typer(no_args_is_help=True, help="Segundo paso al entrar / Second factors")
LoginArgument = Annotated[str, typer.Argument(help="Usuario / Login")]
NOBODY = "none"
SITE = re.compile(r"https?://[^\s/?#]+/?")


def mount_factors(user: typer.Typer) -> None:
    """Mount the commands beside the others of ``sgc central user``."""
    mount(mfa, "mfa", user)
    where = "Dónde ha entrado uno; --end lo cierra / Where one is logged in; --end ends it"
    mount_command(sessions, "sessions", where, user)
    mount_command(link, "link", "Enlace para elegir contraseña, una vez / Link to choose a password, once", user)
    mount_command(policy, "policy", "Reglas de acceso; sin opciones las enseña / Rules of access; shows them", user)


@mfa.command("list", help="Quién tiene segundo paso, y quién debería / Who has a second factor, and who should")
def listing(
    utility: UtilityOption = None, config: ConfigOption = None, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """List the staff's factors."""
    from central.access import users
    from central.access.factors import factors_of
    from central.register.utilities import utility_named
    from central.store import read_session

    with settings_and_engine("user mfa list", config, db) as (_, engine), read_session(engine) as session:
        rows = []
        for found in users(session, utility_named(session, utility).id):
            if found.role == "subscriber" or found.disabled_at is not None:
                continue
            factors = factors_of(session, found)
            rows.append(
                {
                    "login": found.login,
                    "role": found.role,
                    "codes": factors.codes_since is not None,
                    "passkeys": len(factors.passkeys),
                    "recovery_left": factors.recovery_left,
                    "required": factors.required,
                }
            )
    show_rows(rows, as_json)


@mfa.command("reset", help="Quita el segundo paso a quien lo perdió / Take away the factors of who lost them")
def reset(
    login: LoginArgument,
    reason: Annotated[str, typer.Option(help="Por qué / Why")] = "",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Take a user's factors and sessions away."""
    from central.access.factors import reset_factors
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("user mfa reset", config, db) as (_, engine), write_session(engine) as session:
        reset_factors(session, utility_named(session, utility).id, login, actor, now(), reason)
    show({"login": login, "reset": True}, f"{login}: segundo paso a cero / factors reset", as_json)


def sessions(
    login: LoginArgument,
    end: Annotated[bool, typer.Option("--end", help="Ciérralas todas / End them all")] = False,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """List or end a user's sessions."""
    from central.access.sessions import end_sessions_of, live_sessions
    from central.access.users import find_user
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("user sessions", config, db) as (_, engine), write_session(engine) as session:
        place = utility_named(session, utility)
        found = find_user(session, place.id, login)
        rows = [
            {
                "id": str(row.id),
                "created_at": row.created_at.isoformat(),
                "seen_at": row.seen_at.isoformat(),
                "network": row.network,
                "agent": row.agent,
                "second_factor": row.factor_at is not None,
            }
            for row in live_sessions(session, place.id, found, now())
        ]
        ended = end_sessions_of(session, place.id, login, actor, now()) if end else 0
    if end:
        show({"login": login, "ended": ended}, f"{login}: {ended} cerradas / ended", as_json)
    else:
        show_rows(rows, as_json)


def link(
    login: LoginArgument,
    site: Annotated[str, typer.Option(help="Dirección del portal / The portal's address")] = "",
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Print a link by which its bearer sets the user's password."""
    from central.access.passwords import make_link
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("user link", config, db) as (_, engine), write_session(engine) as session:
        if site and not SITE.fullmatch(site):
            raise ValueError(f"--site {site}: must be like https://oficina.example.es")
        secret = make_link(session, utility_named(session, utility).id, login, actor, now())
    address = f"{site.rstrip('/')}/clave/{secret}"
    show({"login": login, "link": address}, address, as_json)


def policy(
    require: Annotated[
        list[str] | None,
        typer.Option(help=f"Puesto con segundo paso; se repite; {NOBODY}: ninguno / Role that needs one; repeat"),
    ] = None,
    grace_days: Annotated[int | None, typer.Option(help="Días para añadirlo / Days to add it")] = None,
    proof_minutes: Annotated[int | None, typer.Option(help="Validez de una prueba / A proof holds so long")] = None,
    idle: Annotated[
        list[str] | None, typer.Option(help="Puesto=minutos sin uso / Role=minutes at rest, such as clerk=20")
    ] = None,
    longest: Annotated[list[str] | None, typer.Option(help="Puesto=minutos en total / Role=minutes in all")] = None,
    utility: UtilityOption = None,
    config: ConfigOption = None,
    db: DbOption = None,
    actor: ActorOption = "operator",
    as_json: JsonOption = False,
) -> None:
    """Show the rules of access, or change some of them."""
    from central.access.rules import load_rules, set_rules
    from central.register.utilities import utility_named
    from central.store import write_session

    with settings_and_engine("user policy", config, db) as (_, engine), write_session(engine) as session:
        place = utility_named(session, utility)
        rules = load_rules(session, place.id)
        changes = _changes(rules, require, grace_days, proof_minutes, idle, longest)
        if changes:
            rules = set_rules(session, place.id, changes, actor, now())
    told = _told(rules)
    show(told, "\n".join(f"{name}: {value}" for name, value in told.items()), as_json)


def _changes(
    rules: AccessRules,
    require: list[str] | None,
    grace_days: int | None,
    proof_minutes: int | None,
    idle: list[str] | None,
    longest: list[str] | None,
) -> dict[str, Any]:
    """What the options change; times of roles that are not named stay."""
    changes: dict[str, Any] = {}
    if require:
        changes["factor_roles"] = [role for role in require if role != NOBODY]
    if grace_days is not None:
        changes["grace_days"] = grace_days
    if proof_minutes is not None:
        changes["proof_minutes"] = proof_minutes
    if idle:
        changes["idle_minutes"] = {**rules.idle_minutes, **_minutes("--idle", idle)}
    if longest:
        changes["longest_minutes"] = {**rules.longest_minutes, **_minutes("--longest", longest)}
    return changes


def _minutes(option: str, given: list[str]) -> dict[str, int]:
    pairs = {}
    for text in given:
        role, _, minutes = text.partition("=")
        if not minutes.isdecimal():
            raise ValueError(f"{option} {text}: must be ROLE=MINUTES")
        pairs[role] = int(minutes)
    return pairs


def _told(rules: AccessRules) -> dict[str, Any]:
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(rules)
    return told
