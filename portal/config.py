"""The portal's settings: which utility it serves, and how."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from central.config import FacturaeConfig


@dataclass(frozen=True)
class PortalConfig:
    """``secure`` is False only for a demonstration over plain http on this machine.

    ``origin`` is the address that browsers know the site by, ``https://oficina.example.es``: passkeys are bound to it,
    and there are none without it. ``keys`` also seals the secrets of authenticator applications.
    """

    database: str
    utility: str
    secure: bool = True
    reader_url: str | None = None
    keys: Path | None = None
    api_per_minute: int = 600
    facturae: FacturaeConfig | None = None
    origin: str | None = None

    def __post_init__(self) -> None:
        """An origin is scheme and host, no more; browsers give passkeys only to https, and to this machine."""
        if self.origin is None:
            return
        parts = urlsplit(self.origin)
        here = parts.hostname == "localhost"
        bare = self.origin == f"{parts.scheme}://{parts.netloc}"
        if not bare or not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and here)):
            raise ValueError(f"origin: {self.origin!r}, must be https://HOST or http://localhost:PORT, without a path")

    @property
    def cookie(self) -> str:
        """The session cookie's name; the ``__Host-`` prefix binds it to https and to this host."""
        return "__Host-sgc" if self.secure else "sgc"

    @property
    def known_cookie(self) -> str:
        """The cookie by which a browser that was once logged in is known."""
        return f"{self.cookie}-known"
