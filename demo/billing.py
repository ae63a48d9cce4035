"""The billing of the demonstration: a clerk makes the run, a supervisor approves it, the documents are made."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from billing.volume import Period
from central.invoicing import desk, run, tariffs
from central.invoicing.drive import Executors
from central.invoicing.program import VERSION
from central.store import Engine, Session, read_session, write_session
from central.store.models import BillingRun, DraftException
from demo.register import TARIFF

CLERK, SUPERVISOR = "facturacion", "supervision"
SERIES = "A"
DAYS_TO_PAY = 30
# Bounds what a worker holds: the documents of a partition are set together.
CONTRACTS_AT_ONCE = 100


@dataclass(frozen=True)
class Biller:
    """Where and how runs are driven; ``keys`` is the file that opens the meters' keys."""

    engine: Engine
    utility_id: int
    keys: Path
    executors: Executors

    def bill(self, period: Period, progress: Callable[[str, int, int], None]) -> BillingRun:
        """One run over ``period`` from its creation to its delivered documents."""
        run_id = self._create(period)
        for stage, work in (("simulate", run.simulate), ("issue", run.issue), ("deliver", run.deliver)):
            if stage == "issue":
                self._approve(run_id)
            work(self.engine, self.utility_id, run_id, self._operator(CLERK, stage, progress), datetime.now(UTC))
        with read_session(self.engine) as session:
            return run.run_of(session, self.utility_id, run_id)

    def _operator(self, actor: str, stage: str, progress: Callable[[str, int, int], None]) -> run.Operator:
        return run.Operator(actor, self.executors, lambda done, total, _rate: progress(stage, done, total), self.keys)

    def _create(self, period: Period) -> int:
        today = datetime.now(UTC).date()
        plan = run.RunPlan(
            code=f"{period.start:%Y%m}-{period.end:%Y%m}",
            period=period,
            series=SERIES,
            issue_date=today,
            due_date=today + timedelta(DAYS_TO_PAY),
            settings={},
            partition_size=CONTRACTS_AT_ONCE,
        )
        with write_session(self.engine) as session:
            return run.create(session, self.utility_id, plan, CLERK, datetime.now(UTC)).id

    def _approve(self, run_id: int) -> None:
        """The clerk has looked at what stands out (the leak, the standstill); somebody else approves."""
        now = datetime.now(UTC)
        with write_session(self.engine) as session:
            made = run.run_of(session, self.utility_id, run_id)
            waive_open(session, made, now)
            run.approve(session, made, SUPERVISOR, now)


def waive_open(session: Session, made: BillingRun, now: datetime) -> None:
    """The clerk has looked at what stands out, and lets it pass with a reason."""
    found = session.scalars(
        select(DraftException.code)
        .where(
            DraftException.utility_id == made.utility_id,
            DraftException.run_id == made.id,
            DraftException.waived_at.is_(None),
        )
        .distinct()
    )
    if codes := sorted(found):
        desk.waive_all(session, made, codes, CLERK, now, "Revisado en la demostración: la lectura es correcta")


def periods_of(start: date, end: date, months: int = 3) -> list[Period]:
    """[start, end) in steps of at most ``months`` calendar months, both ends being firsts of a month."""
    found = []
    while start < end:
        step = min(end, _later(start, months))
        found.append(Period(start, step))
        start = step
    return found


def _later(day: date, months: int) -> date:
    ordinal = day.year * 12 + day.month - 1 + months
    return day.replace(year=ordinal // 12, month=ordinal % 12 + 1)


def record_tariff(session: Session, utility_id: int, folder: Path, start: date) -> None:
    """Keep the demonstration's published tariff and let it apply from ``start`` on."""
    now = datetime.now(UTC)
    text = (folder / f"{TARIFF}.yaml").read_text(encoding="utf-8")
    tariffs.record(session, utility_id, text, SUPERVISOR, now)
    tariffs.assign(session, utility_id, TARIFF, start, SUPERVISOR, now)


def billing_settings() -> dict[str, Any]:
    """The utility's billing settings: VERI*FACTU against the agency's test address."""
    software = {
        "producer": "SGC",
        "producer_nif": "B03999992",
        "name": "SGC",
        "identifier": "SG",
        "version": VERSION,
        "installation": "DEMO-1",
    }
    return {"fiscal": {"system": "verifactu", "config": {"software": software}}}
