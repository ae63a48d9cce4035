"""The fiscal chain: no link missing, every hash right, every invoice that must have a record has exactly one."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import and_, func, select

from billing.fiscal import hash_cancellation, hash_issue
from billing.fiscal.stamps import stamp_of
from billing.money import euros
from central.fiscal.systems import SII
from central.invoicing.archive import KINDS
from central.invoicing.plan import ISSUE as STAGE
from central.invoicing.plan import OPEN
from central.invoicing.settings import settings_of
from central.invoicing.states import RunStatus
from central.ops.laws.law import Case, Report
from central.store.models import BillingRun, FiscalChain, FiscalRecord, Invoice, RunPartition

ISSUE, CANCELLATION = KINDS["issue"], KINDS["cancellation"]
UNKNOWN = "unknown"


def chains_are_unbroken(case: Case, report: Report) -> None:
    """Positions follow one another; each record states the hash before it and its own, worked out again.

    The SII's entries are not chained: only their positions follow one another.
    """
    systems = select(FiscalRecord.system).where(FiscalRecord.utility_id == case.utility_id).distinct()
    for system in case.session.scalars(systems.order_by(FiscalRecord.system)).all():
        _walk(case, report, system)


def _walk(case: Case, report: Report, system: str) -> None:
    reserved = _reserved(case)
    position, previous = 1, ""
    for record, invoice in _records(case, system):
        report.saw()
        where = f"fiscal_record {system} {record.position}"
        position, previous = _skip(reserved, position, previous)
        if record.position != position:
            report.breach(f"{where}: position {position} is missing before it")
        elif system == SII:
            pass
        elif previous not in (UNKNOWN, record.previous_hash):
            report.breach(f"{where}: states {record.previous_hash} as the hash before it, which is {previous}")
        if system != SII and record.hash != _hash(record, invoice):
            report.breach(f"{where}: its hash does not follow from invoice {invoice.number_text}")
        if record.hash not in record.record:
            report.breach(f"{where}: its XML states another hash")
        position, previous = record.position + 1, record.hash
    position, previous = _skip(reserved, position, previous)
    chain = case.session.get_one(FiscalChain, (case.utility_id, system))
    head = (chain.head or {}).get("hash", "")
    if chain.next_position != position or previous not in (UNKNOWN, head):
        report.breach(
            f"fiscal_chain {system}: next position is {chain.next_position}, its records end before {position}"
        )


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


def _skip(reserved: dict[int, int], position: int, previous: str) -> tuple[int, str]:
    """Past the stretches that are still to be written; what precedes the next record is not known then."""
    while position in reserved:
        position, previous = reserved[position], UNKNOWN
    return position, previous


def _records(case: Case, system: str) -> Iterator[tuple[FiscalRecord, Invoice]]:
    own = and_(Invoice.utility_id == FiscalRecord.utility_id, Invoice.id == FiscalRecord.invoice_id)
    rows: Any = (
        select(FiscalRecord, Invoice)
        .join(Invoice, own)
        .where(FiscalRecord.utility_id == case.utility_id, FiscalRecord.system == system)
        .order_by(FiscalRecord.position)
        .execution_options(yield_per=500)
    )
    for row in case.session.execute(rows):
        yield row.FiscalRecord, row.Invoice
        case.session.expunge(row.FiscalRecord)


def _hash(record: FiscalRecord, invoice: Invoice) -> str:
    nif, day = str(invoice.issuer["nif"]), f"{invoice.issue_date:%d-%m-%Y}"
    stamp = stamp_of(record.generated_at)
    if record.kind == CANCELLATION:
        return hash_cancellation(nif, invoice.number_text, day, record.previous_hash, stamp)
    amounts = (str(euros(invoice.vat_cents)), str(euros(invoice.total_cents)))
    return hash_issue(nif, invoice.number_text, day, invoice.kind, *amounts, record.previous_hash, stamp)


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
