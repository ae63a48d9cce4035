"""The log of events of utilities that keep their records instead of submitting them: written, signed, chained.

A utility keeps one while its system is ``no_verifactu``. The service writes when it starts and ends and a summary for
every six hours that it runs; checks and exports write what they were and what they found (EventosSIF.xsd).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from billing.fiscal import FiscalConfig, FiscalError
from billing.fiscal.events import EventKind, EventLink, Fields, event
from billing.fiscal.stamps import stamp_of
from billing.invoice import Party
from billing.money import euros
from central.fiscal.signatures import seal_records
from central.fiscal.signing import Signer
from central.fiscal.systems import CANCELLATION
from central.invoicing import regimes
from central.invoicing.shared import issuer_of
from central.store import new_id, read_session, write_session
from central.store.models import FiscalEvent, FiscalRecord, Invoice, Utility
from central.times import local_day, millis

SILENT = "no_verifactu"
SUMMARY_EVERY = timedelta(hours=6)
MOST_OF_A_KIND = 9_999


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps the logs of every such utility of a database while the service runs."""

    engine: Engine
    signer: Signer

    def begin(self, now: datetime) -> None:
        """The system starts to work in this mode."""
        self._each(EventKind.START, now)

    def tick(self, now: datetime) -> None:
        """Sign new records; write the summaries that are due, and the start of a utility that has just changed."""
        for utility_id in self._utilities(now):
            seal_records(self.engine, utility_id, self.signer, now)
            with write_session(self.engine) as session:
                if not running(session, utility_id):
                    write(session, utility_id, self.signer, EventKind.START, now)
                elif now - _last_told(session, utility_id) >= SUMMARY_EVERY:
                    summarise(session, utility_id, self.signer, now)

    def end(self, now: datetime) -> None:
        """The system ends: what happened since the last summary is summed up first."""
        for utility_id in self._utilities(now):
            with write_session(self.engine) as session:
                if running(session, utility_id):
                    summarise(session, utility_id, self.signer, now)
                    write(session, utility_id, self.signer, EventKind.END, now)

    def restored(self, now: datetime, note: str) -> int:
        """A backup was put back; returns how many logs say so."""
        return self._each(EventKind.RESTORED, now, note)

    def _each(self, kind: EventKind, now: datetime, note: str = "") -> int:
        utilities = self._utilities(now)
        for utility_id in utilities:
            with write_session(self.engine) as session:
                write(session, utility_id, self.signer, kind, now, note=note)
        return len(utilities)

    def _utilities(self, now: datetime) -> list[int]:
        with read_session(self.engine) as session:
            return silent(session, now)


def silent(session: Session, now: datetime) -> list[int]:
    """The utilities that keep their records instead of submitting them, today."""
    today = local_day(millis(now))
    found = []
    for utility_id in session.scalars(select(Utility.id).order_by(Utility.id)):
        span = [one for one in regimes.spans(session, utility_id) if one.start <= today][-1]
        if span.fiscal.system == SILENT:
            found.append(utility_id)
    return found


def write(
    session: Session,
    utility_id: int,
    signer: Signer,
    kind: EventKind,
    at: datetime,
    details: Fields = (),
    note: str = "",
) -> FiscalEvent:
    """Append an event to a utility's log, chained to the last one and signed."""
    session.execute(select(Utility.id).where(Utility.id == utility_id).with_for_update(key_share=True)).one()
    utility, last = session.get_one(Utility, utility_id), last_event(session, utility_id)
    at = at.replace(microsecond=0)
    previous = None
    if last is not None:
        at = max(at, last.generated_at)  # a clock that was set back must not break the order
        previous = EventLink(EventKind(last.kind), stamp_of(last.generated_at), last.hash)
    payer = Party(utility.name, utility.nif)
    made = event(config_of(session, utility_id).software, payer, kind, at, previous, details, note)
    row = FiscalEvent(
        utility_id=utility_id,
        id=new_id(),
        position=last.position + 1 if last else 1,
        kind=kind.value,
        generated_at=at,
        previous_hash=previous.hash if previous else "",
        hash=made.link.hash,
        record=signer.sign(made.element).decode(),
    )
    session.add(row)
    session.flush()
    return row


def config_of(session: Session, utility_id: int) -> FiscalConfig:
    """What a utility's events state of its system; FiscalError where it has none that does not submit."""
    fiscal = regimes.systems_of(session, utility_id).get(SILENT)
    if fiscal is None or fiscal.config is None:
        raise FiscalError(f"utility {utility_id}: fiscal.system must be {SILENT} to keep a log of events")
    return fiscal.config


def last_event(session: Session, utility_id: int, *kinds: EventKind) -> FiscalEvent | None:
    """The newest event, or the newest of some kinds."""
    rows = select(FiscalEvent).where(FiscalEvent.utility_id == utility_id)
    if kinds:
        rows = rows.where(FiscalEvent.kind.in_([kind.value for kind in kinds]))
    return session.scalars(rows.order_by(FiscalEvent.position.desc()).limit(1)).first()


