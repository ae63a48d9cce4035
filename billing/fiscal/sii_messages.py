"""The messages of the SII's book of issued invoices and the agency's answers (SuministroFactEmitidas.wsdl, 1.1)."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from lxml import etree
from verifactu_sdk.xml import NS_SOAP

from billing.fiscal.answers import DUPLICATE, Answer, Kind, Line, soap_content, verdict_of
from billing.fiscal.config import Environment
from billing.fiscal.port import FiscalError
from billing.fiscal.sii import BASE, NS_LR, NS_SII, NSMAP
from billing.invoice import Party

MAX_ENTRIES = 10_000
VERSION = "1.1"
NS_R = f"{BASE}RespuestaSuministro.xsd"
ALREADY_WITHDRAWN = 3001

# What a message does with its entries: new ones, changed ones, ones taken back.
Communication = Literal["A0", "A1", "baja"]

_ENDPOINTS = {
    (Environment.PRODUCTION, False): "https://www1.agenciatributaria.gob.es",
    (Environment.PRODUCTION, True): "https://www10.agenciatributaria.gob.es",
    (Environment.TEST, False): "https://prewww1.aeat.es",
    (Environment.TEST, True): "https://prewww10.aeat.es",
}
_PERIOD = re.compile(r"<sii:Ejercicio>(\d{4})</sii:Ejercicio><sii:Periodo>(\w\w)</sii:Periodo>")


class Entry(NamedTuple):
    """A stored record on its way, and what the message that carries it says of it."""

    communication: Communication
    xml: bytes


def uniform(entries: Sequence[Entry]) -> int:
    """How many entries, from the first on, one message may carry: of one communication and one period."""
    first = next(iter(entries), None)
    if first is None:
        return 0
    kind = (first.communication, _period(first.xml))
    others = (at for at, one in enumerate(entries) if (one.communication, _period(one.xml)) != kind)
    return next(others, len(entries))


def sii_message(payer: Party, entries: Sequence[Entry]) -> bytes:
    """The SOAP 1.1 envelope with up to 10,000 entries of one communication and period, in their order."""
    if not 0 < len(entries) <= MAX_ENTRIES:
        raise FiscalError(f"records: {len(entries)}: a message carries 1 to {MAX_ENTRIES}")
    if uniform(entries) != len(entries):
        raise FiscalError("records: a message carries entries of one communication and one period")
    communication = entries[0].communication
    root = etree.Element(f"{{{NS_SOAP}}}Envelope", nsmap={"soapenv": NS_SOAP, **NSMAP})
    etree.SubElement(root, f"{{{NS_SOAP}}}Header")
    name = "BajaLRFacturasEmitidas" if communication == "baja" else "SuministroLRFacturasEmitidas"
    content = etree.SubElement(etree.SubElement(root, f"{{{NS_SOAP}}}Body"), f"{{{NS_LR}}}{name}")
    header = etree.SubElement(content, f"{{{NS_SII}}}Cabecera")
    etree.SubElement(header, f"{{{NS_SII}}}IDVersionSii").text = VERSION
    holder = etree.SubElement(header, f"{{{NS_SII}}}Titular")
    etree.SubElement(holder, f"{{{NS_SII}}}NombreRazon").text = payer.name
    etree.SubElement(holder, f"{{{NS_SII}}}NIF").text = payer.nif
    if communication != "baja":
        etree.SubElement(header, f"{{{NS_SII}}}TipoComunicacion").text = communication
    for entry in entries:
        content.append(etree.fromstring(entry.xml))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def sii_endpoint(environment: Environment, *, seal: bool = False) -> str:
    """Where the agency takes the book of issued invoices; ``seal`` for certificates of an electronic seal."""
    return f"{_ENDPOINTS[environment, seal]}/wlpl/SSII-FACT/ws/fe/SiiFactFEV1SOAP"


def read_sii_answer(content: bytes) -> Answer:
    """Read a SOAP answer; AgencyFaultError where it is a fault, FiscalError where it is no answer of this book."""
    inner = soap_content(content)
    kinds: dict[str, Kind] = {
        f"{{{NS_R}}}RespuestaLRFacturasEmitidas": "Alta",
        f"{{{NS_R}}}RespuestaLRBajaFacturasEmitidas": "Anulacion",
    }
    if inner.tag not in kinds:
        raise FiscalError(f"answer {inner.tag}: must be RespuestaLRFacturasEmitidas or RespuestaLRBajaFacturasEmitidas")
    lines = tuple(_line(item, kinds[str(inner.tag)]) for item in inner.iter(f"{{{NS_R}}}RespuestaLinea"))
    return Answer(_text(inner, f"{{{NS_R}}}EstadoEnvio"), 0, _text(inner, f"{{{NS_R}}}CSV") or None, lines)


def _line(item: etree._Element, kind: Kind) -> Line:
    number = _text(item, f"{{{NS_R}}}IDFactura/{{{NS_SII}}}NumSerieFacturaEmisor")
    code = _code(_text(item, f"{{{NS_R}}}CodigoErrorRegistro"))
    verdict = verdict_of(_text(item, f"{{{NS_R}}}EstadoRegistro"))
    return Line(
        number,
        kind,
        verdict,
        code,
        _text(item, f"{{{NS_R}}}DescripcionErrorRegistro"),
        _stored(item, number, kind, code),
    )


def _stored(item: etree._Element, number: str, kind: Kind, code: int | None) -> Line | None:
    """What the agency already had: the entry itself, or that it was taken back before."""
    if kind == "Anulacion":
        return Line(number, kind, "accepted") if code == ALREADY_WITHDRAWN else None
    found = item.find(f"{{{NS_R}}}RegistroDuplicado")
    if found is None or code != DUPLICATE:
        return None
    return Line(
        number,
        kind,
        verdict_of(_text(found, f"{{{NS_SII}}}EstadoRegistro")),
        _code(_text(found, f"{{{NS_SII}}}CodigoErrorRegistro")),
        _text(found, f"{{{NS_SII}}}DescripcionErrorRegistro"),
    )


def _period(xml: bytes) -> tuple[str, ...]:
    found = _PERIOD.search(xml.decode())
    if found is None:
        raise FiscalError("record: names no period")
    return found.groups()


def _code(text: str) -> int | None:
    return int(text) if text else None


def _text(item: etree._Element, path: str) -> str:
    return (item.findtext(path) or "").strip()
