"""Work orders in the office: made, given to devices, withdrawn; what devices reported; what allows a cut."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from central.access import Identity, Permission, allows
from central.collection.posting import balance
from central.fleet import cuts, kinds, outcomes, queries
from central.fleet.orders import Wanted, assign_order, cancel_order, find_order, order_work
from central.register import KeyRing, RegisterError
from central.register.contracts import find_contract
from central.store import Session, read_session, write_session
from central.store.models import Contract, WorkOrder
from central.times import local_day, millis
from portal.pages import render
from portal.security import may
from portal.typed import by, cents, day, device, given

router = APIRouter(prefix="/oficina/ordenes")
Office = Annotated[Identity, Depends(may(Permission.SEE_REGISTER))]
Planner = Annotated[Identity, Depends(may(Permission.PLAN_FIELDWORK))]
Cutter = Annotated[Identity, Depends(may(Permission.ORDER_CUTS))]
Text = Annotated[str, Form()]
FIELDS = ("clase", "suministro", "causa", "instrucciones", "terminal", "dia", "contrato", "hallazgo")
NOTHING = dict.fromkeys(FIELDS, "")
# What is done about a finding is this unless somebody says otherwise.
USUAL = {"stopped_meter": kinds.REPLACE, "backwards": kinds.READ, "spike": kinds.READ, "high_low": kinds.READ}


@router.get("")
def show_all(
    request: Request,
    identity: Office,
    estado: str = "",
    clase: str = "",
    antes: int | None = None,
    suministro: str = "",
    hallazgo: int | None = None,
    para: str = "",
) -> Response:
    """The orders, those that wait for a decision first, and the form to make one."""
    said = NOTHING | {
        "suministro": suministro[:64],
        "hallazgo": "" if hallazgo is None else str(hallazgo),
        "clase": para if para in kinds.KINDS else "",
        "causa": "finding" if hallazgo is not None else "staff",
    }
    return _list(request, identity, said, status=estado, kind=clase, before=antes)


@router.post("")
def make(
    request: Request,
    identity: Planner,
    clase: Text = "",
    suministro: Text = "",
    causa: Text = "",
    instrucciones: Text = "",
    terminal: Text = "",
    dia: Text = "",
    contrato: Text = "",
    hallazgo: Text = "",
) -> Response:
    """Make an order; what forbids it, the law's rule for a cut, is told beside the form."""
    values = (clase, suministro, causa, instrucciones, terminal, dia, contrato, hallazgo)
    said = dict(zip(FIELDS, (value.strip() for value in values), strict=True))
    try:
        if said["clase"] == kinds.CUT and not allows(identity, Permission.ORDER_CUTS):
            raise RegisterError("clase", said["clase"], "only a supervisor orders a cut")
        with write_session(request.app.state.engine) as session:
            carrier = device(session, identity, said["terminal"]) if said["terminal"] else None
            made = order_work(session, identity.utility_id, _wanted(said), device=carrier, by=by(identity)).code
    except ValueError as error:
        return _list(request, identity, said, error=str(error))
    return RedirectResponse(f"/oficina/ordenes/{made}", 303)


@router.get("/cortes")
def cut_page(request: Request, identity: Office, contrato: str = "", dia: str = "") -> Response:
    """What allows the cut of a contract on a day, and what forbids it."""
    return _cut(request, identity, contrato.strip(), dia.strip())


@router.post("/cortes")
def record_fact(
    request: Request,
    identity: Cutter,
    contrato: Text = "",
    hecho: Text = "",
    desde: Text = "",
    hasta: Text = "",
    importe: Text = "",
    referencia: Text = "",
) -> Response:
    """Keep a step that was taken, or what forbids a cut."""
    try:
        with write_session(request.app.state.engine) as session:
            cuts.record_fact(
                session,
                _contract(session, identity, contrato.strip()),
                hecho,
                day("desde", desde),
                referencia.strip(),
                until=given(day, "hasta", hasta),
                cents=given(cents, "importe", importe),
                by=by(identity),
            )
    except ValueError as error:
        return _cut(request, identity, contrato.strip(), "", str(error))
    return RedirectResponse(f"/oficina/ordenes/cortes?contrato={contrato.strip()}", 303)


@router.get("/{code}")
def show_one(request: Request, identity: Office, code: str) -> Response:
    """An order with everything that devices reported of it."""
    return _one(request, identity, code)


@router.post("/{code}/asignar")
def assign(request: Request, identity: Planner, code: str, terminal: Text = "", dia: Text = "") -> Response:
    """Give the order to a device."""

    def work(session: Session, order: WorkOrder) -> None:
        on = given(day, "dia", dia)
        assign_order(session, order, device(session, identity, terminal), planned_on=on, by=by(identity))

    return _change(request, identity, code, work)


