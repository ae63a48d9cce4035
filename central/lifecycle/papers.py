"""Documents of a case: received with their bytes, waived or refused with a reason, each by whom and when.

What a file is is read from its first bytes; neither its name nor what the sender says of it is believed.
"""

import hashlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, defer

from central.register.change import Change, journalled
from central.register.errors import RegisterError
from central.store import new_id
from central.store.models import ContractCase, ContractCaseDocument

RECEIVED, WAIVED, REFUSED = "received", "waived", "refused"
SETTLED = (RECEIVED, WAIVED)
LARGEST = 10 * 1024 * 1024
LARGEST_CASE = 60 * 1024 * 1024
LONGEST_NAME = 200
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
MEDIA_TYPES = tuple(dict.fromkeys(kind for _, kind in _MAGIC))


def media_type_of(content: bytes) -> str | None:
    """The media type that a file's first bytes show; None where it is none that is taken."""
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)


def add_received(
    session: Session, case: ContractCase, code: str, content: bytes, name: str, by: Change
) -> ContractCaseDocument:
    """Keep a document's bytes; PDF, JPEG, PNG or TIFF, at most 10 MiB, a case at most 60 MiB."""
    kind = media_type_of(content)
    if kind is None:
        raise RegisterError(f"document.{code}", f"{len(content)} bytes", "must be a PDF, JPEG, PNG or TIFF file")
    if len(content) > LARGEST:
        raise RegisterError(f"document.{code}", f"{len(content)} bytes", f"must have at most {LARGEST} bytes")
    kept = session.scalar(select(func.coalesce(func.sum(ContractCaseDocument.size), 0)).where(*_of(case)))
    if int(kept or 0) + len(content) > LARGEST_CASE:
        raise RegisterError(f"document.{code}", f"{len(content)} bytes", f"the case would pass {LARGEST_CASE} bytes")
    row = _row(session, case, code, RECEIVED, by)
    row.name = "".join(char for char in name if char.isprintable())[:LONGEST_NAME]
    row.media_type, row.sha256 = kind, hashlib.sha256(content).hexdigest()
    row.size, row.content = len(content), content
    return _kept(session, case, row, by)


def add_verdict(session: Session, case: ContractCase, code: str, verdict: str, by: Change) -> ContractCaseDocument:
    """Waive a document, or refuse the one that was received; ``by`` says why."""
    if not by.reason.strip():
        raise RegisterError(f"document.{code}", verdict, "needs a reason")
    latest = current(session, case).get(code)
    if verdict == REFUSED and (latest is None or latest.verdict != RECEIVED):
        raise RegisterError(f"document.{code}", verdict, "none was received")
    return _kept(session, case, _row(session, case, code, verdict, by), by)


def current(session: Session, case: ContractCase) -> dict[str, ContractCaseDocument]:
    """What holds of each document, by code; without the bytes."""
    return {row.code: row for row in history(session, case)}


def history(session: Session, case: ContractCase) -> Sequence[ContractCaseDocument]:
    """Everything that was done about a case's documents, oldest first; without the bytes."""
    rows = select(ContractCaseDocument).where(*_of(case)).order_by(ContractCaseDocument.position)
    return session.scalars(rows.options(defer(ContractCaseDocument.content))).all()


def _of(case: ContractCase) -> tuple[ColumnElement[bool], ...]:
    return (ContractCaseDocument.utility_id == case.utility_id, ContractCaseDocument.case_id == case.id)


def _row(session: Session, case: ContractCase, code: str, verdict: str, by: Change) -> ContractCaseDocument:
    before = session.scalar(select(func.max(ContractCaseDocument.position)).where(*_of(case)))
    return ContractCaseDocument(
        utility_id=case.utility_id,
        id=new_id(),
        case_id=case.id,
        position=(before or 0) + 1,
        code=code,
        verdict=verdict,
        recorded_by=by.actor,
        recorded_at=by.at,
        reason=by.reason,
        name="",
    )


def _kept(session: Session, case: ContractCase, row: ContractCaseDocument, by: Change) -> ContractCaseDocument:
    session.add(row)
    session.flush()
    after = {"case": case.number, "code": row.code, "sha256": row.sha256, "size": row.size}
    journalled(session, case.utility_id, by, f"document.{row.verdict}", "contract_case", case.id, after=after)
    return row
