"""Rectifications: proposed by one person, looked at before and after, decided by another."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from billing.invoice import InvoiceLine, InvoiceType
from central.access import Permission
from central.api.gate import Allowed, Caller
from central.api.keys import ring_if_any
from central.api.once import Key, once
from central.api.problems import ApiError, documented
from central.api.queries import one_of
from central.api.reads import answer
from central.api.shapes import RectificationOut
from central.api.values import MOST, Code, Euros, Input, Int64, IsoDay, Output
from central.api.values import PathId as Number
from central.invoicing import rectify
from central.invoicing.rectify.leak import Evidence
from central.invoicing.rectify.queries import LineChange, Preview, links_of, rectification
from central.store import Session, models, read_session
from central.times import local_day, millis

router = APIRouter()
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_RUNS))]
Maker = Annotated[Caller, Depends(Allowed(Permission.MAKE_RUNS))]
Approver = Annotated[Caller, Depends(Allowed(Permission.APPROVE_RUNS))]
READ = documented(401, 403, 404, 422, 429)
REFUSALS = documented(400, 401, 403, 409, 422, 429)
MISSING = REFUSALS | documented(404)
Id = Annotated[int, Field(ge=1, le=MOST, json_schema_extra={"format": "int64"})]


class LeakEvidence(Input):
    """What the customer brought: whether the leak was hidden, and the date of the repair's invoice."""

    hidden: bool = True
    repaired_on: IsoDay | None = None


class NewRectification(Input):
    """What is asked for on bills of one contract.

    ``cause``: "correct" rates them again as the register is now, "spread" shares what was metered out over the
    estimated periods up to ``until``, "cancel" takes them back, "leak" grants the tariff's reduction on evidence.
    ``kind`` and ``method`` as in lists L2 and L3; by default R4, by differences.
    """

    invoice_ids: Annotated[list[Id], Field(min_length=1, max_length=100)]
    cause: Literal["correct", "spread", "cancel", "leak"] = "correct"
    kind: Literal["R1", "R2", "R3", "R4", "R5"] = "R4"
    method: Literal["I", "S"] = "I"
    series: Code
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
    until: IsoDay | None = None
    leak: LeakEvidence | None = None

    def request(self) -> rectify.Request:
        """The same as billing takes it."""
        leak = Evidence(self.leak.hidden, self.leak.repaired_on) if self.leak else None
        kind = InvoiceType(self.kind)
        return rectify.Request(
            tuple(self.invoice_ids), self.cause, kind, self.method, self.series, self.reason, self.until, leak
        )


class Issue(Input):
    """The day the invoices state, today where it is left out, and the last day to pay them."""

    issue_date: IsoDay | None = None
    due_date: IsoDay


class Rejection(Input):
    """Why."""

    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ChangeOut(Output):
    """A line as it was billed and as it should be; an amount is null where there is no such line."""

    code: str
    description: str
    before: Euros | None
    after: Euros | None
    same: bool


class BillOut(Output):
    """One bill before and after, and the invoice it was issued as, once it is."""

    invoice_id: Int64
    number: str
    period_from: date
    period_to: date
    litres_before: Int64
    litres_after: Int64
    before: Euros
    after: Euros
    lines: list[ChangeOut]
    notes: list[str]
    result_id: Int64 | None
    result: str | None


class ProposalOut(RectificationOut):
    """A rectification with the preview of each of its bills; ``difference`` over all of them."""

    difference: Euros
    bills: list[BillOut]


class LinkOut(Output):
    """Another invoice that rectifies this one or is rectified by it."""

    id: Int64
    number: str
    kind: str
    method: str
    issued: date
    reason: str
    total: Euros


class LinksOut(Output):
    """``original`` is null for an original bill; ``later`` are all that rectify it; ``stands`` is what it comes to."""

    original: LinkOut | None
    later: list[LinkOut]
    stands: Euros


@router.get("/rectifications/{number}", response_model=ProposalOut, responses=READ)
def get_rectification(caller: Viewer, number: Number) -> Response:
    """A rectification as it would change, or changed, each bill."""
    with read_session(caller.engine) as session:
        return answer(_told(session, _row(session, caller, number)))


