"""General meters with the supplies under them, and supplies that several contracts pay for."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from central.access import Permission
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import ApiError, FieldProblem, documented
from central.api.queries import one_of, opened, sealed
from central.api.reads import answer
from central.api.register import MISSING, Id, Reasoned, by
from central.api.values import Input, Int64, IsoDay, Output, Page, Paging
from central.api.values import PathId as Number
from central.register import sharing
from central.store import Session, models, read_session
from central.times import local_day, millis

router = APIRouter()
Reader = Annotated[Caller, Depends(Allowed(Permission.SEE_REGISTER))]
Editor = Annotated[Caller, Depends(Allowed(Permission.EDIT_REGISTER))]
LISTED = documented(401, 403, 422, 429)
Part = Annotated[str, Field(max_length=24, pattern=r"^[0-9]{1,9}(/[0-9]{1,9}|(\.[0-9]{1,9})?%?)$", examples=["1/3"])]


class OnDay(Paging):
    """What holds on a day; today where none is named."""

    on: IsoDay | None = None


class MemberIn(Input):
    """A supply under a general meter, and its weight where the difference is shared by weight."""

    supply_point_id: Id
    weight: Annotated[int, Field(ge=1, le=sharing.FINEST)] = 1


class NewGroup(Reasoned):
    """What hangs under a general meter from ``on``, and who pays what the sub-meters do not show.

    ``policy``: "difference" (its own contract), "shared" (the supplies under it, by ``by``), "watch_only" (nobody).
    """

    on: IsoDay
    members: Annotated[list[MemberIn], Field(min_length=1, max_length=10_000)]
    policy: Literal["difference", "shared", "watch_only"] = "difference"
    by: Literal["equal", "weight", "litres"] = "equal"


class PartIn(Input):
    """The part of a supply that a contract pays: ``1/3``, ``0.25`` or ``25%``."""

    contract_id: Id
    part: Part


class NewDivision(Reasoned):
    """Who pays which part of a supply from ``on``; the parts are the whole, exactly.

    ``by``: "litres" (the water is divided, each rated by its own terms) or "amount" (the bill is).
    """

    on: IsoDay
    parts: Annotated[list[PartIn], Field(min_length=1, max_length=1000)]
    by: Literal["litres", "amount"] = "litres"


class Ending(Reasoned):
    """The first day on which it does not hold any more."""

    on: IsoDay


class MemberOut(Output):
    """A supply under a general meter."""

    code: str
    weight: int


class GroupOut(Output):
    """A general meter's supply and what hangs under it during [since, until)."""

    supply_point_id: Int64
    code: str
    policy: str
    by: str
    members: list[MemberOut]
    since: date
    until: date | None


class PartOut(Output):
    """A contract's part, as an exact fraction."""

    contract: str
    part: str


class DivisionOut(Output):
    """A supply that contracts divide during [since, until)."""

    supply_point_id: Int64
    code: str
    by: str
    parts: list[PartOut]
    since: date
    until: date | None


class EndedOut(Output):
    """What a supply was until ``on``, and is no more."""

    supply_point_id: Int64
    on: date


@router.get("/bulk-supplies", response_model=Page[GroupOut], responses=LISTED)
def list_bulk_supplies(caller: Reader, asked: Annotated[OnDay, Query()]) -> Response:
    """A page of the general meters of a day."""
    items, following = _page(caller, asked, sharing.groups)
    return answer(Page[GroupOut](items=[_group(one) for one in items], next=following))


@router.get("/shared-supplies", response_model=Page[DivisionOut], responses=LISTED)
def list_shared_supplies(caller: Reader, asked: Annotated[OnDay, Query()]) -> Response:
    """A page of the supplies that contracts divide on a day."""
    items, following = _page(caller, asked, sharing.divisions)
    return answer(Page[DivisionOut](items=[_division(one) for one in items], next=following))


