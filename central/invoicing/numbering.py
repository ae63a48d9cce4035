"""Numbers and hashes for a whole run: one block of the series, one stretch of the fiscal chain, in a fixed order.

The order is that of partitions and, within each, of contract ids. Each partition is told its first number and the
record its first one follows, so shares are issued in parallel and yet are chained as if one after the other.
"""

from datetime import date, datetime
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, cast, or_, select, update
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

Amounts = tuple[NDArray[np.int64], NDArray[np.int64]]
"""VAT and total of bills, in cents."""


def number(session: Session, run: BillingRun, actor: str, at: datetime) -> None:
    """Give an approved run its numbers and its place in the chain; from here on it can only be issued.

    RunError where its issue date is still to come: an invoice is not dated ahead.
    """
    at = at.replace(microsecond=0)
    issued, today = issue_date_of(run), local_day(millis(at))
    if issued > today:
        raise RunError(f"run {run.code}: issue date {issued} must not lie after {today}, the day it is issued")
    partitions = _locked_partitions(session, run)
    amounts = _amounts(session, run, partitions)
    first = take_numbers(session, run.utility_id, run.series, sum(len(total) for _, total in amounts), issued)
    for partition, (_, total) in zip(partitions, amounts, strict=True):
        partition.bills, partition.total_cents = len(total), int(total.sum())
        partition.first_number = first
        first += partition.bills
    if settings_of(run).fiscal.chained:
        _chain(session, run, partitions, amounts, at)
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


def _locked_partitions(session: Session, run: BillingRun) -> list[RunPartition]:
    """The run's partitions in order."""
    return list(
        session.scalars(
            select(RunPartition)
            .where(RunPartition.utility_id == run.utility_id, RunPartition.run_id == run.id)
            .order_by(RunPartition.number)
            .with_for_update()
        )
    )


def _amounts(session: Session, run: BillingRun, partitions: list[RunPartition]) -> list[Amounts]:
    """VAT and total of the drafts that each partition will issue, in the order of their numbers, in cents."""
    ready: Any = (
        select(cast(DraftBill.partition, BigInteger), DraftBill.vat_cents, DraftBill.total_cents)
        .where(DraftBill.utility_id == run.utility_id, DraftBill.run_id == run.id, DraftBill.status == READY)
        # Partitions are stretches of contract ids: this is also the order of partitions.
        .order_by(DraftBill.contract_id, DraftBill.period_from)
    )
    numbers, vat, total = read_columns(session.connection(), ready, 3)
    ends = np.searchsorted(numbers, [partition.number for partition in partitions], side="right").tolist()
    return [(vat[start:end], total[start:end]) for start, end in pairwise([0, *ends])]


def _chain(
    session: Session, run: BillingRun, partitions: list[RunPartition], amounts: list[Amounts], at: datetime
) -> None:
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
    for partition, (vat, total) in zip(partitions, amounts, strict=True):
        first = partition.first_number or 0
        partition.chain_position = position
        partition.chain_previous = msgspec.to_builtins(previous) if previous else None
        numbers = [number_text(run.series, value) for value in range(first, first + partition.bills)]
        before = previous.hash if previous else ""
        digests = chain_amounts(nif, numbers, day, vat, total, before, stamp)
        partition.chain_hashes = digests
        if digests:
            previous = Link(nif, numbers[-1], issued, digests[-DIGEST_BYTES:].hex().upper())
        position += partition.bills
    head.next_position = position
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