@router.post("/rectifications", status_code=201, response_model=ProposalOut, responses=REFUSALS)
def propose_rectification(request: Request, caller: Maker, key: Key, body: NewRectification) -> Response:
    """Propose; nothing is issued, and the answer is its preview. Later bills that it moves are taken in."""

    def work(session: Session) -> ProposalOut:
        made = rectify.propose(session, caller.utility_id, body.request(), caller.actor, caller.now)
        return _told(session, made)

    return once(request, caller, key, body, work)


@router.post("/rectifications/{number}/issue", response_model=ProposalOut, responses=MISSING)
def issue_rectification(request: Request, caller: Approver, key: Key, number: Number, body: Issue) -> Response:
    """Number, chain, post and document its invoices: another person than the proposer."""

    def work(session: Session) -> ProposalOut:
        row = _row(session, caller, number)
        day = body.issue_date or local_day(millis(caller.now))
        ring = ring_if_any(request)
        rectify.issue(session, row, caller.actor, caller.now, issue_date=day, due_date=body.due_date, ring=ring)
        return _told(session, row)

    return once(request, caller, key, body, work, 200)


@router.post("/rectifications/{number}/rejection", response_model=ProposalOut, responses=MISSING)
def reject_rectification(request: Request, caller: Approver, key: Key, number: Number, body: Rejection) -> Response:
    """Reject a proposal, with the reason."""

    def work(session: Session) -> ProposalOut:
        row = _row(session, caller, number)
        rectify.reject(session, row, caller.actor, caller.now, body.reason)
        return _told(session, row)

    return once(request, caller, key, body, work, 200)


@router.get("/invoices/{number}/rectifications", response_model=LinksOut, responses=READ)
def invoice_rectifications(caller: Viewer, number: Number) -> Response:
    """The way from an invoice to what rectifies it and back, and what it comes to with all that."""
    with read_session(caller.engine) as session:
        found = links_of(session, caller.utility_id, number)
    if found is None:
        raise ApiError(404, "absent", f"invoice {number}: does not exist")
    original = LinkOut(**_link(found.original)) if found.original else None
    later = [LinkOut(**_link(one)) for one in found.later]
    return answer(LinksOut(original=original, later=later, stands=_euros(found.stands)))


def _row(session: Session, caller: Caller, number: int) -> models.Rectification:
    return one_of(session, models.Rectification, models.Rectification.id, caller.utility_id, number)


def _told(session: Session, row: models.Rectification) -> ProposalOut:
    found = rectification(session, row.utility_id, row.id)
    if found is None:
        raise ApiError(404, "absent", f"rectification {row.id}: does not exist")
    listed, previews = found
    plain = RectificationOut.model_validate(row).model_dump()
    return ProposalOut(**plain, difference=_euros(listed.difference), bills=[_bill(one) for one in previews])


def _bill(one: Preview) -> BillOut:
    return BillOut(
        invoice_id=one.invoice_id,
        number=one.number,
        period_from=one.period_from,
        period_to=one.period_to,
        litres_before=one.litres_before,
        litres_after=one.litres_after,
        before=_euros(one.before),
        after=_euros(one.after),
        lines=[_line(change) for change in one.lines],
        notes=list(one.notes),
        result_id=one.result_id,
        result=one.result,
    )


def _line(change: LineChange) -> ChangeOut:
    spoken: InvoiceLine | None = change.after or change.before
    if spoken is None:
        raise ValueError("line change: must have a line before or after")
    return ChangeOut(
        code=spoken.code,
        description=spoken.description,
        before=_euros(change.before.amount) if change.before else None,
        after=_euros(change.after.amount) if change.after else None,
        same=change.same,
    )


def _link(one: Any) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in ("id", "number", "kind", "method", "issued", "reason")}
    return told | {"total": _euros(one.total)}


def _euros(amount: Any) -> str:
    return f"{amount:.2f}"
