"""Imports that wait for a decision: a file is kept with its rows' fates, and applied as it was shown, or discarded.

Meters' keys do not come this way: what waits here is stored, and keys are never stored in the clear.
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled
from central.register.errors import RegisterError
from central.register.importing.fates import digest_of, packed, unpacked
from central.register.importing.mapping import read_table_mapping
from central.register.importing.plan import ImportPlan, RowFate, apply_import
from central.register.importing.tables import plan_table, read_tables
from central.store import new_id
from central.store.models import RegisterImport, Utility

MOST_BYTES = 64 * 2**20
PLANNED, APPLIED, DISCARDED = "planned", "applied", "discarded"
NEWEST = 50


def keep(session: Session, utility_id: int, name: str, content: bytes, mapping: str, by: Change) -> RegisterImport:
    """Keep a file with the fates of its rows; the register stays as it is. Raises :class:`RegisterError`."""
    if len(content) > MOST_BYTES:
        raise RegisterError("file", name, f"has {len(content)} bytes, at most {MOST_BYTES} are taken")
    row = RegisterImport(
        utility_id=utility_id,
        id=new_id(),
        name=check.name("file.name", name),
        sha256=hashlib.sha256(content).hexdigest(),
        mapping=mapping,
        content=content,
        state=PLANNED,
        uploaded_at=by.at,
        uploaded_by=by.actor,
        without_refused=False,
    )
    _state(row, _plan(session, row, by))
    session.add(row)
    session.flush()
    after = {"name": row.name, "sha256": row.sha256, "counts": row.counts, "digest": row.digest}
    journalled(session, utility_id, by, "plan", "register_import", row.id, after=after)
    return row


def note_applied(
    session: Session, utility_id: int, files: Sequence[Path], plan: ImportPlan, by: Change, *, without_refused: bool
) -> None:
    """Keep the fates of what a command imported, as those of a file that was decided on here are kept."""
    digest = hashlib.sha256()
    for path in files:
        for one in sorted(path.iterdir()) if path.is_dir() else [path]:
            digest.update(one.read_bytes() if one.is_file() else b"")
    row = RegisterImport(
        utility_id=utility_id,
        id=new_id(),
        name=", ".join(path.name for path in files)[:200] or "-",
        sha256=digest.hexdigest(),
        mapping="",
        content=None,
        state=PLANNED,
        uploaded_at=by.at,
        uploaded_by=by.actor,
        without_refused=without_refused,
    )
    _state(row, plan)
    session.add(row)
    _decide(session, row, APPLIED, by, {"digest": row.digest, "without_refused": without_refused})


def plan_again(session: Session, row: RegisterImport, by: Change) -> None:
    """See what would become of the rows now; raises :class:`RegisterError` where it was decided."""
    _refuse_decided(session, row)
    _state(row, _plan(session, row, by))
    session.flush()
    journalled(session, row.utility_id, by, "plan", "register_import", row.id, after={"digest": row.digest})


def apply(session: Session, row: RegisterImport, by: Change, *, without_refused: bool = False) -> None:
    """Do what was shown, or nothing: raises :class:`RegisterError` where the register has changed since."""
    _refuse_decided(session, row)
    plan = _plan(session, row, by)
    if digest_of(plan.fates) != row.digest:
        rule = "the register is no longer what it was when the fates were shown; look at them again"
        raise RegisterError("register_import", row.name, rule)
    try:
        apply_import(session, plan, by, without_refused=without_refused)
    except ProgrammingError as error:
        # A role that owns no table makes no month for a reading of long ago (docs/api.md).
        rule = "holds readings of months that have no place yet; have the operator import it (sgc central import)"
        raise RegisterError("file", row.name, rule) from error
    _decide(session, row, APPLIED, by, {"digest": row.digest, "without_refused": without_refused})
    row.without_refused = without_refused
    session.flush()


def discard(session: Session, row: RegisterImport, by: Change) -> None:
    """Let go of a file."""
    _refuse_decided(session, row)
    _decide(session, row, DISCARDED, by, {"digest": row.digest})


def find_import(session: Session, utility_id: int, number: int) -> RegisterImport | None:
    """One import of the utility."""
    return session.get(RegisterImport, (utility_id, number))


def newest(session: Session, utility_id: int) -> list[RegisterImport]:
    """The utility's last imports, the newest first."""
    query = select(RegisterImport).where(RegisterImport.utility_id == utility_id)
    return list(session.scalars(query.order_by(RegisterImport.id.desc()).limit(NEWEST)))


def fates_of(row: RegisterImport, fate: str = "", section: str = "") -> list[RowFate]:
    """The fates that were shown, all or some."""
    return [one for one in unpacked(row.fates) if fate in ("", one.fate) and section in ("", one.section)]


def _plan(session: Session, row: RegisterImport, by: Change) -> ImportPlan:
    content = row.content or b""
    if content.lstrip()[:1] in (b"{", b"["):
        raise RegisterError("file", row.name, "is JSON, which the command sgc central import takes; send CSV or XLSX")
    mapping = read_table_mapping(row.mapping, "mapping") if row.mapping.strip() else None
    utility = session.get_one(Utility, row.utility_id)
    table = read_tables([(row.name, io.BytesIO(content))], mapping, utility)
    if table.keyed:
        rule = "holds meters' keys, which only the command sgc central import takes; leave that column out"
        raise RegisterError("file", row.name, rule)
    return plan_table(session, table, None, by, within=row.utility_id)


def _state(row: RegisterImport, plan: ImportPlan) -> None:
    counts: dict[str, Any] = plan.counts()
    row.fates, row.digest, row.counts = packed(plan.fates), digest_of(plan.fates), counts
    row.refused = len(plan.refused())


def _refuse_decided(session: Session, row: RegisterImport) -> None:
    session.refresh(row, ["state", "decided_by"], with_for_update=True)
    if row.state != PLANNED:
        raise RegisterError("register_import", row.name, f"was {row.state} by {row.decided_by}")


def _decide(session: Session, row: RegisterImport, state: str, by: Change, told: dict[str, Any]) -> None:
    row.state, row.decided_at, row.decided_by, row.content = state, by.at, by.actor, None
    session.flush()
    journalled(session, row.utility_id, by, state, "register_import", row.id, after=told)
