"""What every system's records say of an invoice in words, and the checks of the parties they name."""

import re

from billing.fiscal.port import FiscalError
from billing.invoice import Invoice, Party

MAX_NAME = 120
MAX_DESCRIPTION = 500
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def description(invoice: Invoice) -> str:
    """DescripcionOperacion: what was supplied, when, under which contract."""
    period = f"del {invoice.period.start:%d-%m-%Y} al {invoice.period.last_day:%d-%m-%Y}"
    return f"{invoice.description} {period}, contrato {invoice.supply.contract}"[:MAX_DESCRIPTION]


def check_party(party: Party, field: str) -> None:
    """FiscalError where a party has no name that fits, no identity, or one that no XML can carry."""
    if not 0 < len(party.name) <= MAX_NAME:
        raise FiscalError(f"{field}.name {party.name!r}: must have 1 to {MAX_NAME} characters")
    check_text(party.name, f"{field}.name")
    if party.nif:
        check_text(party.nif, f"{field}.nif")
    elif party.foreign_id is None:
        raise FiscalError(f"{field}.nif: (empty): needs a NIF, or another identity (for example 07, not in the census)")
    else:
        check_text(party.foreign_id.number, f"{field}.foreign_id.number")


def check_text(text: str, field: str) -> None:
    """FiscalError where a text holds what no XML can carry (XML 1.0, section 2.2)."""
    found = _NOT_XML.search(text)
    if found:
        raise FiscalError(f"{field} {text!r}: must not hold the character U+{ord(found[0]):04X}, which XML excludes")
