"""The quality board: what the rules find, since when, who looks after it and what somebody accepted.

Refreshing never loses a thing: what a rule no longer finds is marked cleared, what it finds again opens again.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled
from central.register.errors import RegisterError
from central.register.quality.registry import all_rules
from central.register.quality.rule import Asked, Hit, Rule
from central.store import new_id
from central.store.models import QualityIssue, Utility
from central.times import local_day, millis


@dataclass(frozen=True)
class Line:
    """One rule on the board; ``since`` is the oldest of its open issues, ``days`` its age."""

    rule: str
    title: str
    severity: str
    owner: str
    open: int
    dismissed: int
    since: datetime | None
    days: int | None


def refresh(session: Session, utility: Utility, at: datetime) -> None:
    """Ask every rule about the utility's register as it stands on the local day of ``at`` (aware)."""
    asked = Asked(session, utility, local_day(millis(at)))
    known: dict[str, dict[str, QualityIssue]] = defaultdict(dict)
    for issue in session.scalars(select(QualityIssue).where(QualityIssue.utility_id == utility.id)):
        known[issue.rule][issue.subject] = issue
    for rule in all_rules().values():
        _refresh_rule(session, asked, rule, known[rule.code], at)
    session.flush()


def board(session: Session, utility_id: int, at: datetime) -> list[Line]:
    """A line for each rule, also those that find nothing."""
    found: dict[str, list[QualityIssue]] = defaultdict(list)
    query = select(QualityIssue).where(QualityIssue.utility_id == utility_id, QualityIssue.cleared_at.is_(None))
    for issue in session.scalars(query):
        found[issue.rule].append(issue)
    return [_line(rule, found[rule.code], at) for rule in all_rules().values()]


def issues(session: Session, utility_id: int, rule: str, *, dismissed: bool = False) -> list[QualityIssue]:
    """The open issues of a rule, the oldest first; raises :class:`RegisterError` for a rule that does not exist."""
    check.one_of("quality.rule", rule, tuple(all_rules()))
    query = select(QualityIssue).where(
        QualityIssue.utility_id == utility_id,
        QualityIssue.rule == rule,
        QualityIssue.cleared_at.is_(None),
        QualityIssue.dismissed_at.is_not(None) if dismissed else QualityIssue.dismissed_at.is_(None),
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
    """Give an issue to somebody."""
    before, issue.assigned_to = issue.assigned_to, check.code("quality.assigned_to", to)
    session.flush()
    _journal(session, issue, by, "assign", {"assigned_to": before}, {"assigned_to": to})


def dismiss(session: Session, issue: QualityIssue, *, by: Change) -> None:
    """Accept an issue as it is; ``by.reason`` says why and may not be empty."""
    if issue.dismissed_at is not None:
        raise RegisterError("quality.subject", issue.subject, f"was dismissed by {issue.dismissed_by}")
    reason = check.name("quality.reason", by.reason)
    issue.dismissed_at, issue.dismissed_by, issue.dismissed_reason = by.at, by.actor, reason
    session.flush()
    _journal(session, issue, by, "dismiss", {"dismissed": False}, {"dismissed": True})


def _refresh_rule(session: Session, asked: Asked, rule: Rule, known: dict[str, QualityIssue], at: datetime) -> None:
    hits = {hit.subject: hit for hit in rule.find(asked)}
    for subject, hit in hits.items():
        issue = known.get(subject)
        if issue is None:
            session.add(_new(asked.utility_id, rule, hit, at))
            continue
        if issue.cleared_at is not None:
            issue.cleared_at, issue.first_seen_at = None, at
        issue.last_seen_at, issue.text = at, hit.text
    for subject, issue in known.items():
        if subject not in hits and issue.cleared_at is None:
            issue.cleared_at = at


def _new(utility_id: int, rule: Rule, hit: Hit, at: datetime) -> QualityIssue:
    return QualityIssue(
        utility_id=utility_id,
        id=new_id(),
        rule=rule.code,
        subject=hit.subject,
        text=hit.text,
        first_seen_at=at,
        last_seen_at=at,
    )


def _line(rule: Rule, found: list[QualityIssue], at: datetime) -> Line:
    still = [issue for issue in found if issue.dismissed_at is None]
    since = min((issue.first_seen_at for issue in still), default=None)
    days = (at - since).days if since is not None else None
    return Line(rule.code, rule.title, rule.severity, rule.owner, len(still), len(found) - len(still), since, days)


def _journal(
    session: Session, issue: QualityIssue, by: Change, action: str, before: dict[str, object], after: dict[str, object]
) -> None:
    key = {"rule": issue.rule, "subject": issue.subject}
    journalled(session, issue.utility_id, by, action, "quality_issue", issue.id, before=key | before, after=key | after)
