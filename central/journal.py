"""The audit log: who changed what, when, from what to what, each entry's hash covering the one before.

Entries are written in the transaction of the change they tell of. Positions and hashes follow one another per
utility, so an entry cannot be removed, changed or slipped in without :func:`verify` naming the place.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.events import audited
from central.store.models import AuditEntry, Utility

FIRST_HASH = "0" * 64


def record(
    session: Session,
    utility_id: int,
    actor: str,
    action: str,
    subject: str,
    subject_id: int | None,
    *,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> AuditEntry:
    """Append one entry; ``before`` and ``after`` hold texts, whole numbers, booleans, lists and mappings of them.

    Call it late in a transaction: writers of one utility's log wait for each other from here on.
    """
    # The row of the utility is the lock; PostgreSQL lets foreign keys to it be checked meanwhile.
    session.execute(select(Utility.id).where(Utility.id == utility_id).with_for_update(key_share=True)).one()
    last = session.execute(
        select(AuditEntry.position, AuditEntry.hash)
        .where(AuditEntry.utility_id == utility_id)
        .order_by(AuditEntry.position.desc())
        .limit(1)
    ).first()
    entry = AuditEntry(
        utility_id=utility_id,
        position=last.position + 1 if last else 1,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        subject_id=subject_id,
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
        reason=reason,
        previous_hash=last.hash if last else FIRST_HASH,
    )
    entry.hash = digest(entry)
    session.add(entry)
    session.flush()
    audited.tell(session, entry)
    return entry


def digest(entry: AuditEntry) -> str:
    """SHA-256 over everything an entry says, in an order that does not depend on the database."""
    said = [
        entry.utility_id,
        entry.position,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.action,
        entry.subject,
        entry.subject_id,
        entry.before,
        entry.after,
        entry.reason,
        entry.previous_hash,
    ]
    _refuse_floats(said)
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def verify(session: Session, utility_id: int) -> Iterator[str | None]:
    """Walk a utility's log: None for each entry in order, a text naming position and fault for one that is not."""
    expected, previous = 1, FIRST_HASH
    entries = select(AuditEntry).where(AuditEntry.utility_id == utility_id).order_by(AuditEntry.position)
    for entry in session.scalars(entries.execution_options(yield_per=1000)):
        yield _fault(entry, expected, previous)
        expected, previous = entry.position + 1, entry.hash


def _fault(entry: AuditEntry, expected: int, previous: str) -> str | None:
    if entry.position != expected:
        return f"audit_entry {expected}: missing before position {entry.position}"
    if entry.previous_hash != previous:
        return f"audit_entry {entry.position}: previous_hash is not the hash of position {expected - 1}"
    if entry.hash != digest(entry):
        return f"audit_entry {entry.position}: hash does not cover what it says"
    return None


def _refuse_floats(value: Any) -> None:
    """A binary fraction may come back from a database in another spelling, and the hash would break."""
    if isinstance(value, float):
        raise TypeError(f"audit value {value!r}: must be a whole number or a text, not a float")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)
