"""Findings: opened with the numbers that were compared, extended while they go on.

A finding is about a subject over a time. While it is open it grows in both directions, so that it says the same
whatever the order in which its evidence arrived; what somebody closed stays closed for the time it covers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, text, update

from central.events.kinds import FindingChanged, Happened
from central.events.outbox import publish
from central.store import new_id
from central.store.models import Finding
from central.store.parts import in_parts
from central.times import instant_of

OPEN, CLOSED = "open", "closed"
FOR_EVER_MS = 1 << 62
_LOCK = 0x5347_4303
OPENED_EVENT, CLOSED_EVENT = "finding.opened", "finding.closed"
_TOLD = ("id", "rule", "severity", "meter_id", "supply_point_id", "since_ms", "until_ms")
_TOLD_AS = ("finding_id", *_TOLD[1:])
_COLUMNS = ("rule", "severity", "subject", "since_ms", "until_ms", "text", "meter_id", "supply_point_id", "numbers")


@dataclass(frozen=True)
class Found:
    """What a rule found about a subject in [since_ms, until_ms], the first and the last evidence.

    An open finding of the same rule and subject that ends or starts within ``joins_ms`` of it is the same finding.
    """

    rule: str
    severity: str
    subject: str
    since_ms: int
    until_ms: int
    text: str
    meter_id: int | None = None
    supply_point_id: int | None = None
    numbers: dict[str, Any] = field(default_factory=dict)
    joins_ms: int = 0


@dataclass
class _Known:
    id: int
    status: str
    since_ms: int
    until_ms: int

    def touches(self, found: Found) -> bool:
        gap = found.joins_ms
        return found.since_ms <= self.until_ms + gap and self.since_ms <= found.until_ms + gap

    def covers(self, found: Found) -> bool:
        return self.since_ms <= found.since_ms and found.until_ms <= self.until_ms


def record(connection: Connection, utility_id: int, found: Sequence[Found], now_ms: int) -> int:
    """Open or extend findings in the connection's transaction; returns how many are new."""
    if not found:
        return 0
    if connection.dialect.name == "postgresql":
        # Two writers that both see no open finding would open two.
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:lock, :utility)"), {"lock": _LOCK, "utility": utility_id}
        )
    known = _known(connection, utility_id, sorted({one.subject for one in found}))
    recorded = (_record(connection, utility_id, one, known, now_ms) for one in found)
    opened = [number for number in recorded if number is not None]
    _tell(connection, utility_id, OPENED_EVENT, opened, instant_of(now_ms))
    return len(opened)


def close(connection: Connection, utility_id: int, at: datetime, *conditions: ColumnElement[bool]) -> int:
    """Close the open findings that meet ``conditions``, in the connection's transaction; returns how many."""
    query = select(Finding.id).where(Finding.utility_id == utility_id, Finding.status == OPEN, *conditions)
    over = list(connection.scalars(query))
    for part in in_parts(over):
        connection.execute(
            update(Finding)
            .where(Finding.utility_id == utility_id, Finding.id.in_(part), Finding.status == OPEN)
            .values(status=CLOSED)
        )
    _tell(connection, utility_id, CLOSED_EVENT, over, at)
    return len(over)


def _tell(connection: Connection, utility_id: int, event: str, numbers: Sequence[int], at: datetime) -> None:
    def happened() -> Iterator[Happened]:
        for part in in_parts(numbers):
            query = select(*(getattr(Finding, name) for name in _TOLD)).where(
                Finding.utility_id == utility_id, Finding.id.in_(part)
            )
            for row in connection.execute(query.order_by(Finding.id)):
                yield Happened(event, FindingChanged(**dict(zip(_TOLD_AS, row, strict=True))), at)

    if numbers:
        publish(connection, utility_id, [event], happened)


def _record(
    connection: Connection, utility_id: int, one: Found, known: dict[tuple[str, str], list[_Known]], now_ms: int
) -> int | None:
    """The number of a finding that is new; None where it was there, open or closed."""
    of_subject = known.setdefault((one.rule, one.subject), [])
    if any(old.status != OPEN and old.covers(one) for old in of_subject):
        return None
    current = next((old for old in of_subject if old.status == OPEN and old.touches(one)), None)
    if current is None:
        values = {name: getattr(one, name) for name in _COLUMNS}
        finding = _Known(new_id(), OPEN, one.since_ms, one.until_ms)
        values |= {"utility_id": utility_id, "id": finding.id, "status": OPEN, "opened_at": instant_of(now_ms)}
        connection.execute(insert(Finding), values)
        of_subject.append(finding)
        return finding.id
    if not current.covers(one):
        current.since_ms = min(current.since_ms, one.since_ms)
        current.until_ms = max(current.until_ms, one.until_ms)
        connection.execute(
            update(Finding)
            .where(Finding.utility_id == utility_id, Finding.id == current.id)
            .values(since_ms=current.since_ms, until_ms=current.until_ms, text=one.text, numbers=one.numbers)
        )
    return None


def _known(connection: Connection, utility_id: int, subjects: list[str]) -> dict[tuple[str, str], list[_Known]]:
    known: dict[tuple[str, str], list[_Known]] = {}
    for rule, subject, finding in _select(connection, utility_id, subjects):
        known.setdefault((rule, subject), []).append(finding)
    return known


def _select(connection: Connection, utility_id: int, subjects: list[str]) -> Iterator[tuple[str, str, _Known]]:
    for part in in_parts(subjects):
        query = select(
            Finding.rule, Finding.subject, Finding.id, Finding.status, Finding.since_ms, Finding.until_ms
        ).where(Finding.utility_id == utility_id, Finding.subject.in_(part))
        for rule, subject, finding_id, status, since_ms, until_ms in connection.execute(query).all():
            yield rule, subject, _Known(finding_id, status, since_ms, since_ms if until_ms is None else until_ms)
