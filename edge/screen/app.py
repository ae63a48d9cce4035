"""The screen as a web application: its guard, its headers, its pages."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from edge.config import ScreenConfig
from edge.screen import entry, login, pages, work
from edge.screen.context import STATIC, ScreenContext, context_of, environment
from edge.screen.login import LoginNeededError
from edge.screen.session import Sessions
from edge.store import Store, StoreError

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Under "no-referrer" browsers send "Origin: null" with this screen's own forms.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

CallNext = Callable[[Request], Awaitable[Response]]


def create_app(config: ScreenConfig, store: Store, status: Callable[[], dict[str, object]]) -> FastAPI:
    """The application; ``status`` answers ``/api/status``."""
    app = FastAPI(title="SGC: pantalla del lector", docs_url=None, redoc_url=None, openapi_url=None)
    sessions = Sessions(config.pin, config.idle_minutes * 60)
    app.state.context = ScreenContext(config, store, status, sessions, environment())
    app.middleware("http")(guard)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for part in (login.router, pages.router, entry.router, work.router):
        app.include_router(part)
    app.add_exception_handler(LoginNeededError, ask_for_pin)
    app.add_exception_handler(RequestValidationError, bad_form)
    app.add_exception_handler(HTTPException, problem)
    app.add_exception_handler(StoreError, not_saved)
    return app


async def guard(request: Request, call_next: CallNext) -> Response:
    """Only by this machine's own name and only from its own pages (DNS rebinding, foreign forms)."""
    if not own_host(request.headers.get("host", "")):
        return PlainTextResponse("Host: not this device\n", HTTPStatus.MISDIRECTED_REQUEST, HEADERS)
    if request.method not in ("GET", "HEAD") and not _from_own_page(request):
        return PlainTextResponse("Origin: not a page of this device\n", HTTPStatus.FORBIDDEN, HEADERS)
    response = await call_next(request)
    response.headers.update(HEADERS)
    return response


def own_host(host: str) -> bool:
    """Whether a ``Host`` header names the loopback interface."""
    try:
        return urlsplit(f"//{host}").hostname in _OWN_NAMES
    except ValueError:
        return False


def _from_own_page(request: Request) -> bool:
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def ask_for_pin(request: Request, error: Exception) -> Response:
    """To the PIN, and from there back to where the reader wanted to go."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method == "GET":
        return RedirectResponse(f"/entrar?volver={quote(back, safe='')}", HTTPStatus.SEE_OTHER)
    return _page(request, HTTPStatus.UNAUTHORIZED, "Sesión cerrada", ["Entre con su PIN y repita la lectura."])


async def bad_form(request: Request, error: Exception) -> Response:
    """Every field that is wrong, by name."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    lines = [f"{'.'.join(str(step) for step in fault['loc'][1:])}: {fault['msg']}" for fault in faults]
    return _page(request, HTTPStatus.UNPROCESSABLE_ENTITY, "Datos no válidos", lines)


async def problem(request: Request, error: Exception) -> Response:
    """A page that is not there, and the like."""
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    detail = error.detail if isinstance(error, HTTPException) else ""
    if status == HTTPStatus.NOT_FOUND and detail == HTTPStatus.NOT_FOUND.phrase:
        detail = "Esta página no existe."
    return _page(request, HTTPStatus(status), "No puede ser", [detail])


async def not_saved(request: Request, error: Exception) -> Response:
    """The reader must know that nothing was saved."""
    lines = ["Lo anotado NO está guardado.", "Apúntelo en papel y avise.", str(error)]
    return _page(request, HTTPStatus.SERVICE_UNAVAILABLE, "No se ha podido guardar", lines)


def _page(request: Request, status: HTTPStatus, title: str, lines: list[str]) -> Response:
    template = context_of(request).templates.get_template("message.html")
    return HTMLResponse(template.render(title=title, lines=lines), status)
