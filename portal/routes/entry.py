"""Logging in and out: password, second factor, passkey."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.responses import JSONResponse, RedirectResponse, Response

from central.access import Seen, Stage, ThrottledError, close_session, passkeys
from central.access.entry import Entered, enter, log_in
from central.access.factors import factors_of, give_code, give_passkey
from central.access.sessions import renew_session
from central.access.users import by_id
from central.store import read_session, write_session
from portal.pages import render
from portal.security import Member, anyone
from portal.session import carry, carry_browser, client_of, party_of, ring_of

router = APIRouter()
Everyone = Depends(anyone)
HalfWay = Annotated[Seen, Depends(Member((Stage.FACTOR,)))]
Text = Annotated[str, Form()]

# Each question to a browser is a row for minutes; a person asks seldom.
_limiter = MovingWindowRateLimiter(MemoryStorage())
_QUESTIONS = parse("60 per 5 minutes")

HOMES = {"subscriber": "/facturas", "reader": "/ruta", "admin": "/oficina/usuarios"}
WAIT = "Demasiados intentos. Espera cinco minutos y vuelve a probar."
NO_KEY = "Esa llave de acceso no sirve aquí, o has tardado demasiado. Vuelve a probar."
WRONG_CODE = "El código no es correcto o ya se usó. Espera al siguiente y escríbelo otra vez."


def home_of(role: str) -> str:
    """Where someone of ``role`` starts."""
    return HOMES.get(role, "/oficina/")


def local_path(target: str) -> str | None:
    """``target`` where it is a path on this site, else None (an open redirect is refused)."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if plain and "\n" not in target and "\r" not in target else None


@router.get("/entrar", dependencies=[Everyone])
def ask(request: Request, a: str = "") -> Response:
    """The log-in form; ``a`` is where to go afterwards."""
    return _show(request, 200, "", a, None)


@router.post("/entrar", dependencies=[Everyone])
def check_password(request: Request, usuario: Text = "", clave: Text = "", a: Text = "") -> Response:
    """Check login and password; a new session replaces whatever the cookie held."""
    now = datetime.now(UTC)
    try:
        with write_session(request.app.state.engine) as session:
            utility_id = request.app.state.site.utility_id
            entered = log_in(session, utility_id, usuario[:64], clave, client_of(request), now)
            if entered is not None and request.state.token:
                close_session(session, utility_id, request.state.token)
    except ThrottledError:
        return _show(request, 429, usuario, a, WAIT)
    if entered is None:
        return _show(request, 401, usuario, a, "El usuario o la contraseña no son correctos.")
    return _in(request, entered, a)


@router.post("/entrar/llave/reto", dependencies=[Everyone])
def question_for_anyone(request: Request) -> Response:
    """What a browser is to sign with a passkey of this site, before anybody said who they are."""
    party = party_of(request)
    address = request.client.host if request.client else "?"
    if party is None:
        return JSONResponse({"detail": "passkeys: no origin is configured"}, 422)
    if not _limiter.hit(_QUESTIONS, address):
        return JSONResponse({"detail": WAIT}, 429)
    with write_session(request.app.state.engine) as session:
        asked = passkeys.ask(session, request.app.state.site.utility_id, None, party, datetime.now(UTC))
    return Response(asked, media_type="application/json")


@router.post("/entrar/llave", dependencies=[Everyone])
def check_passkey(request: Request, respuesta: Text = "", a: Text = "") -> Response:
    """Let in whose passkey signed: possession and PIN or fingerprint are two factors."""
    party, now, client = party_of(request), datetime.now(UTC), client_of(request)
    if party is None:
        return _show(request, 401, "", a, NO_KEY)
    utility_id = request.app.state.site.utility_id
    with write_session(request.app.state.engine) as session:
        user = give_passkey(session, utility_id, None, party, respuesta, client.place, now)
        entered = enter(session, user, client, now, how="passkey", factor=True) if user is not None else None
        if entered is not None and request.state.token:
            close_session(session, utility_id, request.state.token)
    return _in(request, entered, a) if entered is not None else _show(request, 401, "", a, NO_KEY)


