"""Credits of contracts, and paying them back: asked by one, decided by another, sent to the bank, paid or returned."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response
from stdnum import iban as iban_rules

from central.access import Permission
from central.api import refund_shapes as shapes
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import documented
from central.api.queries import one_of, opened, page_of, sealed
from central.api.reads import answer
from central.api.register import Id
from central.api.values import Input, IsoDay, Page, Paging, PathId
from central.api.values import PathId as Number
from central.collection import refunds
from central.collection.credits import Credit, credits_after, hidden, today
from central.store import Session, models, read_session

router = APIRouter()
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_RUNS))]
Maker = Annotated[Caller, Depends(Allowed(Permission.MAKE_RUNS))]
Approver = Annotated[Caller, Depends(Allowed(Permission.APPROVE_RUNS))]
LISTED = documented(401, 403, 422, 429)
READ = documented(401, 403, 404, 422, 429)
REFUSALS = documented(400, 401, 403, 409, 422, 429)
MISSING = REFUSALS | documented(404)
XML: dict[int | str, dict[str, Any]] = {200: {"content": {"application/xml": {"schema": {"type": "string"}}}}}
State = Literal["asked", "approved", "rejected", "sent", "paid", "returned"]
Reason = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f]+[^\x00-\x1f\x7f]*$")
]
Cents = Annotated[int, Field(ge=1, le=10**12)]


def _account(text: str) -> str:
    if not iban_rules.is_valid(text):
        raise ValueError("must be an IBAN (ISO 13616, mod 97-10)")
    return iban_rules.compact(text)


Iban = Annotated[str, Field(pattern=r"^[A-Z]{2}[0-9A-Z ]{6,40}$"), AfterValidator(_account)]


class CreditsQuery(Paging):
    """Credits of one contract."""

    contract_id: PathId | None = None


class RefundsQuery(Paging):
    """Refunds of a contract, of an order, in a state."""

    contract_id: PathId | None = None
    order_id: PathId | None = None
    state: State | None = None


class OrdersQuery(Paging):
    """Orders, all of them."""


class NewRefund(Input):
    """A credit, or ``cents`` of it, to its owner's account or to ``iban``, another of theirs.

    ``customer_id`` says whose, where a contract owes several people.
    """

    contract_id: Id
    customer_id: Id | None = None
    cents: Cents | None = None
    iban: Iban | None = None
    reason: Reason


class NewRound(Input):
    """The credits of all who left their contract and whose account is known, from ``least_cents`` on."""

    reason: Reason
    least_cents: Cents = 1


class Why(Input):
    """Why."""

    reason: Reason


class NewOrder(Input):
    """The account that pays and the day on which the bank is to do it."""

    iban: Iban
    execute_on: IsoDay


class Payment(Input):
    """The day on which the bank carried the order out."""

    on: IsoDay


class Return(Input):
    """The day on which a transfer came back, and the bank's reason (AC04 …)."""

    on: IsoDay
    reason: Reason


@router.get("/credits", response_model=Page[shapes.CreditOut], responses=LISTED)
def list_credits(caller: Viewer, asked: Annotated[CreditsQuery, Query()]) -> Response:
    """A page of what people are owed of their contracts today, and what becomes of it."""
    contract_id, customer_id = opened(asked.after, 2) if asked.after else (0, 0)
    with read_session(caller.engine) as session:
        found = credits_after(
            session,
            caller.utility_id,
            today(caller.now),
            (contract_id, customer_id),
            asked.limit + 1,
            asked.contract_id,
        )
    shown = found[: asked.limit]
    following = sealed([shown[-1].contract_id, shown[-1].customer_id]) if len(found) > asked.limit else None
    return answer(Page[shapes.CreditOut](items=[_credit(one) for one in shown], next=following))


@router.get("/refunds", response_model=Page[shapes.RefundOut], responses=LISTED)
def list_refunds(caller: Viewer, asked: Annotated[RefundsQuery, Query()]) -> Response:
    """A page of refunds."""
    narrowed = asked.model_dump(exclude={"limit", "after", "state"}, exclude_none=True)
    where = [refunds.in_state(asked.state)] if asked.state else []
    model = models.Refund
    with read_session(caller.engine) as session:
        rows, following = page_of(
            session, model, [model.id], caller.utility_id, narrowed, asked.after, asked.limit, where
        )
        return answer(Page[shapes.RefundOut](items=[_told(row) for row in rows], next=following))


@router.get("/refunds/{number}", response_model=shapes.RefundOut, responses=READ)
def get_refund(caller: Viewer, number: Number) -> Response:
    """One refund."""
    with read_session(caller.engine) as session:
        return answer(_told(_refund(session, caller, number)))


@router.post("/refunds", status_code=201, response_model=shapes.RefundOut, responses=MISSING)
def ask_refund(request: Request, caller: Maker, key: Key, body: NewRefund) -> Response:
    """Ask that a credit be paid back; nothing moves before another person approves it."""

    def work(session: Session) -> shapes.RefundOut:
        contract = one_of(session, models.Contract, models.Contract.id, caller.utility_id, body.contract_id)
        made = refunds.ask(
            session,
            caller.utility_id,
            contract.code,
            caller.actor,
            caller.now,
            reason=body.reason,
            cents=body.cents,
            iban=body.iban or "",
            customer=_customer(session, caller, body.customer_id),
        )
        return _told(made)

    return once(request, caller, key, body, work)