def running(session: Session, utility_id: int) -> bool:
    """Whether the log says that the system works: its last start was not followed by an end."""
    last = last_event(session, utility_id, EventKind.START, EventKind.END)
    return last is not None and last.kind == EventKind.START


def summarise(session: Session, utility_id: int, signer: Signer, at: datetime) -> FiscalEvent:
    """Write what happened since the last summary: events by kind, records, their sums."""
    last = last_event(session, utility_id, EventKind.SUMMARY)
    events = (
        select(FiscalEvent.kind, func.count())
        .where(FiscalEvent.utility_id == utility_id, FiscalEvent.position >= (last.position if last else 1))
        .group_by(FiscalEvent.kind)
        .order_by(FiscalEvent.kind)
    )
    counted: list[tuple[str, str | Fields]] = [
        ("TipoEvento", [("TipoEvento", kind), ("NumeroDeEventos", str(min(count, MOST_OF_A_KIND)))])
        for kind, count in session.execute(events)
    ]
    since = last.generated_at if last else None
    made = totals(session, utility_id, since, at)
    details = [*counted, *made.ends("RegistroFacturacion"), *made.sums("Generados")]
    return write(session, utility_id, signer, EventKind.SUMMARY, at, details)


@dataclass(frozen=True, slots=True)
class Totals:
    """Records of a stretch of time: the first and the last with their invoices, how many, and what they come to."""

    first: tuple[FiscalRecord, Invoice] | None
    last: tuple[FiscalRecord, Invoice] | None
    issues: int
    vat_cents: int
    total_cents: int
    cancellations: int

    def ends(self, name: str) -> Fields:
        """The first and the last record; nothing where there is none."""
        if self.first is None or self.last is None:
            return []
        return [(f"{name}InicialPeriodo", _named(*self.first)), (f"{name}FinalPeriodo", _named(*self.last))]

    def sums(self, done: str) -> Fields:
        """Counts and sums; ``done`` says what became of the records."""
        return [
            (f"NumeroDeRegistrosFacturacionAlta{done}", str(self.issues)),
            ("SumaCuotaTotalAlta", f"{euros(self.vat_cents):.2f}"),
            ("SumaImporteTotalAlta", f"{euros(self.total_cents):.2f}"),
            (f"NumeroDeRegistrosFacturacionAnulacion{done}", str(self.cancellations)),
        ]


def totals(session: Session, utility_id: int, since: datetime | None, until: datetime) -> Totals:
    """What was recorded in (since, until]; from the beginning where ``since`` is None."""
    mine: list[Any] = [
        FiscalRecord.utility_id == utility_id,
        FiscalRecord.system == SILENT,
        FiscalRecord.generated_at <= until,
    ]
    if since is not None:
        mine.append(FiscalRecord.generated_at > since)
    own = (Invoice.utility_id == FiscalRecord.utility_id) & (Invoice.id == FiscalRecord.invoice_id)
    rows = select(FiscalRecord, Invoice).join(Invoice, own).where(*mine)
    first = session.execute(rows.order_by(FiscalRecord.position).limit(1)).first()
    last = session.execute(rows.order_by(FiscalRecord.position.desc()).limit(1)).first()
    sums = select(func.count(), func.sum(Invoice.vat_cents), func.sum(Invoice.total_cents)).select_from(FiscalRecord)
    count, vat, total = session.execute(sums.join(Invoice, own).where(*mine, FiscalRecord.kind != CANCELLATION)).one()
    cancelled = select(func.count()).select_from(FiscalRecord).where(*mine, FiscalRecord.kind == CANCELLATION)
    return Totals(
        (first[0], first[1]) if first else None,
        (last[0], last[1]) if last else None,
        int(count),
        int(vat or 0),
        int(total or 0),
        session.scalar(cancelled) or 0,
    )


def events(session: Session, utility_id: int, *, before: int | None = None, limit: int = 100) -> Sequence[FiscalEvent]:
    """A page of a log, the newest first."""
    rows = select(FiscalEvent).where(FiscalEvent.utility_id == utility_id)
    if before is not None:
        rows = rows.where(FiscalEvent.position < before)
    return session.scalars(rows.order_by(FiscalEvent.position.desc()).limit(limit)).all()


def _named(record: FiscalRecord, invoice: Invoice) -> Fields:
    return [
        ("IDEmisorFactura", issuer_of(invoice).nif),
        ("NumSerieFactura", invoice.number_text),
        ("FechaExpedicionFactura", f"{invoice.issue_date:%d-%m-%Y}"),
        ("Huella", record.hash),
    ]


def _last_told(session: Session, utility_id: int) -> datetime:
    last = last_event(session, utility_id, EventKind.START, EventKind.SUMMARY)
    if last is None:
        raise FiscalError(f"utility {utility_id}: its log of events has not begun")
    return last.generated_at
