"""Issued invoices to public bodies, as FACe takes them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.fiscal import FiscalError
from billing.fiscal.facturae import Offices, facturae
from central.config import FacturaeConfig
from central.fiscal.signing import sign
from central.invoicing.archive import rebuild
from central.store.models import Invoice


def signed_invoice(
    session: Session,
    utility_id: int,
    number: str,
    config: FacturaeConfig,
    offices: Offices | None = None,
    reason: str | None = None,
) -> bytes:
    """The signed Facturae of the invoice with this number; ``offices`` stand for those configured for its recipient.

    ``reason`` is the code of why a rectifying invoice rectifies (``billing.fiscal.corrective.REASONS``).
    """
    row = session.scalars(
        select(Invoice).where(Invoice.utility_id == utility_id, Invoice.number_text == number)
    ).one_or_none()
    if row is None:
        raise FiscalError(f"invoice {number}: must be one that was issued")
    (archived,) = rebuild(session, [row])
    nif = archived.invoice.recipient.nif
    return sign(facturae(archived.invoice, offices or _offices(config, nif), reason=reason), config)


def _offices(config: FacturaeConfig, nif: str) -> Offices:
    for body in config.bodies:
        if body.nif == nif:
            return Offices(body.accounting, body.managing, body.processing)
    raise FiscalError(f"recipient.nif {nif}: has no offices, name them under [[facturae.bodies]] or with --offices")
