"""The message that carries stored records to the tax agency."""

from collections.abc import Sequence

from lxml import etree
from verifactu_sdk.client import ENDPOINTS
from verifactu_sdk.models import Entorno
from verifactu_sdk.xml import MAX_REGISTROS, NS_LR, NS_SF, sobre_soap

from billing.fiscal.config import Environment
from billing.fiscal.port import FiscalError
from billing.invoice import Party

MAX_RECORDS = MAX_REGISTROS


def submission(payer: Party, records: Sequence[bytes], *, incident: bool = False) -> bytes:
    """RegFactuSistemaFacturacion with up to 1000 records (``FiscalRecord.xml``) in chain order.

    ``incident`` marks a late sending after the service or the line was down.
    """
    if not 0 < len(records) <= MAX_RECORDS:
        raise FiscalError(f"records: {len(records)}: a message carries 1 to {MAX_RECORDS}")
    root = etree.Element(f"{{{NS_LR}}}RegFactuSistemaFacturacion", nsmap={"sum": NS_LR, "sum1": NS_SF})
    header = etree.SubElement(root, f"{{{NS_LR}}}Cabecera")
    holder = etree.SubElement(header, f"{{{NS_SF}}}ObligadoEmision")
    etree.SubElement(holder, f"{{{NS_SF}}}NombreRazon").text = payer.name
    etree.SubElement(holder, f"{{{NS_SF}}}NIF").text = payer.nif
    if incident:
        voluntary = etree.SubElement(header, f"{{{NS_SF}}}RemisionVoluntaria")
        etree.SubElement(voluntary, f"{{{NS_SF}}}Incidencia").text = "S"
    for record in records:
        etree.SubElement(root, f"{{{NS_LR}}}RegistroFactura").append(etree.fromstring(record))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def envelope(message: bytes) -> bytes:
    """The SOAP 1.1 envelope around a message of :func:`submission`."""
    return sobre_soap(etree.fromstring(message))


def endpoint(environment: Environment, *, seal: bool = False) -> str:
    """Where the agency takes messages (SistemaFacturacion.wsdl); ``seal`` for certificates of an electronic seal."""
    production = environment is Environment.PRODUCTION
    return ENDPOINTS[Entorno.PRODUCCION if production else Entorno.PRUEBAS, seal]
