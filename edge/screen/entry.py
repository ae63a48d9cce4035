"""What the reader records: an index, a reason, a withdrawal."""

from http import HTTPStatus
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field
from starlette.datastructures import URL

from edge.screen.codes import CODES, READ
from edge.screen.context import ScreenContext, context_of, next_unread
from edge.screen.index import NotAnIndexError, judge, read_cubic_metres, read_litres
from edge.screen.login import LoggedIn
from edge.screen.pages import Order, stop_response, the_stop
from edge.store import NewVisit
from edge.store.view import RouteView, StopView

router = APIRouter()


class VisitForm(BaseModel):
    """The fields of ``POST /lectura``. ``confirm`` is the index in litres whose warning the reader has seen."""

    stop: Annotated[str, Field(min_length=1, max_length=64)]
    token: Annotated[str, Field(min_length=1, max_length=64)]
    meter: Annotated[str, Field(max_length=64)] = ""
    litres: Annotated[str, Field(max_length=20)] = ""
    m3: Annotated[str, Field(max_length=20)] = ""
    code: Annotated[str, Field(max_length=2)] = ""
    note: Annotated[str, Field(max_length=200)] = ""
    confirm: Annotated[str, Field(max_length=20)] = ""
    by: Annotated[str, Field(max_length=10)] = ""
    orden: Order = ""


class Entry(NamedTuple):
    """What a form records; ``warning`` where the reader has to look twice first."""

    litres: int | None
    code: str
    confirmed: bool
    warning: str = ""


@router.post("/lectura", dependencies=[LoggedIn])
async def record(request: Request, form: Annotated[VisitForm, Form()]) -> Response:
    """Record a visit: 303 to the next stop; 409, value kept, where it must be confirmed; 422 where it is none."""
    context = context_of(request)
    route, view = the_stop(context, form.stop, form.meter)
    try:
        entry = read_entry(view, form)
    except NotAnIndexError as error:
        return stop_response(
            context, view, form.orden, HTTPStatus.UNPROCESSABLE_ENTITY, problem=str(error), typed=form.m3
        )
    known = context.store.visit_by_token(form.token)
    if entry.warning and known is None:
        return stop_response(
            context,
            view,
            form.orden,
            HTTPStatus.CONFLICT,
            warning=entry.warning,
            confirm=str(entry.litres),
            typed=form.m3 or form.litres,
            token=form.token,
        )
    if form.by == "radio" and view.heard is not None and entry.litres == view.heard.litres:
        return _onward(context, route, view, form.orden, None)
    visit = known or await context.store.record_visit(_new_visit(context, route, view, form, entry))
    return _onward(context, route, view, form.orden, visit.id)


def read_entry(view: StopView, form: VisitForm) -> Entry:
    """The index or the reason in a form; raises :class:`NotAnIndexError` naming what is wrong."""
    if form.code and form.code not in CODES:
        raise NotAnIndexError(f"code: «{form.code}» no es un código de incidencia")
    if not form.m3.strip() and not form.litres.strip():
        return _reason(form.code)
    litres = read_litres(form.litres) if form.litres.strip() else read_cubic_metres(form.m3)
    finding = judge(view, litres)
    if finding is None:
        return Entry(litres, form.code or READ, confirmed=False)
    seen = form.confirm == str(litres)
    return Entry(litres, form.code or finding.code, confirmed=seen, warning="" if seen else finding.words)


def _reason(code: str) -> Entry:
    if not code:
        raise NotAnIndexError("Escriba la lectura, o pulse «No puedo leer»")
    if not CODES[code].no_index:
        raise NotAnIndexError(f"code: «{CODES[code].words}» acompaña a una lectura; falta la lectura")
    return Entry(None, code, confirmed=False)


def _new_visit(context: ScreenContext, route: RouteView, view: StopView, form: VisitForm, entry: Entry) -> NewVisit:
    return NewVisit(
        token=form.token,
        route=route.code,
        supply=view.stop.supply,
        meter=view.stop.meter,
        litres=entry.litres,
        code=entry.code,
        reader=context.config.reader,
        note=form.note.strip(),
        confirmed=entry.confirmed,
    )


@router.post("/deshacer", dependencies=[LoggedIn])
async def withdraw(
    request: Request,
    visit: Annotated[int, Form(ge=1)],
    orden: Annotated[Order, Form()] = "",
) -> Response:
    """Take back a visit, keeping it: back to its stop, which is open again."""
    context = context_of(request)
    found = context.store.visit(visit)
    # A visit can be taken back once, so it makes the token itself.
    token = f"deshacer-{visit}"
    if found is None or await context.store.withdraw_visit(visit, token, context.config.reader) is None:
        return RedirectResponse("/ruta", HTTPStatus.SEE_OTHER)
    return _to("/parada", stop=found.supply, meter=found.meter, orden=orden)


def _onward(context: ScreenContext, route: RouteView, view: StopView, order: str, visit_id: int | None) -> Response:
    """To the next unread stop, or to the route where there is none."""
    done = {"hecha": str(visit_id)} if visit_id else {}
    following = next_unread(context.store.route() or route, order, view)
    if following is None:
        return _to("/ruta", orden=order, **done)
    return _to("/parada", stop=following.stop.supply, meter=following.stop.meter, orden=order, **done)


def _to(path: str, **query: str) -> Response:
    target = URL(path).include_query_params(**{name: value for name, value in query.items() if value})
    return RedirectResponse(str(target), HTTPStatus.SEE_OTHER)
