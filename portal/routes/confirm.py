"""Proving again who one is, before what moves money or lets others in (ASVS 5.0 7.5.1, 7.5.3)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from central.access import Seen, Stage, ThrottledError
from central.access.factors import factors_of, give_code, give_password
from central.access.sessions import renew_session
from central.access.users import by_id
from central.store import read_session, write_session
from portal.pages import render
from portal.routes.entry import NO_KEY, WAIT, WRONG_CODE, local_path, own_question, proved_by_passkey
from portal.security import Member
from portal.session import carry, client_of, party_of, ring_of

router = APIRouter(prefix="/confirmar")
Anybody = Annotated[Seen, Depends(Member((Stage.OPEN, Stage.ENROL)))]
Text = Annotated[str, Form()]


@router.get("")
def ask(request: Request, seen: Anybody, a: str = "") -> Response:
    """The form; ``a`` is the page to go back to."""
    return _show(request, seen, 200, a, None)


@router.post("")
def check(request: Request, seen: Anybody, codigo: Text = "", clave: Text = "", a: Text = "") -> Response:
    """A code where there is a second factor, else the password; the session's token changes."""
    now = datetime.now(UTC)
    place = client_of(request).place
    try:
        with write_session(request.app.state.engine) as session:
            user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
            if seen.has_factor:
                right = give_code(session, user, ring_of(request), codigo, place, now)
            else:
                right = give_password(session, user, clave, place, now)
            token = renew_session(session, user.utility_id, request.state.token, now) if right else None
    except ThrottledError:
        return _show(request, seen, 429, a, WAIT)
    if token is None:
        return _show(request, seen, 401, a, WRONG_CODE if seen.has_factor else "La contraseña no es correcta.")
    return carry(request, RedirectResponse(local_path(a) or "/", 303), token)


@router.post("/llave/reto")
def question(request: Request, seen: Anybody) -> Response:
    """What a browser is to sign."""
    return own_question(request, seen)


@router.post("/llave")
def check_passkey(request: Request, seen: Anybody, respuesta: Text = "", a: Text = "") -> Response:
    """A passkey proves it too."""
    token = proved_by_passkey(request, seen, respuesta)
    if token is None:
        return _show(request, seen, 401, a, NO_KEY)
    return carry(request, RedirectResponse(local_path(a) or "/", 303), token)


def _show(request: Request, seen: Seen, status: int, target: str, error: str | None) -> Response:
    with read_session(request.app.state.engine) as session:
        factors = factors_of(session, by_id(session, seen.identity.utility_id, seen.identity.user_id))
    keys = bool(factors.passkeys) and party_of(request) is not None
    return render(
        request,
        "confirm.html",
        status,
        error=error,
        target=local_path(target) or "",
        passkeys=keys,
        codes=factors.any,
    )
