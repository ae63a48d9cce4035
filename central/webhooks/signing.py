"""Signatures after Standard Webhooks 1.0: ``v1``, HMAC-SHA256 over ``id.timestamp.body``, base64, one per secret."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from central.register.keys import KeyRing, Sealed

PREFIX = "whsec_"
SECRET_BYTES = 32  # the specification asks for 24 to 64


def new_secret() -> bytes:
    """A fresh secret."""
    return secrets.token_bytes(SECRET_BYTES)


def spoken(secret: bytes) -> str:
    """A secret as its holder is shown it, once: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(secret).decode()


def seal(ring: KeyRing, endpoint_id: int, secret: bytes) -> Sealed:
    """A secret as it is kept; it opens for its endpoint alone."""
    return ring.seal(_owner(endpoint_id), secret)


def unseal(ring: KeyRing, endpoint_id: int, sealed: Sealed) -> bytes:
    """The secret; KeyFileError where the key file cannot open it."""
    return ring.open(_owner(endpoint_id), sealed)


def headers(message: str, timestamp: int, body: bytes, held: Sequence[bytes]) -> dict[str, str]:
    """The three headers of a message sent at ``timestamp`` (epoch seconds)."""
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature(secret, message, timestamp, body)}" for secret in held),
    }


def signature(secret: bytes, message: str, timestamp: int, body: bytes) -> str:
    """One signature."""
    signed = f"{message}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def _owner(endpoint_id: int) -> str:
    return f"webhook {endpoint_id}"
