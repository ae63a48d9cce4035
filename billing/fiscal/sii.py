"""SII, the immediate supply of information of large filers: the book of issued invoices (RD 1624/1992, art. 62.6).

Elements, their order and the lists of keys are those of SuministroLR.xsd and SuministroInformacion.xsd, version 1.1
(Orden HFP/417/2017). A record is one entry of a message; the message says whether its entries are new (A0), change
what was supplied (A1) or take it back (Baja).
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Literal

from lxml import etree

from billing.fiscal.config import SiiConfig
from billing.fiscal.port import FiscalError, FiscalRecord, Link
from billing.fiscal.stamps import stamp_of
from billing.fiscal.texts import check_party, check_text, description
from billing.invoice import Invoice, InvoiceType, Party, Reference, VatSum

SYSTEM = "sii"
BASE = "https://www2.agenciatributaria.gob.es/static_files/common/internet/dep/aplicaciones/es/aeat/ssii/fact/ws/"
NS_LR, NS_SII = f"{BASE}SuministroLR.xsd", f"{BASE}SuministroInformacion.xsd"
NSMAP = {"siiLR": NS_LR, "sii": NS_SII}
GENERAL_REGIME = "01"
EXEMPT = "E1"  # LIVA, article 20
MAX_RATES = 6
# Somebody whom the census does not know is in Spain all the same (list L4).
NOT_IN_CENSUS = "07"
Kind = Literal["issue", "cancellation"]


@dataclass(frozen=True, slots=True)
class Sii:
    """The book of issued invoices of one utility. Its records are not chained and carry no hash and no QR code."""

    config: SiiConfig

    def check(self, invoice: Invoice) -> None:
        """FiscalError where the book cannot take an invoice."""
        if not invoice.issuer.nif:
            raise FiscalError("issuer.nif: (empty): a record names its issuer by NIF")
        if not invoice.type.simplified:
            check_party(invoice.recipient, "recipient")
        check_text(invoice.supply.contract, "supply.contract")
        rates = [item.code for item in invoice.vat if item.code not in ("NS", "EX")]
        if len(rates) > MAX_RATES:
            raise FiscalError(f"vat {', '.join(rates)}: at most {MAX_RATES} rates")

    def record_for(self, invoice: Invoice, previous: Link | None, at: datetime) -> FiscalRecord:
        """The entry of an issued invoice; FiscalError names what the invoice lacks."""
        self.check(invoice)
        return _record("issue", invoice.issuer.nif, invoice.reference, at, partial(_entry, invoice, self.config))

    def correction_for(self, invoice: Invoice, previous: Link | None, at: datetime, *, unknown: bool) -> FiscalRecord:
        """The entry again, complete and right: in place of the one supplied, or anew where the agency holds none."""
        return self.record_for(invoice, previous, at)

    def cancellation_for(
        self, issuer: Party, invoice: Reference, previous: Link | None, at: datetime, *, accrued: date | None = None
    ) -> FiscalRecord:
        """The entry that takes an invoice back; ``accrued`` is the day whose month it was supplied for."""
        build = partial(_withdrawal, issuer.nif, invoice, accrued or invoice.issued)
        return _record("cancellation", issuer.nif, invoice, at, build)

    def due_on(self, invoice: Invoice) -> date:
        """The last day on which the invoice is supplied in time."""
        return self.config.deadline.of(invoice.reference.issued, accrued_on(invoice))


def accrued_on(invoice: Invoice) -> date:
    """The day whose month an invoice is declared in; a rectifying one counts when it is issued (LIVA art. 89.5)."""
    issued = invoice.reference.issued
    return issued if invoice.rectification is not None else invoice.operation_date or issued


def _record(kind: Kind, nif: str, invoice: Reference, at: datetime, build: partial[bytes]) -> FiscalRecord:
    return FiscalRecord(SYSTEM, kind, nif, invoice.number, invoice.issued, stamp_of(at), "", None, "", build)


def _entry(invoice: Invoice, config: SiiConfig) -> bytes:
    root = _root("RegistroLRFacturasEmitidas", accrued_on(invoice))
    _identity(root, invoice.issuer.nif, invoice.reference)
    body = etree.SubElement(root, f"{{{NS_LR}}}FacturaExpedida")
    _add(body, "TipoFactura", invoice.type.value)
    _rectifies(body, invoice)
    if invoice.operation_date is not None and invoice.operation_date != invoice.issued:
        _add(body, "FechaOperacion", _day(invoice.operation_date))
    _add(body, "ClaveRegimenEspecialOTrascendencia", _regime(invoice, config))
    _add(body, "ImporteTotal", _money(invoice.total))
    _add(body, "DescripcionOperacion", description(invoice))
    if not invoice.type.simplified:
        _counterpart(body, invoice.recipient)
    _breakdown(_add(body, "TipoDesglose"), invoice)
    return etree.tostring(root, encoding="UTF-8")


def _withdrawal(nif: str, invoice: Reference, accrued: date) -> bytes:
    root = _root("RegistroLRBajaExpedidas", accrued)
    _identity(root, nif, invoice)
    return etree.tostring(root, encoding="UTF-8")


def _root(name: str, accrued: date) -> etree._Element:
    root = etree.Element(f"{{{NS_LR}}}{name}", nsmap=NSMAP)
    period = _add(root, "PeriodoLiquidacion")
    _add(period, "Ejercicio", f"{accrued.year:04d}")
    _add(period, "Periodo", f"{accrued.month:02d}")
    return root


def _identity(root: etree._Element, nif: str, invoice: Reference) -> None:
    identity = etree.SubElement(root, f"{{{NS_LR}}}IDFactura")
    _add(_add(identity, "IDEmisorFactura"), "NIF", nif)
    _add(identity, "NumSerieFacturaEmisor", invoice.number)
    _add(identity, "FechaExpedicionFacturaEmisor", _day(invoice.issued))


def _rectifies(body: etree._Element, invoice: Invoice) -> None:
    note = invoice.rectification
    if note is None:
        return
    _add(body, "TipoRectificativa", note.method)
    named = _add(body, "FacturasRectificadas")
    for original in note.originals:
        one = _add(named, "IDFacturaRectificada")
        _add(one, "NumSerieFacturaEmisor", original.number)
        _add(one, "FechaExpedicionFacturaEmisor", _day(original.issued))
    if note.base is not None and note.vat is not None:
        replaced = _add(body, "ImporteRectificacion")
        _add(replaced, "BaseRectificada", _money(note.base))
        _add(replaced, "CuotaRectificada", _money(note.vat))


def _regime(invoice: Invoice, config: SiiConfig) -> str:
    """One key stands for the whole invoice: that of collected levies only where nothing else is on it."""
    all_collected = all(item.code == "NS" for item in invoice.vat)
    return config.levy_regime if all_collected and invoice.type is InvoiceType.F1 else GENERAL_REGIME


def _counterpart(body: etree._Element, party: Party) -> None:
    found = _add(body, "Contraparte")
    _add(found, "NombreRazon", party.name)
    other = party.foreign_id
    if party.nif or other is None:
        _add(found, "NIF", party.nif)
        return
    identity = _add(found, "IDOtro")
    _add(identity, "CodigoPais", other.country)
    _add(identity, "IDType", other.kind)
    _add(identity, "ID", other.number[:20])


def _breakdown(parent: etree._Element, invoice: Invoice) -> None:
    """By rate; for recipients abroad by kind of operation besides, where water is a supply of goods (LIVA art. 8)."""
    other = invoice.recipient.foreign_id
    abroad = not invoice.recipient.nif and other is not None and other.kind != NOT_IN_CENSUS
    if abroad and not invoice.type.simplified:
        parent = _add(_add(parent, "DesgloseTipoOperacion"), "Entrega")
    else:
        parent = _add(parent, "DesgloseFactura")
    by_code = {item.code: item for item in invoice.vat}
    rated = [item for item in invoice.vat if item.code not in ("NS", "EX")]
    if rated or "EX" in by_code:
        _subject(_add(parent, "Sujeta"), rated, by_code.get("EX"))
    if "NS" in by_code:
        # What is collected for another administration is outside the tax (LIVA articles 7 and 78.Tres.1).
        _add(_add(parent, "NoSujeta"), "ImportePorArticulos7_14_Otros", _money(by_code["NS"].base))


def _subject(parent: etree._Element, rated: list[VatSum], exempt: VatSum | None) -> None:
    if exempt is not None:
        detail = _add(_add(parent, "Exenta"), "DetalleExenta")
        _add(detail, "CausaExencion", EXEMPT)
        _add(detail, "BaseImponible", _money(exempt.base))
    if rated:
        taxed = _add(parent, "NoExenta")
        _add(taxed, "TipoNoExenta", "S1")
        rates = _add(taxed, "DesgloseIVA")
        for item in rated:
            detail = _add(rates, "DetalleIVA")
            _add(detail, "TipoImpositivo", _money(Decimal(item.code)))
            _add(detail, "BaseImponible", _money(item.base))
            _add(detail, "CuotaRepercutida", _money(item.vat))


def _day(day: date) -> str:
    return f"{day:%d-%m-%Y}"


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NS_SII}}}{name}")
    child.text = text
    return child
