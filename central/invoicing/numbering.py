"""Numbers and hashes for a whole run: one block of the series, one stretch of the fiscal chain, in a fixed order.

The order is that of partitions and, within each, of contract ids. Each partition is told its first number and the
record its first one follows, so shares are issued in parallel and yet are chained as if one after the other.
"""

from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from billing.fiscal import DIGEST_BYTES, Link, chain_amounts
from billing.fiscal.stamps import stamp_of
from central.invoicing.plan import READY, issue_date_of
from central.invoicing.records import store_config
from central.invoicing.settings import settings_of
from central.invoicing.states import RunError, RunStatus, move
from central.store.bulk import add_missing_rows
from central.store.columns import read_columns
from central.store.models import BillingRun, DraftBill, FiscalChain, RunPartition, Series, Utility
from central.times import local_day, millis


def number(session: Session, run: BillingRun, actor: str, at: datetime) -> None:
    """Give an approved run its numbers and its place in the chain; from here on it can only be issued.

    RunError where its issue date is still to come: an invoice is not dated ahead.
    """
    at = at.replace(microsecond=0)
    issued, today = issue_date_of(run), local_day(millis(at))
    if issued > today:
        raise RunError(f"run {run.code}: issue date {issued} must not lie after {today}, the day it is issued")
    partitions = _counted(session, run)
    bills = sum(partition.bills for partition in partitions)
    first = take_numbers(session, run.utility_id, run.series, bills, issued)
    for partition in partitions:
        partition.first_number = first
        first += partition.bills
    if settings_of(run).fiscal.chained:
        _chain(session, run, partitions, at)
    session.flush()
    move(session, run, RunStatus.NUMBERED, actor, at, numbered_at=at)


def take_numbers(session: Session, utility_id: int, series: str, count: int, issue_date: date) -> int:
    """The first of ``count`` consecutive numbers, taken in one statement; dates never fall while numbers rise."""
    add_missing_rows(session, Series, ("utility_id", "code", "next_number"), [(utility_id, series, 1)])
    statement = (
        update(Series)
        .where(
            Series.utility_id == utility_id,
            Series.code == series,
            or_(Series.last_date.is_(None), Series.last_date <= issue_date),
        )
        .values(next_number=Series.next_number + count, last_date=issue_date)
        .returning(Series.next_number)
        .execution_options(synchronize_session=False)
    )
    following = session.scalar(statement)
    if following is None:
        raise RunError(f"series {series}: issue date {issue_date} must not precede the date of the last number")
    return following - count


def number_text(series: str, value: int) -> str:
    """Series and number as an invoice prints and declares them."""
    return f"{series}/{value:06d}"


def _counted(session: Session, run: BillingRun) -> list[RunPartition]:
    """The run's partitions in order, with the drafts each will issue."""
    partitions = session.scalars(
        select(RunPartition)
        .where(RunPartition.utility_id == run.utility_id, RunPartition.run_id == run.id)
        .order_by(RunPartition.number)
        .with_for_update()
    ).all()
    counts: dict[int, tuple[int, int]] = {
        row.partition: (row.bills, int(row.cents))
        for row in session.execute(
            select(
                DraftBill.partition,
                func.count().label("bills"),
                func.sum(DraftBill.total_cents).label("cents"),
            )
            .where(DraftBill.utility_id == run.utility_id, DraftBill.run_id == run.id, DraftBill.status == READY)
            .group_by(DraftBill.partition)
        )
    }
    for partition in partitions:
        partition.bills, partition.total_cents = counts.get(partition.number, (0, 0))
    return list(partitions)


def _chain(session: Session, run: BillingRun, partitions: list[RunPartition], at: datetime) -> None:
    """Reserve the run's stretch of the chain: every hash is worked out and kept for its partition."""
    fiscal = settings_of(run).fiscal
    system = fiscal.system
    store_config(session, run.utility_id, fiscal)
    head = _locked_chain(session, run.utility_id, system)
    nif = session.get_one(Utility, run.utility_id).nif
    issued = issue_date_of(run)
    day, stamp = f"{issued:%d-%m-%Y}", stamp_of(at)
    position = head.next_position
    previous = msgspec.convert(head.head, Link) if head.head else None
    vat, total = read_columns(session.connection(), _amounts(run), 2)
    done = 0
    for partition in partitions:
        first, until = partition.first_number or 0, done + partition.bills
        partition.chain_position = position + done
        partition.chain_previous = msgspec.to_builtins(previous) if previous else None
        numbers = [number_text(run.series, value) for value in range(first, first + partition.bills)]
        before = previous.hash if previous else ""
        digests = chain_amounts(nif, numbers, day, vat[done:until], total[done:until], before, stamp)
        partition.chain_hashes = digests
        if digests:
            previous = Link(nif, numbers[-1], issued, digests[-DIGEST_BYTES:].hex().upper())
        done = until
    head.next_position = position + done
    head.head = msgspec.to_builtins(previous) if previous else None


def _locked_chain(session: Session, utility_id: int, system: str) -> FiscalChain:
    columns = ("utility_id", "system", "next_position")
    add_missing_rows(session, FiscalChain, columns, [(utility_id, system, 1)])
    return session.scalars(
        select(FiscalChain)
        .where(FiscalChain.utility_id == utility_id, FiscalChain.system == system)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _amounts(run: BillingRun) -> Any:
    """VAT and total of every bill in the run's order, in cents."""
    return (
        select(DraftBill.vat_cents, DraftBill.total_cents)
        .where(DraftBill.utility_id == run.utility_id, DraftBill.run_id == run.id, DraftBill.status == READY)
        .order_by(DraftBill.partition, DraftBill.contract_id, DraftBill.period_from)
    )
