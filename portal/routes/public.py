"""Pages anyone may read."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from portal.pages import render
from portal.routes.entry import home_of

router = APIRouter()


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
