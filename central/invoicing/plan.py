"""Creating a run: whom it bills, in which partitions, numbered in which series."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from billing.volume import Period
from central import journal
from central.invoicing.regimes import fiscal_on
from central.invoicing.settings import RunSettings, settings_for
from central.invoicing.states import RunError, RunStatus
from central.store import new_id
from central.store.models import BillingRun, Contract, RunPartition, SupplyPoint, Utility

PARTITION_SIZE = 1_000
SIMULATE, ISSUE, DELIVER = "simulate", "issue", "deliver"
OPEN, DONE = "open", "done"
READY, PARKED = "ready", "parked"


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a clerk decides about a run before it is simulated."""

    code: str
    period: Period
    series: str
    issue_date: date
    due_date: date
    settings: Mapping[str, Any]
    partition_size: int = PARTITION_SIZE


def create(session: Session, utility_id: int, plan: RunPlan, actor: str, at: datetime) -> BillingRun:
    """Store a run and its partitions; RunError when nobody would be billed or the dates contradict each other."""
    settings = settings_for(_utility(session, utility_id).settings, plan.settings)
    held = fiscal_on(session, utility_id, plan.issue_date, settings.fiscal)
    if "fiscal" in plan.settings and held != settings.fiscal:
        stated = f"settings state {settings.fiscal.system}, {held.system} holds on {plan.issue_date}"
        raise RunError(f"run {plan.code}: fiscal: {stated}")
    settings = msgspec.structs.replace(settings, fiscal=held)
    _check(session, utility_id, plan)
    run = BillingRun(
        utility_id=utility_id,
        id=new_id(),
        code=plan.code,
        period_from=plan.period.start,
        period_to=plan.period.end,
        status=RunStatus.CREATED,
        cutoff_at=at,
        series=plan.series,
        issue_date=plan.issue_date,
        due_date=plan.due_date,
        created_by=actor,
        created_at=at,
        settings=msgspec.to_builtins(settings),
        summary={},
    )
    session.add(run)
    session.flush()
    # A closing run's contracts lie far apart and have each their own days: a partition holds one.
    partitions = _partitions(session, run, settings, 1 if settings.closing else plan.partition_size)
    if not partitions:
        raise RunError(f"run {plan.code}: no contract is in force in [{plan.period.start}, {plan.period.end})")
    session.add_all(partitions)
    contracts = sum(partition.contracts for partition in partitions)
    told = {"code": plan.code, "contracts": contracts, "partitions": len(partitions), "settings": run.settings}
    journal.record(session, utility_id, actor, "run.created", "billing_run", run.id, at=at, after=told)
    return run


def contracts_of(utility_id: int, period: Period, settings: RunSettings) -> Select[int]:
    """The contracts a run is about: those it closes, or all in force on a day of the period in the zones it bills."""
    found = (
        select(Contract.id)
        .join(
            SupplyPoint, and_(SupplyPoint.utility_id == Contract.utility_id, SupplyPoint.id == Contract.supply_point_id)
        )
        .where(Contract.utility_id == utility_id, *in_run(period, settings))
    )
    return found.where(Contract.id.in_([one.contract for one in settings.closing])) if settings.closing else found


def in_run(period: Period, settings: RunSettings) -> list[ColumnElement[bool]]:
    """The conditions of :func:`contracts_of` for a query that already joins contract and supply point."""
    found = [
        Contract.valid_from < period.end,
        or_(Contract.valid_to.is_(None), Contract.valid_to > period.start),
    ]
    if settings.zones is not None:
        found.append(SupplyPoint.zone.in_(settings.zones))
    return found


def _utility(session: Session, utility_id: int) -> Utility:
    utility = session.get(Utility, utility_id)
    if utility is None:
        raise RunError(f"utility {utility_id}: does not exist")
    return utility


def _check(session: Session, utility_id: int, plan: RunPlan) -> None:
    if plan.due_date < plan.issue_date:
        raise RunError(f"run {plan.code}: due date {plan.due_date} must not precede the issue date {plan.issue_date}")
    if plan.issue_date < plan.period.end:
        raise RunError(
            f"run {plan.code}: issue date {plan.issue_date} must not precede the period's end {plan.period.end}"
        )
    if plan.partition_size < 1:
        raise RunError(f"run {plan.code}: partition size {plan.partition_size} must be positive")
    taken = select(BillingRun.id).where(BillingRun.utility_id == utility_id, BillingRun.code == plan.code)
    if session.scalar(taken) is not None:
        raise RunError(f"run {plan.code}: the code is taken")


def _partitions(session: Session, run: BillingRun, settings: RunSettings, size: int) -> list[RunPartition]:
    """Contract ids cut into stretches of equal count (ranges of equal width would be of very unequal work)."""
    wanted = contracts_of(run.utility_id, Period(run.period_from, run.period_to), settings).subquery()
    total = session.scalar(select(func.count()).select_from(wanted)) or 0
    tiles = -(-total // size)
    tile = func.ntile(tiles).over(order_by=wanted.c.id).label("tile")
    tiled = select(wanted.c.id, tile).subquery()
    bounds = (
        select(tiled.c.tile, func.min(tiled.c.id), func.max(tiled.c.id), func.count())
        .group_by(tiled.c.tile)
        .order_by(tiled.c.tile)
    )
    rows = session.execute(bounds).all() if total else []
    return [
        RunPartition(
            utility_id=run.utility_id,
            run_id=run.id,
            number=number,
            first_contract=first,
            last_contract=last,
            contracts=count,
            stage=SIMULATE,
            state=OPEN,
        )
        for number, first, last, count in rows
    ]


def issue_date_of(run: BillingRun) -> date:
    """The date a run's invoices bear."""
    if run.issue_date is None:
        raise RunError(f"run {run.code}: has no issue date")
    return run.issue_date


def due_date_of(run: BillingRun) -> date:
    """The last day to pay a run's invoices."""
    if run.due_date is None:
        raise RunError(f"run {run.code}: has no due date")
    return run.due_date
