"""Searches for anomalies in what a system that does not submit keeps, and exports of it: each is an event itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from lxml import etree
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.fiscal import FiscalError, hash_cancellation, hash_issue
from billing.fiscal.events import EventKind, Fields, hash_again
from billing.fiscal.stamps import stamp_of
from billing.money import euros
from central.fiscal.events import SILENT, totals, write
from central.fiscal.signatures import holds
from central.fiscal.signing import Signer
from central.fiscal.systems import CANCELLATION
from central.invoicing.shared import issuer_of
from central.store.models import FiscalEvent, FiscalRecord, FiscalSignature, Invoice

# The agency's list of anomalies that these searches can find.
HASH, SIGNATURE, MISSING, OTHER_HASH_BEFORE, EARLIER, IN_THE_FUTURE = "01", "02", "04", "08", "11", "13"
MOST_RECORDS, MOST_EVENTS = 9_999_999, 99_999
TEXTS = {
    HASH: "la huella no se sigue del registro",
    SIGNATURE: "falta la firma o no se cumple",
    MISSING: "falta el registro anterior",
    OTHER_HASH_BEFORE: "la huella anterior no es la del registro anterior",
    EARLIER: "fecha anterior a la del registro anterior",
    IN_THE_FUTURE: "fecha posterior a la del sistema",
}


class Anomaly(NamedTuple):
    """One anomaly: its code in the agency's list, and the record or event it is of."""

    code: str
    position: int
    name: str

    @property
    def text(self) -> str:
        """In words."""
        return TEXTS[self.code]


@dataclass(frozen=True, slots=True)
class _Link:
    """What records and events have in common: what is looked at."""

    position: int
    name: str
    previous_hash: str
    hash: str
    hash_again: str
    at: datetime
    document: str | None


def check_records(
    session: Session, utility_id: int, signer: Signer, at: datetime, *, signatures: bool = True
) -> list[Anomaly]:
    """Look through all records kept, write that it was done and each anomaly found."""
    count, found = _anomalies(_records(session, utility_id), at, signatures=signatures)
    launched = _launch("RegFacturacion", "RegistrosFacturacion", min(count, MOST_RECORDS), signatures=signatures)
    write(session, utility_id, signer, EventKind.RECORDS_CHECKED, at, launched)
    for one in found:
        invoice = session.scalars(
            select(Invoice).where(Invoice.utility_id == utility_id, Invoice.number_text == one.name)
        ).one()
        named: Fields = [
            ("IDEmisorFactura", issuer_of(invoice).nif),
            ("NumSerieFactura", invoice.number_text),
            ("FechaExpedicionFactura", f"{invoice.issue_date:%d-%m-%Y}"),
        ]
        write(
            session, utility_id, signer, EventKind.RECORD_ANOMALY, at, _told(one, "RegistroFacturacionAnomalo", named)
        )
    return found


def check_events(
    session: Session, utility_id: int, signer: Signer, at: datetime, *, signatures: bool = True
) -> list[Anomaly]:
    """Look through the whole log, write that it was done and each anomaly found."""
    count, found = _anomalies(_events(session, utility_id), at, signatures=signatures)
    rows = select(FiscalEvent).where(FiscalEvent.utility_id == utility_id)
    known = {row.position: row for row in session.scalars(rows)} if found else {}
    launched = _launch("RegEvento", "RegistrosEvento", min(count, MOST_EVENTS), signatures=signatures)
    write(session, utility_id, signer, EventKind.EVENTS_CHECKED, at, launched)
    for one in found:
        details = _told(one, "RegEventoAnomalo", _event_named(known[one.position]))
        write(session, utility_id, signer, EventKind.EVENT_ANOMALY, at, details)
    return found


def export_records(
    session: Session, utility_id: int, signer: Signer, at: datetime, since: datetime, until: datetime
) -> bytes:
    """The signed records made in (since, until], in one XML document; FiscalError where there is none, or unsigned."""
    own = (FiscalSignature.utility_id == FiscalRecord.utility_id) & (FiscalSignature.record_id == FiscalRecord.id)
    rows = (
        select(FiscalRecord.position, FiscalSignature.document)
        .outerjoin(FiscalSignature, own)
        .where(FiscalRecord.utility_id == utility_id, FiscalRecord.system == SILENT)
        .where(FiscalRecord.generated_at > since, FiscalRecord.generated_at <= until)
        .order_by(FiscalRecord.position)
    )
    documents = []
    for position, document in session.execute(rows):
        if document is None:
            raise FiscalError(f"record {position}: is not signed yet; wait for the service, or run fiscal events tick")
        documents.append(document)
    if not documents:
        raise FiscalError(f"records: none was made after {since.isoformat()} and up to {until.isoformat()}")
    made = totals(session, utility_id, since, until)
    details: Fields = [
        *_period(since, until),
        *made.ends("RegistroFacturacion"),
        *made.sums("Exportados"),
        ("RegistrosFacturacionExportadosDejanDeConservarse", "N"),
    ]
    write(session, utility_id, signer, EventKind.RECORDS_EXPORTED, at, details)
    return _container("RegistrosFacturacion", since, until, documents)


def export_events(
    session: Session, utility_id: int, signer: Signer, at: datetime, since: datetime, until: datetime
) -> bytes:
    """The events of (since, until], in one XML document; FiscalError where there is none."""
    rows = (
        select(FiscalEvent)
        .where(FiscalEvent.utility_id == utility_id)
        .where(FiscalEvent.generated_at > since, FiscalEvent.generated_at <= until)
        .order_by(FiscalEvent.position)
    )
    found = list(session.scalars(rows))
    if not found:
        raise FiscalError(f"events: none happened after {since.isoformat()} and up to {until.isoformat()}")
    details: Fields = [
        *_period(since, until),
        ("RegistroEventoInicialPeriodo", _event_named(found[0])),
        ("RegistroEventoFinalPeriodo", _event_named(found[-1])),
        ("NumeroDeRegEventoExportados", str(len(found))),
        ("RegEventoExportadosDejanDeConservarse", "N"),
    ]
    write(session, utility_id, signer, EventKind.EVENTS_EXPORTED, at, details)
    return _container("RegistrosEvento", since, until, [row.record for row in found])


