"""Which fiscal system holds on a day: proposed by one person, confirmed by another, kept for ever.

Until a first change is confirmed the settings of the utility hold. What an invoice is recorded in follows from the day
it is issued, whatever the system of the invoice that it rectifies.
"""

from collections.abc import Mapping
from datetime import MINYEAR, date, datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from billing.fiscal import FiscalError
from billing.fiscal.sii import SYSTEM as SII
from billing.fiscal.verifactu import SYSTEM as VERIFACTU
from central import journal
from central.invoicing.settings import FiscalSettings, settings_for
from central.invoicing.states import RunError
from central.store import new_id
from central.store.bulk import changed
from central.store.models import BillingRun, FiscalRegime, FiscalSubmission, Invoice, Utility
from central.times import local_day, millis

CONFIRMED, REJECTED = "confirmed", "rejected"
EVER = date(MINYEAR, 1, 1)


class Span(NamedTuple):
    """Settings that hold for issue dates [start, end); ``end`` None is for ever."""

    start: date
    end: date | None
    fiscal: FiscalSettings


def spans(session: Session, utility_id: int) -> list[Span]:
    """The systems of a utility in time, from ever to ever."""
    utility = session.get_one(Utility, utility_id)
    starts: dict[date, FiscalSettings] = {EVER: settings_for(utility.settings, {}).fiscal}
    rows = select(FiscalRegime).where(FiscalRegime.utility_id == utility_id, FiscalRegime.decision == CONFIRMED)
    for row in session.scalars(rows.order_by(FiscalRegime.decided_at, FiscalRegime.id)):
        starts[row.valid_from] = msgspec.convert(row.fiscal, FiscalSettings)
    days = sorted(starts)
    return [Span(start, end, starts[start]) for start, end in zip(days, [*days[1:], None], strict=True)]


def fiscal_on(session: Session, utility_id: int, day: date, otherwise: FiscalSettings | None = None) -> FiscalSettings:
    """The settings that hold for invoices issued on ``day``; ``otherwise`` stand for those before any change.

    RunError where the utility must use a system by then and has none.
    """
    span = [one for one in spans(session, utility_id) if one.start <= day][-1]
    fiscal = span.fiscal if span.start > EVER or otherwise is None else otherwise
    if fiscal.system == "none" and fiscal.obligatory_from is not None and day >= fiscal.obligatory_from:
        rule = f"from {fiscal.obligatory_from} on invoices are recorded in a fiscal system"
        raise RunError(f"issue date {day}: fiscal.system none: {rule}; propose one")
    return fiscal


def systems_of(session: Session, utility_id: int) -> dict[str, FiscalSettings]:
    """Every system a utility uses or has used, with its newest settings."""
    return {span.fiscal.system: span.fiscal for span in spans(session, utility_id)}


def propose(
    session: Session,
    utility_id: int,
    valid_from: date,
    fiscal: Mapping[str, Any],
    actor: str,
    at: datetime,
    reason: str,
) -> FiscalRegime:
    """Record a change of system for another person to decide; RunError names what is wrong with it."""
    if not reason.strip():
        raise RunError("reason: (empty): say why the system changes")
    try:
        settings = msgspec.convert(fiscal, FiscalSettings)
        settings.registry()
    except (msgspec.ValidationError, FiscalError) as error:
        raise RunError(f"fiscal settings: {error}") from None
    row = FiscalRegime(
        utility_id=utility_id,
        id=new_id(),
        valid_from=valid_from,
        system=settings.system,
        fiscal=msgspec.to_builtins(settings),
        reason=reason.strip(),
        proposed_by=actor,
        proposed_at=at,
    )
    _check(session, row, settings)
    session.add(row)
    session.flush()
    told = {"from": valid_from.isoformat(), "system": row.system}
    _told(session, row, "proposed", actor, at, row.reason, after=told)
    return row


def confirm(session: Session, row: FiscalRegime, actor: str, at: datetime) -> None:
    """Put a change in force; RunError where the same person proposed it or what was issued meanwhile forbids it."""
    if actor == row.proposed_by:
        raise RunError(f"fiscal system {row.id}: {actor} proposed it; another person must confirm it")
    settings = msgspec.convert(row.fiscal, FiscalSettings)
    _check(session, row, settings)
    before = fiscal_before(session, row.utility_id, row.valid_from).system
    _decide(session, row, CONFIRMED, actor, at, "")
    told = {"from": row.valid_from.isoformat(), "system": row.system}
    _told(session, row, CONFIRMED, actor, at, row.reason, before={"system": before}, after=told)


