"""Closing bills: a run over contracts that ended or passed to another holder, each up to its end, made at once.

It is a run like any other: simulated, approved by another person, numbered, posted and delivered. What it bills is
billed; the periodic run that comes later bills the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.volume import Period
from central.invoicing.plan import RunPlan, create
from central.invoicing.settings import ClosingDays
from central.invoicing.sharing import statements
from central.invoicing.states import RunError, RunStatus
from central.invoicing.tenancies import known_at
from central.invoicing.volume import Wanted
from central.register import identifiers as check
from central.store.models import BillingRun, Consumption, Contract, ContractHolder, Series
from central.times import local_day, millis

MOST_CONTRACTS = 500
DAYS_TO_PAY = 30
# A longer stretch is no closing bill but a register that does not know what was billed before it.
LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Ended:
    """A contract, and the first day that is no longer of who left; None: as the register says."""

    contract: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class ClosingPlan:
    """What a clerk decides about a closing run; ``since``: the first day to bill, None where each was billed until.

    Without ``series`` it is that of the newest run; without dates it is issued on the day it is made, or on the first
    day after what it bills or on that of the series' last number where that is later, and due 30 days later.
    """

    code: str
    series: str = ""
    issue_date: date | None = None
    due_date: date | None = None
    since: date | None = None


def create_closing(
    session: Session, utility_id: int, ended: Sequence[Ended], plan: ClosingPlan, actor: str, at: datetime
) -> BillingRun:
    """Store a run that bills contracts up to their end; RunError names the contract that cannot be billed so."""
    if not 0 < len(ended) <= MOST_CONTRACTS:
        raise RunError(f"run {plan.code}: contracts: {len(ended)}, must be 1 to {MOST_CONTRACTS}")
    days, today = [_days(session, utility_id, one, plan.since, at) for one in ended], local_day(millis(at))
    if (ahead := max(days, key=lambda one: one.end)).end > today + timedelta(1):
        raise RunError(f"run {plan.code}: {ahead.end}: must not lie after tomorrow, nothing is closed before its end")
    if len({one.contract for one in days}) < len(days):
        raise RunError(f"run {plan.code}: contracts: each is named once")
    period = Period(min(one.start for one in days), max(one.end for one in days))
    series = plan.series or usual_series(session, utility_id)
    if not series:
        raise RunError(f"run {plan.code}: series: (none): there is no run before it to take one from; state it")
    issue_date = plan.issue_date or max(today, period.end, _last_date(session, utility_id, series))
    made = RunPlan(
        code=check.code("run", plan.code),
        period=period,
        series=check.code("series", series),
        issue_date=issue_date,
        due_date=plan.due_date or issue_date + timedelta(DAYS_TO_PAY),
        settings={"closing": msgspec.to_builtins(days), "zones": None},
    )
    return create(session, utility_id, made, actor, at)


def usual_series(session: Session, utility_id: int) -> str:
    """The series of the newest run that was not given up; empty where there is none."""
    rows = select(BillingRun.series).where(
        BillingRun.utility_id == utility_id, BillingRun.status != RunStatus.CANCELLED
    )
    return session.scalar(rows.order_by(BillingRun.created_at.desc(), BillingRun.id.desc()).limit(1)) or ""


def _last_date(session: Session, utility_id: int, series: str) -> date:
    """The date of a series' last number, which the next must not precede."""
    found = session.get(Series, (utility_id, series))
    return date.min if found is None or found.last_date is None else found.last_date


def billed_until(session: Session, contract: Contract, before: date) -> date | None:
    """The end of the last bill of a contract that begins before a day."""
    return session.scalar(
        select(func.max(Consumption.period_to)).where(
            Consumption.utility_id == contract.utility_id,
            Consumption.contract_id == contract.id,
            Consumption.period_from < before,
        )
    )


def _days(session: Session, utility_id: int, ended: Ended, since: date | None, at: datetime) -> ClosingDays:
    contract = session.scalar(
        select(Contract).where(Contract.utility_id == utility_id, Contract.code == ended.contract)
    )
    if contract is None:
        raise RunError(f"contract {ended.contract}: does not exist")
    until = ended.until or _end_of(session, contract, at)
    billed = billed_until(session, contract, until)
    start = since or billed or contract.valid_from
    if billed is not None and start < billed:
        raise RunError(f"contract {contract.code}: since {start}: must not precede {billed}, up to which it is billed")
    if start >= until:
        raise RunError(f"contract {contract.code}: is billed up to {start}; nothing is left to bill before {until}")
    if billed is not None and start > billed and (until - billed).days <= LONGEST_DAYS:
        # The litres begin at the last bill, and the periodic run would bill the days left out, with theirs, again.
        raise RunError(f"contract {contract.code}: since {start}: must be {billed}, up to which it is billed")
    if (until - start).days > LONGEST_DAYS:
        found = f"{(until - start).days} days from {start} to {until}"
        raise RunError(f"contract {contract.code}: {found}: more than {LONGEST_DAYS}; state from which day on (since)")
    _refuse_shared(session, contract, Period(start, until), at)
    return ClosingDays(contract.id, start, until)


def _end_of(session: Session, contract: Contract, at: datetime) -> date:
    """The end of a contract; of one that goes on, the day on which the last holder but one ceased."""
    if contract.valid_to is not None:
        return contract.valid_to
    rows = select(func.max(ContractHolder.valid_from)).where(
        ContractHolder.utility_id == contract.utility_id,
        ContractHolder.contract_id == contract.id,
        known_at(ContractHolder, at),
        ContractHolder.valid_from > contract.valid_from,
    )
    changed = session.scalar(rows)
    if changed is None:
        raise RunError(f"contract {contract.code}: has no end and never changed holder; the periodic run bills it")
    return changed


def _refuse_shared(session: Session, contract: Contract, period: Period, at: datetime) -> None:
    """What supplies settle among themselves is known when all of them were read, at the end of the usual period."""
    known = statements(session, contract.utility_id, period.last_day, at)
    if known.concerns(Wanted(contract.id, contract.supply_point_id, period)):
        rule = "its supply settles litres with others (general meter or shares); the periodic run makes its last bill"
        raise RunError(f"contract {contract.code}: {rule}")
