"""Reading routes in the office: rounds made, followed while devices send, assigned, read again, taken back."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from central.access import Identity, Permission, allows
from central.fleet import queries, rounds
from central.fleet.dividing import CLUSTERS
from central.fleet.progress import STATES, list_routes, progress, progress_of, route_by_id
from central.store import Session, read_session, write_session
from central.store.models import Route
from central.times import local_day, millis
from portal.pages import render
from portal.security import may
from portal.street_map import mark_of, route_map
from portal.typed import by, day, device, given, whole

router = APIRouter(prefix="/oficina/rutas")
Office = Annotated[Identity, Depends(may(Permission.SEE_REGISTER))]
Planner = Annotated[Identity, Depends(may(Permission.PLAN_FIELDWORK))]
Text = Annotated[str, Form()]
PAGE = 15
NOTHING = {"ronda": "", "dias": "", "terminales": "", "rutas": "1", "zona": "", "calles": "", "cerrada": "", "modo": ""}


@router.get("")
def show_all(request: Request, identity: Office, ronda: str = "", antes: int | None = None) -> Response:
    """The routes with what has been read of each, and the form to make a round."""
    return _list(request, identity, NOTHING, ronda=ronda, before=antes)


@router.post("")
def make(
    request: Request,
    identity: Planner,
    ronda: Text = "",
    dias: Text = "",
    terminales: Annotated[list[str] | None, Form()] = None,
    rutas: Text = "1",
    zona: Text = "",
    calles: Text = "",
    cerrada: Text = "",
    modo: Text = CLUSTERS,
) -> Response:
    """Divide a round into routes; what forbids it is told beside the form."""
    carriers = [name for name in terminales or [] if name]
    said = dict(zip(NOTHING, (ronda, dias, " ".join(carriers), rutas, zona, calles, cerrada, modo), strict=True))
    try:
        wanted = rounds.Round(
            code=ronda.strip(),
            days=[day("dias", one) for one in dias.replace(",", " ").split()],
            devices=carriers,
            routes=whole("rutas", rutas),
            zone=zona.strip() or None,
            streets=[street.strip() for street in calles.splitlines() if street.strip()],
            closed_list=bool(cerrada),
            way=modo,
        )
        with write_session(request.app.state.engine) as session:
            rounds.plan_round(session, identity.utility_id, wanted, by=by(identity))
    except ValueError as error:
        return _list(request, identity, said, error=str(error))
    return RedirectResponse(f"/oficina/rutas?ronda={wanted.code}", 303)


@router.get("/{route_id}")
def show_one(request: Request, identity: Office, route_id: int) -> Response:
    """A route: its map, its stops as they stand, what can be done with it."""
    return _one(request, identity, route_id)


@router.post("/{route_id}/asignar")
def assign(request: Request, identity: Planner, route_id: int, terminal: Text = "", dia: Text = "") -> Response:
    """Give the route to a device and a day."""

    def work(session: Session, route: Route) -> None:
        on = given(day, "dia", dia)
        rounds.assign(session, route, device(session, identity, terminal), planned_on=on, by=by(identity))

    return _change(request, identity, route_id, work)


@router.post("/{route_id}/releer")
def reread(
    request: Request,
    identity: Planner,
    route_id: int,
    suministros: Annotated[list[str] | None, Form()] = None,
    motivo: Text = "",
) -> Response:
    """Order chosen supply points to be read again."""

    def work(session: Session, route: Route) -> None:
        said = motivo.strip() or "Leer otra vez"
        rounds.reread(session, route, suministros or [], instructions=said, by=by(identity))

    return _change(request, identity, route_id, work)


@router.post("/{route_id}/retirar")
def cancel(request: Request, identity: Planner, route_id: int, motivo: Text = "") -> Response:
    """Take the route back."""
    return _change(
        request, identity, route_id, lambda session, route: rounds.cancel(session, route, by=by(identity, motivo))
    )


@router.post("/{route_id}/cerrar")
def finish(request: Request, identity: Planner, route_id: int) -> Response:
    """Close the route: what is read from now on does not count for it."""
    return _change(request, identity, route_id, lambda session, route: rounds.finish(session, route, by=by(identity)))


def _change(request: Request, identity: Identity, route_id: int, work: Any) -> Response:
    try:
        with write_session(request.app.state.engine) as session:
            work(session, _route(session, identity, route_id))
    except ValueError as error:
        return _one(request, identity, route_id, str(error))
    return RedirectResponse(f"/oficina/rutas/{route_id}", 303)


def _list(
    request: Request,
    identity: Identity,
    said: dict[str, str],
    *,
    ronda: str = "",
    before: int | None = None,
    error: str = "",
) -> Response:
    now = datetime.now(UTC)
    with read_session(request.app.state.engine) as session:
        routes = list_routes(session, identity.utility_id, round_code=ronda or None, before=before, limit=PAGE)
        found = progress_of(session, routes, now)
        devices = [device.name for device in queries.devices(session, identity.utility_id)]
    return render(
        request,
        "rounds.html",
        422 if error else 200,
        found=found,
        states=STATES,
        round_code=ronda,
        following=routes[-1].id if len(routes) == PAGE else None,
        devices=devices,
        given=said,
        today=local_day(millis(now)).isoformat(),
        error=error,
        may_plan=allows(identity, Permission.PLAN_FIELDWORK),
    )


def _one(request: Request, identity: Identity, route_id: int, error: str = "") -> Response:
    with read_session(request.app.state.engine) as session:
        found = progress(session, _route(session, identity, route_id), datetime.now(UTC))
        devices = [device.name for device in queries.devices(session, identity.utility_id)]
    said = ", ".join(f"{found.counts[state]} {word}" for state, word in _WORDS.items())
    drawing = route_map(found.stops, f"Ruta {found.code}", f"{found.total} paradas: {said}")
    return render(
        request,
        "round.html",
        422 if error else 200,
        found=found,
        states=STATES,
        drawing=drawing,
        marks={state: mark_of(state) for state in STATES},
        devices=devices,
        error=error,
        may_plan=allows(identity, Permission.PLAN_FIELDWORK) and found.status in ("planned", "published"),
    )


_WORDS = {"radio": "por radio", "typed": "a mano", "visited": "visitadas sin lectura", "unread": "sin leer"}


def _route(session: Session, identity: Identity, route_id: int) -> Route:
    found = route_by_id(session, identity.utility_id, route_id)
    if found is None:
        raise HTTPException(404)
    return found
