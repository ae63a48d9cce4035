"""Entries of the SII's book: made from issued invoices in the days that law gives, in the order of their issue.

Issuing a run does nothing for the SII. Whatever was issued under it and has no entry yet gets one here, in transactions
of their own; killed in between, the rest follows the next time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, exists, or_, select
from sqlalchemy.orm import Session

from billing.fiscal import FiscalError, Sii
from central.fiscal.systems import ISSUE, SII
from central.invoicing import regimes
from central.invoicing.archive import Archived, rebuild
from central.invoicing.records import store_config
from central.store import new_id, write_session
from central.store.bulk import add_missing_rows
from central.store.models import FiscalChain, FiscalOutcome, FiscalRecord, Invoice

PAGE = 1_000
# Identifiers grow with time: no transaction that issues invoices is open for longer than this.
LATE_MS = 6 * 3_600_000
COUNTER_BITS = 22


class Due(NamedTuple):
    """An invoice that the agency has not accepted yet, and the last day on which that is in time."""

    number: str
    issued: date
    due: date


@dataclass(slots=True)
class Enlisted:
    """How many invoices got their entry, and why others could not (by number)."""

    entries: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def enlist(engine: Engine, utility_id: int, now: datetime, *, everything: bool = False) -> Enlisted:
    """Give each invoice issued under the SII its entry; one that lacks something is named and stops nobody.

    Looks back a few hours behind the last one that was given its entry, or at ``everything``.
    """
    found, after = Enlisted(), 0
    while True:
        with write_session(engine) as session:
            seen = _enlist_page(session, utility_id, now, found, after=after, everything=everything)
        if len(seen) < PAGE:
            return found
        after = seen[-1]


def open_entries(session: Session, utility_id: int) -> Iterator[Due]:
    """Invoices issued under the SII without an accepted entry, with their last day, the oldest first."""
    accepted = exists().where(
        FiscalRecord.utility_id == Invoice.utility_id,
        FiscalRecord.invoice_id == Invoice.id,
        FiscalRecord.id != FiscalRecord.invoice_id,
        FiscalRecord.system == SII,
        FiscalOutcome.utility_id == FiscalRecord.utility_id,
        FiscalOutcome.record_id == FiscalRecord.id,
        FiscalOutcome.verdict.in_(("accepted", "accepted_with_errors")),
    )
    rows = select(Invoice).where(Invoice.utility_id == utility_id, _under_sii(session, utility_id), ~accepted)
    registry = _registry(session, utility_id)
    for row in session.scalars(rows.order_by(Invoice.id)):
        accrued = row.issue_date if row.rectifies is not None else row.operation_date or row.issue_date
        yield Due(row.number_text, row.issue_date, registry.config.deadline.of(row.issue_date, accrued))


def overdue(session: Session, utility_id: int, today: date) -> list[Due]:
    """What should have been accepted before ``today``; nothing where a utility never was under the SII."""
    if SII not in regimes.systems_of(session, utility_id):
        return []
    return [one for one in open_entries(session, utility_id) if one.due < today]


def _enlist_page(
    session: Session, utility_id: int, now: datetime, found: Enlisted, *, after: int, everything: bool
) -> list[int]:
    """Enter a page of invoices behind ``after``; returns their ids."""
    chain = _locked(session, utility_id)
    entered = exists().where(
        FiscalRecord.utility_id == Invoice.utility_id,
        FiscalRecord.invoice_id == Invoice.id,
        FiscalRecord.id != FiscalRecord.invoice_id,  # entered later: found by the index of those
        FiscalRecord.system == SII,
        FiscalRecord.kind == ISSUE,
    )
    mine = (Invoice.utility_id == utility_id, Invoice.id > after)
    rows = select(Invoice).where(*mine, _under_sii(session, utility_id), ~entered)
    last = (chain.head or {}).get("invoice_id", 0)
    if not everything:
        rows = rows.where(Invoice.id > last - (LATE_MS << COUNTER_BITS))
    page = list(session.scalars(rows.order_by(Invoice.id).limit(PAGE)))
    registry, at = _registry(session, utility_id), now.replace(microsecond=0)
    config = store_config(session, utility_id, regimes.systems_of(session, utility_id)[SII])
    for archived in rebuild(session, page):
        try:
            row = _row(registry, archived, chain.next_position, at, config)
        except FiscalError as lacking:
            found.refused[archived.row.number_text] = str(lacking)
            continue
        session.add(row)
        chain.next_position += 1
        last = max(last, archived.row.id)
        found.entries += 1
    if page:
        chain.head = {"invoice_id": last}
    session.flush()
    return [row.id for row in page]


def _row(registry: Sii, archived: Archived, position: int, at: datetime, config: int) -> FiscalRecord:
    registry.record_for(archived.invoice, None, at).build_xml()  # what cannot be declared is refused now
    return FiscalRecord(
        utility_id=archived.row.utility_id,
        id=new_id(),
        system=SII,
        position=position,
        kind=ISSUE,
        invoice_id=archived.row.id,
        generated_at=at,
        hash="",
        config_id=config,
    )


def _registry(session: Session, utility_id: int) -> Sii:
    fiscal = regimes.systems_of(session, utility_id).get(SII)
    registry = fiscal.registry() if fiscal else None
    if not isinstance(registry, Sii):
        raise FiscalError(f"utility {utility_id}: has no fiscal.system {SII}")
    return registry


def _under_sii(session: Session, utility_id: int) -> ColumnElement[bool]:
    """Invoices whose issue date lies where the SII holds."""
    inside: list[Any] = [
        and_(Invoice.issue_date >= span.start, Invoice.issue_date < (span.end or date.max))
        for span in regimes.spans(session, utility_id)
        if span.fiscal.system == SII
    ]
    return or_(*inside) if inside else Invoice.id.is_(None)


def _locked(session: Session, utility_id: int) -> FiscalChain:
    columns = ("utility_id", "system", "next_position")
    add_missing_rows(session, FiscalChain, columns, [(utility_id, SII, 1)])
    return session.scalars(
        select(FiscalChain)
        .where(FiscalChain.utility_id == utility_id, FiscalChain.system == SII)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
