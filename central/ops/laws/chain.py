"""The fiscal chain: no link missing, every hash right, every invoice that must have a record has exactly one."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import and_, func, select

from billing.fiscal import FiscalError, hash_cancellation, hash_issue
from billing.fiscal.stamps import stamp_of
from billing.money import euros
from central.fiscal.systems import CANCELLATION, ISSUE, SII
from central.invoicing.plan import ISSUE as STAGE
from central.invoicing.plan import OPEN
from central.invoicing.records import texts_of
from central.invoicing.settings import settings_of
from central.invoicing.shared import Shared
from central.invoicing.states import RunStatus
from central.ops.laws.law import AT_ONCE, Case, Report
from central.store.models import BillingRun, FiscalChain, FiscalRecord, Invoice, RunPartition


def chains_are_unbroken(case: Case, report: Report) -> None:
    """Positions follow one another; each record's hash, worked out again, covers the one before it.

    The SII's entries are not chained: only their positions follow one another.
    """
    systems = select(FiscalRecord.system).where(FiscalRecord.utility_id == case.utility_id).distinct()
    for system in case.session.scalars(systems.order_by(FiscalRecord.system)).all():
        _walk(case, report, system)


def _walk(case: Case, report: Report, system: str) -> None:
    reserved, leads = _reserved(case), _leads(case)
    shared = Shared(case.session, case.utility_id)
    position, previous = 1, ""
    for record, invoice, text in _records(case, system):
        report.saw()
        where = f"fiscal_record {system} {record.position}"
        position = _skip(reserved, position)
        if record.position != position:
            report.breach(f"{where}: position {position} is missing before it")
        elif position in reserved.values():
            previous = leads.get(position, previous)
        nif = shared.form(invoice.form_id).issuer.nif
        if system != SII and record.hash != _hash(record, invoice, nif, previous):
            report.breach(f"{where}: its hash does not follow from invoice {invoice.number_text} and {previous}")
        elif text is not None and record.hash.encode() not in text:
            report.breach(f"{where}: its XML states another hash")
        position, previous = record.position + 1, record.hash
    end = _skip(reserved, position)
    chain = case.session.get_one(FiscalChain, (case.utility_id, system))
    head = (chain.head or {}).get("hash", "")
    if chain.next_position != end or (end == position and previous != head):
        report.breach(f"fiscal_chain {system}: next position is {chain.next_position}, its records end before {end}")


def invoices_have_records(case: Case, report: Report) -> None:
    """Each invoice of a run whose system keeps records has exactly one record of issue; elsewhere none has.

    The SII gives days to make one; whoever is late is told of by ``sgc central fiscal status``.
    """
    counted = (
        select(FiscalRecord.invoice_id, func.count().label("records"))
        .where(FiscalRecord.utility_id == case.utility_id, FiscalRecord.kind == ISSUE)
        .group_by(FiscalRecord.invoice_id)
        .subquery()
    )
    runs = case.session.scalars(select(BillingRun).where(BillingRun.utility_id == case.utility_id)).all()
    for run in runs:
        fiscal = settings_of(run).fiscal
        wanted = 1 if fiscal.chained else 0
        mine = (Invoice.utility_id == case.utility_id, Invoice.run_id == run.id)
        report.saw(case.session.scalar(select(func.count()).select_from(Invoice).where(*mine)) or 0)
        records = func.coalesce(counted.c.records, 0)
        rows: Any = (
            select(Invoice.number_text, records)
            .outerjoin(counted, counted.c.invoice_id == Invoice.id)
            .where(*mine, records > 1 if fiscal.system == SII else records != wanted)
        )
        for number, count in case.session.execute(rows):
            report.breach(f"invoice {number}: has {count} records of issue, must have {wanted}")


def _skip(reserved: dict[int, int], position: int) -> int:
    """Past the stretches that are still to be written."""
    while position in reserved:
        position = reserved[position]
    return position


def _records(case: Case, system: str) -> Iterator[tuple[FiscalRecord, Invoice, bytes | None]]:
    """The records of a chain with their invoices and texts; no text where the record before is still to be written."""
    own = and_(Invoice.utility_id == FiscalRecord.utility_id, Invoice.id == FiscalRecord.invoice_id)
    last, before = 0, 0
    while True:
        rows: Any = (
            select(FiscalRecord, Invoice)
            .join(Invoice, own)
            .where(FiscalRecord.utility_id == case.utility_id, FiscalRecord.system == system)
            .where(FiscalRecord.position > last)
            .order_by(FiscalRecord.position)
            .limit(AT_ONCE)
        )
        found = case.session.execute(rows).all()
        if not found:
            return
        texts = _texts(case, [record for record, _ in found])
        for record, invoice in found:
            yield record, invoice, texts[record.id] if record.position == before + 1 else None
            before = record.position
        last = before
        case.session.expunge_all()


def _texts(case: Case, records: list[FiscalRecord]) -> dict[int, bytes]:
    """The records' XML; nothing where an invoice has become one that cannot be declared."""
    try:
        return texts_of(case.session, records)
    except FiscalError:
        if len(records) == 1:
            return {records[0].id: b""}
    return {one: text for record in records for one, text in _texts(case, [record]).items()}


def _hash(record: FiscalRecord, invoice: Invoice, nif: str, previous: str) -> str:
    day, stamp = f"{invoice.issue_date:%d-%m-%Y}", stamp_of(record.generated_at)
    if record.kind == CANCELLATION:
        return hash_cancellation(nif, invoice.number_text, day, previous, stamp)
    amounts = (str(euros(invoice.vat_cents)), str(euros(invoice.total_cents)))
    return hash_issue(nif, invoice.number_text, day, invoice.kind, *amounts, previous, stamp)


def _leads(case: Case) -> dict[int, str]:
    """By position, the hash that the first record of each partition follows."""
    rows: Any = select(RunPartition.chain_position, RunPartition.chain_previous).where(
        RunPartition.utility_id == case.utility_id, RunPartition.chain_position.is_not(None)
    )
    return {row.chain_position: (row.chain_previous or {}).get("hash", "") for row in case.session.execute(rows)}


def _reserved(case: Case) -> dict[int, int]:
    """First position and the one after the last of the stretches that numbered runs have still to write."""
    run = and_(BillingRun.utility_id == RunPartition.utility_id, BillingRun.id == RunPartition.run_id)
    rows: Any = (
        select(RunPartition.chain_position, RunPartition.bills)
        .join(BillingRun, run)
        .where(
            RunPartition.utility_id == case.utility_id,
            RunPartition.bills > 0,
            RunPartition.chain_position.is_not(None),
            RunPartition.stage == STAGE,
            RunPartition.state == OPEN,
            BillingRun.status == RunStatus.NUMBERED,
        )
    )
    return {row.chain_position: row.chain_position + row.bills for row in case.session.execute(rows)}
