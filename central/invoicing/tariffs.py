"""Tariffs as they were approved, kept whole, and the book that a run or a past bill is rated with."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from billing.tariff import Book, parse
from billing.volume import Period
from central import journal
from central.invoicing.states import RunError
from central.store import new_id
from central.store.models import TariffAssignment, TariffVersion


@dataclass(frozen=True, slots=True)
class StoredBook:
    """The tariff texts of one moment: ``book`` rates with them, ``versions`` says which row each id is."""

    book: Book
    versions: dict[str, int]
    series: dict[str, str] = field(default_factory=dict)

    def rows_of(self, names: Iterable[str]) -> list[int]:
        """The rows behind tariff ids or series, each once."""
        wanted = set(names)
        rows = (row for tariff, row in self.versions.items() if wanted & {tariff, self.series.get(tariff)})
        return sorted(rows)


def record(session: Session, utility_id: int, text: str, actor: str, at: datetime) -> TariffVersion:
    """Keep a tariff file's text; the very same text again is the row that is there already.

    Raises billing.tariff.TariffError with file, line and rule where the text is not a tariff.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()
    version = parse(text, "tariff.yaml")
    newest = session.scalars(
        select(TariffVersion)
        .where(TariffVersion.utility_id == utility_id, TariffVersion.tariff == version.id)
        .order_by(TariffVersion.version.desc())
        .limit(1)
    ).first()
    if newest is not None and newest.sha256 == digest:
        return newest
    row = TariffVersion(
        utility_id=utility_id,
        id=new_id(),
        tariff=version.id,
        series=version.series,
        version=newest.version + 1 if newest else 1,
        valid_from=version.start,
        valid_to=version.end,
        title=version.place[:200],
        source=f"{version.source.title} {version.source.url}".strip(),
        text=text,
        sha256=digest,
        recorded_at=at,
        recorded_by=actor,
    )
    session.add(row)
    session.flush()
    told = {"tariff": row.tariff, "version": row.version, "sha256": digest}
    journal.record(session, utility_id, actor, "tariff.recorded", "tariff_version", row.id, at=at, after=told)
    return row


def assign(
    session: Session,
    utility_id: int,
    tariff: str,
    valid_from: date,
    actor: str,
    at: datetime,
    *,
    valid_to: date | None = None,
    zone: str | None = None,
    position: int = 0,
) -> TariffAssignment:
    """Let a tariff (an id or a series) apply to the contracts of a zone, or of all, from a date on."""
    known = select(func.count()).where(
        TariffVersion.utility_id == utility_id, or_(TariffVersion.tariff == tariff, TariffVersion.series == tariff)
    )
    if not session.scalar(known):
        raise RunError(f"tariff {tariff}: is not recorded in utility {utility_id}")
    row = TariffAssignment(
        utility_id=utility_id,
        id=new_id(),
        tariff=tariff,
        zone=zone,
        position=position,
        valid_from=valid_from,
        valid_to=valid_to,
        recorded_at=at,
    )
    session.add(row)
    session.flush()
    told = {"tariff": tariff, "zone": zone, "valid_from": valid_from.isoformat()}
    journal.record(session, utility_id, actor, "tariff.assigned", "tariff_assignment", row.id, at=at, after=told)
    return row


def book_at(session: Session, utility_id: int, cutoff: datetime) -> StoredBook:
    """The book of everything recorded up to an instant; of each id the newest text."""
    rows = (
        select(TariffVersion)
        .where(TariffVersion.utility_id == utility_id, TariffVersion.recorded_at <= cutoff)
        .order_by(TariffVersion.tariff, TariffVersion.version)
    )
    return _book(session.scalars(rows))


def book_of(session: Session, utility_id: int, versions: Sequence[int]) -> StoredBook:
    """The book of exactly these rows: what a past bill was rated with."""
    rows = select(TariffVersion).where(TariffVersion.utility_id == utility_id, TariffVersion.id.in_(versions))
    return _book(session.scalars(rows))


def _book(rows: Iterable[TariffVersion]) -> StoredBook:
    newest = {row.tariff: row for row in rows}
    return StoredBook(
        Book.of({tariff: row.text for tariff, row in newest.items()}),
        {tariff: row.id for tariff, row in newest.items()},
        {tariff: row.series for tariff, row in newest.items()},
    )


class Assignments:
    """Which tariffs apply where and when, as known at an instant."""

    def __init__(self, session: Session, utility_id: int, cutoff: datetime) -> None:
        rows = (
            select(TariffAssignment)
            .where(TariffAssignment.utility_id == utility_id, TariffAssignment.recorded_at <= cutoff)
            .order_by(TariffAssignment.position, TariffAssignment.recorded_at, TariffAssignment.id)
        )
        self._rows = list(session.scalars(rows))

    def names_on(self, day: date) -> tuple[str, ...]:
        """Every tariff assigned in any zone on a day, in the bill's order."""
        here = (row for row in self._rows if row.valid_from <= day < (row.valid_to or date.max))
        return tuple(dict.fromkeys(row.tariff for row in here))

    def of(self, zone: str | None, period: Period) -> tuple[str, ...]:
        """The tariffs of a zone's contracts for a period, in the bill's order.

        RunError where there is none, or one begins or ends within the period: the versions of one series may follow
        each other inside a bill, different tariffs may not.
        """
        here = [row for row in self._rows if row.zone is None or row.zone == zone]
        touching = [row for row in here if row.valid_from < period.end and (row.valid_to or date.max) > period.start]
        for row in touching:
            if row.valid_from > period.start or (row.valid_to or date.max) < period.end:
                span = f"[{period.start}, {period.end})"
                raise RunError(f"tariff {row.tariff}: does not apply to all of {span}; bill the two parts apart")
        if not touching:
            raise RunError(f"zone {zone}: no tariff is assigned on [{period.start}, {period.end})")
        return tuple(dict.fromkeys(row.tariff for row in touching))
