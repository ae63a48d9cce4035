"""The quality board: what the rules find, since when, who looks after it and what somebody accepted.

Refreshing never loses a thing: what a rule no longer finds is marked cleared, what it finds again opens again.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled
from central.register.errors import RegisterError
from central.register.quality.registry import all_rules, rules_of
from central.register.quality.rule import SEVERITIES, Asked, Hit, Rule
from central.store import new_id
from central.store.bulk import changed, insert_rows
from central.store.models import QualityCount, QualityIssue, Utility
from central.store.parts import in_parts
from central.times import local_day, millis

TREND_DAYS = 90
PAGE = 100
STATES = ("open", "dismissed", "cleared")


@dataclass(frozen=True)
class Line:
    """One rule on the board; ``since`` is the oldest of its open issues, ``days`` its age.

    ``trend`` are the open issues on each day the rules were asked, the oldest first, of the last 90 days.
    """

    rule: str
    title: str
    severity: str
    owner: str
    about: str
    advice: str
    open: int
    assigned: int
    dismissed: int
    since: datetime | None
    days: int | None
    trend: tuple[tuple[date, int], ...]


@dataclass(frozen=True)
class Filters:
    """What issues are asked for; what is empty does not narrow. ``assigned_to`` "-" is nobody."""

    rule: str = ""
    severity: str = ""
    assigned_to: str = ""
    state: str = "open"


def refresh(session: Session, utility: Utility, at: datetime) -> None:
    """Ask every rule about the utility's register as it stands on the local day of ``at`` (aware).

    Raises :class:`RegisterError` where the utility's settings of a rule are wrong; then nothing is changed.
    """
    asked = Asked(session, utility, local_day(millis(at)))
    rules = rules_of(utility)
    for rule in rules.values():
        _refresh_rule(session, rule.asked(asked), rule, at)
    off = [code for code in all_rules() if code not in rules]
    _clear(session, utility.id, QualityIssue.rule.in_(off), at)
    _count(session, utility.id, asked.today)


def last_refreshed(session: Session, utility_id: int) -> date | None:
    """The day the rules were asked last."""
    return session.scalar(select(func.max(QualityCount.day)).where(QualityCount.utility_id == utility_id))


def board(session: Session, utility: Utility, at: datetime) -> list[Line]:
    """A line for each rule that is on, also those that find nothing."""
    today = local_day(millis(at))
    waiting, set_aside = _open(today), _dismissed(today)
    query = select(
        QualityIssue.rule,
        _number_of(waiting),
        _number_of(and_(waiting, QualityIssue.assigned_to.is_not(None))),
        _number_of(set_aside),
        func.min(case((waiting, QualityIssue.first_seen_at))),
    ).where(QualityIssue.utility_id == utility.id, QualityIssue.cleared_at.is_(None))
    counted = {row[0]: row[1:] for row in session.execute(query.group_by(QualityIssue.rule))}
    trends = _trends(session, utility.id, today)
    return [_line(rule, counted.get(code), trends[code], at) for code, rule in rules_of(utility).items()]


def find_issues(
    session: Session, utility: Utility, filters: Filters, today: date, *, after: int = 0, limit: int = PAGE
) -> list[QualityIssue]:
    """A page of issues in the order of their keys, after one; raises :class:`RegisterError` for what does not exist."""
    rules = rules_of(utility)
    check.one_of("quality.state", filters.state, STATES)
    query = select(QualityIssue).where(QualityIssue.utility_id == utility.id, QualityIssue.id > after)
    if filters.rule:
        query = query.where(QualityIssue.rule == check.one_of("quality.rule", filters.rule, tuple(rules)))
    if filters.severity:
        check.one_of("quality.severity", filters.severity, SEVERITIES)
        query = query.where(QualityIssue.rule.in_([c for c, r in rules.items() if r.severity == filters.severity]))
    if filters.assigned_to:
        nobody = filters.assigned_to == "-"
        wanted = None if nobody else filters.assigned_to
        query = query.where(QualityIssue.assigned_to.is_(None) if nobody else QualityIssue.assigned_to == wanted)
    query = query.where(_in_state(filters.state, today))
    return list(session.scalars(query.order_by(QualityIssue.id).limit(limit)))


def issues(
    session: Session, utility_id: int, rule: str, *, dismissed: bool = False, on: date | None = None
) -> list[QualityIssue]:
    """The open issues of a rule, the oldest first; raises :class:`RegisterError` for a rule that does not exist.

    ``on`` is the day a dismissal must outlast, the day the rules were asked last where it is not given.
    """
    check.one_of("quality.rule", rule, tuple(all_rules()))
    day = on or last_refreshed(session, utility_id) or date.min
    query = select(QualityIssue).where(
        QualityIssue.utility_id == utility_id,
        QualityIssue.rule == rule,
        QualityIssue.cleared_at.is_(None),
        _dismissed(day) if dismissed else _open(day),
    )
    return list(session.scalars(query.order_by(QualityIssue.first_seen_at, QualityIssue.subject)))


def find_issue(session: Session, utility_id: int, rule: str, subject: str) -> QualityIssue:
    """The issue a rule has open about a subject; raises :class:`RegisterError`."""
    issue = session.scalar(
        select(QualityIssue).where(
            QualityIssue.utility_id == utility_id,
            QualityIssue.rule == rule,
            QualityIssue.subject == subject,
            QualityIssue.cleared_at.is_(None),
        )
    )
    if issue is None:
        raise RegisterError("quality.subject", subject, f"rule {rule!r} has no open issue about it")
    return issue


def assign(session: Session, issue: QualityIssue, to: str, *, by: Change) -> None:
    """Give an issue to somebody; to nobody where ``to`` is empty."""
    before, issue.assigned_to = issue.assigned_to, check.code("quality.assigned_to", to) if to else None
    session.flush()
    _journal(session, issue, by, "assign", {"assigned_to": before}, {"assigned_to": to or None})


def dismiss(session: Session, issue: QualityIssue, *, by: Change, until: date | None = None) -> None:
    """Accept an issue as it is, for good or until a day (excluded); ``by.reason`` says why and may not be empty."""
    today = local_day(millis(by.at))
    if _is_dismissed(issue, today):
        raise RegisterError("quality.subject", issue.subject, f"was dismissed by {issue.dismissed_by}")
    if until is not None and until <= today:
        raise RegisterError("quality.until", until.isoformat(), "must lie in the future")
    reason = check.name("quality.reason", by.reason)
    issue.dismissed_at, issue.dismissed_by, issue.dismissed_reason = by.at, by.actor, reason
    issue.dismissed_until = until
    session.flush()
    after = {"dismissed": True, "until": until.isoformat() if until else None}
    _journal(session, issue, by, "dismiss", {"dismissed": False}, after)


def reopen(session: Session, issue: QualityIssue, *, by: Change) -> None:
    """Take a dismissal back."""
    if issue.dismissed_at is None:
        raise RegisterError("quality.subject", issue.subject, "is not dismissed")
    before = {"dismissed": True, "by": issue.dismissed_by, "reason": issue.dismissed_reason}
    issue.dismissed_at = issue.dismissed_by = issue.dismissed_until = None
    issue.dismissed_reason = ""
    session.flush()
    _journal(session, issue, by, "reopen", before, {"dismissed": False})


def state_of(issue: QualityIssue, today: date) -> str:
    """Open, dismissed or cleared, on a day."""
    if issue.cleared_at is not None:
        return "cleared"
    return "dismissed" if _is_dismissed(issue, today) else "open"


def _is_dismissed(issue: QualityIssue, today: date) -> bool:
    until = issue.dismissed_until
    return issue.dismissed_at is not None and (until is None or until > today)


def _dismissed(today: date) -> ColumnElement[bool]:
    lasting = or_(QualityIssue.dismissed_until.is_(None), QualityIssue.dismissed_until > today)
    return and_(QualityIssue.dismissed_at.is_not(None), lasting)


def _open(today: date) -> ColumnElement[bool]:
    return or_(QualityIssue.dismissed_at.is_(None), QualityIssue.dismissed_until <= today)


def _in_state(state: str, today: date) -> ColumnElement[bool]:
    if state == "cleared":
        return QualityIssue.cleared_at.is_not(None)
    return and_(QualityIssue.cleared_at.is_(None), _open(today) if state == "open" else _dismissed(today))


def _refresh_rule(session: Session, asked: Asked, rule: Rule, at: datetime) -> None:
    """Bring a rule's issues to what it finds, a statement for all of a kind: a rule may find many thousands."""
    hits: dict[str, Hit] = {}
    for hit in rule.find(asked):
        hits.setdefault(hit.subject, hit)
    of_rule = (QualityIssue.utility_id == asked.utility_id) & (QualityIssue.rule == rule.code)
    query = select(QualityIssue.subject, QualityIssue.id, QualityIssue.text, QualityIssue.cleared_at).where(of_rule)
    known = {subject: rest for subject, *rest in session.execute(query)}
    fresh = [hit for subject, hit in hits.items() if subject not in known]
    rows = [(asked.utility_id, new_id(), rule.code, hit.subject, hit.text, at, at, "") for hit in fresh]
    insert_rows(session, QualityIssue, _COLUMNS, rows)
    again = [known[subject][0] for subject in hits if subject in known and known[subject][2] is not None]
    for part in in_parts(again):
        opened = update(QualityIssue).where(of_rule, QualityIssue.id.in_(part))
        changed(session, opened.values(cleared_at=None, first_seen_at=at))
    for subject, hit in hits.items():
        if subject in known and known[subject][1] != hit.text:
            one = update(QualityIssue).where(of_rule, QualityIssue.id == known[subject][0])
            changed(session, one.values(text=hit.text))
    gone = [row[0] for subject, row in known.items() if subject not in hits and row[2] is None]
    for part in in_parts(gone):
        _clear(session, asked.utility_id, QualityIssue.id.in_(part), at)
    changed(session, update(QualityIssue).where(of_rule, QualityIssue.cleared_at.is_(None)).values(last_seen_at=at))
    session.expire_all()


