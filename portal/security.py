"""What guards every page: headers, origin proof for every change, and the session behind the cookie.

OWASP ASVS 5.0: 3.3 (cookies), 3.4 (headers), 3.5.1 and 3.5.3 (request forgery), 8.2 (authorisation), 14.3.2 (caching).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import HTTPException, Request
from starlette.responses import PlainTextResponse, Response

from central.access import Identity, Permission, allows

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
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

    Without a session the visitor is sent to log in; with one that may not, the page does not exist (404, so that
    nobody learns what others have).
    """

    permission: Permission

    def __call__(self, request: Request) -> Identity:
        """Ask the policy."""
        identity: Identity | None = request.state.identity
        if identity is None:
            raise HTTPException(303, headers={"Location": f"/entrar?a={request.url.path}"})
        if not allows(identity, self.permission):
            raise HTTPException(404)
        return identity


may = May


def anyone() -> None:
    """The dependency by which a route says that it is for everybody."""
