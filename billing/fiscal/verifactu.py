"""VERI*FACTU records of issue and cancellation (RD 1007/2023, Orden HAC/1177/2024).

The XML comes from verifactu-sdk; the hash is computed here and must agree with the one the library
writes into it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial

from lxml import etree
from verifactu_sdk import models
from verifactu_sdk.xml import construir_peticion

from billing.fiscal import shapes
from billing.fiscal.config import FiscalConfig
from billing.fiscal.hashing import hash_cancellation, hash_issue
from billing.fiscal.port import FiscalError, FiscalRecord, Link
from billing.fiscal.qr import qr_url
from billing.fiscal.stamps import stamp_of
from billing.fiscal.texts import check_party, check_text, description
from billing.invoice import Invoice, Party, Reference, VatSum
from billing.volume.period import MADRID

SYSTEM, SILENT = "verifactu", "no_verifactu"
EXEMPT = "E1"
VAT = "01"
GENERAL_REGIME = "01"
MAX_OTHER_ID = 20  # IDOtro/ID in SuministroInformacion.xsd


@dataclass(frozen=True, slots=True)
class Verifactu:
    """The VERI*FACTU registry of one utility."""

    config: FiscalConfig

    @property
    def system(self) -> str:
        """The name its records bear."""
        return SYSTEM if self.config.submits else SILENT

    def check(self, invoice: Invoice) -> None:
        """FiscalError where the agency's format cannot carry an invoice."""
        if not invoice.issuer.nif:
            raise FiscalError("issuer.nif: (empty): a record names its issuer by NIF")
        check_party(invoice.issuer, "issuer")
        if not invoice.type.simplified:
            check_party(invoice.recipient, "recipient")
            other = None if invoice.recipient.nif else invoice.recipient.foreign_id
            if other is not None and len(other.number) > MAX_OTHER_ID:
                where = f"recipient.foreign_id.number {other.number!r}"
                raise FiscalError(f"{where}: must have at most {MAX_OTHER_ID} characters")
        check_text(invoice.supply.contract, "supply.contract")
        if len(invoice.vat) > shapes.MAX_VAT:
            raise FiscalError(f"vat {', '.join(item.code for item in invoice.vat)}: at most {shapes.MAX_VAT} rates")

    def record_for(self, invoice: Invoice, previous: Link | None, at: datetime) -> FiscalRecord:
        """The chained record of issue; FiscalError names what the invoice lacks."""
        self.check(invoice)
        nif, number, issued = invoice.issuer.nif, invoice.full_number, invoice.reference.issued
        _check_chain(nif, previous)
        stamp = stamp_of(at)
        digest = hash_issue(
            nif,
            number,
            f"{issued:%d-%m-%Y}",
            invoice.type.value,
            f"{invoice.vat_total:.2f}",
            f"{invoice.total:.2f}",
            previous.hash if previous else "",
            stamp,
        )
        config = self.config
        url = qr_url(nif, number, issued, invoice.total, config.environment, verifactu=config.submits)
        return FiscalRecord(
            self.system,
            "issue",
            nif,
            number,
            issued,
            stamp,
            digest,
            previous,
            url,
            self._writer(invoice, previous, at, digest),
        )

    def correction_for(self, invoice: Invoice, previous: Link | None, at: datetime, *, unknown: bool) -> FiscalRecord:
        """The chained record that mends an earlier one of the same invoice (Subsanacion).

        ``unknown``: the agency rejected what it was sent before and holds no record of the invoice (RechazoPrevio X).
        """
        made = self.record_for(invoice, previous, at)
        record = replace(self._issue(invoice, previous, at), subsanacion=True, rechazo_previo="X" if unknown else None)
        return replace(made, build_xml=partial(_element, record, made.hash, record.emisor))

    def cancellation_for(
        self,
        issuer: Party,
        invoice: Reference,
        previous: Link | None,
        at: datetime,
        *,
        after_rejection: bool = False,
    ) -> FiscalRecord:
        """The chained record that cancels an invoice issued by mistake; again, where the first was rejected."""
        _check_chain(issuer.nif, previous)
        stamp = stamp_of(at)
        record = models.RegistroAnulacion(
            factura=models.IDFactura(issuer.nif, invoice.number, invoice.issued),
            sistema=self._software(),
            rechazo_previo=after_rejection,
            anterior=_before(previous),
            fecha_hora_huso_gen=at.astimezone(MADRID),
        )
        digest = hash_cancellation(
            issuer.nif,
            invoice.number,
            f"{invoice.issued:%d-%m-%Y}",
            previous.hash if previous else "",
            stamp,
        )
        return FiscalRecord(
            self.system,
            "cancellation",
            issuer.nif,
            invoice.number,
            invoice.issued,
            stamp,
            digest,
            previous,
            "",
            partial(_element, record, digest, _party(issuer, "issuer")),
        )

    def _writer(self, invoice: Invoice, previous: Link | None, at: datetime, digest: str) -> Callable[[], bytes]:
        """What writes the record's element; FiscalError names what the invoice lacks."""
        shape = shapes.shape_of(self.config, invoice, previous, at)
        if shape is None:
            record = self._issue(invoice, previous, at)
            return partial(_element, record, digest, record.emisor)
        return partial(_filled, shape, shapes.values_of(invoice, previous, description(invoice)), digest)

    def marked(self, shape: shapes.Shape) -> models.RegistroAlta:
        """The record of a shape, with marks in the place of what differs."""
        other = models.IDOtro(shapes.IDENTITY, *shape.identity) if shape.identity else None
        recipient = models.Persona(shapes.NAME, None if other else shapes.IDENTITY, other)
        sums = (VatSum(code, *shapes.base_and_vat(at)) for at, code in enumerate(shape.vat))
        before = shape.previous and Link(shape.issuer.nif, shapes.PREVIOUS, shape.previous, shapes.PREVIOUS_HASH)
        return models.RegistroAlta(
            emisor=_party(shape.issuer, "issuer"),
            num_serie=shapes.NUMBER,
            fecha_expedicion=shape.issued,
            descripcion=shapes.DESCRIPTION,
            desglose=[self._breakdown(item) for item in sums],
            sistema=self._software(),
            destinatarios=[recipient],
            cuota_total=shapes.VAT_TOTAL,
            importe_total=shapes.TOTAL,
            fecha_operacion=shape.operation,
            anterior=_before(before or None),
            fecha_hora_huso_gen=shape.at.astimezone(MADRID),
        )

    def _issue(self, invoice: Invoice, previous: Link | None, at: datetime) -> models.RegistroAlta:
        note = invoice.rectification
        differs = invoice.operation_date != invoice.issued
        return models.RegistroAlta(
            emisor=_party(invoice.issuer, "issuer"),
            num_serie=invoice.full_number,
            fecha_expedicion=invoice.reference.issued,
            descripcion=description(invoice),
            desglose=[self._breakdown(item) for item in invoice.vat],
            sistema=self._software(),
            tipo_factura=invoice.type.value,
            destinatarios=_recipients(invoice),
            cuota_total=invoice.vat_total,
            importe_total=invoice.total,
            fecha_operacion=invoice.operation_date if differs else None,
            tipo_rectificativa=note.method if note else None,
            facturas_rectificadas=_rectified(invoice.issuer, note.originals) if note else [],
            base_rectificada=note.base if note else None,
            cuota_rectificada=note.vat if note else None,
            anterior=_before(previous),
            fecha_hora_huso_gen=at.astimezone(MADRID),
        )

    def _breakdown(self, item: VatSum) -> models.LineaDesglose:
        """S1 with its rate, N1 for amounts not subject, or exempt."""
        if item.code == "NS":
            return models.LineaDesglose(item.base, clave_regimen=self.config.levy_regime, calificacion="N1")
        if item.code == "EX":
            return models.LineaDesglose(item.base, operacion_exenta=EXEMPT)
        return models.LineaDesglose(item.base, item.code, item.vat, VAT, GENERAL_REGIME, "S1")

    def _software(self) -> models.SistemaInformatico:
        software = self.config.software
        return models.SistemaInformatico(
            nombre_razon=software.producer,
            nif=software.producer_nif,
            nombre_sistema=software.name,
            id_sistema=software.identifier,
            version=software.version,
            numero_instalacion=software.installation,
            solo_verifactu=self.config.submits,
            multi_ot=software.several_payers,
            indicador_multiples_ot=software.several_payers,
        )


