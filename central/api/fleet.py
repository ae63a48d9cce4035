"""Work in the street: rounds, routes and their progress, work orders and what devices report, what allows a cut."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from central.access import Permission, allows
from central.api import fleet_shapes, shapes
from central.api.gate import Allowed, Caller
from central.api.once import Key, once
from central.api.problems import ApiError, documented
from central.api.queries import one_of
from central.api.reads import answer
from central.api.register import Id, Reasoned, by
from central.api.values import Code, IsoDay, Output, Text
from central.api.values import PathId as Number
from central.collection.posting import balance
from central.fleet import cuts, kinds, outcomes, rounds
from central.fleet.orders import LONGEST_INSTRUCTIONS, Wanted, assign_order, cancel_order, order_work
from central.fleet.progress import progress
from central.register import KeyRing
from central.store import models, read_session
from central.times import local_day, millis

router = APIRouter()
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_REGISTER))]
Planner = Annotated[Caller, Depends(Allowed(Permission.PLAN_FIELDWORK))]
Cutter = Annotated[Caller, Depends(Allowed(Permission.ORDER_CUTS))]
READ = documented(401, 403, 404, 422, 429)
MAKES = documented(400, 401, 403, 404, 409, 422, 429)
Why = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Said = Annotated[str, Field(max_length=LONGEST_INSTRUCTIONS, pattern=r"^[^\x00-\x1f\x7f]*$")]
Codes = Annotated[list[Code], Field(max_length=10_000)]


class NewRound(Reasoned):
    """Supply points divided among devices and days: a route for each, or ``routes`` of them without a device."""

    code: Annotated[Code, Field(max_length=40)]
    days: Annotated[list[IsoDay], Field(min_length=1, max_length=100)]
    devices: Annotated[list[Code], Field(max_length=100, default_factory=list)]
    routes: Annotated[int, Field(ge=1, le=rounds.MOST_ROUTES)] = 1
    zone: Code | None = None
    streets: Annotated[list[Text], Field(max_length=1000, default_factory=list)]
    supplies: Codes | None = None
    closed_list: bool = False
    way: Annotated[str, Field(pattern="^(clusters|streets)$")] = "clusters"


class Routes(Output):
    """The routes of a round."""

    items: list[shapes.RouteOut]


class Assignment(Reasoned):
    """Which device, and on which day where that is another one."""

    device_id: Id
    planned_on: IsoDay | None = None


class Withdrawal(Reasoned):
    """Why; it goes to the audit."""

    reason: Why


class NewReread(Reasoned):
    """Supply points of a route to be read again; without a device, by the route's own."""

    supplies: Annotated[list[Code], Field(min_length=1, max_length=1000)]
    device_id: Id | None = None
    planned_on: IsoDay | None = None
    instructions: Said = "Leer otra vez"


class Orders(Output):
    """Orders that were made together."""

    items: list[fleet_shapes.WorkOrderOut]


class NewOrder(Reasoned):
    """Something to be done; ``cause`` is one that its kind may have (a cut: debt, contract, safety, request)."""

    kind: Annotated[str, Field(pattern=f"^({'|'.join(kinds.KINDS)})$")]
    supply: Code
    cause: Code = "staff"
    instructions: Said = ""
    planned_on: IsoDay | None = None
    contract: Code | None = None
    finding_id: Id | None = None
    device_id: Id | None = None
    final: bool = False


class Decision(Withdrawal):
    """Whether a report that contradicts the register is applied after all."""

    apply: bool


class NewFact(Reasoned):
    """A step taken (demand, authority) or a protection (essential, claim, instalments), with its proof."""

    kind: Annotated[str, Field(pattern="^(demand|authority|essential|claim|instalments)$")]
    since: IsoDay
    until: IsoDay | None = None
    cents: Annotated[int, Field(ge=1, le=10**12)] | None = None
    reference: Why


class OnDay(BaseModel):
    """A day; today where none is named."""

    model_config = ConfigDict(extra="forbid")
    on: IsoDay | None = None


