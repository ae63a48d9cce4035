"""Cases of contracts: opened, papered, completed, rejected and withdrawn by programs."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from central import lifecycle
from central.access import Permission
from central.api import case_shapes as shapes
from central.api import shapes as run_shapes
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import ApiError, FieldProblem, documented
from central.api.queries import one_of, page_of
from central.api.reads import answer
from central.api.register import MISSING, REFUSALS, Count, Reasoned, by
from central.api.values import Code, Input, IsoDay, Litres, Page, Paging, PathId, Text
from central.lifecycle import details as said
from central.lifecycle import final_bill, papers
from central.lifecycle.documents import document
from central.lifecycle.queries import Paper, View, view
from central.store import Session, models, read_session

router = APIRouter()
Reader = Annotated[Caller, Depends(Allowed(Permission.SEE_REGISTER))]
Editor = Annotated[Caller, Depends(Allowed(Permission.EDIT_REGISTER))]
Maker = Annotated[Caller, Depends(Allowed(Permission.MAKE_RUNS))]
Words = Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Cents = Annotated[int, Field(ge=0, le=10**9)]
# Base64 of at most papers.LARGEST bytes.
Encoded = Annotated[
    str, Field(min_length=1, max_length=4 * ((papers.LARGEST + 2) // 3), pattern=r"^[A-Za-z0-9+/]+={0,2}$")
]


class PersonIn(Input):
    """Somebody with a NIF; ``customer`` is their code where the register has several of that NIF."""

    nif: Code
    name: Text
    kind: Literal["person", "company", "community", "public_body"] = "person"
    email: Text | None = None
    phone: Annotated[Text, Field(max_length=32)] | None = None
    language: Literal["es", "ca", "gl", "eu", "en"] = "es"
    address: Annotated[
        dict[Literal["street", "postal_code", "town", "province", "country"], Text], Field(default_factory=dict)
    ]
    customer: Code | None = None


class BankIn(Input):
    """The account for direct debit."""

    iban: Annotated[str, Field(pattern=r"^[A-Z]{2}[0-9A-Z ]{6,40}$")]
    mandate_signed_on: IsoDay | None = None


class TermsIn(Input):
    """What the tariff needs to know from the effective day on."""

    use: Code = "domestic"
    dwellings: Count = 1
    premises: Count = 1
    persons: Count | None = None
    groups: Annotated[list[Code], Field(max_length=20, default_factory=list)]
    parameters: Annotated[dict[Code, Text], Field(max_length=20, default_factory=dict)]
    habitual_home: bool = False
    vulnerable: bool = False


class ClosingIn(Input):
    """The index at the start of the effective day; ``remote`` takes the nearest telegram and has no litres."""

    source: Literal["real", "remote", "self", "agreed"]
    litres: Litres | None = None


class DetailsIn(Reasoned):
    """All a case says."""

    holder: PersonIn | None = None
    applicant: PersonIn | None = None
    bank: BankIn | None = None
    terms: TermsIn | None = None
    closing: ClosingIn | None = None
    contract_code: Code | None = None
    deposit_cents: Cents | None = None
    charges: Annotated[list[Code], Field(max_length=20, default_factory=list)]
    assume_debt: bool = False
    ended_on: IsoDay | None = None
    note: Words = ""

    def details(self) -> said.Details:
        """The details as the register takes them."""
        own = set(said.Details.__struct_fields__)
        return said.read(self.model_dump(mode="json", include=own, exclude_none=True))


class NewCase(DetailsIn):
    """A request: a sign-up names the supply point, every other procedure the contract."""

    procedure: Literal["sign_up", "change_of_holder", "subrogation", "cancellation"]
    effective_on: IsoDay
    supply: Code | None = None
    contract: Code | None = None
    cause: Code | None = None


class Amendment(DetailsIn):
    """What a case says from now on, whole."""

    effective_on: IsoDay


class NewDocument(Reasoned):
    """A document that is brought (``content``, base64), waived or refused with a reason."""

    code: Code
    verdict: Literal["received", "waived", "refused"]
    content: Encoded | None = None
    name: Text = ""


class NewFinalBill(Input):
    """How the closing bill of a case is issued; what is not said is usual."""

    series: Code | None = None
    issue_date: IsoDay | None = None
    due_date: IsoDay | None = None
    since: IsoDay | None = None


class Why(Input):
    """Why a case is closed without being done."""

    reason: Annotated[Text, Field(min_length=1)]


class CaseQuery(Paging):
    """What a list of cases may be narrowed by."""

    state: Code | None = None
    procedure: Code | None = None
    supply_point_id: PathId | None = None
    contract_id: PathId | None = None


@router.get("/contract-cases", response_model=Page[shapes.CaseOut], responses=documented(401, 403, 422, 429))
def list_contract_cases(caller: Reader, asked: Annotated[CaseQuery, Query()]) -> Response:
    """A page of cases."""
    narrowed = asked.model_dump(exclude={"limit", "after"}, exclude_none=True)
    keys = [models.ContractCase.id]
    with read_session(caller.engine) as session:
        rows, following = page_of(
            session, models.ContractCase, keys, caller.utility_id, narrowed, asked.after, asked.limit
        )
        items = [shapes.CaseOut.model_validate(row) for row in rows]
    return answer(Page[shapes.CaseOut](items=items, next=following))


@router.get(
    "/contract-cases/{number}", response_model=shapes.CaseViewOut, responses=documented(401, 403, 404, 422, 429)
)
def get_contract_case(caller: Reader, number: PathId) -> Response:
    """One case with its checklist, what is missing or forbids it, its deadlines and its next step."""
    with read_session(caller.engine) as session:
        row = one_of(session, models.ContractCase, models.ContractCase.id, caller.utility_id, number)
        return answer(_told(session, caller, row))


@router.post("/contract-cases", status_code=201, response_model=shapes.CaseViewOut, responses=REFUSALS)
def open_contract_case(request: Request, caller: Editor, key: Key, body: NewCase) -> Response:
    """Open a case."""

    def work(session: Session) -> shapes.CaseViewOut:
        asked = lifecycle.Asked(
            body.procedure,
            body.effective_on,
            body.details(),
            body.supply or "",
            body.contract or "",
            body.cause or "",
            "api",
        )
        return _told(session, caller, lifecycle.open_case(session, caller.utility_id, asked, by=by(caller, body)))

    return once(request, caller, key, body, work)


@router.post("/contract-cases/{number}/details", response_model=shapes.CaseViewOut, responses=MISSING)
def amend_contract_case(request: Request, caller: Editor, key: Key, number: PathId, body: Amendment) -> Response:
    """Say something else in a case that is not closed."""

    def work(session: Session, case: models.ContractCase) -> None:
        lifecycle.amend(session, case, body.details(), body.effective_on, by=by(caller, body))

    return _on_case(request, caller, key, number, body, work)


@router.post("/contract-cases/{number}/documents", response_model=shapes.CaseViewOut, responses=MISSING)
def settle_case_document(request: Request, caller: Editor, key: Key, number: PathId, body: NewDocument) -> Response:
    """Bring, waive or refuse a document of the checklist."""

    def work(session: Session, case: models.ContractCase) -> None:
        change = by(caller, body)
        if body.verdict == papers.RECEIVED:
            lifecycle.receive(session, case, body.code, _decoded(body.content), body.name, by=change)
        elif body.verdict == papers.WAIVED:
            lifecycle.waive(session, case, body.code, by=change)
        else:
            lifecycle.refuse_document(session, case, body.code, by=change)

    return _on_case(request, caller, key, number, body, work)


@router.post("/contract-cases/{number}/completion", response_model=shapes.CaseViewOut, responses=MISSING)
def complete_contract_case(request: Request, caller: Editor, key: Key, number: PathId) -> Response:
    """Do what a ready case asks, all of it or nothing."""

    def work(session: Session, case: models.ContractCase) -> None:
        lifecycle.complete(session, case, by=by(caller, Reasoned()))

    return _on_case(request, caller, key, number, None, work)


@router.post(
    "/contract-cases/{number}/final-bill", status_code=201, response_model=run_shapes.RunOut, responses=MISSING
)
def make_final_bill(request: Request, caller: Maker, key: Key, number: PathId, body: NewFinalBill) -> Response:
    """Make the run of the closing bill of who left; then it is simulated, approved and issued like any other."""

    def work(session: Session) -> run_shapes.RunOut:
        case = one_of(session, models.ContractCase, models.ContractCase.id, caller.utility_id, number)
        asked = final_bill.Asked(body.series or "", body.issue_date, body.due_date, body.since)
        made = final_bill.make_final_bill(session, case, asked, by=by(caller, Reasoned()))
        return run_shapes.RunOut.model_validate(made)

    return once(request, caller, key, body, work)


@router.post("/contract-cases/{number}/rejection", response_model=shapes.CaseViewOut, responses=MISSING)
def reject_contract_case(request: Request, caller: Editor, key: Key, number: PathId, body: Why) -> Response:
    """Close a case without doing it."""

    def work(session: Session, case: models.ContractCase) -> None:
        lifecycle.reject(session, case, by=by(caller, Reasoned(reason=body.reason)))

    return _on_case(request, caller, key, number, body, work)


@router.post("/contract-cases/{number}/withdrawal", response_model=shapes.CaseViewOut, responses=MISSING)
def withdraw_contract_case(request: Request, caller: Editor, key: Key, number: PathId, body: Why) -> Response:
    """Close a case because who asked does not want it any more."""

    def work(session: Session, case: models.ContractCase) -> None:
        lifecycle.withdraw(session, case, by=by(caller, Reasoned(reason=body.reason)))

    return _on_case(request, caller, key, number, body, work)


@router.get(
    "/case-documents/{number}/content",
    response_class=Response,
    responses=documented(401, 403, 404, 422, 429)
    | {
        200: {
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in papers.MEDIA_TYPES},
        }
    },
)
def get_case_document(caller: Reader, number: PathId) -> Response:
    """The bytes of a document as they were received."""
    with read_session(caller.engine) as session:
        found = document(session, caller.utility_id, number)
    if found is None or found.content is None:
        raise ApiError(404, "absent", f"contract_case_document {number}: does not exist")
    return Response(found.content, media_type=found.media_type, headers={"ETag": f'"{found.sha256}"'})


Work = Callable[[Session, models.ContractCase], None]


def _on_case(request: Request, caller: Caller, key: str, number: int, body: Any, work: Work) -> Response:
    """Do something to a case of the caller's utility and tell how it then stands."""

    def done(session: Session) -> shapes.CaseViewOut:
        case = one_of(session, models.ContractCase, models.ContractCase.id, caller.utility_id, number)
        work(session, case)
        return _told(session, caller, case)

    return once(request, caller, key, body, done, 200)


