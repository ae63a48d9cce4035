"""Programs that are told what happens: their addresses, what each was told, and what it answered."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from central.access import Identity, Permission
from central.events.kinds import KINDS
from central.register.keys import KeyFileError
from central.store import Session, read_session, write_session
from central.store.models import WebhookEndpoint
from central.webhooks import endpoints, queries
from central.webhooks.endpoints import WebhookError
from portal.pages import render
from portal.security import may
from portal.session import ring_of
from portal.typed import by, moment

router = APIRouter(prefix="/oficina/webhooks")
Manager = Annotated[Identity, Depends(may(Permission.MANAGE_WEBHOOKS))]
Text = Annotated[str, Form()]
Days = Annotated[int, Form(ge=0, le=30)]
STATES = {
    "active": "activo",
    "paused": "en pausa",
    "disabled": "desactivado por fallos",
    "removed": "retirado",
    "waiting": "pendiente",
    "delivered": "entregado",
    "failed": "sin entregar",
}
ACTS = {"pausar": endpoints.pause, "reanudar": endpoints.resume, "retirar": endpoints.remove, "probar": endpoints.ping}
NO_KEYS = "El portal no tiene fichero de claves con que guardar el secreto: hay que arrancarlo con --keys."
SHOWN = 50


@router.get("")
def show_endpoints(request: Request, identity: Manager) -> Response:
    """The addresses, with what each is owed."""
    return _list(request, identity)


@router.post("")
def add_endpoint(
    request: Request,
    identity: Manager,
    direccion: Text = "",
    nombre: Text = "",
    tipos: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Add an address and show its secret, this once."""
    try:
        ring = ring_of(request)
        if ring is None:
            return _list(request, identity, 422, NO_KEYS)
        with write_session(request.app.state.engine) as session:
            row, secret = endpoints.add(
                session,
                identity.utility_id,
                direccion.strip(),
                ring,
                events=tipos or [],
                description=nombre.strip()[:200],
                by=by(identity),
            )
    except (WebhookError, KeyFileError) as error:
        return _list(request, identity, 422, str(error))
    return _one(request, identity, row.id, secret=secret)


@router.get("/{endpoint_id}")
def show_endpoint(request: Request, identity: Manager, endpoint_id: int) -> Response:
    """One address with its last deliveries."""
    return _one(request, identity, endpoint_id)


@router.post("/{endpoint_id}/secreto")
def rotate_secret(request: Request, identity: Manager, endpoint_id: int, dias: Days = 1) -> Response:
    """Another secret, shown this once."""
    try:
        ring = ring_of(request)
        if ring is None:
            return _one(request, identity, endpoint_id, 422, error=NO_KEYS)
        with write_session(request.app.state.engine) as session:
            row = _found(session, identity, endpoint_id)
            secret = endpoints.rotate(session, row, ring, timedelta(days=dias), by=by(identity))
    except (WebhookError, KeyFileError) as error:
        return _one(request, identity, endpoint_id, 422, error=str(error))
    return _one(request, identity, endpoint_id, secret=secret)


@router.post("/{endpoint_id}/repetir")
def replay(request: Request, identity: Manager, endpoint_id: int, desde: Text = "", hasta: Text = "") -> Response:
    """Tell it a time again; the times are the office's, to the minute."""
    try:
        since, until = moment("desde", desde), moment("hasta", hasta)
        with write_session(request.app.state.engine) as session:
            endpoints.replay(session, _found(session, identity, endpoint_id), since, until, by=by(identity))
    except (WebhookError, ValueError) as error:
        return _one(request, identity, endpoint_id, 422, error=str(error))
    return RedirectResponse(f"/oficina/webhooks/{endpoint_id}", 303)


@router.post("/{endpoint_id}/entregas/{delivery_id}/repetir")
def replay_one(request: Request, identity: Manager, endpoint_id: int, delivery_id: int) -> Response:
    """Tell it one event again."""
    try:
        with write_session(request.app.state.engine) as session:
            _found(session, identity, endpoint_id)
            told = queries.delivery(session, identity.utility_id, delivery_id)
            if told is None or told.endpoint_id != endpoint_id:
                raise HTTPException(404)
            endpoints.replay_one(session, told, by=by(identity))
    except WebhookError as error:
        return _one(request, identity, endpoint_id, 422, error=str(error))
    return RedirectResponse(f"/oficina/webhooks/{endpoint_id}", 303)


@router.post("/{endpoint_id}/{act}")
def act(request: Request, identity: Manager, endpoint_id: int, act: str) -> Response:
    """Pause, resume, try out or remove it."""
    doing = ACTS.get(act)
    if doing is None:
        raise HTTPException(404)
    try:
        with write_session(request.app.state.engine) as session:
            doing(session, _found(session, identity, endpoint_id), by=by(identity))
    except WebhookError as error:
        return _one(request, identity, endpoint_id, 422, error=str(error))
    target = "" if act == "retirar" else f"/{endpoint_id}"
    return RedirectResponse(f"/oficina/webhooks{target}", 303)


def _list(request: Request, identity: Identity, status: int = 200, error: str = "") -> Response:
    with read_session(request.app.state.engine) as session:
        rows = queries.endpoints(session, identity.utility_id)
        waiting = queries.waiting(session, identity.utility_id)
    return render(
        request, "webhooks.html", status, rows=rows, waiting=waiting, states=STATES, kinds=KINDS.values(), error=error
    )


def _one(
    request: Request, identity: Identity, endpoint_id: int, status: int = 200, *, error: str = "", secret: str = ""
) -> Response:
    with read_session(request.app.state.engine) as session:
        row = _found(session, identity, endpoint_id)
        told = queries.deliveries(session, identity.utility_id, endpoint_id, limit=SHOWN)
        owed = queries.waiting(session, identity.utility_id).get(endpoint_id, 0)
    shown = {"row": row, "told": told, "owed": owed, "states": STATES, "kinds": KINDS}
    return render(request, "webhook.html", status, error=error, secret=secret, **shown)


def _found(session: Session, identity: Identity, endpoint_id: int) -> WebhookEndpoint:
    row = queries.endpoint(session, identity.utility_id, endpoint_id)
    if row is None:
        raise HTTPException(404)
    return row
