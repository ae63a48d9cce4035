"""Fiscal records on their way to the tax agency, and the electronic forms of invoices."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from billing.invoice import ForeignId, Party
from central.access import Permission
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import ApiError, FieldProblem, documented
from central.api.queries import one_of, opened, sealed
from central.api.reads import answer
from central.api.values import Input, Int64, Output, Page, Paging, Utc
from central.api.values import PathId as Number
from central.config import ConfigError
from central.fiscal import queries
from central.fiscal.bodies import signed_invoice
from central.fiscal.desk import correct, withdraw
from central.fiscal.queue import retry_now
from central.fiscal.systems import SUBMITTED
from central.invoicing.records import texts_of
from central.store import Session, models, read_session

router = APIRouter()
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_RUNS))]
Maker = Annotated[Caller, Depends(Allowed(Permission.MAKE_RUNS))]
LISTED = documented(401, 403, 422, 429)
READ = documented(401, 403, 404, 422, 429)
REFUSALS = documented(400, 401, 403, 409, 422, 429)
MISSING = REFUSALS | documented(404)
System = Literal["verifactu", "sii"]
State = Literal["waiting", "accepted", "accepted_with_errors", "rejected", "mended"]
XML: dict[int | str, dict[str, Any]] = {200: {"content": {"application/xml": {"schema": {"type": "string"}}}}}
Named = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]


class RecordsQuery(Paging):
    """Records of a system, the newest first, in a state. A page has at most 100 rows."""

    system: System = "verifactu"
    state: State | None = None


class Recipient(Input):
    """A corrected recipient: a name with a NIF, or with another identity where they are not in the census (07)."""

    name: Named
    nif: Annotated[str, Field(pattern=r"^[0-9A-Z]{9}$")] | None = None
    not_in_census: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z]*$")] | None = None


class Correction(Input):
    """Why a record is sent again, and whom the invoice is for where that is what was wrong."""

    reason: Named
    recipient: Recipient | None = None


class Why(Input):
    """Why."""

    reason: Named


class Retry(Input):
    """The system whose line is tried again at once."""

    system: System = "verifactu"


class RecordOut(Output):
    """A record and how far it is on its way: ``code`` and ``text`` are the agency's, ``csv`` its receipt."""

    record_id: Int64
    position: Int64
    kind: str
    number: str
    invoice_id: Int64
    generated_at: Utc
    state: State
    code: int | None
    text: str
    csv: str | None


class QueueOut(Output):
    """How many records of a system are in each state, and what its line's last failures were."""

    system: str
    counts: dict[str, int]
    failures: int
    error: str
    not_before: Utc | None


class Queues(BaseModel):
    """One for each system that is submitted."""

    items: list[QueueOut]


@router.get("/fiscal-queues", response_model=Queues, responses=LISTED)
def list_fiscal_queues(caller: Viewer) -> Response:
    """How many fiscal records wait, and what was answered."""
    with read_session(caller.engine) as session:
        return answer(Queues(items=[_queue(session, caller, system) for system in SUBMITTED]))


@router.post("/fiscal-retries", status_code=201, response_model=QueueOut, responses=REFUSALS)
def retry_fiscal_queue(request: Request, caller: Maker, key: Key, body: Retry) -> Response:
    """Forget how long a line waits after its failures, once their cause is mended."""

    def work(session: Session) -> QueueOut:
        retry_now(session, caller.utility_id, body.system)
        session.flush()
        return _queue(session, caller, body.system)

    return once(request, caller, key, body, work)


@router.post("/invoices/{number}/fiscal-withdrawal", status_code=201, response_model=RecordOut, responses=MISSING)
def withdraw_fiscal_record(request: Request, caller: Maker, key: Key, number: Number, body: Why) -> Response:
    """Take back the record that the agency holds of an invoice which should not have been recorded."""

    def work(session: Session) -> RecordOut:
        row = one_of(session, models.Invoice, models.Invoice.id, caller.utility_id, number)
        made = withdraw(session, caller.utility_id, row.number_text, caller.actor, caller.now, body.reason)
        return _found(session, caller, made.record_id)

    return once(request, caller, key, body, work)


