"""The session behind the cookie: who asks, for the length of one request."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from central.access import Identity, identify, touch
from central.store import read_session, write_session
from portal.security import Next


async def attach_identity(request: Request, call_next: Next) -> Response:
    """Put the identity behind the session cookie, or None, on ``request.state``."""
    token = request.cookies.get(request.app.state.config.cookie)
    request.state.token = token
    request.state.identity = None
    if token and not request.url.path.startswith(("/static/", "/api/")):
        request.state.identity = await run_in_threadpool(_identify, request, token)
    return await call_next(request)


def _identify(request: Request, token: str) -> Identity | None:
    engine, utility_id = request.app.state.engine, request.app.state.site.utility_id
    with read_session(engine) as session:
        found = identify(session, utility_id, token)
    if found is None:
        return None
    identity, due = found
    if due:
        with write_session(engine) as session:
            touch(session, utility_id, token)
    return identity
