"""Pages anyone may read."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from central.invoicing.in_force import tariffs_in_force
from central.reading.history import MADRID
from central.store import read_session
from portal.pages import render
from portal.routes.entry import home_of
from portal.security import anyone

router = APIRouter(dependencies=[Depends(anyone)])


@router.get("/")
def home(request: Request) -> Response:
    """The front page; someone who is logged in goes on to their own."""
    if request.state.identity is not None:
        return RedirectResponse(home_of(request.state.identity.role), 303)
    return render(request, "home.html")


@router.get("/accesibilidad")
def accessibility(request: Request) -> Response:
    """The accessibility statement (RD 1112/2018 article 15)."""
    return render(request, "accessibility.html")


@router.get("/tarifas")
def tariffs(request: Request) -> Response:
    """The tariffs in force today, as published (Directive (EU) 2020/2184 Annex IV)."""
    now = datetime.now(UTC)
    with read_session(request.app.state.engine) as session:
        shown = tariffs_in_force(session, request.app.state.site.utility_id, now.astimezone(MADRID).date(), now)
    return render(request, "tariffs.html", tariffs=shown)
