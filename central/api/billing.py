"""Billing runs from their creation to their documents, and what an invoice is made of."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from billing.ledger import cents_of
from billing.tariff import TariffError
from billing.volume import Period
from central.access import Permission
from central.api import shapes
from central.api.gate import Allowed, Caller
from central.api.once import Key, answered, once
from central.api.problems import ApiError, FieldProblem, documented
from central.api.queries import lines_of, one_of
from central.api.reads import answer
from central.api.values import MOST, Code, Input, IsoDay, Text
from central.api.values import PathId as Number
from central.invoicing import closing, desk, tariffs
from central.invoicing import run as runs
from central.invoicing.queries import BillLine, document
from central.store import Session, models, read_session

router = APIRouter()
Reader = Annotated[Caller, Depends(Allowed(Permission.SEE_RUNS))]
Maker = Annotated[Caller, Depends(Allowed(Permission.MAKE_RUNS))]
Approver = Annotated[Caller, Depends(Allowed(Permission.APPROVE_RUNS))]
TariffKeeper = Annotated[Caller, Depends(Allowed(Permission.SET_TARIFFS))]
REFUSALS = documented(400, 401, 403, 409, 422, 429)
MISSING = REFUSALS | documented(404)


class NewRun(Input):
    """A run over [period_from, period_to)."""

    code: Code
    period_from: IsoDay
    period_to: IsoDay
    series: Code
    issue_date: IsoDay
    due_date: IsoDay
    zones: list[Code] | None = None


class NewClosing(Input):
    """A run over contracts that ended or changed holder, each up to its end; what is not said is usual."""

    code: Code
    contracts: Annotated[list[Code], Field(min_length=1, max_length=closing.MOST_CONTRACTS)]
    series: Code | None = None
    issue_date: IsoDay | None = None
    due_date: IsoDay | None = None
    since: IsoDay | None = None


class Reason(Input):
    """Why."""

    reason: Text


class Waivers(Input):
    """Exceptions that a person has looked at and lets pass, by code, and why."""

    codes: Annotated[list[Code], Field(min_length=1, max_length=50)]
    reason: Text


class Hold(Input):
    """A contract to be left out of a run, and why."""

    contract_id: Annotated[int, Field(ge=1, le=MOST, json_schema_extra={"format": "int64"})]
    reason: Text


class Lines(BaseModel):
    """The lines of an invoice."""

    items: list[shapes.LineOut]


class DocumentQuery(BaseModel):
    """The language a document is wanted in; without it the one it was delivered in."""

    model_config = ConfigDict(extra="forbid")
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None


class NewTariff(Input):
    """A tariff file, whole."""

    text: Annotated[str, Field(min_length=1, max_length=200_000, pattern=r"^[^\x00]*$")]


class NewAssignment(Input):
    """A tariff (an id or a series) for the contracts of a zone, or of all, from a day on."""

    tariff: Code
    valid_from: IsoDay
    valid_to: IsoDay | None = None
    zone: Code | None = None
    position: Annotated[int, Field(ge=0, le=100)] = 0


@router.post("/tariffs", status_code=201, response_model=shapes.TariffOut, responses=REFUSALS)
def record_tariff(request: Request, caller: TariffKeeper, key: Key, body: NewTariff) -> Response:
    """Keep a tariff's text as its next version; the very same text again is the row that is there already."""

    def work(session: Session) -> shapes.TariffOut:
        try:
            row = tariffs.record(session, caller.utility_id, body.text, caller.actor, caller.now)
        except TariffError as error:
            field = FieldProblem(field="body.text", value=str(error.problems[0])[:200], rule="must be a valid tariff")
            raise ApiError(422, "tariff", str(error), field=field) from error
        return shapes.TariffOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.post("/tariff-assignments", status_code=201, response_model=shapes.AssignmentOut, responses=REFUSALS)
def assign_tariff(request: Request, caller: TariffKeeper, key: Key, body: NewAssignment) -> Response:
    """Let a recorded tariff apply."""

    def work(session: Session) -> shapes.AssignmentOut:
        row = tariffs.assign(
            session,
            caller.utility_id,
            body.tariff,
            body.valid_from,
            caller.actor,
            caller.now,
            valid_to=body.valid_to,
            zone=body.zone,
            position=body.position,
        )
        return shapes.AssignmentOut.model_validate(row)

    return once(request, caller, key, body, work)


@router.post("/runs", status_code=201, response_model=shapes.RunOut, responses=REFUSALS)
def create_run(request: Request, caller: Maker, key: Key, body: NewRun) -> Response:
    """Make a run; nothing is computed yet."""

    def work(session: Session) -> shapes.RunOut:
        settings: dict[str, Any] = {} if body.zones is None else {"zones": body.zones}
        period = Period(body.period_from, body.period_to)
        plan = runs.RunPlan(body.code, period, body.series, body.issue_date, body.due_date, settings)
        return shapes.RunOut.model_validate(runs.create(session, caller.utility_id, plan, caller.actor, caller.now))

    if body.period_from >= body.period_to:
        raise ApiError(422, "period", f"period_to: {body.period_to}, must lie after period_from {body.period_from}")
    return once(request, caller, key, body, work)


