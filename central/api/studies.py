"""Tariffs before they are in force: checked as a file, and studied on the bills of a period."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from billing.tariff import TariffError, parse
from billing.tariff.lint import lint
from billing.volume import Period
from billing.whatif import report
from central.access import Permission
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import ApiError, documented
from central.api.values import Code, Input, IsoDay, Output
from central.invoicing import whatif
from central.store import Session

router = APIRouter()
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_RUNS))]
REFUSALS = documented(400, 401, 403, 409, 422, 429)
TariffText = Annotated[str, Field(min_length=1, max_length=200_000, pattern=r"^[^\x00]*$")]
Fact = Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
Known = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] | Annotated[int, Field(ge=0, le=10**9)]


class TariffFile(Input):
    """A tariff file, whole."""

    text: TariffText


class NewStudy(Input):
    """A tariff, recorded (its id) or given as a text, in the place of ``replaces``, on the bills of a period.

    ``assume`` says what is not known of a supply, by the fact's name.
    """

    tariff: Code | None = None
    text: TariffText | None = None
    replaces: Code | None = None
    period_from: IsoDay
    period_to: IsoDay
    assume: Annotated[dict[Fact, Known], Field(max_length=20, default_factory=dict)]


class ProblemOut(Output):
    """What keeps a file from being a tariff: where, and the rule."""

    line: int
    field: str
    value: str
    rule: str


class WarningOut(Output):
    """What looks wrong in a tariff that can be used; ``kind`` as in docs/tarifas.md."""

    line: int
    field: str
    kind: str
    text: str


class CheckOut(Output):
    """What a file is: a tariff with its id and version of validity, or not one, with every reason."""

    valid: bool
    tariff: str | None
    title: str | None
    problems: list[ProblemOut]
    warnings: list[WarningOut]


class StudyOut(Output):
    """Totals, distribution, winners and losers by group, revenue by component: euros as decimal text."""

    tariff: str
    replaces: str | None
    report: dict[str, Any]


@router.post("/tariff-checks", status_code=201, response_model=CheckOut, responses=REFUSALS)
def check_tariff(request: Request, caller: Viewer, key: Key, body: TariffFile) -> Response:
    """Read a tariff's text as it would be recorded, and look at it; nothing is kept of it."""

    def work(_session: Session) -> CheckOut:
        try:
            version = parse(body.text, "text")
        except TariffError as error:
            problems = [
                ProblemOut(line=one.line, field=one.field, value=one.value, rule=one.rule) for one in error.problems
            ]
            return CheckOut(valid=False, tariff=None, title=None, problems=problems, warnings=[])
        warnings = [WarningOut(line=one.line, field=one.field, kind=one.kind, text=one.text) for one in lint(version)]
        return CheckOut(valid=True, tariff=version.id, title=version.source.title, problems=[], warnings=warnings)

    return once(request, caller, key, body, work)


@router.post("/what-if-studies", status_code=201, response_model=StudyOut, responses=REFUSALS)
def study_tariff(request: Request, caller: Viewer, key: Key, body: NewStudy) -> Response:
    """What another tariff would have made of the bills of a period; no bill is changed."""
    if body.period_from >= body.period_to:
        raise ApiError(422, "period", f"period_to: {body.period_to}, must lie after period_from {body.period_from}")
    if (body.tariff is None) == (body.text is None):
        raise ApiError(422, "tariff", "tariff: must be given either as the id of a recorded one or as a text")

    def work(session: Session) -> StudyOut:
        name = body.tariff or parse(body.text or "", "text").id
        register = whatif.load(session, caller.utility_id, Period(body.period_from, body.period_to))
        wanted = whatif.Study(name, body.text, body.replaces, dict(body.assume))
        found = report(whatif.study(session, caller.utility_id, register, wanted))
        return StudyOut(tariff=name, replaces=body.replaces, report=found)

    return once(request, caller, key, body, work)