def _check_chain(nif: str, previous: Link | None) -> None:
    if not nif:
        raise FiscalError("issuer.nif: (empty): a record names its issuer by NIF")
    if previous is not None and previous.nif != nif:
        raise FiscalError(f"previous.nif {previous.nif}: a chain belongs to one issuer, {nif}")


def _before(previous: Link | None) -> models.RegistroAnterior | None:
    if previous is None:
        return None
    return models.RegistroAnterior(previous.nif, previous.number, f"{previous.issued:%d-%m-%Y}", previous.hash)


def _party(party: Party, field: str) -> models.Persona:
    check_party(party, field)
    other = party.foreign_id
    if party.nif or other is None:
        return models.Persona(party.name, nif=party.nif)
    return models.Persona(party.name, id_otro=models.IDOtro(other.number, other.kind, other.country))


def _recipients(invoice: Invoice) -> list[models.Persona]:
    """F1 and R1 to R4 name the recipient; simplified invoices and what rectifies them must not."""
    if invoice.type.simplified:
        return []
    return [_party(invoice.recipient, "recipient")]


def _rectified(issuer: Party, originals: Sequence[Reference]) -> list[models.IDFactura]:
    return [models.IDFactura(issuer.nif, original.number, original.issued) for original in originals]


@lru_cache(maxsize=64)
def _template(shape: shapes.Shape) -> Callable[[tuple[str, ...], str], bytes]:
    """What fills a shape: the library writes it once, and must hash it as we do."""
    record = Verifactu(shape.config).marked(shape)
    digest = hash_issue(
        shape.issuer.nif,
        shapes.NUMBER,
        f"{shape.issued:%d-%m-%Y}",
        record.tipo_factura_str,
        str(shapes.VAT_TOTAL),
        str(shapes.TOTAL),
        shapes.PREVIOUS_HASH if shape.previous else "",
        stamp_of(shape.at),
    )
    return shapes.filler(_element(record, digest, record.emisor).decode(), shape.vat, digest)


def _filled(shape: shapes.Shape, values: tuple[str, ...], digest: str) -> bytes:
    return _template(shape)(values, digest)


def _element(record: models.RegistroAlta | models.RegistroAnulacion, digest: str, payer: models.Persona) -> bytes:
    """The record's element; refuses to hand out XML whose hash is not the one that was chained."""
    if record.huella != digest:
        raise FiscalError(f"hash {digest}: the XML of this record would carry {record.huella}")
    request = construir_peticion(models.Cabecera(payer), [record])
    return etree.tostring(request[1][0], encoding="UTF-8")
