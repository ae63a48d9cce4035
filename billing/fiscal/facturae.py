"""The electronic invoice for public bodies, unsigned: Facturae 3.2.2 (Ley 25/2013; Orden HAP/1650/2015).

Amounts are the invoice's own; nothing is worked out again but the VAT of each line, which the format asks for and which
never adds up to another total: totals are taken from the invoice's sums by rate.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from lxml import etree

from billing.fiscal.corrective import add_corrective
from billing.fiscal.port import FiscalError
from billing.invoice import Address, Invoice, InvoiceLine, Party, PaymentMethod

NS = "http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml"
CUBIC_METRE, UNIT, OTHER = "33", "01", "05"
VAT = "01"
EXEMPT, NOT_SUBJECT = "01", "02"
DIRECT_DEBIT, TRANSFER, CASH = "02", "04", "01"
CENT = Decimal("0.01")

_DIR3 = re.compile(r"[A-Z]{1,2}[0-9A-Z]{7,9}")
_UNITS = {"m3": CUBIC_METRE, "ud": UNIT}
_MEANS = {PaymentMethod.DIRECT_DEBIT: DIRECT_DEBIT, PaymentMethod.TRANSFER: TRANSFER}
_SPECIAL = {
    "EX": (EXEMPT, "Operación exenta de IVA"),
    "NS": (NOT_SUBJECT, "Concepto no sujeto a IVA"),
}


@dataclass(frozen=True, slots=True)
class Offices:
    """The DIR3 codes by which FACe finds the body's offices: accounting (01), managing (02), processing (03)."""

    accounting: str
    managing: str
    processing: str

    @property
    def roles(self) -> tuple[tuple[str, str], ...]:
        """Role and code; FiscalError where a code is none of DIR3."""
        for field in ("accounting", "managing", "processing"):
            if not _DIR3.fullmatch(getattr(self, field)):
                raise FiscalError(f"offices.{field} {getattr(self, field)!r}: must be a DIR3 code such as L01280796")
        return (("01", self.accounting), ("02", self.managing), ("03", self.processing))


def facturae(invoice: Invoice, offices: Offices, *, reason: str | None = None) -> etree._Element:
    """The Facturae element of an issued invoice; FiscalError names what the format needs and the invoice lacks.

    ``reason`` is the code of why a rectifying invoice rectifies, where it is not the usual one of its type.
    """
    if invoice.type.simplified:
        raise FiscalError(f"type {invoice.type.value} of {invoice.full_number}: public bodies are due whole invoices")
    if reason is not None and not invoice.type.rectifies:
        raise FiscalError(f"reason {reason}: {invoice.full_number} rectifies nothing")
    if invoice.number is None:
        raise FiscalError("number: (missing): only issued invoices are written as Facturae")
    root = etree.Element(f"{{{NS}}}Facturae", nsmap={"fe": NS})
    _header(root, invoice)
    parties = _add(root, "Parties")
    _party(_add(parties, "SellerParty"), invoice.issuer, "issuer", None)
    _party(_add(parties, "BuyerParty"), invoice.recipient, "recipient", offices)
    _invoice(_add(_add(root, "Invoices"), "Invoice"), invoice, reason)
    return root


def _header(root: etree._Element, invoice: Invoice) -> None:
    header = _add(root, "FileHeader")
    _add(header, "SchemaVersion", "3.2.2")
    _add(header, "Modality", "I")
    _add(header, "InvoiceIssuerType", "EM")
    batch = _add(header, "Batch")
    _add(batch, "BatchIdentifier", f"{invoice.issuer.nif}{invoice.full_number}")
    _add(batch, "InvoicesCount", "1")
    for name in ("TotalInvoicesAmount", "TotalOutstandingAmount", "TotalExecutableAmount"):
        _add(_add(batch, name), "TotalAmount", _money(invoice.total))
    _add(batch, "InvoiceCurrencyCode", "EUR")


def _party(party: etree._Element, who: Party, field: str, offices: Offices | None) -> None:
    if not who.nif:
        raise FiscalError(f"{field}.nif: (empty): Facturae names both parties by NIF")
    address = who.address
    if address is None or not address.complete:
        raise FiscalError(f"{field}.address: (incomplete): Facturae needs street, postal code and town")
    if who.nif[0].isdigit() or who.nif[0] in "KLMXYZ":
        raise FiscalError(f"{field}.nif {who.nif}: of a natural person; FACe is for public bodies")
    identity = _add(party, "TaxIdentification")
    _add(identity, "PersonTypeCode", "J")
    _add(identity, "ResidenceTypeCode", "R")
    _add(identity, "TaxIdentificationNumber", who.nif)
    if offices is not None:
        centres = _add(party, "AdministrativeCentres")
        for role, code in offices.roles:
            centre = _add(centres, "AdministrativeCentre")
            _add(centre, "CentreCode", code)
            _add(centre, "RoleTypeCode", role)
            _address(centre, address)
    body = _add(party, "LegalEntity")
    _add(body, "CorporateName", who.name[:80])
    _address(body, address)


