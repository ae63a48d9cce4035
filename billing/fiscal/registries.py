"""Which registry a utility uses."""

from dataclasses import replace
from datetime import datetime

from billing.fiscal.config import FiscalConfig, SiiConfig
from billing.fiscal.port import FiscalError, FiscalRecord, Link, Registry
from billing.fiscal.sii import SYSTEM as SII
from billing.fiscal.sii import Sii
from billing.fiscal.verifactu import SILENT, Verifactu
from billing.fiscal.verifactu import SYSTEM as VERIFACTU
from billing.invoice import Invoice, Party, Reference

# Those whose records are chained by their hashes, in the transaction that issues the invoice.
CHAINED = (VERIFACTU, SILENT)
SYSTEMS = (*CHAINED, SII, "none")


class NoRegistry:
    """Bodies outside every system: no record, no chain, no QR code."""

    def check(self, invoice: Invoice) -> None:
        """Nothing to refuse."""

    def record_for(self, invoice: Invoice, previous: Link | None, at: datetime) -> FiscalRecord | None:
        """No record."""
        return None

    def cancellation_for(
        self, issuer: Party, invoice: Reference, previous: Link | None, at: datetime
    ) -> FiscalRecord | None:
        """No record."""
        return None


def registry(kind: str, config: FiscalConfig | None = None, sii: SiiConfig | None = None) -> Registry:
    """The registry of ``kind``: ``verifactu`` (needs ``config``), ``no_verifactu`` (too), ``sii`` or ``none``."""
    if kind == "none":
        return NoRegistry()
    if kind == SII:
        return Sii(sii or SiiConfig())
    if kind not in CHAINED:
        raise FiscalError(f"fiscal.system {kind}: must be one of {', '.join(SYSTEMS)}")
    if config is None:
        raise FiscalError(f"fiscal.software: (missing): {kind} records name the invoicing system")
    return Verifactu(replace(config, submits=kind == VERIFACTU))
