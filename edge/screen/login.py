"""In by PIN, out by key."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from edge.screen.context import context_of
from edge.screen.session import COOKIE

router = APIRouter()

Back = Annotated[str, Query(max_length=300)]


class LoginNeededError(Exception):
    """The page is for whoever knows the PIN."""


def require_login(request: Request) -> None:
    """Raise where the request carries no open session."""
    if not context_of(request).sessions.holds(request.cookies.get(COOKIE)):
        raise LoginNeededError


LoggedIn = Depends(require_login)


@router.get("/entrar")
async def pin_page(request: Request, volver: Back = "/ruta") -> Response:
    """Ask for the PIN."""
    return _pin_page(request, volver, "", HTTPStatus.OK)


@router.post("/entrar")
async def enter(
    request: Request,
    pin: Annotated[str, Form(max_length=20)],
    volver: Annotated[str, Form(max_length=300)] = "/ruta",
) -> Response:
    """Open a session."""
    sessions = context_of(request).sessions
    cookie = sessions.open(pin)
    if cookie is None:
        wait = sessions.locked_for()
        words = f"Demasiados intentos: espere {wait} segundos." if wait else "PIN incorrecto."
        return _pin_page(request, volver, words, HTTPStatus.FORBIDDEN)
    response = RedirectResponse(_own_path(volver), HTTPStatus.SEE_OTHER)
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict")
    return response


@router.post("/salir")
async def leave(request: Request, sgc_reader: Annotated[str | None, Cookie()] = None) -> Response:
    """Close the session."""
    context_of(request).sessions.close(sgc_reader)
    response = RedirectResponse("/entrar", HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE)
    return response


def _pin_page(request: Request, back: str, problem: str, status: HTTPStatus) -> Response:
    template = context_of(request).templates.get_template("login.html")
    return HTMLResponse(template.render(back=back, problem=problem), status)


def _own_path(path: str) -> str:
    """``path`` if it leads to a page of this screen, else the route."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/ruta"
