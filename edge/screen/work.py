"""Work orders on the screen: the list, an order with its form, and what the reader records of it."""

import datetime
import re
from http import HTTPStatus
from typing import Annotated, NamedTuple

from fastapi import APIRouter, File, Query, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from edge.screen.codes import CODES, FIRST_REASONS, MORE_REASONS
from edge.screen.context import MADRID, ScreenContext, context_of, local_day
from edge.screen.index import NotAnIndexError, judge, read_cubic_metres
from edge.screen.login import LoggedIn
from edge.screen.pages import new_token, render
from edge.store import NewOutcome, OrderView
from edge.store.orders import DONE, IMPOSSIBLE

router = APIRouter()

MOST_PHOTOS, LARGEST_PHOTO = 6, 8 * 1024 * 1024


class Fields(NamedTuple):
    """Which fields the form of a kind of order shows, and which of them must be filled in."""

    asked: str = ""  # the label of the index of what hangs there; empty: not asked
    index_needed: bool = False
    new_meter: bool = False
    seal_needed: bool = False


KINDS = {
    "read": Fields("Lectura en m³", index_needed=True),
    "inspect": Fields("Lectura en m³, si se ve"),
    "seal": Fields("Lectura en m³, si se ve", seal_needed=True),
    "replace": Fields("Última lectura del viejo, en m³", new_meter=True),
    "install": Fields(new_meter=True),
    "remove": Fields("Última lectura, en m³"),
    "cut": Fields("Lectura en m³, si se ve"),
    "reconnect": Fields("Lectura en m³, si se ve"),
}
Line = Annotated[str, Field(max_length=64)]


class OutcomeForm(BaseModel):
    """The fields of ``POST /orden``. ``confirm`` is the index in litres whose warning the reader has seen."""

    order: Annotated[str, Field(min_length=1, max_length=64)]
    token: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Annotated[str, Field(max_length=2)] = ""
    m3: Line = ""
    new_serial: Line = ""
    new_m3: Line = ""
    new_key: Line = ""
    seal: Line = ""
    note: Annotated[str, Field(max_length=500)] = ""
    confirm: Line = ""
    lat_e7: Line = ""
    lon_e7: Line = ""
    photos: list[UploadFile] = []

    def typed(self) -> dict[str, str]:
        """What was filled in, to be shown again."""
        return {name: getattr(self, name).strip() for name in ("m3", "new_serial", "new_m3", "new_key", "seal", "note")}


NOTHING = dict.fromkeys(("m3", "new_serial", "new_m3", "new_key", "seal", "note"), "")


@router.get("/ordenes", dependencies=[LoggedIn])
async def orders_page(request: Request, hecha: str = "") -> Response:
    """The orders of this device: those to be done first."""
    context = context_of(request)
    found = context.store.orders()
    return render(
        context,
        "orders.html",
        open_orders=[view for view in found if view.state == "open"],
        other_orders=[view for view in found if view.state != "open"],
        saved=next((view for view in found if view.order.code == hecha and view.outcomes), None),
    )


@router.get("/orden", dependencies=[LoggedIn])
async def order_page(request: Request, order: Annotated[str, Query(max_length=64)]) -> Response:
    """One order: what is to be done, and the form for what was."""
    context = context_of(request)
    return _order_response(context, _the_order(context, order))


@router.get("/orden/motivo", dependencies=[LoggedIn])
async def impossible_page(request: Request, order: Annotated[str, Query(max_length=64)], mas: bool = False) -> Response:
    """Why the order cannot be done: one key each."""
    context = context_of(request)
    view = _the_order(context, order)
    codes = MORE_REASONS if mas else FIRST_REASONS
    return render(context, "order_reasons.html", view=view, codes=codes, more=not mas, token=new_token())


@router.post("/orden", dependencies=[LoggedIn])
async def record(request: Request, form: Annotated[OutcomeForm, File()]) -> Response:
    """Record an outcome: 303 to the list; 409, values kept, where it must be confirmed; 422 where it is none."""
    context = context_of(request)
    view = _the_order(context, form.order)
    if context.store.outcome_by_token(form.token) is None:
        try:
            new = _impossible(form, context) if form.reason else _done(view, form, context)
            pictures = await _pictures(form)
            warning = "" if form.reason else _warning(view, new, form)
        except NotAnIndexError as error:
            return _order_response(
                context, view, HTTPStatus.UNPROCESSABLE_ENTITY, problem=str(error), typed=form.typed()
            )
        if warning:
            kept = {"warning": warning, "confirm": str(new.litres), "typed": form.typed(), "token": form.token}
            return _order_response(context, view, HTTPStatus.CONFLICT, **kept)
        await context.store.record_outcome(new, pictures)
    return RedirectResponse(f"/ordenes?hecha={view.order.code}", HTTPStatus.SEE_OTHER)


