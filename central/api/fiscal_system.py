"""Which fiscal system holds from which day: proposed by one person, confirmed or rejected by another."""

import re
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response

from central.access import Permission
from central.api.fiscal_system_shapes import FiscalSystemChangeOut, FiscalSystemOut, FiscalSystemsOut
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import LONGEST_VALUE, ApiError, FieldProblem, documented
from central.api.queries import one_of
from central.api.reads import answer
from central.api.values import Input, IsoDay
from central.api.values import PathId as Number
from central.invoicing import regimes
from central.invoicing.settings import FiscalSettings
from central.store import Session, models, read_session

router = APIRouter()
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_RUNS))]
Maker = Annotated[Caller, Depends(Allowed(Permission.MAKE_RUNS))]
Approver = Annotated[Caller, Depends(Allowed(Permission.APPROVE_RUNS))]
LISTED = documented(401, 403, 422, 429)
REFUSALS = documented(400, 401, 403, 409, 422, 429)
MISSING = REFUSALS | documented(404)
Why = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_PLACE = re.compile(r" - at `\$(?P<path>[^`]*)`$")


def _keepable(settings: dict[str, Any]) -> dict[str, Any]:
    try:
        written = msgspec.json.encode(settings)
    except (UnicodeError, OverflowError) as error:
        raise ValueError("must be text and numbers that JSON has (RFC 8259, 8.1)") from error
    if b"\\u0000" in written:
        raise ValueError("must hold no NUL character")
    return settings


Settings = Annotated[dict[str, Any], AfterValidator(_keepable)]


class NewChange(Input):
    """A system from an issue date on; ``settings`` as in docs/fiscal.md: ``system``, ``config``, ``sii``."""

    valid_from: IsoDay
    settings: Settings
    reason: Why

    def fiscal(self) -> dict[str, Any]:
        """The settings; ApiError 422 names the one that is none, or is of another type."""
        try:
            msgspec.convert(self.settings, FiscalSettings)
        except msgspec.ValidationError as error:
            raise _wrong(str(error), self.settings) from error
        return self.settings


class Rejection(Input):
    """Why."""

    reason: Why


@router.get("/fiscal-systems", response_model=FiscalSystemsOut, responses=LISTED)
def list_fiscal_systems(caller: Viewer) -> Response:
    """Which system holds since when."""
    with read_session(caller.engine) as session:
        found = regimes.spans(session, caller.utility_id)
    items = [
        FiscalSystemOut(
            system=one.fiscal.system, valid_from=None if one.start == regimes.EVER else one.start, valid_to=one.end
        )
        for one in found
    ]
    return answer(FiscalSystemsOut(items=items))


@router.post("/fiscal-system-changes", status_code=201, response_model=FiscalSystemChangeOut, responses=REFUSALS)
def propose_fiscal_system(request: Request, caller: Maker, key: Key, body: NewChange) -> Response:
    """Propose a change of system; nothing holds before another person confirms it."""
    fiscal = body.fiscal()

    def work(session: Session) -> FiscalSystemChangeOut:
        row = regimes.propose(
            session, caller.utility_id, body.valid_from, fiscal, caller.actor, caller.now, body.reason
        )
        return FiscalSystemChangeOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.post("/fiscal-system-changes/{number}/confirmation", response_model=FiscalSystemChangeOut, responses=MISSING)
def confirm_fiscal_system(request: Request, caller: Approver, key: Key, number: Number) -> Response:
    """Put a change in force that another person proposed."""

    def work(session: Session) -> FiscalSystemChangeOut:
        row = _change(session, caller, number)
        regimes.confirm(session, row, caller.actor, caller.now)
        return FiscalSystemChangeOut.model_validate(row)

    return once(request, caller, key, None, work, 200)


@router.post("/fiscal-system-changes/{number}/rejection", response_model=FiscalSystemChangeOut, responses=MISSING)
def reject_fiscal_system(request: Request, caller: Approver, key: Key, number: Number, body: Rejection) -> Response:
    """Decide against a change; it stays on record."""

    def work(session: Session) -> FiscalSystemChangeOut:
        row = _change(session, caller, number)
        regimes.reject(session, row, caller.actor, caller.now, body.reason)
        return FiscalSystemChangeOut.model_validate(row)

    return once(request, caller, key, body, work, 200)


def _change(session: Session, caller: Caller, number: int) -> models.FiscalRegime:
    return one_of(session, models.FiscalRegime, models.FiscalRegime.id, caller.utility_id, number)


def _wrong(said: str, settings: dict[str, Any]) -> ApiError:
    """What msgspec says of a value at a place, as field, value and rule."""
    place = _PLACE.search(said)
    path = place["path"] if place else ""
    value: Any = settings
    for name in filter(None, path.split(".")):
        value = value.get(name, settings) if isinstance(value, dict) else value
    rule = said[: place.start()] if place else said
    field = FieldProblem(field=f"body.settings{path}", value=str(value)[:LONGEST_VALUE], rule=rule)
    return ApiError(422, "invalid", f"settings{path}: {rule}"[:1000], field=field)
