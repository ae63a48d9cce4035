"""What was read: hourly series, findings and what is closed of them, quarantine and what is tried again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from central import journal
from central.access import Permission
from central.api import shapes
from central.api.gate import Allowed, Caller
from central.api.keys import ring_if_any
from central.api.once import Key, answered, once
from central.api.problems import ApiError, FieldProblem, documented
from central.api.queries import one_of
from central.api.reads import answer
from central.api.values import Input, Int64, Output, QueryMillis
from central.api.values import PathId as Number
from central.reading import findings, hourly, quarantine
from central.reading.retry import retry
from central.store import Session, models, read_session
from central.times import DAY_MS

router = APIRouter()
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_REGISTER))]
Editor = Annotated[Caller, Depends(Allowed(Permission.EDIT_REGISTER))]
READ = documented(401, 403, 404, 422, 429)
MISSING = documented(400, 401, 403, 404, 409, 422, 429)
LONGEST_MS = 93 * DAY_MS


class Span(BaseModel):
    """The hours that start in [from_ms, to_ms)."""

    model_config = ConfigDict(extra="forbid")
    from_ms: QueryMillis
    to_ms: QueryMillis


class Reason(Input):
    """Why."""

    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class HourOut(Output):
    """What was metered in the hour that starts at ``start_ms``, and the index when it ended."""

    start_ms: Int64
    litres: Int64
    total: Int64


class Hours(BaseModel):
    """Hours in the order of time; those nobody reported are not among them."""

    items: list[HourOut]


class Retried(Output):
    """The entry after it was tried again, and what came of it: "unchanged: …" where it stays."""

    result: str
    entry: shapes.QuarantineOut


@router.get("/meters/{number}/hours", response_model=Hours, responses=READ)
def meter_hours(caller: Viewer, number: Number, asked: Annotated[Span, Query()]) -> Response:
    """The hourly series of a meter, at most 93 days of it."""
    if not 0 < asked.to_ms - asked.from_ms <= LONGEST_MS:
        rule = f"must lie after from_ms, by at most {LONGEST_MS} ms"
        field = FieldProblem(field="query.to_ms", value=str(asked.to_ms), rule=rule)
        raise ApiError(422, "span", f"to_ms: {asked.to_ms} {rule}", field=field)
    with read_session(caller.engine) as session:
        one_of(session, models.Meter, models.Meter.id, caller.utility_id, number)
        found = hourly.hours(session.connection(), caller.utility_id, number, asked.from_ms, asked.to_ms)
    return answer(Hours(items=[HourOut.model_validate(hour) for hour in found]))


@router.post("/findings/{number}/closing", response_model=shapes.FindingOut, responses=MISSING)
def close_finding(request: Request, caller: Editor, key: Key, number: Number, body: Reason) -> Response:
    """Say that a finding was looked at and is over: it stays closed for the time it covers."""

    def work(session: Session) -> shapes.FindingOut:
        row = one_of(session, models.Finding, models.Finding.id, caller.utility_id, number)
        if not findings.close(session.connection(), caller.utility_id, caller.now, models.Finding.id == number):
            raise ApiError(409, "state", f"finding {number}: is {row.status}")
        session.refresh(row)
        _journal(session, caller, "finding.closed", "finding", number, body.reason)
        return shapes.FindingOut.model_validate(row)

    return once(request, caller, key, body, work, 200)


@router.post("/quarantine/{number}/retry", response_model=Retried, responses=MISSING)
def retry_quarantined(request: Request, caller: Editor, key: Key, number: Number, body: Reason) -> Response:
    """Try an entry again, once what was in its way is put right."""
    result = ""
    with read_session(caller.engine) as session:
        open_one = _entry(session, caller, number).resolved_at is None
    if open_one and not answered(caller, key):
        result = retry(caller.engine, ring_if_any(request), number, caller.now)

    def work(session: Session) -> Retried:
        if not result:
            raise ApiError(409, "state", f"quarantine {number}: is resolved")
        _journal(session, caller, "quarantine.retried", "quarantine", number, body.reason, {"result": result})
        return Retried(result=result, entry=shapes.QuarantineOut.model_validate(_entry(session, caller, number)))

    return once(request, caller, key, body, work, 200)


@router.post("/quarantine/{number}/dismissal", response_model=shapes.QuarantineOut, responses=MISSING)
def dismiss_quarantined(request: Request, caller: Editor, key: Key, number: Number, body: Reason) -> Response:
    """Close an entry without applying it; what it keeps stays kept."""

    def work(session: Session) -> shapes.QuarantineOut:
        row = _entry(session, caller, number)
        if row.resolved_at is not None:
            raise ApiError(409, "state", f"quarantine {number}: is resolved")
        quarantine.resolve(session.connection(), number, f"dismissed: {body.reason}", caller.now)
        session.refresh(row)
        _journal(session, caller, "quarantine.dismissed", "quarantine", number, body.reason)
        return shapes.QuarantineOut.model_validate(row)

    return once(request, caller, key, body, work, 200)


def _entry(session: Session, caller: Caller, number: int) -> models.Quarantine:
    return one_of(session, models.Quarantine, models.Quarantine.id, caller.utility_id, number)


def _journal(
    session: Session,
    caller: Caller,
    action: str,
    subject: str,
    number: int,
    reason: str,
    after: dict[str, str] | None = None,
) -> None:
    journal.record(
        session, caller.utility_id, caller.actor, action, subject, number, at=caller.now, after=after, reason=reason
    )
