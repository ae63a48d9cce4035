"""The web application: one utility's public pages, virtual office and back office.

Pages are plain HTML that work without scripts; each route parses, asks one service of ``central`` and renders.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from central.access import Site, load_site
from central.api import create_api, serve
from central.store import Engine, open_engine, read_session
from central.store.isolation import scoped
from portal.config import PortalConfig
from portal.pages import render
from portal.routes import ROUTERS
from portal.security import HEADERS, guard
from portal.session import attach_identity

HERE = Path(__file__).parent


def create_app(config: PortalConfig) -> FastAPI:
    """The application for ``config``; opens the database at start-up and closes it at the end."""
    api = create_api(config.api_per_minute)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.engine, app.state.site = open_site(config)
        serve(api, app.state.engine, app.state.site, config.keys, config.facturae)
        yield
        app.state.engine.dispose()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.config = config
    app.add_middleware(BaseHTTPMiddleware, dispatch=attach_identity)
    app.add_middleware(BaseHTTPMiddleware, dispatch=guard)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.mount("/api/v1", api, name="api")
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(StarletteHTTPException, show_http_error)
    app.add_exception_handler(RequestValidationError, show_bad_input)
    app.add_exception_handler(OverflowError, show_no_such_row)
    app.add_exception_handler(Exception, show_fault)
    return app


def open_site(config: PortalConfig) -> tuple[Engine, Site]:
    """The utility and a database that shows its rows alone, where the database can (central.store.isolation)."""
    engine = open_engine(config.database)
    with read_session(engine) as session:
        site = load_site(session, config.utility)
    url = scoped(config.database, site.utility_id)
    if url == config.database:
        return engine, site
    engine.dispose()
    return open_engine(url), site


async def show_http_error(request: Request, error: Exception) -> Response:
    """A page for an error status; a redirect where the error carries one."""
    status = getattr(error, "status_code", 500)
    headers = getattr(error, "headers", None) or {}
    if "Location" in headers:
        return RedirectResponse(headers["Location"], status)
    return render(request, "error.html", status=status, code=status)


async def show_bad_input(request: Request, error: Exception) -> Response:
    """A page that names the fields that were wrong."""
    fields = [str(item["loc"][-1]) for item in getattr(error, "errors", list)()]
    return render(request, "error.html", status=422, code=422, fields=fields)


async def show_no_such_row(request: Request, error: Exception) -> Response:
    """A number that SQLite cannot hold is that of no row: the page does not exist. Any other overflow is a fault."""
    if "SQLite INTEGER" not in str(error):
        raise error
    return await show_http_error(request, StarletteHTTPException(404))


async def show_fault(_request: Request, _error: Exception) -> Response:
    """What nobody foresaw: outside every middleware, so that it carries the headers itself; the log has the rest."""
    text = "Algo no ha ido bien. Vuelve a intentarlo dentro de un momento."
    return PlainTextResponse(text, 500, headers=HEADERS | {"Cache-Control": "no-store"})
