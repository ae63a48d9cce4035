"""What guards every page: headers, origin proof for every change, and the session behind the cookie.

OWASP ASVS 5.0: 3.3 (cookies), 3.4 (headers), 3.5.1 and 3.5.3 (request forgery), 7.5 (proof again), 8.2 (authorisation),
14.3.2 (caching).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from fastapi import HTTPException, Request
from starlette.responses import PlainTextResponse, Response

from central.access import Identity, Permission, Seen, Stage, allows
from central.access.policy import FRESH

CSP = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
HSTS = "max-age=31536000; includeSubDomains"
READING = frozenset({"GET", "HEAD", "OPTIONS"})

Next = Callable[[Request], Awaitable[Response]]


def same_origin(request: Request) -> bool:
    """Whether a changing request comes from our own pages: ``Sec-Fetch-Site`` says so, or ``Origin`` is this host."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is not None and origin.split("://")[-1] == request.headers.get("host")


async def guard(request: Request, call_next: Next) -> Response:
    """Refuse changes that another site started; put the headers on every answer."""
    # Asked now: after it was answered, the request is that of the mounted application which answered it.
    secure = request.app.state.config.secure
    # The API knows no cookies: nothing that a browser adds by itself opens it, so there is nothing to forge.
    ambient = not request.url.path.startswith("/api/")
    if request.method not in READING and ambient and not same_origin(request):
        response: Response = PlainTextResponse("Petición rechazada: no procede de esta página.", 403)
    else:
        response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if secure:
        response.headers["Strict-Transport-Security"] = HSTS
    if not request.url.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


@dataclass(frozen=True)
class May:
    """A dependency that yields the identity where it has ``permission``.

    Without an open session the visitor is sent to log in; with one that may not, the page does not exist (404, so that
    nobody learns what others have). What moves money or lets others in (:data:`central.access.policy.FRESH`) is changed
    only by who has proved who they are within minutes; others are asked again (ASVS 5.0 7.5.1).
    """

    permission: Permission

    def __call__(self, request: Request) -> Identity:
        """Ask the policy."""
        identity: Identity | None = request.state.identity
        if identity is None:
            raise _go(door_of(request))
        if not allows(identity, self.permission):
            raise HTTPException(404)
        if self.permission in FRESH and request.method not in READING:
            ask_again_unless_fresh(request)
        return identity


@dataclass(frozen=True)
class Member:
    """A dependency that yields the session of whoever is logged in, whatever their role, at one of ``stages``.

    ``fresh``: only within minutes of a proof of who they are.
    """

    stages: tuple[Stage, ...] = (Stage.OPEN,)
    fresh: bool = False

    def __call__(self, request: Request) -> Seen:
        """Send away who is at another stage."""
        seen: Seen | None = request.state.seen
        if seen is None or seen.stage not in self.stages:
            raise _go(door_of(request))
        if self.fresh:
            ask_again_unless_fresh(request)
        return seen


def door_of(request: Request) -> str:
    """Where a visitor goes who lacks something: to log in, to the second factor, or to add one."""
    seen: Seen | None = request.state.seen
    back = quote(page_of(request))
    if seen is None:
        return f"/entrar?a={back}"
    return {Stage.FACTOR: f"/entrar/segundo?a={back}", Stage.ENROL: "/seguridad", Stage.OPEN: "/"}[seen.stage]


def page_of(request: Request) -> str:
    """The page a request was made on: its own, or for a form the one that showed it."""
    if request.method in READING:
        return request.url.path
    shown = urlsplit(request.headers.get("referer", ""))
    return shown.path if shown.netloc == request.headers.get("host") and shown.path else "/"


def ask_again_unless_fresh(request: Request) -> None:
    """Send who has not lately proved who they are to do so, and then back to the page they were on."""
    if datetime.now(UTC) >= request.state.seen.proved_until:
        raise _go(f"/confirmar?a={quote(page_of(request))}")


def _go(where: str) -> HTTPException:
    return HTTPException(303, headers={"Location": where})


may = May


def anyone() -> None:
    """The dependency by which a route says that it is for everybody."""
