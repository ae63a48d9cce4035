"""The session behind the cookie: who asks, for the length of one request."""

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from central.access import Seen, Stage, identify, touch
from central.access.entry import Client
from central.access.passkeys import RelyingParty
from central.register import KeyRing
from central.store import read_session, write_session
from portal.security import Next

# As long as a browser keeps it: it opens nothing, it only keeps strangers' guesses apart.
KNOWN_S = 365 * 24 * 3600


async def attach_identity(request: Request, call_next: Next) -> Response:
    """Put the session behind the cookie, or None, on ``request.state.seen``, and who asks on ``.identity``.

    There is an identity only where the session is open: one that lacks a factor reaches no page that asks for one.
    """
    token = request.cookies.get(request.app.state.config.cookie)
    request.state.token = token
    request.state.identity = request.state.seen = None
    if token and not request.url.path.startswith(("/static/", "/api/")):
        seen = await run_in_threadpool(_identify, request, token)
        request.state.seen = seen
        request.state.identity = seen.identity if seen is not None and seen.stage is Stage.OPEN else None
    return await call_next(request)


def _identify(request: Request, token: str) -> Seen | None:
    engine, utility_id = request.app.state.engine, request.app.state.site.utility_id
    with read_session(engine) as session:
        seen = identify(session, utility_id, token)
    if seen is not None and seen.touch_due:
        with write_session(engine) as session:
            touch(session, utility_id, token)
    return seen


def carry(request: Request, response: Response, token: str) -> Response:
    """Put a session's token into the browser's cookie (ASVS 5.0 3.3)."""
    config = request.app.state.config
    response.set_cookie(config.cookie, token, httponly=True, secure=config.secure, samesite="lax", path="/")
    return response


def carry_browser(request: Request, response: Response, browser: str) -> Response:
    """The same for the token by which the browser is known."""
    config = request.app.state.config
    response.set_cookie(
        config.known_cookie,
        browser,
        max_age=KNOWN_S,
        httponly=True,
        secure=config.secure,
        samesite="lax",
        path="/",
    )
    return response


def client_of(request: Request) -> Client:
    """Who knocks."""
    address = request.client.host if request.client else "?"
    agent = request.headers.get("user-agent", "")
    return Client(address, agent, request.cookies.get(request.app.state.config.known_cookie))


def party_of(request: Request) -> RelyingParty | None:
    """The site as passkeys know it; None where no origin is configured."""
    origin = request.app.state.config.origin
    return RelyingParty(origin, request.app.state.site.name) if origin else None


def ring_of(request: Request) -> KeyRing | None:
    """What seals the secrets of authenticator applications; None where no key file is configured."""
    keys: Path | None = request.app.state.config.keys
    return KeyRing.load(keys) if keys else None