def reject(session: Session, row: FiscalRegime, actor: str, at: datetime, reason: str) -> None:
    """Decide against a change; it stays on record."""
    if not reason.strip():
        raise RunError(f"fiscal system {row.id}: reason: (empty): a rejection says why")
    _decide(session, row, REJECTED, actor, at, reason.strip())
    _told(session, row, REJECTED, actor, at, reason.strip())


def fiscal_before(session: Session, utility_id: int, day: date) -> FiscalSettings:
    """What held until the day before."""
    return [span for span in spans(session, utility_id) if span.start < day or span.start == EVER][-1].fiscal


def regime(session: Session, utility_id: int, regime_id: int) -> FiscalRegime:
    """A change by its id; RunError where there is none."""
    row = session.get(FiscalRegime, (utility_id, regime_id))
    if row is None:
        raise RunError(f"fiscal system {regime_id}: was not proposed")
    return row


def regimes(session: Session, utility_id: int) -> list[FiscalRegime]:
    """Every change ever proposed, by the day it is for."""
    rows = select(FiscalRegime).where(FiscalRegime.utility_id == utility_id)
    return list(session.scalars(rows.order_by(FiscalRegime.valid_from, FiscalRegime.id)))


def _check(session: Session, row: FiscalRegime, settings: FiscalSettings) -> None:
    """The past is not recorded anew, nothing under way is of another system, and VERI*FACTU is kept for its year."""
    day, utility_id = row.valid_from, row.utility_id
    issued = select(func.max(Invoice.issue_date)).where(Invoice.utility_id == utility_id)
    last = session.scalar(issued)
    if last is not None and last >= day:
        raise RunError(f"from {day}: invoices were issued up to {last}; a system changes from a later day on")
    runs = select(BillingRun).where(BillingRun.utility_id == utility_id, BillingRun.issue_date >= day)
    for run in session.scalars(runs):
        made_for = (run.settings.get("fiscal") or {}).get("system", "none")
        if made_for != settings.system:
            rule = f"run {run.code} of {run.issue_date} was made for {made_for}; choose a day after it"
            raise RunError(f"from {day}: {rule}")
    _check_installation(session, utility_id, settings)
    if settings.system in (VERIFACTU, SII):
        return
    sent = session.scalar(
        select(func.max(FiscalSubmission.prepared_at)).where(
            FiscalSubmission.utility_id == utility_id, FiscalSubmission.system == VERIFACTU
        )
    )
    if sent is not None and day.year <= local_day(millis(sent)).year:
        rule = "who has submitted to VERI*FACTU goes on to the end of the calendar year (RD 1007/2023 art. 16)"
        raise RunError(f"from {day}: {rule}")


def _check_installation(session: Session, utility_id: int, settings: FiscalSettings) -> None:
    """An installation has one chain: another system's records need another number of installation."""
    if not settings.chained or settings.config is None:
        return
    own = settings.config.software.installation
    others = (span.fiscal for span in spans(session, utility_id) if span.fiscal.system != settings.system)
    for other in others:
        if other.chained and other.config is not None and other.config.software.installation == own:
            rule = f"installation {own} has a chain of {other.system}; give it another number"
            raise RunError(f"fiscal settings: {rule}")


def _decide(session: Session, row: FiscalRegime, decision: str, actor: str, at: datetime, why: str) -> None:
    """Of two who decide at once one gets RunError."""
    statement = (
        update(FiscalRegime)
        .where(FiscalRegime.utility_id == row.utility_id, FiscalRegime.id == row.id, FiscalRegime.decision.is_(None))
        .values(decision=decision, decided_by=actor, decided_at=at, decided_why=why)
    )
    if changed(session, statement) != 1:
        raise RunError(f"fiscal system {row.id}: is decided already")
    session.refresh(row)


def _told(
    session: Session,
    row: FiscalRegime,
    action: str,
    actor: str,
    at: datetime,
    reason: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    journal.record(
        session, row.utility_id, actor, f"fiscal.system.{action}", "fiscal_regime", row.id,
        at=at, before=before, after=after, reason=reason,
    )  # fmt: skip