_COLUMNS = ("utility_id", "id", "rule", "subject", "text", "first_seen_at", "last_seen_at", "dismissed_reason")


def _clear(session: Session, utility_id: int, which: ColumnElement[bool], at: datetime) -> None:
    still = QualityIssue.cleared_at.is_(None)
    changed(
        session, update(QualityIssue).where(QualityIssue.utility_id == utility_id, still, which).values(cleared_at=at)
    )


def _count(session: Session, utility_id: int, today: date) -> None:
    """Keep the day's counts, for the trend; asked twice in a day, the later one counts."""
    mine = (QualityCount.utility_id == utility_id) & (QualityCount.day == today)
    changed(session, delete(QualityCount).where(mine))
    query = select(QualityIssue.rule, _number_of(_open(today)), _number_of(_dismissed(today))).where(
        QualityIssue.utility_id == utility_id, QualityIssue.cleared_at.is_(None)
    )
    counted = {rule: (waiting, aside) for rule, waiting, aside in session.execute(query.group_by(QualityIssue.rule))}
    rows = [(utility_id, code, today, *counted.get(code, (0, 0))) for code in all_rules()]
    insert_rows(session, QualityCount, ("utility_id", "rule", "day", "open", "dismissed"), rows)


def _number_of(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((which, 1), else_=0)), 0)


