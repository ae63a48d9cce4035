"""What the office and the operators see of fiscal records: how many wait, since when, and what was answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from central.fiscal.queue import ANSWERED
from central.fiscal.systems import SUBMITTED, VERIFACTU
from central.store.models import (
    FiscalChain,
    FiscalCorrection,
    FiscalOutcome,
    FiscalRecord,
    FiscalSender,
    FiscalSubmission,
    Invoice,
)

State = Literal["waiting", "accepted", "accepted_with_errors", "rejected", "mended"]
STATES: tuple[State, ...] = ("waiting", "accepted", "accepted_with_errors", "rejected", "mended")
PAGE = 100

_invoice = and_(Invoice.utility_id == FiscalRecord.utility_id, Invoice.id == FiscalRecord.invoice_id)
_outcome = and_(FiscalOutcome.utility_id == FiscalRecord.utility_id, FiscalOutcome.record_id == FiscalRecord.id)
_mended = and_(FiscalCorrection.utility_id == FiscalRecord.utility_id, FiscalCorrection.corrects_id == FiscalRecord.id)
_message = and_(
    FiscalSubmission.utility_id == FiscalOutcome.utility_id, FiscalSubmission.id == FiscalOutcome.submission_id
)


class Shown(NamedTuple):
    """A record and how far it is on its way."""

    record_id: int
    position: int
    kind: str
    number: str
    invoice_id: int
    generated_at: datetime
    state: State
    code: int | None
    text: str
    csv: str | None


class Depth(NamedTuple):
    """How many records have no answer, and when the oldest of them was made; of every utility together."""

    records: int
    oldest: datetime | None
    rejected: int


class Line(NamedTuple):
    """How a utility's line to the agency is."""

    utility_id: int
    system: str
    failures: int
    error: str
    not_before: datetime | None


def systems(session: Session, utility_id: int) -> list[str]:
    """The systems in which a utility has records."""
    any_record = exists().where(
        FiscalRecord.utility_id == FiscalChain.utility_id, FiscalRecord.system == FiscalChain.system
    )
    rows = select(FiscalChain.system).where(FiscalChain.utility_id == utility_id, any_record)
    return sorted(session.scalars(rows))


def records(
    session: Session,
    utility_id: int,
    state: State | None = None,
    *,
    before: int | None = None,
    system: str = VERIFACTU,
) -> list[Shown]:
    """A page of records, the newest first; ``before`` is the last position of the page before."""
    query = _listed().where(FiscalRecord.utility_id == utility_id, FiscalRecord.system == system)
    if state is not None:
        query = query.where(_in(state))
    if state == "waiting":
        query = query.where(FiscalRecord.position >= _first_waiting(session, utility_id, system))
    if before is not None:
        query = query.where(FiscalRecord.position < before)
    rows = session.execute(query.order_by(FiscalRecord.position.desc()).limit(PAGE))
    return [_shown(row) for row in rows]


def counts(session: Session, utility_id: int, *, system: str = VERIFACTU) -> dict[State, int]:
    """How many records are in each state, told from the messages and from what was not simply accepted.

    Those that a run is about to write, between two that it has written, count as waiting.
    """
    answered = _answered(session, utility_id, system)
    refused = _joined(select(FiscalOutcome.verdict, FiscalCorrection.record_id.is_not(None), func.count())).where(
        FiscalRecord.utility_id == utility_id,
        FiscalRecord.system == system,
        FiscalOutcome.utility_id == utility_id,
        FiscalOutcome.verdict.in_(("accepted_with_errors", "rejected")),
    )
    found: dict[State, int] = dict.fromkeys(STATES, 0)
    found["accepted"] = answered
    grouped = refused.group_by(FiscalOutcome.verdict, FiscalCorrection.record_id.is_not(None))
    for verdict, is_mended, count in session.execute(grouped):
        found["accepted"] -= count
        found["mended" if is_mended else verdict] += count
    found["waiting"] = _last_position(session, utility_id, system) - answered
    return found