def log_anomalies(session: Session, utility_id: int, at: datetime) -> list[Anomaly]:
    """The anomalies of a log without writing anything: what an audit asks."""
    return _anomalies(_events(session, utility_id), at, signatures=True)[1]


def _anomalies(links: Iterable[_Link], now: datetime, *, signatures: bool) -> tuple[int, list[Anomaly]]:
    found: list[Anomaly] = []
    count, before = 0, None
    for link in links:
        count += 1
        faults = {
            HASH: link.hash != link.hash_again,
            SIGNATURE: signatures and not _signed(link),
            MISSING: link.position != (before.position + 1 if before else 1),
            OTHER_HASH_BEFORE: link.previous_hash != (before.hash if before else ""),
            EARLIER: before is not None and link.at < before.at,
            IN_THE_FUTURE: link.at > now,
        }
        found += [Anomaly(code, link.position, link.name) for code, wrong in faults.items() if wrong]
        before = link
    return count, found


def _signed(link: _Link) -> bool:
    """Whether a signature stands over a document that states the hash."""
    return link.document is not None and link.hash in link.document and holds(link.document.encode())


def _records(session: Session, utility_id: int) -> Iterator[_Link]:
    own = (Invoice.utility_id == FiscalRecord.utility_id) & (Invoice.id == FiscalRecord.invoice_id)
    seal = (FiscalSignature.utility_id == FiscalRecord.utility_id) & (FiscalSignature.record_id == FiscalRecord.id)
    rows = (
        select(FiscalRecord, Invoice, FiscalSignature.document)
        .join(Invoice, own)
        .outerjoin(FiscalSignature, seal)
        .where(FiscalRecord.utility_id == utility_id, FiscalRecord.system == SILENT)
        .order_by(FiscalRecord.position)
        .execution_options(yield_per=500)
    )
    before = ""
    for record, invoice, document in session.execute(rows):
        stated = before if document is None else _stated_before(document)
        yield _Link(
            record.position,
            invoice.number_text,
            stated,
            record.hash,
            _record_hash(record, invoice, issuer_of(invoice).nif, stated),
            record.generated_at,
            document,
        )
        before = record.hash


def _stated_before(document: str) -> str:
    """The hash that a signed record states as the one before it; empty for the first, and where it is no XML."""
    try:
        return etree.fromstring(document.encode()).findtext(".//{*}RegistroAnterior/{*}Huella") or ""
    except etree.XMLSyntaxError:
        return ""


def _record_hash(record: FiscalRecord, invoice: Invoice, nif: str, before: str) -> str:
    day, stamp = f"{invoice.issue_date:%d-%m-%Y}", stamp_of(record.generated_at)
    if record.kind == CANCELLATION:
        return hash_cancellation(nif, invoice.number_text, day, before, stamp)
    amounts = (f"{euros(invoice.vat_cents):.2f}", f"{euros(invoice.total_cents):.2f}")
    return hash_issue(nif, invoice.number_text, day, invoice.kind, *amounts, before, stamp)


def _events(session: Session, utility_id: int) -> Iterator[_Link]:
    rows = select(FiscalEvent).where(FiscalEvent.utility_id == utility_id).order_by(FiscalEvent.position)
    for row in session.scalars(rows):
        yield _Link(
            row.position, row.kind, row.previous_hash, row.hash, hash_again(row.record.encode()),
            row.generated_at, row.record,
        )  # fmt: skip


def _launch(of: str, counted: str, count: int, *, signatures: bool) -> Fields:
    """What was looked at: hashes, signatures, the chain and the dates, each with how many were gone through."""
    looked = {
        "SobreIntegridadHuellas": True,
        "SobreIntegridadFirmas": signatures,
        "SobreTrazabilidadCadena": True,
        "SobreTrazabilidadFechas": True,
    }
    fields: list[tuple[str, str | Fields]] = []
    for what, done in looked.items():
        fields.append((f"RealizadoProceso{what}{of}", "S" if done else "N"))
        if done:
            fields.append((f"NumeroDe{counted}Procesados{what}", str(count)))
    return fields


def _told(anomaly: Anomaly, name: str, named: Fields) -> Fields:
    return [("TipoAnomalia", anomaly.code), ("OtrosDatosAnomalia", anomaly.text), (name, named)]


def _event_named(row: FiscalEvent) -> Fields:
    return [
        ("TipoEvento", row.kind),
        ("FechaHoraHusoEvento", stamp_of(row.generated_at)),
        ("HuellaEvento", row.hash),
    ]


def _period(since: datetime, until: datetime) -> Fields:
    return [
        ("FechaHoraHusoInicioPeriodoExport", stamp_of(since)),
        ("FechaHoraHusoFinPeriodoExport", stamp_of(until)),
    ]


def _container(name: str, since: datetime, until: datetime, documents: list[str]) -> bytes:
    """Signed documents byte by byte one after another, without their XML declarations: signatures still hold."""
    bodies = [etree.tostring(etree.fromstring(one.encode()), encoding="unicode") for one in documents]
    start, end = quoteattr(stamp_of(since)), quoteattr(stamp_of(until))
    return "\n".join(
        [f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} desde={start} hasta={end}>', *bodies, f"</{name}>\n"]
    ).encode()