@router.get("/entrar/segundo")
def ask_factor(request: Request, seen: HalfWay, a: str = "") -> Response:
    """The form for the second factor."""
    return _show_factor(request, seen, 200, a, None)


@router.post("/entrar/segundo")
def check_factor(request: Request, seen: HalfWay, codigo: Text = "", a: Text = "") -> Response:
    """A code of the application, or one of the codes on paper."""
    now = datetime.now(UTC)
    try:
        with write_session(request.app.state.engine) as session:
            user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
            right = give_code(session, user, ring_of(request), codigo, client_of(request).place, now)
            token = renew_session(session, user.utility_id, request.state.token, now, factor=True) if right else None
    except ThrottledError:
        return _show_factor(request, seen, 429, a, WAIT)
    if token is None:
        return _show_factor(request, seen, 401, a, WRONG_CODE)
    return carry(request, RedirectResponse(local_path(a) or home_of(seen.identity.role), 303), token)


@router.post("/entrar/segundo/llave/reto")
def question(request: Request, seen: HalfWay) -> Response:
    """What a browser is to sign with a passkey of who gave the password."""
    return own_question(request, seen)


@router.post("/entrar/segundo/llave")
def check_factor_passkey(request: Request, seen: HalfWay, respuesta: Text = "", a: Text = "") -> Response:
    """A passkey as second factor."""
    token = proved_by_passkey(request, seen, respuesta)
    if token is None:
        return _show_factor(request, seen, 401, a, NO_KEY)
    return carry(request, RedirectResponse(local_path(a) or home_of(seen.identity.role), 303), token)


@router.post("/salir", dependencies=[Everyone])
def leave(request: Request) -> Response:
    """End the session at the server and in the browser."""
    config = request.app.state.config
    if request.state.token:
        with write_session(request.app.state.engine) as session:
            close_session(session, request.app.state.site.utility_id, request.state.token)
    response = RedirectResponse("/", 303)
    response.delete_cookie(config.cookie, path="/", secure=config.secure, httponly=True, samesite="lax")
    return response


def own_question(request: Request, seen: Seen) -> Response:
    """A question that only a passkey of the session's user answers."""
    party = party_of(request)
    if party is None:
        return JSONResponse({"detail": "passkeys: no origin is configured"}, 422)
    with write_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        asked = passkeys.ask(session, user.utility_id, user, party, datetime.now(UTC))
    return Response(asked, media_type="application/json")


def proved_by_passkey(request: Request, seen: Seen, answer: str) -> str | None:
    """The session's new token where a passkey of its user answered."""
    party, now = party_of(request), datetime.now(UTC)
    if party is None:
        return None
    with write_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        right = give_passkey(session, user.utility_id, user, party, answer, client_of(request).place, now)
        return renew_session(session, user.utility_id, request.state.token, now, factor=True) if right else None


def _in(request: Request, entered: Entered, target: str) -> Response:
    response = RedirectResponse(local_path(target) or home_of(entered.user.role), 303)
    return carry_browser(request, carry(request, response, entered.token), entered.browser)


def _show(request: Request, status: int, login: str, target: str, error: str | None) -> Response:
    keys = party_of(request) is not None
    return render(
        request, "entry.html", status, error=error, login=login, target=local_path(target) or "", passkeys=keys
    )


def _show_factor(request: Request, seen: Seen, status: int, target: str, error: str | None) -> Response:
    with read_session(request.app.state.engine) as session:
        factors = factors_of(session, by_id(session, seen.identity.utility_id, seen.identity.user_id))
    keys = bool(factors.passkeys) and party_of(request) is not None
    return render(
        request,
        "second.html",
        status,
        error=error,
        target=local_path(target) or "",
        passkeys=keys,
        codes=factors.codes_since is not None,
    )