@router.post("/refund-rounds", status_code=201, response_model=shapes.RefundsOut, responses=REFUSALS)
def ask_refunds(request: Request, caller: Maker, key: Key, body: NewRound) -> Response:
    """Ask for every credit of who left, where the account is known and nothing is asked for yet."""

    def work(session: Session) -> shapes.RefundsOut:
        made = refunds.ask_all(
            session, caller.utility_id, caller.actor, caller.now, reason=body.reason, least=body.least_cents
        )
        return shapes.RefundsOut(items=[_told(row) for row in made])

    return once(request, caller, key, body, work)


@router.post("/refunds/{number}/approval", response_model=shapes.RefundOut, responses=MISSING)
def approve_refund(request: Request, caller: Approver, key: Key, number: Number) -> Response:
    """Decide that it is paid back: another person than who asked, while the credit is still there."""

    def work(session: Session) -> shapes.RefundOut:
        row = _refund(session, caller, number)
        refunds.approve(session, row, caller.actor, caller.now)
        return _told(row)

    return once(request, caller, key, None, work, 200)


@router.post("/refunds/{number}/rejection", response_model=shapes.RefundOut, responses=MISSING)
def reject_refund(request: Request, caller: Approver, key: Key, number: Number, body: Why) -> Response:
    """Decide against it; it stays on record, and the credit stays."""

    def work(session: Session) -> shapes.RefundOut:
        row = _refund(session, caller, number)
        refunds.reject(session, row, caller.actor, caller.now, body.reason)
        return _told(row)

    return once(request, caller, key, body, work, 200)


@router.post("/refunds/{number}/return", response_model=shapes.RefundOut, responses=MISSING)
def return_refund(request: Request, caller: Maker, key: Key, number: Number, body: Return) -> Response:
    """Keep that the bank gave a transfer back: the contract has its credit again."""

    def work(session: Session) -> shapes.RefundOut:
        row = _refund(session, caller, number)
        refunds.returned(session, row, caller.actor, caller.now, body.on, body.reason)
        return _told(row)

    return once(request, caller, key, body, work, 200)


@router.get("/refund-orders", response_model=Page[shapes.RefundOrderOut], responses=LISTED)
def list_refund_orders(caller: Viewer, asked: Annotated[OrdersQuery, Query()]) -> Response:
    """A page of orders to the bank."""
    model = models.RefundOrder
    with read_session(caller.engine) as session:
        rows, following = page_of(session, model, [model.id], caller.utility_id, {}, asked.after, asked.limit)
        items = [shapes.RefundOrderOut.model_validate(row) for row in rows]
    return answer(Page[shapes.RefundOrderOut](items=items, next=following))


@router.get("/refund-orders/{number}", response_model=shapes.RefundOrderOut, responses=READ)
def get_refund_order(caller: Viewer, number: Number) -> Response:
    """One order."""
    with read_session(caller.engine) as session:
        return answer(shapes.RefundOrderOut.model_validate(_order(session, caller, number)))


@router.get("/refund-orders/{number}/file", response_class=Response, responses=READ | XML)
def refund_order_file(caller: Approver, number: Number) -> Response:
    """The file for the bank as it was made (pain.001.001.09), with whole accounts."""
    with read_session(caller.engine) as session:
        row = _order(session, caller, number)
        return Response(row.content, media_type="application/xml", headers={"ETag": f'"{row.sha256}"'})


@router.post("/refund-orders", status_code=201, response_model=shapes.RefundOrderOut, responses=REFUSALS)
def export_refunds(request: Request, caller: Approver, key: Key, body: NewOrder) -> Response:
    """Put everything that is approved and in no order yet into one; its file is at ``/file``."""

    def work(session: Session) -> shapes.RefundOrderOut:
        made = refunds.export(
            session, caller.utility_id, caller.actor, caller.now, iban=body.iban, execute_on=body.execute_on
        )
        return shapes.RefundOrderOut.model_validate(made)

    return once(request, caller, key, body, work)


@router.post("/refund-orders/{number}/payment", response_model=shapes.PaymentOut, responses=MISSING)
def pay_refund_order(request: Request, caller: Maker, key: Key, number: Number, body: Payment) -> Response:
    """Keep that the bank carried an order out."""

    def work(session: Session) -> shapes.PaymentOut:
        row = _order(session, caller, number)
        count = refunds.paid(session, row, caller.actor, caller.now, body.on)
        return shapes.PaymentOut(id=row.id, code=row.code, paid=count)

    return once(request, caller, key, body, work, 200)


def _refund(session: Session, caller: Caller, number: int) -> models.Refund:
    return one_of(session, models.Refund, models.Refund.id, caller.utility_id, number)


def _customer(session: Session, caller: Caller, number: int | None) -> str:
    if number is None:
        return ""
    return one_of(session, models.Customer, models.Customer.id, caller.utility_id, number).code


def _order(session: Session, caller: Caller, number: int) -> models.RefundOrder:
    return one_of(session, models.RefundOrder, models.RefundOrder.id, caller.utility_id, number)


def _told(row: models.Refund) -> shapes.RefundOut:
    return shapes.RefundOut.model_validate(row)


def _credit(one: Credit) -> shapes.CreditOut:
    plain = {name: getattr(one, name) for name in ("contract_id", "contract", "customer_id", "holder", "fate")}
    return shapes.CreditOut.model_validate(plain | {"amount": one.cents, "iban": hidden(one.iban), "asked": one.asked})
