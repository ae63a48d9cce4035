"""The utility's users, by whoever manages them: made, helped when locked out, shut out; and the tokens of programs."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from central.access import (
    PERMISSIONS,
    AccessError,
    Identity,
    Permission,
    create_token,
    create_user,
    disable_user,
    revoke_token,
    tokens,
    users,
)
from central.access.factors import factors_of, reset_factors
from central.access.passwords import LINK_HOLDS, make_link
from central.access.sessions import end_sessions_of, live_sessions
from central.access.users import by_id
from central.store import read_session, write_session
from portal.pages import render
from portal.security import may

router = APIRouter(prefix="/oficina")
Manager = Annotated[Identity, Depends(may(Permission.MANAGE_USERS))]
Text = Annotated[str, Form()]
Days = Annotated[int, Form(ge=1, le=366)]
ROLES = {
    "reader": "lector de contadores",
    "clerk": "facturación",
    "supervisor": "supervisión",
    "auditor": "auditoría",
    "owner": "titular del servicio",
    "admin": "administración de usuarios",
    "subscriber": "abonado",
}
TOKEN_DAYS = 90


@router.get("/usuarios")
def show_users(request: Request, identity: Manager) -> Response:
    """Who may log in, with what second factor, and from how many places at this moment."""
    return _users(request, identity)


@router.post("/usuarios")
def add_user(
    request: Request, identity: Manager, usuario: Text = "", nombre: Text = "", puesto: Text = "clerk"
) -> Response:
    """Make a user, and the link by which they choose their password."""
    now = datetime.now(UTC)
    try:
        with write_session(request.app.state.engine) as session:
            login = usuario.strip()
            create_user(
                session,
                identity.utility_id,
                login,
                None,
                role=puesto,
                name=nombre.strip() or login,
                actor=identity.login,
            )
            secret = make_link(session, identity.utility_id, login, identity.login, now)
    except AccessError as error:
        return _users(request, identity, 422, str(error))
    return _linked(request, login, secret)


@router.post("/usuarios/{user_id}/enlace")
def give_link(request: Request, identity: Manager, user_id: int) -> Response:
    """A link by which a user sets a new password; their second factor stays."""
    now = datetime.now(UTC)
    try:
        with write_session(request.app.state.engine) as session:
            login = by_id(session, identity.utility_id, user_id).login
            secret = make_link(session, identity.utility_id, login, identity.login, now)
    except AccessError as error:
        raise HTTPException(404) from error
    return _linked(request, login, secret)


@router.post("/usuarios/{user_id}/factores")
def reset(request: Request, identity: Manager, user_id: int, motivo: Text = "") -> Response:
    """Take a user's second factors away, who lost them. Not one's own: that page asks for a proof."""
    return _act(request, identity, user_id, motivo, "factors")


@router.post("/usuarios/{user_id}/sesiones")
def end_sessions(request: Request, identity: Manager, user_id: int) -> Response:
    """End every session of a user."""
    return _act(request, identity, user_id, "", "sessions")


@router.post("/usuarios/{user_id}/baja")
def shut_out(request: Request, identity: Manager, user_id: int, motivo: Text = "") -> Response:
    """Shut a user out for good."""
    return _act(request, identity, user_id, motivo, "disable")


@router.get("/credenciales")
def show_tokens(request: Request, identity: Manager) -> Response:
    """The tokens of programs, without their secrets."""
    return _tokens(request, identity)


@router.post("/credenciales")
def add_token(
    request: Request,
    identity: Manager,
    usuario: Text = "",
    nombre: Text = "",
    dias: Days = TOKEN_DAYS,
) -> Response:
    """Make a token and show its secret, this once."""
    try:
        with write_session(request.app.state.engine) as session:
            held = timedelta(dias)
            made = create_token(session, identity.utility_id, usuario, nombre, held, identity.login, datetime.now(UTC))
    except AccessError as error:
        return _tokens(request, identity, 422, error=str(error))
    return _tokens(request, identity, secret=made[1])


@router.post("/credenciales/{token_id}/revocar")
def end_token(request: Request, identity: Manager, token_id: int) -> Response:
    """Revoke a token."""
    try:
        with write_session(request.app.state.engine) as session:
            revoke_token(session, identity.utility_id, token_id, identity.login, datetime.now(UTC))
    except AccessError as error:
        raise HTTPException(404) from error
    return RedirectResponse("/oficina/credenciales", 303)


def _act(request: Request, identity: Identity, user_id: int, reason: str, act: str) -> Response:
    """Do something to another user."""
    if user_id == identity.user_id:
        return _users(request, identity, 422, "Eso no se hace con el propio usuario: pídelo a otra persona.")
    now = datetime.now(UTC)
    try:
        with write_session(request.app.state.engine) as session:
            login = by_id(session, identity.utility_id, user_id).login
            if act == "factors":
                reset_factors(session, identity.utility_id, login, identity.login, now, reason)
            elif act == "sessions":
                end_sessions_of(session, identity.utility_id, login, identity.login, now)
            else:
                disable_user(session, identity.utility_id, login, identity.login, now, reason)
    except AccessError as error:
        raise HTTPException(404) from error
    return RedirectResponse("/oficina/usuarios", 303)


def _users(request: Request, identity: Identity, status: int = 200, error: str = "") -> Response:
    now = datetime.now(UTC)
    with read_session(request.app.state.engine) as session:
        rows = [
            (user, factors_of(session, user), len(live_sessions(session, user.utility_id, user, now)))
            for user in users(session, identity.utility_id)
            if user.role != "subscriber"
        ]
    staff = [role for role in PERMISSIONS if role != "subscriber"]
    return render(request, "users.html", status, rows=rows, roles=ROLES, staff=staff, error=error)


def _linked(request: Request, login: str, secret: str) -> Response:
    base = request.app.state.config.origin or str(request.base_url).rstrip("/")
    minutes = LINK_HOLDS // timedelta(minutes=1)
    return render(request, "link.html", login=login, link=f"{base}/clave/{secret}", minutes=minutes)


def _tokens(request: Request, identity: Identity, status: int = 200, *, error: str = "", secret: str = "") -> Response:
    now = datetime.now(UTC)
    with read_session(request.app.state.engine) as session:
        rows = tokens(session, identity.utility_id)
        logins = [user.login for user in users(session, identity.utility_id) if user.disabled_at is None]
    return render(
        request, "tokens.html", status, rows=rows, logins=logins, error=error, secret=secret, now=now, days=TOKEN_DAYS
    )