def _the_order(context: ScreenContext, code: str) -> OrderView:
    view = context.store.order(code)
    if view is None or view.order.kind not in KINDS:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"order: la orden {code!r} no está en este terminal")
    return view


def _order_response(
    context: ScreenContext, view: OrderView, status: HTTPStatus = HTTPStatus.OK, **extra: object
) -> Response:
    values: dict[str, object] = {
        "typed": NOTHING, "problem": "", "warning": "", "confirm": "", "token": new_token(), **extra,
    }  # fmt: skip
    not_today = view.order.day if view.order.day and view.order.day != _today() else ""
    fields = KINDS[view.order.kind]
    return render(context, "order.html", status, view=view, fields=fields, not_today=not_today, **values)


def _impossible(form: OutcomeForm, context: ScreenContext) -> NewOutcome:
    code = CODES.get(form.reason)
    if code is None or not code.no_index:
        raise NotAnIndexError(f"reason: «{form.reason}» no es un motivo")
    return _placed(NewOutcome(form.token, form.order, IMPOSSIBLE, context.config.reader, reason=form.reason), form)


def _done(view: OrderView, form: OutcomeForm, context: ScreenContext) -> NewOutcome:
    """The outcome in a form; raises :class:`NotAnIndexError` naming what is missing or wrong."""
    fields, order = KINDS[view.order.kind], view.order
    if order.day and order.day != _today():
        raise NotAnIndexError(f"Esta orden solo puede hacerse el {local_day(order.day)}")
    if fields.index_needed and not form.m3.strip():
        raise NotAnIndexError("Escriba la lectura, o pulse «No se puede»")
    if fields.seal_needed and not form.seal.strip():
        raise NotAnIndexError("Escriba el número del precinto")
    litres = read_cubic_metres(form.m3) if form.m3.strip() and fields.asked else None
    new = NewOutcome(form.token, form.order, DONE, context.config.reader, litres=litres, seal=form.seal.strip())
    return _placed(_with_new_meter(new, form) if fields.new_meter else new, form)


def _with_new_meter(new: NewOutcome, form: OutcomeForm) -> NewOutcome:
    serial, key = form.new_serial.strip(), re.sub(r"[\s:-]", "", form.new_key)
    if not serial:
        raise NotAnIndexError("Escriba el número del contador nuevo")
    if not form.new_m3.strip():
        raise NotAnIndexError("Escriba la lectura del contador nuevo")
    if key and not re.fullmatch(r"[0-9A-Fa-f]{32}", key):
        raise NotAnIndexError("La clave del contador son 32 cifras o letras de la A a la F")
    return new._replace(
        new_serial=serial, new_litres=read_cubic_metres(form.new_m3), new_key=bytes.fromhex(key) or None
    )


def _placed(new: NewOutcome, form: OutcomeForm) -> NewOutcome:
    """With its note, and where the device stood, where it knew."""
    new = new._replace(note=form.note.strip())
    lat, lon = (re.fullmatch(r"-?[0-9]{1,10}", text.strip()) for text in (form.lat_e7, form.lon_e7))
    return new._replace(lat_e7=int(lat[0]), lon_e7=int(lon[0])) if lat and lon else new


async def _pictures(form: OutcomeForm) -> list[bytes]:
    pictures = [content for photo in form.photos[: MOST_PHOTOS + 1] if (content := await photo.read())]
    if len(pictures) > MOST_PHOTOS:
        raise NotAnIndexError(f"Como mucho {MOST_PHOTOS} fotos por orden")
    if any(len(picture) > LARGEST_PHOTO for picture in pictures):
        raise NotAnIndexError("Una foto pasa de 8 MB")
    return pictures


def _warning(view: OrderView, new: NewOutcome, form: OutcomeForm) -> str:
    """What the reader must look at twice; empty where nothing, or where it was seen."""
    if form.confirm == str(new.litres):
        return ""
    if new.new_serial and new.new_serial == view.order.serial:
        raise NotAnIndexError("El número del contador nuevo es el del viejo")
    if new.litres is None:
        missing = view.order.kind in ("replace", "remove")
        return "Falta la última lectura del viejo: sin ella se estimará" if missing else ""
    finding = judge(view.as_stop, new.litres)
    return finding.words if finding else ""


def _today() -> str:
    return datetime.datetime.now(MADRID).date().isoformat()
