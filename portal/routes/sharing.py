"""Supplies settled together in the office: general meters with those under them, and supplies that contracts divide."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import RedirectResponse, Response

from central.access import Identity, Permission, allows
from central.invoicing.queries.balances import last_balance
from central.register import sharing, sharing_lines
from central.register import sharing_queries as queries
from central.register.sharing import Division, Group
from central.register.sharing_queries import Spell
from central.register.supply import find_supply_point
from central.store import Session, read_session, write_session
from central.store.models import SupplyPoint
from central.times import local_day, millis
from portal.pages import render
from portal.security import may
from portal.typed import by, day, given

router = APIRouter(prefix="/oficina/repartos")
Office = Annotated[Identity, Depends(may(Permission.SEE_REGISTER))]
Editor = Annotated[Identity, Depends(may(Permission.EDIT_REGISTER))]
Text = Annotated[str, Form()]

HOME = "/oficina/repartos"
GENERAL, DIVIDED = "general", "compartido"
PAGE = 100
POLICIES = {
    "difference": "la paga el contrato del general",
    "shared": "la pagan los suministros que cuelgan de él",
    "watch_only": "no la paga nadie: el general solo vigila",
}
WAYS = {"equal": "a partes iguales", "weight": "por el peso de cada uno", "litres": "por lo que gastó cada uno"}
SHARED_BY = {
    "litres": "el agua: cada contrato paga su parte con su tarifa",
    "amount": "la factura: se calcula una vez y se divide al céntimo",
}
WORDS: dict[str, Any] = {"policies": POLICIES, "ways": WAYS, "shared_by": SHARED_BY}
BULK = {
    "suministro": "",
    "divisionarios": "",
    "diferencia": "difference",
    "reparto": "equal",
    "desde": "",
    "motivo": "",
}
SHARES = {"suministro": "", "partes": "", "modo": "litres", "desde": "", "motivo": ""}


@router.get("")
def show_all(
    request: Request, identity: Office, dia: str = "", texto: str = "", generales: str = "", compartidos: str = ""
) -> Response:
    """The general meters and the divided supplies of a day, what begins later, and the forms to state one."""
    after = (_place(generales), _place(compartidos))
    return _list(request, identity, on=dia, text=texto.strip()[:64], after=after)


@router.get(f"/{GENERAL}")
def show_bulk(request: Request, identity: Office, suministro: str = "", dia: str = "") -> Response:
    """A general meter: those under it, what it last came to, and its groups over time."""
    return _bulk(request, identity, suministro.strip(), dia)


@router.post(f"/{GENERAL}")
def set_bulk(
    request: Request,
    identity: Editor,
    suministro: Text = "",
    divisionarios: Text = "",
    diferencia: Text = "",
    reparto: Text = "",
    desde: Text = "",
    motivo: Text = "",
) -> Response:
    """State which supplies hang under a general meter from a day on; what forbids it is told beside the form."""
    said = dict(zip(BULK, (suministro, divisionarios, diferencia, reparto, desde, motivo), strict=True))
    try:
        on = day("desde", desde)
        with write_session(request.app.state.engine) as session:
            point = sharing_lines.supply(session, identity.utility_id, suministro)
            members = sharing_lines.members(session, identity.utility_id, divisionarios)
            change = by(identity, motivo)
            sharing.set_bulk(session, point, members, on, policy=diferencia, shared=reparto, by=change)
            code = point.code
    except ValueError as error:
        return _list(request, identity, bulk=said, error=str(error))
    return _there(GENERAL, code, on)


@router.post(f"/{GENERAL}/fin")
def end_bulk(request: Request, identity: Editor, suministro: Text = "", dia: Text = "", motivo: Text = "") -> Response:
    """End a group: from a day on nothing hangs under the supply."""
    return _end(request, identity, _Ending(GENERAL, sharing.end_bulk, _bulk), suministro.strip(), dia, motivo)


@router.get(f"/{DIVIDED}")
def show_division(request: Request, identity: Office, suministro: str = "", dia: str = "") -> Response:
    """A divided supply: the part of each contract and its divisions over time."""
    return _division(request, identity, suministro.strip(), dia)


@router.post(f"/{DIVIDED}")
def set_shares(
    request: Request,
    identity: Editor,
    suministro: Text = "",
    partes: Text = "",
    modo: Text = "",
    desde: Text = "",
    motivo: Text = "",
) -> Response:
    """State which contracts pay for a supply and which part, from a day on; what forbids it is told beside the form."""
    said = dict(zip(SHARES, (suministro, partes, modo, desde, motivo), strict=True))
    try:
        on = day("desde", desde)
        with write_session(request.app.state.engine) as session:
            point = sharing_lines.supply(session, identity.utility_id, suministro)
            parts = sharing_lines.parts(session, identity.utility_id, partes)
            sharing.set_shares(session, point, parts, on, shared=modo, by=by(identity, motivo))
            code = point.code
    except ValueError as error:
        return _list(request, identity, shares=said, error=str(error))
    return _there(DIVIDED, code, on)


@router.post(f"/{DIVIDED}/fin")
def end_shares(
    request: Request, identity: Editor, suministro: Text = "", dia: Text = "", motivo: Text = ""
) -> Response:
    """End a division: from a day on the supply is its own contract's alone again."""
    return _end(request, identity, _Ending(DIVIDED, sharing.end_shares, _division), suministro.strip(), dia, motivo)


@dataclass(frozen=True)
class _Ending:
    """What ends: the page's name, the service that ends it, and the page that tells what is refused."""

    page: str
    end: Callable[..., None]
    show: Callable[..., Response]