def find(session: Session, utility_id: int, record_id: int) -> Shown | None:
    """One record."""
    query = _listed().where(FiscalRecord.utility_id == utility_id, FiscalRecord.id == record_id)
    row = session.execute(query).first()
    return None if row is None else _shown(row)


def depth(session: Session) -> Depth:
    """The whole queue, for those who watch it."""
    chains = select(FiscalChain.utility_id, FiscalChain.system).where(FiscalChain.system.in_(SUBMITTED))
    records, oldest = 0, []
    for utility_id, system in session.execute(chains).all():
        waiting = _last_position(session, utility_id, system) - _answered(session, utility_id, system)
        if waiting:
            records += waiting
            oldest.append(_oldest(session, utility_id, system))
    rejected = _joined(select(func.count())).where(FiscalRecord.system.in_(SUBMITTED), _in("rejected"))
    return Depth(records, min((at for at in oldest if at), default=None), session.scalar(rejected) or 0)


def troubled(session: Session) -> Sequence[Line]:
    """The lines whose last try failed."""
    query = select(
        FiscalSender.utility_id,
        FiscalSender.system,
        FiscalSender.failures,
        FiscalSender.error,
        FiscalSender.not_before,
    ).where(FiscalSender.failures > 0)
    return [Line(*row) for row in session.execute(query)]


def _answered(session: Session, utility_id: int, system: str) -> int:
    """Records that the agency has spoken of: an answer speaks of every record of its message."""
    mine = (FiscalSubmission.utility_id == utility_id, FiscalSubmission.system == system)
    answered = select(func.sum(FiscalSubmission.records)).where(*mine, FiscalSubmission.state == ANSWERED)
    return int(session.scalar(answered) or 0)


def _last_position(session: Session, utility_id: int, system: str) -> int:
    mine = (FiscalRecord.utility_id == utility_id, FiscalRecord.system == system)
    return session.scalar(select(func.max(FiscalRecord.position)).where(*mine)) or 0


def _first_waiting(session: Session, utility_id: int, system: str) -> int:
    """The position before which every record was answered: messages go in the order of the chain, one at a time."""
    mine = (FiscalSubmission.utility_id == utility_id, FiscalSubmission.system == system)
    answered = select(func.max(FiscalSubmission.first_position + FiscalSubmission.records)).where(
        *mine, FiscalSubmission.state == ANSWERED
    )
    return session.scalar(answered) or 1


def _oldest(session: Session, utility_id: int, system: str) -> datetime | None:
    """When the first record without an answer was made."""
    rows = select(FiscalRecord.generated_at).where(
        FiscalRecord.utility_id == utility_id,
        FiscalRecord.system == system,
        FiscalRecord.position >= _first_waiting(session, utility_id, system),
    )
    return session.scalar(rows.order_by(FiscalRecord.position).limit(1))


def _joined(query: Any) -> Any:
    return query.select_from(FiscalRecord).outerjoin(FiscalOutcome, _outcome).outerjoin(FiscalCorrection, _mended)


def _listed() -> Any:
    columns = (
        FiscalRecord.id,
        FiscalRecord.position,
        FiscalRecord.kind,
        Invoice.number_text,
        FiscalRecord.invoice_id,
        FiscalRecord.generated_at,
        FiscalOutcome.verdict,
        FiscalOutcome.code,
        FiscalOutcome.text,
        FiscalSubmission.csv,
        FiscalCorrection.record_id.label("mended_by"),
    )
    return _joined(select(*columns)).join(Invoice, _invoice).outerjoin(FiscalSubmission, _message)


def _in(state: State) -> ColumnElement[bool]:
    if state == "waiting":
        return FiscalOutcome.record_id.is_(None)
    if state == "mended":
        return FiscalCorrection.record_id.is_not(None)
    return and_(FiscalOutcome.verdict == state, FiscalCorrection.record_id.is_(None))


def _shown(row: Any) -> Shown:
    state: State = "mended" if row.mended_by else row.verdict or "waiting"
    csv = row.csv if row.verdict in ("accepted", "accepted_with_errors") else None
    first: tuple[int, int, str, str, int, datetime] = row[:6]
    return Shown(*first, state, row.code, row.text or "", csv)
