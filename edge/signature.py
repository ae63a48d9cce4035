"""The key with which a device signs its batches: Ed25519, PKCS #8 in PEM, in a file of the agent's user alone."""

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class SignatureError(ValueError):
    """The key file cannot be used; the text names it and the rule."""


def create_key(path: Path) -> str:
    """Make a key and return its public half in hexadecimal; a file that exists is never replaced."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SignatureError(f"{path}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return key.public_key().public_bytes_raw().hex()


def load_signer(path: Path) -> Callable[[bytes], bytes]:
    """What signs bytes with the key of a file; raises :class:`SignatureError`."""
    try:
        mode, pem = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise SignatureError(f"{path}: {error.strerror}") from error
    if mode & 0o077:
        raise SignatureError(f"{path}: others may read it; set its mode to 600")
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise SignatureError(f"{path}: not a private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureError(f"{path}: must be an Ed25519 key")
    return key.sign
