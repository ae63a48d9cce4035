"""The key file of the process that serves the interface."""

from fastapi import Request

from central.api.problems import ApiError
from central.register import KeyRing


def ring_of(request: Request) -> KeyRing:
    """The keys that seal and open; ApiError 409 where this process was started without them."""
    ring = ring_if_any(request)
    if ring is None:
        raise ApiError(409, "keys", "keys: the web process has no key file; start it with --keys")
    return ring


def ring_if_any(request: Request) -> KeyRing | None:
    """The same, None without a key file."""
    path = request.app.state.keys
    return KeyRing.load(path) if path is not None else None
