"""The durable queue: which records the next message carries, and what its answer changes.

A record waits from the transaction that wrote it. A message is *taken* in one transaction (it gets its records and an
attempt is counted), sent outside of any, and *settled* in another. Killed between the two, the same message is sent
again once the claim has run out; what the agency already had it then calls a duplicate, and that counts as taken.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from billing.fiscal import Answer, FiscalError, Line
from billing.invoice import Party
from central.fiscal.systems import CANCELLATION, SYSTEMS, System, Waiting
from central.invoicing.records import texts_of
from central.store import new_id
from central.store.bulk import add_missing_rows, insert_rows
from central.store.models import FiscalOutcome, FiscalRecord, FiscalSender, FiscalSubmission, Invoice, Utility

OPEN, ANSWERED = "open", "answered"
LEASE_S = 180
FIRST_RETRY_S = 30
LONGEST_RETRY_S = 3600

_OUTCOME = ("utility_id", "record_id", "submission_id", "verdict", "code", "text", "duplicate")


class LostClaimError(RuntimeError):
    """Another worker took the message over meanwhile; nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be sent now; ``claim`` is the right to record its answer."""

    utility_id: int
    system: str
    submission_id: int
    claim: int
    attempt: int
    records: int
    incident: bool
    envelope: bytes


def take(session: Session, utility_id: int, system: str, now: datetime) -> Message | None:
    """The message that is due, with its attempt counted; None where nothing is, or another worker has it."""
    sender = _locked(session, utility_id, system)
    if sender.claimed_until is not None and sender.claimed_until > now:
        return None
    open_one = _open_submission(session, utility_id, system)
    waits = sender.not_before is not None and sender.not_before > now
    if waits and (open_one is not None or sender.failures):
        return None
    if sender.claimed_until is not None and sender.interrupted_since is None:
        sender.interrupted_since = now  # whoever held the claim ended without a word
    found = open_one or _prepare(session, sender, now, whole_only=waits)
    if found is None:
        return None
    found.attempts += 1
    sender.claim += 1
    sender.claimed_until = now + timedelta(seconds=LEASE_S)
    session.flush()
    rows = _rows(session, found)
    utility = session.get_one(Utility, utility_id)
    incident = sender.interrupted_since is not None
    envelope = SYSTEMS[system].message(Party(utility.name, utility.nif), rows, incident)
    return Message(utility_id, system, found.id, sender.claim, found.attempts, len(rows), incident, envelope)


def settle(session: Session, message: Message, answer: Answer, content: bytes, now: datetime) -> dict[str, int]:
    """Record the agency's answer; returns how many records got each verdict.

    FiscalError where the answer does not speak of every record; LostClaimError where the claim is gone.
    """
    sender = _held(session, message)
    found = session.get_one(FiscalSubmission, (message.utility_id, message.submission_id))
    lines = _matched(_rows(session, found), answer.lines)
    rows = [_outcome(found, record_id, line) for record_id, line in lines]
    insert_rows(session, FiscalOutcome, _OUTCOME, rows)
    found.state, found.answered_at, found.verdict = ANSWERED, now, answer.verdict
    found.csv, found.answer = answer.csv, content.decode(errors="replace")
    sender.not_before = now + timedelta(seconds=answer.wait_s)
    sender.claimed_until = sender.interrupted_since = None
    sender.failures, sender.error = 0, ""
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row[3]] += 1
    return dict(counts)


def put_back(session: Session, message: Message, error: str, now: datetime, *, interrupted: bool) -> datetime:
    """Record that a message got no answer; returns when it is tried again.

    ``interrupted``: the line or the service was down, which the next try states as Incidencia.
    """
    sender = _held(session, message)
    wait = min(LONGEST_RETRY_S, FIRST_RETRY_S << min(sender.failures, 16))
    sender.failures += 1
    sender.not_before = now + timedelta(seconds=wait)
    sender.claimed_until = None
    sender.error = error
    if interrupted and sender.interrupted_since is None:
        sender.interrupted_since = now
    return sender.not_before


def retry_now(session: Session, utility_id: int, system: str) -> None:
    """Forget how long to wait after failures, once their cause is mended; the agency's own wait still holds."""
    sender = _locked(session, utility_id, system)
    if sender.failures:
        sender.not_before = None


def _locked(session: Session, utility_id: int, system: str) -> FiscalSender:
    columns = ("utility_id", "system", "next_position", "claim", "failures", "error")
    add_missing_rows(session, FiscalSender, columns, [(utility_id, system, 1, 0, 0, "")])
    query = select(FiscalSender).where(FiscalSender.utility_id == utility_id, FiscalSender.system == system)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def _held(session: Session, message: Message) -> FiscalSender:
    sender = _locked(session, message.utility_id, message.system)
    if sender.claim != message.claim:
        raise LostClaimError(f"submission {message.submission_id}: claim {message.claim} is now {sender.claim}")
    return sender


