"""Who changes the register, when and why; and how a bitemporal row is followed by its successor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from central import journal
from central.store import new_id
from central.store.models import Base

Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True)
class Change:
    """The author, instant (aware) and reason of a change."""

    actor: str
    at: datetime
    reason: str = ""


def journalled(
    session: Session,
    utility_id: int,
    by: Change,
    action: str,
    subject: str,
    subject_id: int,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write the change to the audit log."""
    journal.record(
        session,
        utility_id,
        by.actor,
        action,
        subject,
        subject_id,
        at=by.at,
        before=before,
        after=after,
        reason=by.reason,
    )


def succeed(session: Session, row: Row, by: Change, **changes: Any) -> Row:
    """Retire a current row and add the one that says the same but for ``changes``; what was believed stays readable."""
    values = {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}
    retire(session, row, by)
    values |= {"id": new_id(), "recorded_at": by.at, "retired_at": None, **changes}
    if "recorded_by" in values:
        values["recorded_by"] = by.actor
    successor = type(row)(**values)
    session.add(successor)
    session.flush()
    return successor


def retire(session: Session, row: Base, by: Change) -> None:
    """Say that a row no longer holds, from now on."""
    # Flushed at once: the database refuses the successor while both are current.
    row.retired_at = by.at  # type: ignore[attr-defined]  # every bitemporal table has it
    session.flush()