def _trends(session: Session, utility_id: int, today: date) -> dict[str, list[tuple[date, int]]]:
    found: dict[str, list[tuple[date, int]]] = defaultdict(list)
    query = select(QualityCount.rule, QualityCount.day, QualityCount.open).where(
        QualityCount.utility_id == utility_id, QualityCount.day > today - timedelta(days=TREND_DAYS)
    )
    for rule, day, waiting in session.execute(query.order_by(QualityCount.day)):
        found[rule].append((day, waiting))
    return found


def _line(rule: Rule, counted: Sequence[object] | None, trend: list[tuple[date, int]], at: datetime) -> Line:
    waiting, assigned, dismissed, since = counted or (0, 0, 0, None)
    first = since if isinstance(since, datetime) else None
    return Line(
        rule.code,
        rule.title,
        rule.severity,
        rule.owner,
        rule.about,
        rule.advice,
        int(str(waiting)),
        int(str(assigned)),
        int(str(dismissed)),
        first,
        (at - first).days if first is not None else None,
        tuple(trend),
    )


def _journal(
    session: Session, issue: QualityIssue, by: Change, action: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    key = {"rule": issue.rule, "subject": issue.subject}
    of = (issue.utility_id, by, action, "quality_issue", issue.id)
    journalled(session, *of, before={**key, **before}, after={**key, **after})
