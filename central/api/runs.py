"""A run while it is worked on: how far it is, its drafts beside the bills before, and what must be looked at."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import case, func, select
from starlette.responses import Response

from billing.invoice import Invoice
from central.access import Permission
from central.api.gate import Allowed, Caller
from central.api.problems import ApiError, FieldProblem, documented
from central.api.queries import one_of
from central.api.reads import answer
from central.api.values import Code, Euros, Int64, IsoDay, Output, PageSize, Utc
from central.api.values import PathId as Number
from central.invoicing import queries
from central.store import Session, models, read_session

router = APIRouter()
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_RUNS))]
READ = documented(401, 403, 404, 422, 429)


class DraftsQuery(BaseModel):
    """Drafts with an exception of a code, of a status, open ones only; in which order."""

    model_config = ConfigDict(extra="forbid")
    code: Code | None = None
    status: Literal["ready", "parked"] | None = None
    open_only: Literal["true", "false"] = "false"
    contract: Code | None = None
    sort: Literal["contract", "total", "litres", "change"] = "contract"
    order: Literal["ascending", "descending"] = "ascending"
    limit: PageSize = 100
    after: Annotated[str, Field(max_length=64, pattern=r"^(-?[0-9]+\.[0-9]+)?$")] = ""


class StageOut(Output):
    """A stage of the work: shares of the run's contracts, and how many are done."""

    stage: str
    shares: int
    done: int
    contracts: Int64


class ProgressOut(Output):
    """How far a run is; ``open_exceptions`` bar its approval, ``exceptions`` are drafts by the code that names them."""

    id: Int64
    code: str
    status: str
    contracts: Int64
    open_exceptions: Int64
    exceptions: dict[str, int]
    stages: list[StageOut]
    totals: dict[str, Any]


class ReviewOut(Output):
    """What the review must look at, with the numbers compared; waived where ``waived_by`` is set."""

    code: str
    text: str
    numbers: dict[str, Any]
    waived_by: str | None
    waived_at: Utc | None
    waived_reason: str | None


class DraftOut(Output):
    """A draft beside the last bill of its contract."""

    contract_id: Int64
    contract: str
    status: str
    period_from: date
    period_to: date
    litres: Int64
    estimated_litres: Int64
    total: Euros
    previous_litres: Int64 | None
    previous_days: int | None
    previous_total: Euros | None
    items: list[ReviewOut]


class Drafts(Output):
    """A page of drafts, with how many there are in all and what they come to."""

    items: list[DraftOut]
    count: int
    total: Euros
    next: str | None


class DraftLineOut(Output):
    """One line of a draft with why it is what it is; quantity and price are exact decimal text."""

    code: str
    description: str
    quantity: str
    unit: str
    unit_price: str
    amount: Euros
    vat: str
    why: dict[str, Any]


class DraftWhole(DraftOut):
    """A draft with its lines and notes, and those of the last bill of its contract to compare them with."""

    lines: list[DraftLineOut]
    previous_lines: list[DraftLineOut]
    notes: list[str]


@router.get("/runs/{number}/progress", response_model=ProgressOut, responses=READ)
def run_progress(caller: Viewer, number: Number) -> Response:
    """How far a run is."""
    with read_session(caller.engine) as session:
        found = queries.run_summary(session, caller.utility_id, number)
        if found is None:
            raise ApiError(404, "absent", f"billing_run {number}: does not exist")
        told = ProgressOut(
            id=found.id,
            code=found.code,
            status=found.status,
            contracts=found.contracts,
            open_exceptions=found.open_exceptions,
            exceptions=queries.exception_counts(session, caller.utility_id, number, open_only=False),
            stages=_stages(session, caller, number),
            totals=dict(found.totals),
        )
    return answer(told)


@router.get("/runs/{number}/drafts", response_model=Drafts, responses=READ)
def run_drafts(caller: Viewer, number: Number, asked: Annotated[DraftsQuery, Query()]) -> Response:
    """A page of a run's drafts."""
    filters = queries.Filters(
        asked.code, asked.status, asked.open_only == "true", asked.contract, asked.sort, asked.order == "descending"
    )
    with read_session(caller.engine) as session:
        one_of(session, models.BillingRun, models.BillingRun.id, caller.utility_id, number)
        try:
            page = queries.drafts(
                session, caller.utility_id, number, filters, after=asked.after or None, limit=asked.limit
            )
        except queries.PageKeyError as error:
            rule = "must be the next of a page of this list"
            field = FieldProblem(field="query.after", value=asked.after, rule=rule)
            raise ApiError(422, "cursor", str(error), field=field) from error
    items = [DraftOut(**_draft(row)) for row in page.rows]
    return answer(Drafts(items=items, count=page.count, total=_euros(page.total), next=page.next))


@router.get("/runs/{number}/drafts/{contract_id}", response_model=DraftWhole, responses=READ)
def run_draft(
    caller: Viewer, number: Number, contract_id: Number, period_from: Annotated[IsoDay | None, Query()] = None
) -> Response:
    """One draft with its lines, beside the last bill of its contract; of several holders' the first, or the named."""
    with read_session(caller.engine) as session:
        one_of(session, models.BillingRun, models.BillingRun.id, caller.utility_id, number)
        found = queries.draft(session, caller.utility_id, number, contract_id, period_from)
    if found is None:
        raise ApiError(404, "absent", f"draft of contract {contract_id}: does not exist")
    lines, before = _lines(found.invoice), _lines(found.previous)
    return answer(DraftWhole(**_draft(found.row), lines=lines, previous_lines=before, notes=list(found.notes)))


def _stages(session: Session, caller: Caller, number: int) -> list[StageOut]:
    share = models.RunPartition
    done = func.sum(case((share.state == "done", 1), else_=0))
    query = (
        select(share.stage, func.count(), done, func.sum(share.contracts))
        .where(share.utility_id == caller.utility_id, share.run_id == number)
        .group_by(share.stage)
        .order_by(share.stage)
    )
    return [
        StageOut(stage=stage, shares=shares, done=int(finished or 0), contracts=int(contracts or 0))
        for stage, shares, finished, contracts in session.execute(query)
    ]


def _draft(row: queries.DraftRow) -> dict[str, Any]:
    plain = ("contract_id", "contract", "status", "period_from", "period_to", "litres", "estimated_litres")
    return {name: getattr(row, name) for name in (*plain, "previous_litres", "previous_days")} | {
        "total": _euros(row.total),
        "previous_total": None if row.previous_total is None else _euros(row.previous_total),
        "items": [ReviewOut.model_validate(item) for item in row.items],
    }


def _lines(invoice: Invoice | None) -> list[DraftLineOut]:
    return [
        DraftLineOut(
            code=line.code,
            description=line.description,
            quantity=str(line.quantity),
            unit=line.unit,
            unit_price=str(line.unit_price),
            amount=_euros(line.amount),
            vat=line.vat,
            why=dict(line.why),
        )
        for line in (invoice.lines if invoice else ())
    ]


def _euros(amount: Any) -> str:
    return f"{amount:.2f}"