def _address(parent: etree._Element, address: Address) -> None:
    if address.country != "ES":
        raise FiscalError(f"address.country {address.country}: must be ES for an invoice through FACe")
    place = _add(parent, "AddressInSpain")
    _add(place, "Address", address.street[:80])
    _add(place, "PostCode", address.postal_code)
    _add(place, "Town", address.town[:50])
    _add(place, "Province", (address.province or address.town)[:20])
    _add(place, "CountryCode", "ESP")


def _invoice(parent: etree._Element, invoice: Invoice, reason: str | None) -> None:
    header = _add(parent, "InvoiceHeader")
    _add(header, "InvoiceNumber", f"{invoice.number:06d}")
    _add(header, "InvoiceSeriesCode", invoice.series)
    _add(header, "InvoiceDocumentType", "FC")
    _add(header, "InvoiceClass", "OR" if invoice.type.rectifies else "OO")
    if invoice.type.rectifies:
        add_corrective(header, invoice, reason)
    _issue_data(_add(parent, "InvoiceIssueData"), invoice)
    taxes = _add(parent, "TaxesOutputs")
    for item in invoice.vat:
        _tax(taxes, _rate(item.code), item.base, item.vat)
    totals = _add(parent, "InvoiceTotals")
    for name, amount in (
        ("TotalGrossAmount", invoice.base),
        ("TotalGrossAmountBeforeTaxes", invoice.base),
        ("TotalTaxOutputs", invoice.vat_total),
        ("TotalTaxesWithheld", Decimal(0)),
        ("InvoiceTotal", invoice.total),
        ("TotalOutstandingAmount", invoice.total),
        ("TotalExecutableAmount", invoice.total),
    ):
        _add(totals, name, _money(amount))
    items = _add(parent, "Items")
    for line in invoice.lines:
        _line(_add(items, "InvoiceLine"), line, invoice)
    _payment(parent, invoice)


def _issue_data(data: etree._Element, invoice: Invoice) -> None:
    _add(data, "IssueDate", invoice.reference.issued.isoformat())
    if invoice.operation_date is not None and invoice.operation_date != invoice.issued:
        _add(data, "OperationDate", invoice.operation_date.isoformat())
    period = _add(data, "InvoicingPeriod")
    _add(period, "StartDate", invoice.period.start.isoformat())
    _add(period, "EndDate", invoice.period.last_day.isoformat())
    _add(data, "InvoiceCurrencyCode", "EUR")
    _add(data, "TaxCurrencyCode", "EUR")
    _add(data, "LanguageName", "es")


def _line(item: etree._Element, line: InvoiceLine, invoice: Invoice) -> None:
    _add(item, "IssuerContractReference", invoice.supply.contract[:20])
    _add(item, "ItemDescription", line.description[:2500])
    _add(item, "Quantity", format(line.quantity, "f"))
    _add(item, "UnitOfMeasure", _UNITS.get(line.unit, OTHER))
    _add(item, "UnitPriceWithoutTax", format(line.unit_price, "f"))
    _add(item, "TotalCost", _money(line.amount))
    _add(item, "GrossAmount", _money(line.amount))
    rate = _rate(line.vat)
    vat = (line.amount * rate / 100).quantize(CENT, ROUND_HALF_UP)
    _tax(_add(item, "TaxesOutputs"), rate, line.amount, vat)
    if line.vat in _SPECIAL:
        code, reason = _SPECIAL[line.vat]
        event = _add(item, "SpecialTaxableEvent")
        _add(event, "SpecialTaxableEventCode", code)
        _add(event, "SpecialTaxableEventReason", reason)


def _payment(parent: etree._Element, invoice: Invoice) -> None:
    instalment = _add(_add(parent, "PaymentDetails"), "Installment")
    _add(instalment, "InstallmentDueDate", invoice.terms.due.isoformat())
    _add(instalment, "InstallmentAmount", _money(invoice.total))
    _add(instalment, "PaymentMeans", _MEANS.get(invoice.terms.method, CASH))


def _tax(parent: etree._Element, rate: Decimal, base: Decimal, amount: Decimal) -> None:
    tax = _add(parent, "Tax")
    _add(tax, "TaxTypeCode", VAT)
    _add(tax, "TaxRate", _money(rate))
    _add(_add(tax, "TaxableBase"), "TotalAmount", _money(base))
    _add(_add(tax, "TaxAmount"), "TotalAmount", _money(amount))


def _rate(code: str) -> Decimal:
    return Decimal(0) if code in _SPECIAL else Decimal(code)


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, name)
    child.text = text
    return child
