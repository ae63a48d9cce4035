"""What every system's records say of an invoice in words, and the checks of the parties they name."""

from billing.fiscal.port import FiscalError
from billing.invoice import Invoice, Party

MAX_NAME = 120
MAX_DESCRIPTION = 500


def description(invoice: Invoice) -> str:
    """DescripcionOperacion: what was supplied, when, under which contract."""
    period = f"del {invoice.period.start:%d-%m-%Y} al {invoice.period.last_day:%d-%m-%Y}"
    return f"{invoice.description} {period}, contrato {invoice.supply.contract}"[:MAX_DESCRIPTION]


def check_party(party: Party, field: str) -> None:
    """FiscalError where a party has no name that fits or no identity."""
    if not 0 < len(party.name) <= MAX_NAME:
        raise FiscalError(f"{field}.name {party.name!r}: must have 1 to {MAX_NAME} characters")
    if not party.nif and party.foreign_id is None:
        raise FiscalError(f"{field}.nif: (empty): needs a NIF, or another identity (for example 07, not in the census)")
