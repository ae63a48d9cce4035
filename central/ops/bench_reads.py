"""``sgc bench reads``: what the common pages and calls ask of a database, each timed over many contracts."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select

from central.invoicing.queries.bills import bill, bills_of_customer, history
from central.invoicing.queries.runs import Filters, drafts, exception_counts, runs
from central.reading import quarantine
from central.reading.history import daily_use
from central.reading.hourly import hours
from central.reading.noticed import open_findings
from central.register.contracts import find_contract
from central.store import Engine, Session, read_session
from central.store.models import BillingRun, Contract, ContractHolder, Installation, ReadingDay
from central.times import DAY_MS, local_day, midnight_ms

LIMIT_MS = 100


@dataclass(frozen=True)
class Subject:
    """One contract that is asked about."""

    utility_id: int
    code: str
    contract_id: int
    point_id: int
    customer_id: int
    meter_id: int
    today: date


def measure(engine: Engine, contracts: int, seed: int = 1) -> dict[str, Any]:
    """Milliseconds of each read, the median and the slowest; ``ok`` where no median is above the limit.

    Raises ValueError where the database holds no contract.
    """
    with read_session(engine) as session:
        subjects = list(_subjects(session, contracts, random.Random(seed)))  # noqa: S311 - which contracts are asked about
    if not subjects:
        raise ValueError("database: holds no contract")
    found: dict[str, list[float]] = {}
    for subject in subjects:
        with read_session(engine) as session:
            for name, read in _reads(session, subject):
                started = time.perf_counter()
                read()
                found.setdefault(name, []).append((time.perf_counter() - started) * 1000)
    rows = {
        name: {"median_ms": round(sorted(times)[len(times) // 2], 1), "most_ms": round(max(times), 1)}
        for name, times in found.items()
    }
    return {
        "bench": "reads",
        "n": len(subjects),
        "limit_ms": LIMIT_MS,
        "ok": all(row["median_ms"] < LIMIT_MS for row in rows.values()),
        "reads": rows,
    }


def _reads(session: Session, one: Subject) -> Iterator[tuple[str, Callable[[], object]]]:
    utility, today = one.utility_id, one.today
    end_ms = midnight_ms(today)
    run = session.scalar(select(BillingRun.id).order_by(BillingRun.id.desc()).limit(1))
    billed = bills_of_customer(session, utility, one.customer_id)
    yield "contract by code", lambda: find_contract(session, utility, one.code)
    yield "bills of a customer", lambda: bills_of_customer(session, utility, one.customer_id)
    if billed:
        yield "one bill whole", lambda: bill(session, utility, billed[0].id, customer_id=None)
    yield (
        "billed periods of a contract",
        lambda: history(session, utility, one.contract_id, today, customer_id=one.customer_id),
    )
    yield "a year day by day", lambda: daily_use(session, utility, one.point_id, today - timedelta(365), today)
    yield (
        "a month hour by hour",
        lambda: hours(session.connection(), utility, one.meter_id, end_ms - 31 * DAY_MS, end_ms),
    )
    yield "open findings of a supply point", lambda: open_findings(session, utility, one.point_id)
    yield "runs", lambda: runs(session, utility)
    if run is not None:
        yield "a run's exceptions counted", lambda: exception_counts(session, utility, run, open_only=False)
        yield "a page of a run's drafts", lambda: drafts(session, utility, run, Filters())
    yield "quarantine", lambda: quarantine.list_open(session, utility)


def _subjects(session: Session, count: int, chance: random.Random) -> Iterator[Subject]:
    low, high = session.execute(select(func.min(Contract.id), func.max(Contract.id))).one()
    today = session.scalar(select(func.current_date()))
    newest = session.scalar(select(func.max(ReadingDay.start_ms)))
    day = date.fromisoformat(str(today)) if newest is None else local_day(newest) + timedelta(1)
    for _ in range(count if low is not None else 0):
        query = (
            select(Contract, ContractHolder.customer_id, Installation.meter_id)
            .join(ContractHolder, ContractHolder.contract_id == Contract.id)
            .join(Installation, Installation.supply_point_id == Contract.supply_point_id)
            .where(
                ContractHolder.utility_id == Contract.utility_id,
                Installation.utility_id == Contract.utility_id,
                Contract.id >= chance.randint(low, high),
            )
            .order_by(Contract.utility_id, Contract.id)
            .limit(1)
        )
        row = session.execute(query).first()
        if row is not None:
            made = row[0]
            yield Subject(made.utility_id, made.code, made.id, made.supply_point_id, row[1], row[2], day)
