"""Meter keys at rest: sealed with AES-256-GCM under a key-encryption key (KEK) from a file outside the database.

The key file holds one KEK a line, ``name = 64 hexadecimal digits``, the current one last; ``#`` starts a comment. Older
ones stay for what they sealed. The meter's address is the additional data, so a sealed key opens for no other meter.
"""

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_LINE = re.compile(r"([A-Za-z0-9._-]{1,64})\s*=\s*([0-9A-Fa-f]{64})")
_NONCE = 12


class KeyFileError(ValueError):
    """A key file that is refused; the text names file, line and rule, never a key."""


@dataclass(frozen=True)
class Sealed:
    """A sealed key: the name of its KEK, the nonce, and ciphertext with tag."""

    kek: str
    nonce: bytes
    sealed: bytes


class KeyRing:
    """The KEKs of one key file."""

    def __init__(self, keks: dict[str, bytes]) -> None:
        if not keks:
            raise KeyFileError("key file: no key, must hold at least one line NAME = 64 hexadecimal digits")
        self._ciphers = {name: AESGCM(kek) for name, kek in keks.items()}
        self.current = list(keks)[-1]

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Read a key file that nobody but its owner may read; raises :class:`KeyFileError`."""
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(f"key file {path}: {error}") from error
        if mode & 0o077:
            raise KeyFileError(f"key file {path}: mode {mode & 0o777:03o}, only its owner may read it (chmod 600)")
        return cls(dict(_parse(path, text)))

    @classmethod
    def create(cls, path: Path, name: str = "k1") -> "KeyRing":
        """Make a key file with one fresh KEK; an existing file is never touched (FileExistsError)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{name} = {secrets.token_hex(32)}\n")
        return cls.load(path)

    def seal(self, address: str, key: bytes) -> Sealed:
        """Seal a meter's key under the current KEK."""
        nonce = secrets.token_bytes(_NONCE)
        return Sealed(self.current, nonce, self._ciphers[self.current].encrypt(nonce, key, address.encode()))

    def open(self, address: str, sealed: Sealed) -> bytes:
        """The meter's key; raises :class:`KeyFileError` where this file cannot open it."""
        cipher = self._ciphers.get(sealed.kek)
        if cipher is None:
            raise KeyFileError(f"key of meter {address}: sealed under {sealed.kek!r}, which the key file does not hold")
        try:
            return cipher.decrypt(sealed.nonce, sealed.sealed, address.encode())
        except InvalidTag:
            raise KeyFileError(
                f"key of meter {address}: sealed under another key named {sealed.kek!r}, or altered"
            ) from None


def _parse(path: Path, text: str) -> list[tuple[str, bytes]]:
    keks = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.split("#", 1)[0].strip()
        if not content:
            continue
        match = _LINE.fullmatch(content)
        if not match:
            raise KeyFileError(f"key file {path}, line {number}: must be NAME = 64 hexadecimal digits")
        keks.append((match[1], bytes.fromhex(match[2])))
    return keks