@router.post("/closing-runs", status_code=201, response_model=shapes.RunOut, responses=REFUSALS)
def create_closing_run(request: Request, caller: Maker, key: Key, body: NewClosing) -> Response:
    """Make a run that bills contracts from where each was billed until its end; then it is a run like any other."""

    def work(session: Session) -> shapes.RunOut:
        plan = closing.ClosingPlan(body.code, body.series or "", body.issue_date, body.due_date, body.since)
        ended = [closing.Ended(code) for code in body.contracts]
        made = closing.create_closing(session, caller.utility_id, ended, plan, caller.actor, caller.now)
        return shapes.RunOut.model_validate(made)

    return once(request, caller, key, body, work)


@router.post("/runs/{number}/simulation", response_model=shapes.RunOut, responses=MISSING)
def simulate_run(request: Request, caller: Maker, key: Key, number: Number) -> Response:
    """Make every draft anew; called again after an interruption it takes up where it stopped."""
    return _step(request, caller, key, number, runs.simulate)


@router.post("/runs/{number}/approval", response_model=shapes.RunOut, responses=MISSING)
def approve_run(request: Request, caller: Approver, key: Key, number: Number) -> Response:
    """Approve a run that somebody else made and that has no open exception."""

    def work(session: Session) -> shapes.RunOut:
        run = _run(session, caller, number)
        runs.approve(session, run, caller.actor, caller.now)
        return shapes.RunOut.model_validate(run)

    return once(request, caller, key, None, work, 200)


@router.post("/runs/{number}/waivers", response_model=shapes.RunOut, responses=MISSING)
def waive_exceptions(request: Request, caller: Maker, key: Key, number: Number, body: Waivers) -> Response:
    """Let every open exception with one of the codes pass."""

    def work(session: Session) -> shapes.RunOut:
        run = _run(session, caller, number)
        desk.waive_all(session, run, body.codes, caller.actor, caller.now, body.reason)
        return shapes.RunOut.model_validate(run)

    return once(request, caller, key, body, work, 200)


@router.post("/runs/{number}/holds", response_model=shapes.RunOut, responses=MISSING)
def hold_contract(request: Request, caller: Maker, key: Key, number: Number, body: Hold) -> Response:
    """Leave a contract out of the run; simulating again takes it back in."""

    def work(session: Session) -> shapes.RunOut:
        run = _run(session, caller, number)
        desk.hold(session, run, body.contract_id, caller.actor, caller.now, body.reason)
        return shapes.RunOut.model_validate(run)

    return once(request, caller, key, body, work, 200)


@router.post("/runs/{number}/cancellation", response_model=shapes.RunOut, responses=MISSING)
def cancel_run(request: Request, caller: Maker, key: Key, number: Number, body: Reason) -> Response:
    """Give a run up before it is numbered."""

    def work(session: Session) -> shapes.RunOut:
        run = _run(session, caller, number)
        runs.cancel(session, run, caller.actor, caller.now, body.reason)
        return shapes.RunOut.model_validate(run)

    return once(request, caller, key, body, work, 200)


@router.post("/runs/{number}/issue", response_model=shapes.RunOut, responses=MISSING)
def issue_run(request: Request, caller: Approver, key: Key, number: Number) -> Response:
    """Number, chain and post an approved run."""
    return _step(request, caller, key, number, runs.issue)


@router.post("/runs/{number}/delivery", response_model=shapes.RunOut, responses=MISSING)
def deliver_run(request: Request, caller: Approver, key: Key, number: Number) -> Response:
    """Make the documents of an issued run."""
    return _step(request, caller, key, number, runs.deliver)


@router.get("/invoices/{number}/lines", response_model=Lines, responses=documented(401, 403, 404, 422, 429))
def invoice_lines(caller: Reader, number: Number) -> Response:
    """The lines of an invoice with why each is what it is."""
    with read_session(caller.engine) as session:
        rows = lines_of(session, one_of(session, models.Invoice, models.Invoice.id, caller.utility_id, number))
        return answer(Lines(items=[_line(row) for row in rows]))


@router.get(
    "/invoices/{number}/document",
    response_class=Response,
    responses=documented(401, 403, 404, 422, 429)
    | {200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}},
)
def invoice_document(caller: Reader, number: Number, asked: Annotated[DocumentQuery, Query()]) -> Response:
    """The document as it was delivered, in that language or in another it was made in."""
    with read_session(caller.engine) as session:
        found = document(session, caller.utility_id, number, customer_id=None, language=asked.language)
    if found is None:
        raise ApiError(404, "absent", f"document of invoice {number}: does not exist")
    return Response(found.content, media_type=found.media_type, headers={"ETag": f'"{found.sha256}"'})


def _line(line: BillLine) -> shapes.LineOut:
    exact = {"quantity": str(line.quantity), "unit_price": str(line.unit_price)}
    said = {name: getattr(line, name) for name in ("position", "code", "description", "unit", "vat", "beneficiary")}
    return shapes.LineOut.model_validate({**said, **exact, "amount_cents": cents_of(line.amount), "why": line.why})


Step = Callable[..., None]


def _step(request: Request, caller: Caller, key: str, number: int, step: Step) -> Response:
    """Work that commits share by share: it runs before its answer is kept, and again does nothing twice."""
    with read_session(caller.engine) as session:
        _run(session, caller, number)
    operator = runs.Operator(caller.actor, keys=request.app.state.keys)

    def work(session: Session) -> shapes.RunOut:
        return shapes.RunOut.model_validate(_run(session, caller, number))

    if not answered(caller, key):
        step(caller.engine, caller.utility_id, number, operator, caller.now)
    return once(request, caller, key, None, work, 200)


def _run(session: Session, caller: Caller, number: int) -> models.BillingRun:
    return one_of(session, models.BillingRun, models.BillingRun.id, caller.utility_id, number)
