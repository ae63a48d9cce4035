"""The chained hash of VERI*FACTU records.

Source: AEAT, "Detalle de las especificaciones técnicas para generación de la huella o hash de los
registros de facturación", 0.1.2, section 3: ``name=value`` joined by ``&``, values trimmed at both ends,
an absent one empty, SHA-256 of the UTF-8 text in upper-case hexadecimal.
"""

from collections.abc import Iterable
from hashlib import sha256

DIGEST_BYTES = 32  # SHA-256
# Number, date of issue (DD-MM-YYYY), type, VAT and total (two decimals): what differs within a run.
IssueRow = tuple[str, str, str, str, str]


def hash_issue(
    nif: str, number: str, issued: str, invoice_type: str, vat: str, total: str, previous: str, stamp: str
) -> str:
    """Hash of a record of issue. ``issued`` is DD-MM-YYYY, ``previous`` empty for the first of a chain."""
    text = (
        f"IDEmisorFactura={nif}&NumSerieFactura={number}&FechaExpedicionFactura={issued}"
        f"&TipoFactura={invoice_type}&CuotaTotal={vat}&ImporteTotal={total}"
        f"&Huella={previous}&FechaHoraHusoGenRegistro={stamp}"
    )
    return sha256(text.encode()).hexdigest().upper()


def hash_cancellation(nif: str, number: str, issued: str, previous: str, stamp: str) -> str:
    """Hash of a record of cancellation."""
    text = (
        f"IDEmisorFacturaAnulada={nif}&NumSerieFacturaAnulada={number}&FechaExpedicionFacturaAnulada={issued}"
        f"&Huella={previous}&FechaHoraHusoGenRegistro={stamp}"
    )
    return sha256(text.encode()).hexdigest().upper()


def chain_issues(nif: str, rows: Iterable[IssueRow], previous: str, stamp: str) -> list[str]:
    """Hashes of a run's invoices in order, each chained to the one before, all generated at ``stamp``."""
    hashes = []
    for number, issued, invoice_type, vat, total in rows:
        previous = hash_issue(nif, number, issued, invoice_type, vat, total, previous, stamp)
        hashes.append(previous)
    return hashes