@router.post("/{code}/retirar")
def cancel(request: Request, identity: Planner, code: str, motivo: Text = "") -> Response:
    """Withdraw the order."""
    return _change(
        request, identity, code, lambda session, order: cancel_order(session, order, by=by(identity, motivo))
    )


@router.post("/{code}/partes/{report_id}")
def decide(
    request: Request, identity: Planner, code: str, report_id: int, decision: Text = "", motivo: Text = ""
) -> Response:
    """Apply a report that contradicts the register after all, or leave it aside."""
    keys = request.app.state.config.keys

    def work(session: Session, _order: WorkOrder) -> None:
        report = queries.find_report(session, identity.utility_id, report_id)
        if report is None:
            raise HTTPException(404)
        ring = KeyRing.load(keys) if keys else None
        outcomes.decide(session, report, apply=decision == "aplicar", ring=ring, by=by(identity, motivo))

    return _change(request, identity, code, work)


def _change(request: Request, identity: Identity, code: str, work: Any) -> Response:
    try:
        with write_session(request.app.state.engine) as session:
            order = find_order(session, identity.utility_id, code)
            if order is None:
                raise HTTPException(404)
            work(session, order)
    except ValueError as error:
        return _one(request, identity, code, str(error))
    return RedirectResponse(f"/oficina/ordenes/{code}", 303)


def _wanted(said: dict[str, str]) -> Wanted:
    return Wanted(
        kind=said["clase"],
        supply=said["suministro"],
        cause=said["causa"],
        instructions=said["instrucciones"],
        planned_on=given(day, "dia", said["dia"]),
        contract=said["contrato"] or None,
        finding_id=int(said["hallazgo"]) if said["hallazgo"].isdecimal() else None,
    )


def _list(
    request: Request,
    identity: Identity,
    said: dict[str, str],
    *,
    status: str = "",
    kind: str = "",
    before: int | None = None,
    error: str = "",
) -> Response:
    filters = queries.OrderFilters(
        status=status if status in kinds.STATUSES else None, kind=kind if kind in kinds.KINDS else None
    )
    with read_session(request.app.state.engine) as session:
        found = queries.orders(session, identity.utility_id, filters, before=before)
        counts = queries.counts(session, identity.utility_id)
        waiting = queries.conflicts(session, identity.utility_id)
        work = queries.findings_to_work_on(session, identity.utility_id)
        devices = [device.name for device in queries.devices(session, identity.utility_id)]
    return render(
        request,
        "orders.html",
        422 if error else 200,
        found=found,
        counts=counts,
        waiting=waiting,
        work=work,
        usual=USUAL,
        devices=devices,
        status_filter=status,
        following=found[-1].id if len(found) == queries.PAGE else None,
        kinds=list(kinds.KINDS),
        causes=sorted({cause for one in kinds.KINDS.values() for cause in one.causes} - {"reread", "paid"}),
        given=said,
        error=error,
        may_plan=allows(identity, Permission.PLAN_FIELDWORK),
    )


def _one(request: Request, identity: Identity, code: str, error: str = "") -> Response:
    with read_session(request.app.state.engine) as session:
        found = queries.find(session, identity.utility_id, code)
        if found is None:
            raise HTTPException(404)
        reports = queries.reports_of(session, identity.utility_id, code)
        devices = [device.name for device in queries.devices(session, identity.utility_id)]
    return render(
        request,
        "order.html",
        422 if error else 200,
        found=found,
        reports=reports,
        devices=devices,
        error=error,
        may_plan=allows(identity, Permission.PLAN_FIELDWORK),
        is_open=found.status in (*kinds.OPEN, kinds.IMPOSSIBLE),
    )


def _cut(request: Request, identity: Identity, contract: str, on: str, error: str = "") -> Response:
    today = local_day(millis(datetime.now(UTC)))
    values: dict[str, Any] = {"facts": [], "refusals": None, "debt": 0, "law": ""}
    asked = today
    try:
        asked = given(day, "dia", on) or today
        with read_session(request.app.state.engine) as session:
            if contract:
                found = _contract(session, identity, contract)
                values = {
                    "facts": list(cuts.facts_of(session, found)),
                    "refusals": cuts.forbidden(session, found, asked, datetime.now(UTC)),
                    "debt": balance(session, identity.utility_id, found.id, today),
                    "law": cuts.rules_for(session, identity.utility_id).source,
                }
    except ValueError as refused:
        error = error or str(refused)
    return render(
        request,
        "cuts.html",
        422 if error else 200,
        contract=contract,
        on=asked,
        kinds=(*cuts.STEPS, *cuts.PROTECTIONS),
        error=error,
        may_record=allows(identity, Permission.ORDER_CUTS),
        **values,
    )


def _contract(session: Session, identity: Identity, code: str) -> Contract:
    found = find_contract(session, identity.utility_id, code)
    if found is None:
        raise RegisterError("contrato", code, "is not registered")
    return found