@router.post("/rounds", status_code=201, response_model=Routes, responses=MAKES)
def plan_round(request: Request, caller: Planner, key: Key, body: NewRound) -> Response:
    """Divide a round into routes of about the same walking time."""

    def work(session: Session) -> Routes:
        wanted = rounds.Round(**body.model_dump(exclude={"reason"}))
        made = rounds.plan_round(session, caller.utility_id, wanted, by=by(caller, body))
        return Routes(items=[shapes.RouteOut.model_validate(route) for route in made])

    return once(request, caller, key, body, work)


@router.get("/routes/{number}/progress", response_model=fleet_shapes.ProgressOut, responses=READ)
def route_progress(caller: Viewer, number: Number) -> Response:
    """A route stop by stop, as far as devices have sent it."""
    with read_session(caller.engine) as session:
        found = progress(session, _route(session, caller, number), caller.now)
        return answer(fleet_shapes.ProgressOut.model_validate(found))


@router.post("/routes/{number}/assignment", response_model=shapes.RouteOut, responses=MAKES)
def assign_route(request: Request, caller: Planner, key: Key, number: Number, body: Assignment) -> Response:
    """Give a route to a device; it is sent with the next message."""

    def work(session: Session) -> shapes.RouteOut:
        route = _route(session, caller, number)
        device = _device(session, caller, body.device_id)
        rounds.assign(session, route, device, planned_on=body.planned_on, by=by(caller, body))
        return shapes.RouteOut.model_validate(route)

    return once(request, caller, key, body, work, 200)


@router.post("/routes/{number}/rereads", status_code=201, response_model=Orders, responses=MAKES)
def reread(request: Request, caller: Planner, key: Key, number: Number, body: NewReread) -> Response:
    """Order a second reading of chosen supply points of a route."""

    def work(session: Session) -> Orders:
        made = rounds.reread(
            session,
            _route(session, caller, number),
            body.supplies,
            planned_on=body.planned_on,
            device=None if body.device_id is None else _device(session, caller, body.device_id),
            instructions=body.instructions,
            by=by(caller, body),
        )
        return Orders(items=[fleet_shapes.WorkOrderOut.model_validate(order) for order in made])

    return once(request, caller, key, body, work)


@router.post("/routes/{number}/withdrawal", response_model=shapes.RouteOut, responses=MAKES)
def cancel_route(request: Request, caller: Planner, key: Key, number: Number, body: Withdrawal) -> Response:
    """Take a route back; what was read of it stays read."""

    def work(session: Session) -> shapes.RouteOut:
        route = _route(session, caller, number)
        rounds.cancel(session, route, by=by(caller, body))
        return shapes.RouteOut.model_validate(route)

    return once(request, caller, key, body, work, 200)


@router.post("/work-orders", status_code=201, response_model=fleet_shapes.WorkOrderOut, responses=MAKES)
def create_order(request: Request, caller: Planner, key: Key, body: NewOrder) -> Response:
    """Order work. A cut needs the permission order_cuts, and is refused with the rule's name where it is not lawful."""
    if body.kind == kinds.CUT and not allows(caller.identity, Permission.ORDER_CUTS):
        raise ApiError(403, "permission", f"needs the permission {Permission.ORDER_CUTS.value}")

    def work(session: Session) -> fleet_shapes.WorkOrderOut:
        wanted = Wanted(
            body.kind,
            body.supply,
            body.cause,
            body.instructions,
            body.planned_on,
            contract=body.contract,
            finding_id=body.finding_id,
            details={"final": True} if body.final else {},
        )
        device = None if body.device_id is None else _device(session, caller, body.device_id)
        order = order_work(session, caller.utility_id, wanted, device=device, by=by(caller, body))
        return fleet_shapes.WorkOrderOut.model_validate(order)

    return once(request, caller, key, body, work)


@router.post("/work-orders/{number}/assignment", response_model=fleet_shapes.WorkOrderOut, responses=MAKES)
def give_order(request: Request, caller: Planner, key: Key, number: Number, body: Assignment) -> Response:
    """Give an order to a device; it is sent with the next message."""

    def work(session: Session) -> fleet_shapes.WorkOrderOut:
        order = _order(session, caller, number)
        device = _device(session, caller, body.device_id)
        assign_order(session, order, device, planned_on=body.planned_on, by=by(caller, body))
        return fleet_shapes.WorkOrderOut.model_validate(order)

    return once(request, caller, key, body, work, 200)


