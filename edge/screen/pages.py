"""The pages that show: the route, a stop, why not, the summary, and the status for machines."""

import uuid
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from edge.screen.codes import FIRST_REASONS, MORE_REASONS
from edge.screen.context import ScreenContext, context_of, find_stop, in_order, matches, totals
from edge.screen.index import cubic_metres
from edge.screen.login import LoggedIn
from edge.store.view import RouteView, StopView

router = APIRouter()

Order = Literal["", "inverso"]
Key = Annotated[str, Query(max_length=64)]


@router.get("/api/status")
async def status(request: Request) -> dict[str, object]:
    """Counters and states, without personal data (open: loopback only)."""
    return context_of(request).status()


@router.get("/", dependencies=[LoggedIn])
async def home() -> Response:
    """The route is the home page."""
    return RedirectResponse("/ruta", HTTPStatus.SEE_OTHER)


@router.get("/ruta", dependencies=[LoggedIn])
async def route_page(
    request: Request, orden: Order = "", buscar: Annotated[str, Query(max_length=40)] = "", hecha: int | None = None
) -> Response:
    """The stops in walking order, unread first."""
    context = context_of(request)
    route = context.store.route()
    stops = [v for v in in_order(route, orden) if not buscar.strip() or matches(v, buscar)] if route else []
    return render(
        context,
        "route.html",
        route=route,
        unread=[view for view in stops if view.state == "unread"],
        done=[view for view in stops if view.state != "unread"],
        totals=totals(route) if route else None,
        order=orden,
        search=buscar,
        saved=context.store.visit(hecha) if hecha else None,
    )


@router.get("/parada", dependencies=[LoggedIn])
async def stop_page(
    request: Request, stop: Key, meter: Key = "", orden: Order = "", hecha: int | None = None
) -> Response:
    """One stop: what is known, the field for its index."""
    context = context_of(request)
    _, view = the_stop(context, stop, meter)
    saved = context.store.visit(hecha) if hecha else None
    return stop_response(context, view, orden, saved=saved)


@router.get("/motivo", dependencies=[LoggedIn])
async def reasons_page(request: Request, stop: Key, meter: Key = "", orden: Order = "", mas: bool = False) -> Response:
    """Why the meter cannot be read: one key each."""
    context = context_of(request)
    _, view = the_stop(context, stop, meter)
    codes = MORE_REASONS if mas else FIRST_REASONS
    return render(context, "reasons.html", view=view, order=orden, codes=codes, more=not mas, token=new_token())


@router.get("/resumen", dependencies=[LoggedIn])
async def summary_page(request: Request) -> Response:
    """Where the round stands, what is on its way, what the centre refused, how the receivers are."""
    context = context_of(request)
    route = context.store.route()
    return render(
        context,
        "summary.html",
        route=route,
        totals=totals(route) if route else None,
        device=context.status(),
        refused=context.store.refused(),
    )


@router.get("/ruta/estado", dependencies=[LoggedIn])
async def live_state(request: Request) -> dict[str, object]:
    """What the pages refresh by themselves: counters and each stop's state."""
    context = context_of(request)
    route = context.store.route()
    counts = context.store.counts()
    return {
        "saved": counts.telegrams + counts.typed,
        "pending": counts.pending,
        "broker": context.status()["broker"],
        "stops": {f"{v.stop.supply}|{v.stop.meter}": _live(v) for v in (route.stops if route else [])},
    }


def _live(view: StopView) -> list[str]:
    return [view.state, "" if view.litres is None else cubic_metres(view.litres)]


def the_stop(context: ScreenContext, supply: str, meter: str) -> tuple[RouteView, StopView]:
    """The route and its stop; raises 404 where there is none such."""
    route = context.store.route()
    view = find_stop(route, supply, meter)
    if route is None or view is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"stop: la parada {supply!r} no está en la ruta")
    return route, view


def stop_response(
    context: ScreenContext, view: StopView, order: str, status: HTTPStatus = HTTPStatus.OK, **extra: object
) -> Response:
    """A stop's page; ``extra`` may hold ``typed``, ``problem``, ``warning``, ``confirm``, ``saved`` and ``token``."""
    route = context.store.route()
    values: dict[str, object] = {
        "typed": "",
        "problem": "",
        "warning": "",
        "confirm": "",
        "saved": None,
        "token": new_token(),
        **extra,
    }
    versions = context.store.versions(route.code, view.stop.supply, view.stop.meter) if route else []
    work = [one for one in context.store.orders() if one.order.supply == view.stop.supply and one.state == "open"]
    return render(context, "stop.html", status, view=view, order=order, versions=versions, work=work, **values)


def render(context: ScreenContext, template: str, status: HTTPStatus = HTTPStatus.OK, **values: object) -> Response:
    """A page with the counters that every page shows."""
    counts = context.store.counts()
    head = {
        "stored_here": counts.telegrams + counts.typed,
        "pending": counts.pending,
        "broker": context.status()["broker"],
        "open_work": sum(one.state == "open" for one in context.store.orders()),
    }
    return HTMLResponse(context.templates.get_template(template).render(**head, **values), status)


def new_token() -> str:
    """A form's token: what is sent twice under one token is recorded once."""
    return uuid.uuid4().hex