@router.post("/supply-points/{number}/bulk", status_code=201, response_model=GroupOut, responses=MISSING)
def set_bulk_supply(request: Request, caller: Editor, key: Key, number: Number, body: NewGroup) -> Response:
    """State which supplies hang under a general meter from a day on, in the place of those that did."""

    def work(session: Session) -> GroupOut:
        point = _point(session, caller, number)
        _refuse_twice("members", [one.supply_point_id for one in body.members])
        members = {_point(session, caller, one.supply_point_id): one.weight for one in body.members}
        sharing.set_bulk(session, point, members, body.on, policy=body.policy, shared=body.by, by=by(caller, body))
        (made,) = sharing.groups(session, caller.utility_id, body.on, after=number - 1, limit=1)
        return _group(made)

    return once(request, caller, key, body, work)


@router.post("/supply-points/{number}/bulk-ending", response_model=EndedOut, responses=MISSING)
def end_bulk_supply(request: Request, caller: Editor, key: Key, number: Number, body: Ending) -> Response:
    """End a general meter's group: from a day on nothing hangs under it."""
    return _end(request, caller, key, number, body, sharing.end_bulk)


@router.post("/supply-points/{number}/shares", status_code=201, response_model=DivisionOut, responses=MISSING)
def set_supply_shares(request: Request, caller: Editor, key: Key, number: Number, body: NewDivision) -> Response:
    """State who pays which part of a supply from a day on; one contract with all of it joins the supply to its own."""

    def work(session: Session) -> DivisionOut:
        point = _point(session, caller, number)
        _refuse_twice("parts", [one.contract_id for one in body.parts])
        parts = {
            one_of(session, models.Contract, models.Contract.id, caller.utility_id, one.contract_id): sharing.part(
                "supply_share.part", one.part
            )
            for one in body.parts
        }
        sharing.set_shares(session, point, parts, body.on, shared=body.by, by=by(caller, body))
        (made,) = sharing.divisions(session, caller.utility_id, body.on, after=number - 1, limit=1)
        return _division(made)

    return once(request, caller, key, body, work)


@router.post("/supply-points/{number}/shares-ending", response_model=EndedOut, responses=MISSING)
def end_supply_shares(request: Request, caller: Editor, key: Key, number: Number, body: Ending) -> Response:
    """End a division: from a day on the supply is its own contract's alone."""
    return _end(request, caller, key, number, body, sharing.end_shares)


End = Callable[..., None]


def _end(request: Request, caller: Caller, key: str, number: int, body: Ending, end: End) -> Response:
    def work(session: Session) -> EndedOut:
        end(session, _point(session, caller, number), body.on, by=by(caller, body))
        return EndedOut(supply_point_id=number, on=body.on)

    return once(request, caller, key, body, work, 200)


def _page(caller: Caller, asked: OnDay, read: Callable[..., Sequence[Any]]) -> tuple[Sequence[Any], str | None]:
    """The supplies of a day after the cursor, and the next one's; each has its key in ``point_id``."""
    on = asked.on or local_day(millis(caller.now))
    after = opened(asked.after, 1)[0] if asked.after else 0
    with read_session(caller.engine) as session:
        found = read(session, caller.utility_id, on, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    return shown, sealed([shown[-1].point_id]) if len(found) > asked.limit else None


def _refuse_twice(field: str, ids: Sequence[int]) -> None:
    twice = next((one for one, times in Counter(ids).items() if times > 1), None)
    if twice is not None:
        rule = "must be named once"
        problem = FieldProblem(field=f"body.{field}", value=str(twice), rule=rule)
        raise ApiError(422, "twice", f"{field}: {twice} {rule}", field=problem)


def _point(session: Session, caller: Caller, number: int) -> models.SupplyPoint:
    return one_of(session, models.SupplyPoint, models.SupplyPoint.id, caller.utility_id, number)


def _group(one: sharing.Group) -> GroupOut:
    members = [MemberOut(code=code, weight=weight) for code, weight in one.members.items()]
    return GroupOut(
        supply_point_id=one.point_id,
        code=one.point,
        policy=one.policy,
        by=one.by,
        members=members,
        since=one.since,
        until=one.until,
    )


def _division(one: sharing.Division) -> DivisionOut:
    parts = [PartOut(contract=code, part=str(part)) for code, part in one.parts.items()]
    return DivisionOut(
        supply_point_id=one.point_id, code=one.point, by=one.by, parts=parts, since=one.since, until=one.until
    )
