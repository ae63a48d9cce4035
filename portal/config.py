"""The portal's settings: which utility it serves, and how."""

from dataclasses import dataclass
from pathlib import Path

from central.config import FacturaeConfig


@dataclass(frozen=True)
class PortalConfig:
    """``secure`` is False only for a demonstration over plain http on this machine."""

    database: str
    utility: str
    secure: bool = True
    reader_url: str | None = None
    keys: Path | None = None
    api_per_minute: int = 600
    facturae: FacturaeConfig | None = None

    @property
    def cookie(self) -> str:
        """The session cookie's name; the ``__Host-`` prefix binds it to https and to this host."""
        return "__Host-sgc" if self.secure else "sgc"
