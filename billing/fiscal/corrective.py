"""The block of a Facturae that rectifies another invoice: which one, why, for which period, by which method."""

from calendar import monthrange
from collections.abc import Mapping
from types import MappingProxyType

from lxml import etree

from billing.fiscal.port import FiscalError
from billing.invoice import Invoice, InvoiceType, Method, Reference

# Code and description as the schema pairs them: 01 to 16 errors of content, 80 to 85 article 80 of the VAT law.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "01": "Número de la factura",
        "02": "Serie de la factura",
        "03": "Fecha expedición",
        "04": "Nombre y apellidos/Razón Social-Emisor",
        "05": "Nombre y apellidos/Razón Social-Receptor",
        "06": "Identificación fiscal Emisor/obligado",
        "07": "Identificación fiscal Receptor",
        "08": "Domicilio Emisor/Obligado",
        "09": "Domicilio Receptor",
        "10": "Detalle Operación",
        "11": "Porcentaje impositivo a aplicar",
        "12": "Cuota tributaria a aplicar",
        "13": "Fecha/Periodo a aplicar",
        "14": "Clase de factura",
        "15": "Literales legales",
        "16": "Base imponible",
        "80": "Cálculo de cuotas repercutidas",
        "81": "Cálculo de cuotas retenidas",
        "82": "Base imponible modificada por devolución de envases / embalajes",
        "83": "Base imponible modificada por descuentos y bonificaciones",
        "84": "Base imponible modificada por resolución firme, judicial o administrativa",
        "85": "Base imponible modificada cuotas repercutidas no satisfechas. Auto de declaración de concurso",
    }
)
# What each type of rectifying invoice is as a rule; the base is what a wrong reading changes (R4).
USUAL: Mapping[InvoiceType, str] = MappingProxyType(
    {InvoiceType.R1: "80", InvoiceType.R2: "85", InvoiceType.R3: "16", InvoiceType.R4: "16", InvoiceType.R5: "16"}
)
METHODS: Mapping[Method, tuple[str, str]] = MappingProxyType(
    {"S": ("01", "Rectificación íntegra"), "I": ("02", "Rectificación por diferencias")}
)


def add_corrective(header: etree._Element, invoice: Invoice, reason: str | None) -> None:
    """Append the block; ``reason`` is a code of REASONS, by default the usual one of the invoice's type.

    The block names one invoice: the original. Rectifications of it that this one rectifies too follow in the text.
    """
    note = invoice.rectification
    if note is None:
        raise FiscalError(f"rectification of {invoice.full_number}: (missing): must name what it rectifies")
    code = reason or USUAL[invoice.type]
    if code not in REASONS:
        raise FiscalError(f"reason {code}: must be one of {', '.join(REASONS)}")
    block = etree.SubElement(header, "Corrective")
    original = note.originals[0]
    series, number = _parts(original)
    _add(block, "InvoiceNumber", number)
    _add(block, "InvoiceSeriesCode", series)
    _add(block, "ReasonCode", code)
    _add(block, "ReasonDescription", REASONS[code])
    day = invoice.operation_date or original.issued
    period = etree.SubElement(block, "TaxPeriod")
    _add(period, "StartDate", day.replace(day=1).isoformat())
    _add(period, "EndDate", day.replace(day=monthrange(day.year, day.month)[1]).isoformat())
    method, described = METHODS[note.method]
    _add(block, "CorrectionMethod", method)
    _add(block, "CorrectionMethodDescription", described)
    besides = ", ".join(f"{one.number} de {one.issued:%d-%m-%Y}" for one in note.originals[1:])
    _add(block, "AdditionalReasonDescription", note.reason + (f". Rectifica también {besides}" if besides else ""))
    _add(block, "InvoiceIssueDate", original.issued.isoformat())


def _parts(invoice: Reference) -> tuple[str, str]:
    series, _, number = invoice.number.rpartition("/")
    return series, number


def _add(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text
