"""The states of a billing run and the one function that moves it from one to the next."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from central import journal
from central.store.bulk import changed
from central.store.models import BillingRun


class RunError(Exception):
    """A run that may not do what was asked; the text names the run, its state and the rule."""


class RunStatus(StrEnum):
    """Where a run is. Up to ``approved`` it can be cancelled; from ``numbered`` on it is law."""

    CREATED = "created"
    SIMULATING = "simulating"
    REVIEW = "review"
    APPROVED = "approved"
    NUMBERED = "numbered"
    ISSUED = "issued"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


NEXT: Mapping[RunStatus, frozenset[RunStatus]] = MappingProxyType(
    {
        RunStatus.CREATED: frozenset({RunStatus.SIMULATING, RunStatus.CANCELLED}),
        RunStatus.SIMULATING: frozenset({RunStatus.REVIEW, RunStatus.CANCELLED}),
        RunStatus.REVIEW: frozenset({RunStatus.SIMULATING, RunStatus.APPROVED, RunStatus.CANCELLED}),
        RunStatus.APPROVED: frozenset({RunStatus.NUMBERED, RunStatus.CANCELLED}),
        RunStatus.NUMBERED: frozenset({RunStatus.ISSUED}),
        RunStatus.ISSUED: frozenset({RunStatus.DELIVERED}),
        RunStatus.DELIVERED: frozenset(),
        RunStatus.CANCELLED: frozenset(),
    }
)


def move(
    session: Session,
    run: BillingRun,
    to: RunStatus,
    actor: str,
    at: datetime,
    *,
    reason: str = "",
    **values: Any,
) -> None:
    """Move ``run`` to the state ``to``, set ``values`` on it and write the audit log, in the caller's transaction.

    The row is changed only if it still is in the state the caller saw, so of two who act at once one gets RunError.
    """
    before = RunStatus(run.status)
    if to not in NEXT[before]:
        raise RunError(f"run {run.code}: {before} → {to}: not allowed from {before}")
    statement = (
        update(BillingRun)
        .where(BillingRun.utility_id == run.utility_id, BillingRun.id == run.id, BillingRun.status == before)
        .values(status=to.value, **values)
    )
    if changed(session, statement) != 1:
        raise RunError(f"run {run.code}: {before} → {to}: somebody else moved it meanwhile")
    session.refresh(run)
    journal.record(
        session,
        run.utility_id,
        actor,
        f"run.{to.value}",
        "billing_run",
        run.id,
        at=at,
        before={"status": before.value},
        after={"status": to.value} | {name: _plain(value) for name, value in values.items()},
        reason=reason,
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
