"""The register's quality board: what the rules find, and what people do about it."""

from collections import Counter
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from central import register
from central.access import Permission
from central.api.exchange_shapes import BoardOut, CountOut, IssueOut, LineOut
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import documented
from central.api.queries import one_of, opened, sealed
from central.api.reads import answer
from central.api.values import Code, Input, IsoDay, Page, Paging, Text
from central.api.values import PathId as Number
from central.register import quality
from central.store import Session, models, read_session
from central.times import local_day, millis

router = APIRouter()
Editor = Annotated[Caller, Depends(Allowed(Permission.EDIT_REGISTER))]
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_REGISTER))]
READ = documented(401, 403, 422, 429)
REFUSALS = documented(400, 401, 403, 409, 422, 429)
MISSING = REFUSALS | documented(404)


class IssuesQuery(Paging):
    """What issues are asked for; ``assigned_to`` "-" is nobody."""

    rule: Code | None = None
    severity: Literal["error", "warning", "info"] | None = None
    assigned_to: Annotated[str, Field(max_length=64, pattern=r"^(-|[A-Za-z0-9][A-Za-z0-9._/-]*)$")] | None = None
    state: Literal["open", "dismissed", "cleared"] = "open"


class Nothing(Input):
    """Nothing is to be said."""


class Assignment(Input):
    """Who looks after it; nobody where it is null."""

    to: Code | None


class Dismissal(Input):
    """Why it may stay as it is, and until which day (excluded), for good where that is null."""

    reason: Text
    until: IsoDay | None = None


class Reopening(Input):
    """Why."""

    reason: Text = ""


@router.get("/quality", response_model=BoardOut, responses=READ)
def get_quality_board(caller: Viewer) -> Response:
    """The board as the rules were asked last."""
    with read_session(caller.engine) as session:
        return answer(_board(session, caller))


@router.post("/quality-refreshes", status_code=201, response_model=BoardOut, responses=REFUSALS)
def refresh_quality_board(request: Request, caller: Editor, key: Key, body: Nothing) -> Response:
    """Ask every rule about the register as it is now."""

    def work(session: Session) -> BaseModel:
        quality.refresh(session, session.get_one(models.Utility, caller.utility_id), caller.now)
        return _board(session, caller)

    return once(request, caller, key, body, work)


@router.get("/quality-issues", response_model=Page[IssueOut], responses=READ)
def list_quality_issues(caller: Viewer, asked: Annotated[IssuesQuery, Query()]) -> Response:
    """What the rules find, the oldest first."""
    after = max(0, opened(asked.after, 1)[0]) if asked.after else 0
    today = local_day(millis(caller.now))
    filters = quality.Filters(asked.rule or "", asked.severity or "", asked.assigned_to or "", asked.state)
    with read_session(caller.engine) as session:
        utility = session.get_one(models.Utility, caller.utility_id)
        rows = quality.find_issues(session, utility, filters, today, after=after, limit=asked.limit + 1)
        items = [_issue(session, caller, row) for row in rows[: asked.limit]]
    following = sealed([items[-1].id]) if len(rows) > asked.limit else None
    return answer(Page[IssueOut](items=items, next=following))


@router.get("/quality-issues/{number}", response_model=IssueOut, responses=READ | documented(404))
def get_quality_issue(caller: Viewer, number: Number) -> Response:
    """One issue."""
    with read_session(caller.engine) as session:
        return answer(_issue(session, caller, _row(session, caller, number)))


@router.post("/quality-issues/{number}/assignment", status_code=201, response_model=IssueOut, responses=MISSING)
def assign_quality_issue(request: Request, caller: Editor, key: Key, number: Number, body: Assignment) -> Response:
    """Give an issue to somebody."""

    def work(session: Session) -> BaseModel:
        row = _row(session, caller, number)
        quality.assign(session, row, body.to or "", by=register.Change(caller.actor, caller.now))
        return _issue(session, caller, row)

    return once(request, caller, key, body, work)


@router.post("/quality-issues/{number}/dismissal", status_code=201, response_model=IssueOut, responses=MISSING)
def dismiss_quality_issue(request: Request, caller: Editor, key: Key, number: Number, body: Dismissal) -> Response:
    """Accept an issue as it is."""

    def work(session: Session) -> BaseModel:
        row = _row(session, caller, number)
        by = register.Change(caller.actor, caller.now, body.reason)
        quality.dismiss(session, row, by=by, until=body.until)
        return _issue(session, caller, row)

    return once(request, caller, key, body, work)


@router.post("/quality-issues/{number}/reopening", status_code=201, response_model=IssueOut, responses=MISSING)
def reopen_quality_issue(request: Request, caller: Editor, key: Key, number: Number, body: Reopening) -> Response:
    """Take a dismissal back."""

    def work(session: Session) -> BaseModel:
        row = _row(session, caller, number)
        quality.reopen(session, row, by=register.Change(caller.actor, caller.now, body.reason))
        return _issue(session, caller, row)

    return once(request, caller, key, body, work)


def _row(session: Session, caller: Caller, number: int) -> models.QualityIssue:
    return one_of(session, models.QualityIssue, models.QualityIssue.id, caller.utility_id, number)


def _issue(session: Session, caller: Caller, row: models.QualityIssue) -> IssueOut:
    rules = quality.rules_of(session.get_one(models.Utility, caller.utility_id))
    # A rule that is off keeps what it found, cleared: it is told as the rule's file says.
    rule = rules.get(row.rule) or quality.all_rules()[row.rule]
    told = {name: getattr(row, name) for name in IssueOut.model_fields if hasattr(row, name)}
    of_rule = {name: getattr(rule, name) for name in ("severity", "owner", "about", "advice")}
    return IssueOut(**told, **of_rule, state=quality.state_of(row, local_day(millis(caller.now))))


def _board(session: Session, caller: Caller) -> BoardOut:
    utility = session.get_one(models.Utility, caller.utility_id)
    lines = quality.board(session, utility, caller.now)
    by_severity: Counter[str] = Counter()
    for line in lines:
        by_severity[line.severity] += line.open
    items = [
        LineOut(
            **{name: getattr(line, name) for name in LineOut.model_fields if name != "trend"},
            trend=[CountOut(day=day, open=number) for day, number in line.trend],
        )
        for line in lines
    ]
    return BoardOut(asked_on=quality.last_refreshed(session, utility.id), open=dict(by_severity), items=items)
