"""Choosing a password by a link that an administrator gave: once, within the hour (ASVS 5.0 6.4.1, 6.4.3)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.responses import Response

from central.access import AccessError, PasswordError
from central.access.passwords import use_link, user_of_link
from central.store import read_session, write_session
from portal.pages import render
from portal.passwords import reason
from portal.security import anyone

router = APIRouter(prefix="/clave", dependencies=[Depends(anyone)])
_limiter = MovingWindowRateLimiter(MemoryStorage())
_TRIES = parse("60 per 5 minutes")


@router.get("/{secret}")
def ask(request: Request, secret: str) -> Response:
    """The form, where the link still holds."""
    return _show(request, secret, 200, "")


@router.post("/{secret}")
def choose(request: Request, secret: str, nueva: Annotated[str, Form()] = "") -> Response:
    """Set the password; every session of its user ends, and the link."""
    if not _limiter.hit(_TRIES, request.client.host if request.client else "?"):
        return _show(request, secret, 429, "Demasiados intentos. Espera cinco minutos.")
    try:
        with write_session(request.app.state.engine) as session:
            user = use_link(session, request.app.state.site.utility_id, secret, nueva, datetime.now(UTC))
    except PasswordError as error:
        return _show(request, secret, 422, reason(error))
    except AccessError:
        return _show(request, secret, 404, "")
    return render(request, "chosen.html", login=user.login)


def _show(request: Request, secret: str, status: int, error: str) -> Response:
    with read_session(request.app.state.engine) as session:
        user = user_of_link(session, request.app.state.site.utility_id, secret, datetime.now(UTC))
    login = user.login if user is not None else None
    return render(request, "choose.html", status if login else 404, login=login, error=error, action=request.url.path)
