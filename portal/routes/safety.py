"""One's own security: second factors, recovery codes, password, and where one is logged in."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from central.access import AccessError, PasswordError, Seen, Stage, ThrottledError, passkeys, recovery, totp
from central.access.factors import after_adding, factors_of, give_password, remove_codes, remove_passkey
from central.access.passwords import change_password
from central.access.sessions import end_own, live_sessions, renew_session
from central.access.users import by_id
from central.store import read_session, write_session
from portal.agents import device
from portal.pages import render
from portal.passwords import reason
from portal.qr import qr_svg
from portal.routes.entry import WAIT, WRONG_CODE
from portal.security import Member
from portal.session import carry, client_of, party_of, ring_of

router = APIRouter(prefix="/seguridad")
STAGES = (Stage.OPEN, Stage.ENROL)
Here = Annotated[Seen, Depends(Member(STAGES))]
Fresh = Annotated[Seen, Depends(Member(STAGES, fresh=True))]
Inside = Annotated[Seen, Depends(Member())]
InsideFresh = Annotated[Seen, Depends(Member(fresh=True))]
Text = Annotated[str, Form()]
NO_KEYS = "El portal no tiene fichero de claves con que guardar los códigos. Usa una llave de acceso."
LAST = "Tu puesto exige un segundo paso. Añade otro antes de quitar este."
REFUSED = "El navegador no ha creado la llave de acceso, o has tardado demasiado. Vuelve a probar."


@router.get("")
def show(request: Request, seen: Here) -> Response:
    """Everything at once."""
    return _show(request, seen)


@router.post("/clave")
def set_password(request: Request, seen: Inside, actual: Text = "", nueva: Text = "") -> Response:
    """Change one's password; the other sessions end, and this one's token changes."""
    now = datetime.now(UTC)
    try:
        with write_session(request.app.state.engine) as session:
            user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
            token = None
            if give_password(session, user, actual, client_of(request).place, now):
                change_password(session, user, actual, nueva, request.state.token, now)
                token = renew_session(session, user.utility_id, request.state.token, now)
    except ThrottledError:
        return _show(request, seen, 429, WAIT, "actual")
    except PasswordError as error:
        return _show(request, seen, 422, reason(error), "nueva")
    if token is None:
        return _show(request, seen, 422, "La contraseña actual no es correcta.", "actual")
    return carry(request, RedirectResponse("/seguridad", 303), token)


@router.post("/codigos")
def begin_codes(request: Request, seen: Fresh) -> Response:
    """A fresh secret for an application, which counts once a code of it was given."""
    ring = ring_of(request)
    if ring is None:
        return _show(request, seen, 422, NO_KEYS, "codigos")
    with write_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        totp.begin(session, user, ring, datetime.now(UTC))
    return RedirectResponse("/seguridad/codigos", 303)


@router.get("/codigos")
def show_secret(request: Request, seen: Fresh) -> Response:
    """The secret that waits for its first code, to be scanned or typed."""
    return _show_secret(request, seen, 200, None)


@router.post("/codigos/confirmar")
def confirm_codes(request: Request, seen: Fresh, codigo: Text = "") -> Response:
    """Let the secret count."""
    ring, now = ring_of(request), datetime.now(UTC)
    token, codes = None, list[str]()
    with write_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        if ring is not None and totp.confirm(session, user, ring, codigo, now):
            token = renew_session(session, user.utility_id, request.state.token, now, factor=True)
            codes = after_adding(session, user, token, now)
    if token is None:
        return _show_secret(request, seen, 422, WRONG_CODE)
    return _added(request, token, codes)


@router.post("/codigos/quitar")
def drop_codes(request: Request, seen: InsideFresh) -> Response:
    """End the codes of the application."""
    try:
        with write_session(request.app.state.engine) as session:
            user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
            remove_codes(session, user, request.state.token, datetime.now(UTC))
    except AccessError:
        return _show(request, seen, 422, LAST, "codigos")
    return RedirectResponse("/seguridad", 303)


@router.post("/llaves/reto")
def question(request: Request, seen: Fresh) -> Response:
    """What a browser is to make a passkey for."""
    party = party_of(request)
    if party is None:
        return JSONResponse({"detail": "passkeys: no origin is configured"}, 422)
    with write_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        asked = passkeys.ask_to_register(session, user, party, datetime.now(UTC))
    return Response(asked, media_type="application/json")


@router.post("/llaves")
def add_passkey(request: Request, seen: Fresh, respuesta: Text = "", nombre: Text = "") -> Response:
    """Keep the passkey that the browser made."""
    party, now = party_of(request), datetime.now(UTC)
    if party is None:
        return _show(request, seen, 422, REFUSED, "nombre")
    with write_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        try:
            passkeys.register(session, user, party, respuesta, nombre, now)
        except AccessError:
            token, codes = None, list[str]()
        else:
            token = renew_session(session, user.utility_id, request.state.token, now, factor=True)
            codes = after_adding(session, user, token, now)
    return _show(request, seen, 422, REFUSED, "nombre") if token is None else _added(request, token, codes)


@router.post("/llaves/{passkey_id}/quitar")
def drop_passkey(request: Request, seen: InsideFresh, passkey_id: int) -> Response:
    """End a passkey."""
    try:
        with write_session(request.app.state.engine) as session:
            user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
            remove_passkey(session, user, passkey_id, request.state.token, datetime.now(UTC))
    except LookupError as error:
        raise HTTPException(404) from error
    except AccessError:
        return _show(request, seen, 422, LAST, "llaves")
    return RedirectResponse("/seguridad", 303)


@router.post("/recuperacion")
def make_codes(request: Request, seen: InsideFresh) -> Response:
    """Ten fresh recovery codes; the earlier ones end."""
    with write_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        if not factors_of(session, user).any:
            return RedirectResponse("/seguridad", 303)
        codes = recovery.make(session, user, user.login, datetime.now(UTC))
    return render(request, "recovery.html", codes=codes)


@router.post("/sesiones/{session_id}/cerrar")
def end_one(request: Request, seen: Inside, session_id: int) -> Response:
    """End one of one's sessions."""
    with write_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        ended = end_own(session, user, datetime.now(UTC), only=session_id)
    if not ended:
        raise HTTPException(404)
    return RedirectResponse("/seguridad", 303)