def _end(request: Request, identity: Identity, ending: _Ending, code: str, on: str, why: str) -> Response:
    try:
        last = day("dia", on)
        with write_session(request.app.state.engine) as session:
            point = _point(session, identity, code)
            ending.end(session, point, last, by=by(identity, why))
    except ValueError as error:
        return ending.show(request, identity, code, "", str(error))
    return _there(ending.page, code, last)


def _list(
    request: Request,
    identity: Identity,
    *,
    on: str = "",
    text: str = "",
    after: tuple[int, int] = (0, 0),
    bulk: dict[str, str] | None = None,
    shares: dict[str, str] | None = None,
    error: str = "",
) -> Response:
    wrong, asked, owner = "", _today(), identity.utility_id
    with read_session(request.app.state.engine) as session:
        try:
            asked = given(day, "dia", on) or asked
            point = sharing_lines.supply(session, owner, text) if text else None
        except ValueError as refused:
            wrong, point = str(refused), None
        if point is not None:
            groups, divisions = queries.concerning(session, owner, point, asked)
        else:
            groups = sharing.groups(session, owner, asked, after=after[0], limit=PAGE)
            divisions = sharing.divisions(session, owner, asked, after=after[1], limit=PAGE)
        coming = queries.coming_groups(session, owner, asked), queries.coming_divisions(session, owner, asked)
        every = [one.point for one in (*groups, *coming[0])] + [one.point for one in (*divisions, *coming[1])]
        places = queries.addresses(session, owner, every)
    return render(
        request,
        "sharing.html",
        422 if error or wrong else 200,
        groups=groups,
        divisions=divisions,
        coming_groups=coming[0],
        coming_divisions=coming[1],
        places=places,
        on=asked,
        text=text,
        after=after,
        next_groups=groups[-1].point_id if len(groups) == PAGE else None,
        next_divisions=divisions[-1].point_id if len(divisions) == PAGE else None,
        bulk=bulk or BULK,
        shares=shares or SHARES,
        stated="bulk" if bulk else "shares" if shares else "",
        error=error or wrong,
        may_edit=allows(identity, Permission.EDIT_REGISTER),
        **WORDS,
    )


def _bulk(request: Request, identity: Identity, code: str, on: str, error: str = "") -> Response:
    """A general meter on a day; without one that holds then, its last group."""
    with read_session(request.app.state.engine) as session:
        point = _point(session, identity, code)
        spells: list[Group] = queries.groups_of(session, identity.utility_id, point)
        asked, shown, holds, error = _shown(spells, on, error)
        balance = last_balance(session, identity.utility_id, point, list(shown.members))
        places = queries.addresses(session, identity.utility_id, [code, *shown.members])
    said = BULK | {
        "suministro": code,
        "divisionarios": sharing_lines.written(shown.members),
        "diferencia": shown.policy,
        "reparto": shown.by,
    }
    return _detail(
        request,
        identity,
        "sharing_bulk.html",
        shown,
        asked,
        error,
        spells=spells,
        holds=holds,
        places=places,
        bulk=said,
        balance=balance,
    )


def _division(request: Request, identity: Identity, code: str, on: str, error: str = "") -> Response:
    """A divided supply on a day; without a division that holds then, its last one."""
    with read_session(request.app.state.engine) as session:
        point = _point(session, identity, code)
        spells: list[Division] = queries.divisions_of(session, identity.utility_id, point)
        asked, shown, holds, error = _shown(spells, on, error)
        names = queries.holders(session, identity.utility_id, shown.parts, asked)
        places = queries.addresses(session, identity.utility_id, [code])
    said = SHARES | {"suministro": code, "partes": sharing_lines.written(shown.parts), "modo": shown.by}
    return _detail(
        request,
        identity,
        "sharing_division.html",
        shown,
        asked,
        error,
        spells=spells,
        holds=holds,
        places=places,
        shares=said,
        names=names,
    )


def _detail(
    request: Request, identity: Identity, page: str, shown: Group | Division, on: date, error: str, **values: Any
) -> Response:
    return render(
        request,
        page,
        422 if error else 200,
        shown=shown,
        on=on,
        today=_today(),
        error=error,
        may_edit=allows(identity, Permission.EDIT_REGISTER),
        **WORDS,
        **values,
    )


def _shown(spells: Sequence[Spell], on: str, error: str) -> tuple[date, Spell, bool, str]:
    """The day asked for, what a supply is on it (or else last was), whether it holds then, and what is wrong."""
    if not spells:
        raise HTTPException(404)
    asked = _today()
    try:
        asked = given(day, "dia", on) or asked
    except ValueError as refused:
        error = error or str(refused)
    found = queries.holding(spells, asked)
    return asked, found or spells[-1], found is not None, error


def _point(session: Session, identity: Identity, code: str) -> SupplyPoint:
    if not code:
        raise RequestValidationError([{"loc": ("suministro",), "msg": "must be given", "type": "missing"}])
    found = find_supply_point(session, identity.utility_id, code)
    if found is None:
        raise HTTPException(404)
    return found


def _there(page: str, code: str, on: date) -> Response:
    return RedirectResponse(f"{HOME}/{page}?{urlencode({'suministro': code, 'dia': on.isoformat()})}", 303)


def _place(text: str) -> int:
    """Where a page of a list begins, as the address states it; the beginning for anything else."""
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _today() -> date:
    return local_day(millis(datetime.now(UTC)))
