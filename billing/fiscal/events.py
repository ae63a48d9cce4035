"""The log of events of a system that does not submit its records (RD 1007/2023, article 9; Orden HAC/1177/2024, 9).

Elements and lists are those of EventosSIF.xsd; the hash is that of the agency's specification, section 3.c. Events are
chained among themselves, apart from the records of invoices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType

from lxml import etree

from billing.fiscal.config import Software
from billing.fiscal.port import FiscalError
from billing.fiscal.stamps import stamp_of
from billing.invoice import Party

NS = "https://www2.agenciatributaria.gob.es/static_files/common/internet/dep/aplicaciones/es/aeat/tike/cont/ws/EventosSIF.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
VERSION, HASH_KIND = "1.0", "01"
MAX_NOTE = 100
SIGNATURE_MARK = "placeholder"  # the Id that signxml looks for

# What is told of an event: elements in order, each with its text or its own elements.
Fields = Sequence[tuple[str, "str | Fields"]]


class EventKind(StrEnum):
    """The agency's list of types of event."""

    START = "01"
    END = "02"
    RECORDS_CHECKED = "03"
    RECORD_ANOMALY = "04"
    EVENTS_CHECKED = "05"
    EVENT_ANOMALY = "06"
    RESTORED = "07"
    RECORDS_EXPORTED = "08"
    EVENTS_EXPORTED = "09"
    SUMMARY = "10"
    OTHER = "90"


# The element that holds the details of each type that has some.
DETAILS: Mapping[EventKind, str] = MappingProxyType(
    {
        EventKind.RECORDS_CHECKED: "LanzamientoProcesoDeteccionAnomaliasRegFacturacion",
        EventKind.RECORD_ANOMALY: "DeteccionAnomaliasRegFacturacion",
        EventKind.EVENTS_CHECKED: "LanzamientoProcesoDeteccionAnomaliasRegEvento",
        EventKind.EVENT_ANOMALY: "DeteccionAnomaliasRegEvento",
        EventKind.RECORDS_EXPORTED: "ExportacionRegFacturacionPeriodo",
        EventKind.EVENTS_EXPORTED: "ExportacionRegEventoPeriodo",
        EventKind.SUMMARY: "ResumenEventos",
    }
)


@dataclass(frozen=True, slots=True)
class EventLink:
    """What the next event must know of the one before."""

    kind: EventKind
    stamp: str
    hash: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event, hashed and not signed yet: ``element`` has a mark where its signature goes."""

    link: EventLink
    previous: EventLink | None
    element: etree._Element


def event(
    software: Software,
    payer: Party,
    kind: EventKind,
    at: datetime,
    previous: EventLink | None,
    details: Fields = (),
    note: str = "",
) -> Event:
    """Build an event; ``details`` are the elements of its type, ``note`` free text of up to 100 characters."""
    if bool(details) is not (kind in DETAILS):
        raise FiscalError(f"event {kind.value}: details: {'are missing' if kind in DETAILS else 'it has none'}")
    stamp = stamp_of(at)
    digest = hash_event(software, payer.nif, kind, previous.hash if previous else "", stamp)
    root = etree.Element(f"{{{NS}}}RegistroEvento", nsmap={"sf": NS})
    fields: list[tuple[str, str | Fields]] = [
        ("SistemaInformatico", _system(software)),
        ("ObligadoEmision", [("NombreRazon", payer.name), ("NIF", payer.nif)]),
        ("FechaHoraHusoGenEvento", stamp),
        ("TipoEvento", kind.value),
    ]
    if details:
        fields.append(("DatosPropiosEvento", [(DETAILS[kind], details)]))
    if note:
        fields.append(("OtrosDatosEvento", note[:MAX_NOTE]))
    fields.append(("Encadenamiento", _before(previous)))
    fields += [("TipoHuella", HASH_KIND), ("HuellaEvento", digest)]
    _fill(root, [("IDVersion", VERSION), ("Evento", fields)])
    # An enveloped signature is appended to the root; the agency's schema has it within Evento. An empty Signature
    # with this Id is how signxml, which signs (central.fiscal.signing), is told where: it puts its own in its place.
    etree.SubElement(root[1], f"{{{DS}}}Signature", Id=SIGNATURE_MARK, nsmap={"ds": DS})
    return Event(EventLink(kind, stamp, digest), previous, root)


def hash_event(software: Software, nif: str, kind: str, previous: str, stamp: str) -> str:
    """Hash of an event; ``nif`` is the obliged party's, ``previous`` empty for the first of a chain."""
    text = (
        f"NIF={software.producer_nif}&ID=&IdSistemaInformatico={software.identifier}&Version={software.version}"
        f"&NumeroInstalacion={software.installation}&NIF={nif}&TipoEvento={kind}&HuellaEvento={previous}"
        f"&FechaHoraHusoGenEvento={stamp}"
    )
    return sha256(text.encode()).hexdigest().upper()


def hash_again(record: bytes) -> str:
    """The hash that a stored event should state, worked out from what it says; empty where it is no XML."""
    try:
        root = etree.fromstring(record)
    except etree.XMLSyntaxError:
        return ""

    def said(path: str) -> str:
        return (root.findtext("/".join(f"{{{NS}}}{step}" for step in ("Evento", *path.split("/")))) or "").strip()

    # Its producer and its name are not hashed.
    software = Software(
        "",
        said("SistemaInformatico/NIF"),
        "",
        said("SistemaInformatico/IdSistemaInformatico"),
        said("SistemaInformatico/Version"),
        said("SistemaInformatico/NumeroInstalacion"),
    )
    before = said("Encadenamiento/EventoAnterior/HuellaEvento")
    return hash_event(software, said("ObligadoEmision/NIF"), said("TipoEvento"), before, said("FechaHoraHusoGenEvento"))


def _system(software: Software) -> Fields:
    several = "S" if software.several_payers else "N"
    return [
        ("NombreRazon", software.producer),
        ("NIF", software.producer_nif),
        ("NombreSistemaInformatico", software.name),
        ("IdSistemaInformatico", software.identifier),
        ("Version", software.version),
        ("NumeroInstalacion", software.installation),
        ("TipoUsoPosibleSoloVerifactu", "N"),
        ("TipoUsoPosibleMultiOT", several),
        ("IndicadorMultiplesOT", several),
    ]


def _before(previous: EventLink | None) -> Fields:
    if previous is None:
        return [("PrimerEvento", "S")]
    return [
        (
            "EventoAnterior",
            [
                ("TipoEvento", previous.kind.value),
                ("FechaHoraHusoGenEvento", previous.stamp),
                ("HuellaEvento", previous.hash),
            ],
        )
    ]


def _fill(parent: etree._Element, fields: Fields) -> None:
    for name, value in fields:
        child = etree.SubElement(parent, f"{{{NS}}}{name}")
        if isinstance(value, str):
            child.text = value
        else:
            _fill(child, value)
