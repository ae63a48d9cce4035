"""The chained hash of VERI*FACTU records.

Source: AEAT, "Detalle de las especificaciones técnicas para generación de la huella o hash de los
registros de facturación", 0.1.2, section 3: ``name=value`` joined by ``&``, values trimmed at both ends,
an absent one empty, SHA-256 of the UTF-8 text in upper-case hexadecimal.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

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


def chain_amounts(
    nif: str,
    numbers: Sequence[str],
    issued: str,
    vat_cents: Sequence[int],
    total_cents: Sequence[int],
    previous: str,
    stamp: str,
) -> list[bytes]:
    """Digests of the records of issue (F1) of a run's invoices in order; amounts in cents, the rest as ``hash_issue``.

    Written out for speed: a million are made one after the other while nothing else of the run can go on.
    """
    head = f"IDEmisorFactura={nif}&NumSerieFactura="
    middle = f"&FechaExpedicionFactura={issued}&TipoFactura=F1&CuotaTotal="
    tail = f"&FechaHoraHusoGenRegistro={stamp}"
    digests = []
    for number, vat, total in zip(numbers, vat_cents, total_cents, strict=True):
        text = (
            f"{head}{number}{middle}{'-' if vat < 0 else ''}{abs(vat) // 100}.{abs(vat) % 100:02d}"
            f"&ImporteTotal={'-' if total < 0 else ''}{abs(total) // 100}.{abs(total) % 100:02d}"
            f"&Huella={previous}{tail}"
        )
        digest = sha256(text.encode()).digest()
        digests.append(digest)
        previous = digest.hex().upper()
    return digests