def _decoded(content: str | None) -> bytes:
    try:
        return base64.b64decode(content or "", validate=True)
    except binascii.Error as error:
        field = FieldProblem(field="body.content", value="…", rule="must be base64")
        raise ApiError(422, "base64", "content: must be base64", field=field) from error


def _told(session: Session, caller: Caller, case: models.ContractCase) -> shapes.CaseViewOut:
    found = view(session, caller.utility_id, case.id, caller.now)
    if found is None:
        raise ApiError(404, "absent", f"contract_case {case.id}: does not exist")
    return _shape(found)


def _shape(found: View) -> shapes.CaseViewOut:
    whole = shapes.CaseOut.model_validate(found.case).model_dump() | {
        "details": found.case.details,
        "missing": found.missing,
        "problems": found.problems,
        "next_step": found.next_step,
        "owed": found.owed_cents,
        "deposit": found.deposit_cents,
        "fees": [{"code": fee.code, "name": fee.name, "amount": fee.cents} for fee in found.fees],
        "documents": [_paper(one) for one in found.papers],
        "deadlines": [asdict(one) for one in found.deadlines],
        "result": found.case.result,
        "final_bill": _final(found.final) if found.final else None,
    }
    return shapes.CaseViewOut.model_validate(whole)


def _final(found: final_bill.FinalBill) -> dict[str, Any]:
    """The closing bill as it stands, and what is left to pay or to be paid back."""
    run = found.run
    return {
        "run_id": run.id,
        "run": run.code,
        "status": run.status,
        "open_exceptions": found.open_exceptions,
        "bills": [_bill(one) for one in found.lines],
        "deposit": found.deposit_cents,
        "balance": found.balance_cents,
    }


def _bill(one: final_bill.Line) -> dict[str, Any]:
    told = asdict(one)
    told["total"] = told.pop("total_cents")
    return told


def _paper(one: Paper) -> dict[str, Any]:
    """An item of the checklist with what is kept of its document; all but the bytes."""
    row = one.row
    kept = {name: getattr(row, name, None) for name in ("media_type", "sha256", "size", "recorded_by", "recorded_at")}
    item = {"code": one.item.code, "title": one.item.title, "required": one.item.required, "verdict": one.verdict}
    return item | kept | {"document_id": row.id if row else None, "reason": row.reason if row else ""}