@router.post("/sesiones/cerrar")
def end_others(request: Request, seen: Inside) -> Response:
    """End all of one's sessions but this one."""
    with write_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        end_own(session, user, datetime.now(UTC), keep=request.state.token)
    return RedirectResponse("/seguridad", 303)


def _show(request: Request, seen: Seen, status: int = 200, error: str = "", field: str = "") -> Response:
    with read_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        factors = factors_of(session, user)
        rows = live_sessions(session, user.utility_id, user, datetime.now(UTC))
    return render(
        request,
        "safety.html",
        status,
        factors=factors,
        rows=[(row, device(row.agent)) for row in rows],
        error=error,
        field=field,
        may_codes=request.app.state.config.keys is not None,
        may_passkeys=party_of(request) is not None,
        must=seen.stage is Stage.ENROL,
    )


def _show_secret(request: Request, seen: Seen, status: int, error: str | None) -> Response:
    ring = ring_of(request)
    with read_session(request.app.state.engine) as session:
        user = by_id(session, seen.identity.utility_id, seen.identity.user_id)
        row = totp.pending(session, user)
        if row is None or ring is None:
            return RedirectResponse("/seguridad", 303)
        secret = totp.shared_secret(row, ring)
    drawn = qr_svg(totp.uri(secret, seen.identity.login, request.app.state.site.name))
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return render(request, "totp.html", status, qr=drawn, secret=groups, error=error)


def _added(request: Request, token: str, codes: list[str]) -> Response:
    """Recovery codes are shown in the answer itself: they are on no page that could be opened again."""
    if codes:
        return carry(request, render(request, "recovery.html", codes=codes), token)
    return carry(request, RedirectResponse("/seguridad", 303), token)