@router.post("/work-orders/{number}/withdrawal", response_model=fleet_shapes.WorkOrderOut, responses=MAKES)
def withdraw_order(request: Request, caller: Planner, key: Key, number: Number, body: Withdrawal) -> Response:
    """Withdraw an order that is not done."""

    def work(session: Session) -> fleet_shapes.WorkOrderOut:
        order = _order(session, caller, number)
        cancel_order(session, order, by=by(caller, body))
        return fleet_shapes.WorkOrderOut.model_validate(order)

    return once(request, caller, key, body, work, 200)


@router.post("/order-reports/{number}/decision", response_model=fleet_shapes.OrderReportOut, responses=MAKES)
def decide_report(request: Request, caller: Planner, key: Key, number: Number, body: Decision) -> Response:
    """Apply a report that contradicts the register after all, or leave it aside."""

    def work(session: Session) -> fleet_shapes.OrderReportOut:
        report = one_of(session, models.OrderReport, models.OrderReport.id, caller.utility_id, number)
        keys = request.app.state.keys
        ring = KeyRing.load(keys) if keys else None
        outcomes.decide(session, report, apply=body.apply, ring=ring, by=by(caller, body))
        return fleet_shapes.OrderReportOut.model_validate(report)

    return once(request, caller, key, body, work, 200)


@router.post("/contracts/{number}/cut-facts", status_code=201, response_model=fleet_shapes.CutFactOut, responses=MAKES)
def record_fact(request: Request, caller: Cutter, key: Key, number: Number, body: NewFact) -> Response:
    """Keep a step that was taken towards a cut, or what forbids it."""

    def work(session: Session) -> fleet_shapes.CutFactOut:
        contract = one_of(session, models.Contract, models.Contract.id, caller.utility_id, number)
        fact = cuts.record_fact(
            session,
            contract,
            body.kind,
            body.since,
            body.reference,
            until=body.until,
            cents=body.cents,
            by=by(caller, body),
        )
        return fleet_shapes.CutFactOut.model_validate(fact)

    return once(request, caller, key, body, work)


@router.post("/cut-facts/{number}/retirement", response_model=fleet_shapes.CutFactOut, responses=MAKES)
def retire_fact(request: Request, caller: Cutter, key: Key, number: Number, body: Withdrawal) -> Response:
    """Say that a fact does not hold any more."""

    def work(session: Session) -> fleet_shapes.CutFactOut:
        fact = one_of(session, models.CutFact, models.CutFact.id, caller.utility_id, number)
        cuts.retire_fact(session, fact, by=by(caller, body))
        return fleet_shapes.CutFactOut.model_validate(fact)

    return once(request, caller, key, body, work, 200)


@router.get("/contracts/{number}/cut", response_model=fleet_shapes.CutCheckOut, responses=READ)
def check_cut(caller: Viewer, number: Number, asked: Annotated[OnDay, Query()]) -> Response:
    """Whether a contract may be cut for its debt on a day, and every rule that forbids it."""
    today = local_day(millis(caller.now))
    on = asked.on or today
    with read_session(caller.engine) as session:
        contract = one_of(session, models.Contract, models.Contract.id, caller.utility_id, number)
        found = cuts.forbidden(session, contract, on, caller.now)
        told = {
            "contract_id": number,
            "on": on,
            "lawful": not found,
            "debt_eur": balance(session, caller.utility_id, contract.id, today),
            "law": cuts.rules_for(session, caller.utility_id).source,
            "refusals": [{"rule": one.rule, "text": one.text} for one in found],
        }
    return answer(fleet_shapes.CutCheckOut.model_validate(told))


def _route(session: Session, caller: Caller, number: int) -> models.Route:
    return one_of(session, models.Route, models.Route.id, caller.utility_id, number)


def _order(session: Session, caller: Caller, number: int) -> models.WorkOrder:
    return one_of(session, models.WorkOrder, models.WorkOrder.id, caller.utility_id, number)


def _device(session: Session, caller: Caller, number: int) -> models.Device:
    return one_of(session, models.Device, models.Device.id, caller.utility_id, number)
