"""Which registry a utility uses."""

from datetime import datetime

from billing.fiscal.config import FiscalConfig
from billing.fiscal.port import FiscalError, FiscalRecord, Link, Registry, UnsupportedRegistryError
from billing.fiscal.verifactu import Verifactu
from billing.invoice import Invoice, Party, Reference


class NoRegistry:
    """Bodies outside every system: no record, no chain, no QR code."""

    def record_for(self, invoice: Invoice, previous: Link | None, at: datetime) -> FiscalRecord | None:
        """No record."""
        return None

    def cancellation_for(
        self, issuer: Party, invoice: Reference, previous: Link | None, at: datetime
    ) -> FiscalRecord | None:
        """No record."""
        return None


def registry(kind: str, config: FiscalConfig | None = None) -> Registry:
    """The registry of ``kind``: ``verifactu`` (needs its settings), ``sii`` or ``none``."""
    if kind == "none":
        return NoRegistry()
    if kind == "sii":
        raise UnsupportedRegistryError("fiscal.system sii: not supported yet; supported are verifactu and none")
    if kind != "verifactu":
        raise FiscalError(f"fiscal.system {kind}: must be verifactu, sii or none")
    if config is None:
        raise FiscalError("fiscal.software: (missing): verifactu records name the invoicing system")
    return Verifactu(config)