def _open_submission(session: Session, utility_id: int, system: str) -> FiscalSubmission | None:
    return session.scalars(
        select(FiscalSubmission).where(
            FiscalSubmission.utility_id == utility_id,
            FiscalSubmission.system == system,
            FiscalSubmission.state == OPEN,
        )
    ).one_or_none()


def _prepare(session: Session, sender: FiscalSender, now: datetime, *, whole_only: bool) -> FiscalSubmission | None:
    """The next records without a gap; before the agency's wait is over only a full message may go (art. 16.2)."""
    system = SYSTEMS[sender.system]
    count = _ready(session, sender, system)
    if count == 0 or (whole_only and count < system.most):
        return None
    if system.fits is not None:
        count = system.fits(_stretch(session, sender, count))
    made = FiscalSubmission(
        utility_id=sender.utility_id,
        id=new_id(),
        system=sender.system,
        first_position=sender.next_position,
        records=count,
        state=OPEN,
        attempts=0,
        prepared_at=now,
    )
    sender.next_position += count
    session.add(made)
    return made


def _ready(session: Session, sender: FiscalSender, system: System) -> int:
    """How many records follow one another from the first that was never sent; runs write theirs in any order."""
    first = sender.next_position
    query = select(func.count(), func.max(FiscalRecord.position)).where(
        FiscalRecord.utility_id == sender.utility_id,
        FiscalRecord.system == sender.system,
        FiscalRecord.position >= first,
        FiscalRecord.position < first + system.most,
    )
    count, last = session.execute(query).one()
    if count == 0 or last == first + count - 1:
        return int(count)
    positions = select(FiscalRecord.position).where(
        FiscalRecord.utility_id == sender.utility_id,
        FiscalRecord.system == sender.system,
        FiscalRecord.position >= first,
    )
    found = session.scalars(positions.order_by(FiscalRecord.position).limit(system.most)).all()
    return next((at for at, position in enumerate(found) if position != first + at), len(found))


def _stretch(session: Session, sender: FiscalSender, count: int) -> list[Waiting]:
    """The records that come next, ``count`` of them."""
    first = sender.next_position
    return _waiting(session, sender.utility_id, sender.system, first, first + count)


def _rows(session: Session, found: FiscalSubmission) -> list[Waiting]:
    first, end = found.first_position, found.first_position + found.records
    rows = _waiting(session, found.utility_id, found.system, first, end)
    if len(rows) != found.records:
        raise FiscalError(f"submission {found.id}: {len(rows)} records are stored, must be {found.records}")
    return rows


def _waiting(session: Session, utility_id: int, system: str, first: int, end: int) -> list[Waiting]:
    """Records at positions [first, end) of a system, in their order."""
    own = and_(Invoice.utility_id == FiscalRecord.utility_id, Invoice.id == FiscalRecord.invoice_id)
    query: Any = (
        select(FiscalRecord, Invoice.number_text)
        .join(Invoice, own)
        .where(
            FiscalRecord.utility_id == utility_id,
            FiscalRecord.system == system,
            FiscalRecord.position >= first,
            FiscalRecord.position < end,
        )
        .order_by(FiscalRecord.position)
    )
    rows = session.execute(query).all()
    texts = texts_of(session, [row for row, _ in rows])
    return [Waiting(row.id, row.position, row.kind, number, texts[row.id].decode()) for row, number in rows]


def _matched(rows: Sequence[Waiting], lines: Sequence[Line]) -> list[tuple[int, Line]]:
    """Each record's id with its line: of one invoice and kind of operation, in their order."""
    waiting: dict[tuple[str, str], deque[Line]] = defaultdict(deque)
    for line in lines:
        waiting[line.number, line.kind].append(line)
    matched = []
    for row in rows:
        queue = waiting[row.number, "Anulacion" if row.kind == CANCELLATION else "Alta"]
        if not queue:
            raise FiscalError(f"answer: has no line for the record of {row.number} at position {row.position}")
        matched.append((row.record_id, queue.popleft()))
    return matched


def _outcome(found: FiscalSubmission, record_id: int, line: Line) -> tuple[Any, ...]:
    settled = line.settled(sent_before=found.attempts > 1)
    duplicate = settled is not line
    return (
        found.utility_id,
        record_id,
        found.id,
        settled.verdict,
        settled.code,
        settled.text,
        duplicate,
    )
