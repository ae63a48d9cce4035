"""Logging in and out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.responses import RedirectResponse, Response

from central.access import authenticate, close_session, open_session
from central.store import write_session
from portal.pages import render
from portal.security import anyone

router = APIRouter(dependencies=[Depends(anyone)])

# Wrong guesses per login and per address; a person who mistypes now and then never meets it.
_limiter = MovingWindowRateLimiter(MemoryStorage())
_PER_LOGIN = parse("10 per 5 minutes")
_PER_ADDRESS = parse("100 per 5 minutes")

HOMES = {"subscriber": "/facturas", "reader": "/ruta"}


def home_of(role: str) -> str:
    """Where someone of ``role`` starts."""
    return HOMES.get(role, "/oficina/")


def local_path(target: str) -> str | None:
    """``target`` where it is a path on this site, else None (an open redirect is refused)."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if plain and "\n" not in target and "\r" not in target else None


@router.get("/entrar")
def ask(request: Request, a: str = "") -> Response:
    """The log-in form; ``a`` is where to go afterwards."""
    return render(request, "entry.html", error=None, login="", target=local_path(a) or "")


@router.post("/entrar")
def enter(
    request: Request,
    usuario: Annotated[str, Form()] = "",
    clave: Annotated[str, Form()] = "",
    a: Annotated[str, Form()] = "",
) -> Response:
    """Check login and password; a new session replaces whatever the cookie held."""
    address = request.client.host if request.client else "?"
    guesses = ((_PER_LOGIN, usuario[:64]), (_PER_ADDRESS, address))
    if not all(_limiter.test(limit, who) for limit, who in guesses):
        return _refuse(request, usuario, a, 429, "Demasiados intentos. Espera cinco minutos y vuelve a probar.")
    with write_session(request.app.state.engine) as session:
        user = authenticate(session, request.app.state.site.utility_id, usuario, clave)
        token = open_session(session, user) if user is not None else None
        if token is not None and request.state.token:
            close_session(session, request.app.state.site.utility_id, request.state.token)
    if user is None or token is None:
        for limit, who in guesses:
            _limiter.hit(limit, who)
        return _refuse(request, usuario, a, 401, "El usuario o la contraseña no son correctos.")
    response = RedirectResponse(local_path(a) or home_of(user.role), 303)
    config = request.app.state.config
    response.set_cookie(config.cookie, token, httponly=True, secure=config.secure, samesite="lax", path="/")
    return response


def _refuse(request: Request, login: str, target: str, status: int, error: str) -> Response:
    return render(request, "entry.html", status, error=error, login=login, target=local_path(target) or "")


@router.post("/salir")
def leave(request: Request) -> Response:
    """End the session at the server and in the browser."""
    config = request.app.state.config
    if request.state.token:
        with write_session(request.app.state.engine) as session:
            close_session(session, request.app.state.site.utility_id, request.state.token)
    response = RedirectResponse("/", 303)
    response.delete_cookie(config.cookie, path="/", secure=config.secure, httponly=True, samesite="lax")
    return response