@router.get("/fiscal-records", response_model=Page[RecordOut], responses=LISTED)
def list_fiscal_records(caller: Viewer, asked: Annotated[RecordsQuery, Query()]) -> Response:
    """A page of fiscal records, the newest first."""
    before = opened(asked.after, 1)[0] if asked.after else None
    with read_session(caller.engine) as session:
        rows = queries.records(session, caller.utility_id, asked.state, before=before, system=asked.system)
    shown = rows[: asked.limit]
    more = len(rows) > asked.limit or len(rows) == queries.PAGE
    following = sealed([shown[-1].position]) if shown and more else None
    return answer(Page[RecordOut](items=[_record(row) for row in shown], next=following))


@router.get("/fiscal-records/{number}", response_model=RecordOut, responses=READ)
def get_fiscal_record(caller: Viewer, number: Number) -> Response:
    """One record."""
    with read_session(caller.engine) as session:
        return answer(_found(session, caller, number))


@router.get("/fiscal-records/{number}/xml", response_class=Response, responses=READ | XML)
def fiscal_record_xml(caller: Viewer, number: Number) -> Response:
    """The record as it was chained, byte for byte."""
    with read_session(caller.engine) as session:
        row = one_of(session, models.FiscalRecord, models.FiscalRecord.id, caller.utility_id, number)
        return Response(texts_of(session, [row])[row.id], media_type="application/xml")


@router.post("/fiscal-records/{number}/correction", status_code=201, response_model=RecordOut, responses=MISSING)
def correct_fiscal_record(request: Request, caller: Maker, key: Key, number: Number, body: Correction) -> Response:
    """Chain a record that mends one which was rejected, or taken with errors; the answer is the new one."""

    def work(session: Session) -> RecordOut:
        one_of(session, models.FiscalRecord, models.FiscalRecord.id, caller.utility_id, number)
        recipient = _party(body.recipient) if body.recipient else None
        made = correct(session, caller.utility_id, number, recipient, caller.actor, caller.now, body.reason)
        return _found(session, caller, made.record_id)

    return once(request, caller, key, body, work)


@router.get("/invoices/{number}/facturae", response_class=Response, responses=READ | documented(409) | XML)
def invoice_facturae(request: Request, caller: Viewer, number: Number) -> Response:
    """The invoice to a public body as FACe takes it (Facturae 3.2.2), signed."""
    config = request.app.state.facturae
    with read_session(caller.engine) as session:
        row = one_of(session, models.Invoice, models.Invoice.id, caller.utility_id, number)
        if config is None:
            raise ApiError(409, "facturae", "facturae: the web process has no certificate; start it with --config")
        try:
            content = signed_invoice(session, caller.utility_id, row.number_text, config)
        except ConfigError as error:
            raise ApiError(409, "facturae", str(error)) from error
    return Response(content, media_type="application/xml")


def _queue(session: Session, caller: Caller, system: str) -> QueueOut:
    counts = queries.counts(session, caller.utility_id, system=system)
    line = session.get(models.FiscalSender, (caller.utility_id, system))
    return QueueOut(
        system=system,
        counts={str(state): count for state, count in counts.items()},
        failures=line.failures if line else 0,
        error=line.error if line else "",
        not_before=line.not_before if line else None,
    )


def _found(session: Session, caller: Caller, number: int) -> RecordOut:
    found = queries.find(session, caller.utility_id, number)
    if found is None:
        raise ApiError(404, "absent", f"fiscal_record {number}: does not exist")
    return _record(found)


def _record(row: queries.Shown) -> RecordOut:
    return RecordOut(**row._asdict())


def _party(one: Recipient) -> Party:
    if (one.nif is None) == (one.not_in_census is None):
        rule = "must have either nif or not_in_census"
        field = FieldProblem(field="body.recipient", value=one.name, rule=rule)
        raise ApiError(422, "recipient", f"recipient: {rule}", field=field)
    other = ForeignId("07", one.not_in_census, "ES") if one.not_in_census else None
    return Party(one.name, one.nif or "", foreign_id=other)
