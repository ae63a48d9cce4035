"""Rectifying invoices in the office: propose, see before and after, and have another person decide."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from billing.fiscal import FiscalError
from billing.invoice import InvoiceError, InvoiceType
from central.access import Identity, Permission, allows
from central.invoicing.rectify import Request as Asked
from central.invoicing.rectify import issue, propose, reject
from central.invoicing.rectify.leak import Evidence
from central.invoicing.rectify.queries import proposal, rectification, rectifications
from central.invoicing.rectify.standing import invoice_named
from central.invoicing.states import RunError
from central.register import KeyRing
from central.store import read_session, write_session
from central.times import local_day, millis
from central.typed import TypedError
from portal.pages import render
from portal.security import may
from portal.typed import day, given

router = APIRouter(prefix="/oficina/rectificativas")
Office = Annotated[Identity, Depends(may(Permission.SEE_RUNS))]
Maker = Annotated[Identity, Depends(may(Permission.MAKE_RUNS))]
Approver = Annotated[Identity, Depends(may(Permission.APPROVE_RUNS))]
Text = Annotated[str, Form()]

DAYS_TO_PAY = 30
CAUSES = {
    "correct": "Calcular otra vez con las lecturas, la tarifa y los datos de ahora",
    "spread": "Repartir por días lo estimado, con la lectura real posterior",
    "leak": "Aplicar el precio de fuga, con la reparación acreditada",
    "cancel": "Anular la factura entera",
}
KINDS = {
    "R4": "R4 · error de lectura u otra causa",
    "R1": "R1 · cambio de precio, devolución o error de derecho (art. 80.1 y 80.2 LIVA)",
    "R2": "R2 · concurso de acreedores (art. 80.3 LIVA)",
    "R3": "R3 · crédito incobrable (art. 80.4 LIVA)",
}
METHODS = {"I": "Por diferencias", "S": "Por sustitución"}
NOTHING = {
    "facturas": "",
    "causa": "correct",
    "tipo": "R4",
    "metodo": "I",
    "serie": "R",
    "motivo": "",
    "hasta": "",
    "reparada": "",
    "oculta": "",
}


@router.get("")
def show_all(request: Request, identity: Office, factura: str = "") -> Response:
    """The proposals, and the form to make one; ``factura`` fills in an invoice's number."""
    return _list(request, identity, NOTHING | {"facturas": factura[:60]}, "")


@router.post("")
def make(
    request: Request,
    identity: Maker,
    facturas: Text = "",
    causa: Text = "",
    tipo: Text = "",
    metodo: Text = "",
    serie: Text = "",
    motivo: Text = "",
    hasta: Text = "",
    reparada: Text = "",
    oculta: Text = "",
) -> Response:
    """Store a proposal; what forbids it is told beside the form."""
    said = dict(zip(NOTHING, (facturas, causa, tipo, metodo, serie, motivo, hasta, reparada, oculta), strict=True))
    try:
        with write_session(request.app.state.engine) as session:
            numbers = [number for number in facturas.replace(",", " ").split() if number]
            ids = tuple(invoice_named(session, identity.utility_id, number).id for number in numbers)
            asked = _asked(ids, said)
            made = propose(session, identity.utility_id, asked, identity.login, datetime.now(UTC)).id
    except (RunError, ValueError) as error:
        return _list(request, identity, said, str(error))
    return RedirectResponse(f"/oficina/rectificativas/{made}", 303)


@router.get("/{rectification_id}")
def show_one(request: Request, identity: Office, rectification_id: int) -> Response:
    """A proposal: each bill before and after, line by line, and what was decided."""
    return _one(request, identity, rectification_id, "")


@router.post("/{rectification_id}/emitir")
def decide(request: Request, identity: Approver, rectification_id: int, vence: Text = "") -> Response:
    """Issue the rectifying invoices; the person who proposed them is refused."""
    try:
        due = day("vence", vence)
        with write_session(request.app.state.engine) as session:
            row = _proposal(session, identity, rectification_id)
            keys = request.app.state.config.keys
            ring = KeyRing.load(keys) if keys else None
            now = datetime.now(UTC)
            issue(session, row, identity.login, now, issue_date=local_day(millis(now)), due_date=due, ring=ring)
    except (RunError, FiscalError, InvoiceError, ValueError) as error:
        return _one(request, identity, rectification_id, str(error))
    return RedirectResponse(f"/oficina/rectificativas/{rectification_id}", 303)


@router.post("/{rectification_id}/rechazar")
def turn_down(request: Request, identity: Approver, rectification_id: int, motivo: Text = "") -> Response:
    """Reject a proposal with a reason."""
    try:
        with write_session(request.app.state.engine) as session:
            row = _proposal(session, identity, rectification_id)
            reject(session, row, identity.login, datetime.now(UTC), motivo)
    except RunError as error:
        return _one(request, identity, rectification_id, str(error))
    return RedirectResponse(f"/oficina/rectificativas/{rectification_id}", 303)


def _asked(ids: tuple[int, ...], said: dict[str, str]) -> Asked:
    for field, known in (("tipo", KINDS), ("metodo", METHODS)):
        if said[field] not in known:
            raise TypedError(field, said[field], f"must be one of {', '.join(known)}")
    method: Any = said["metodo"]
    kind, series, until = InvoiceType(said["tipo"]), said["serie"].strip(), given(day, "hasta", said["hasta"])
    return Asked(ids, said["causa"], kind, method, series, said["motivo"], until, _evidence(said))


def _evidence(said: dict[str, str]) -> Evidence:
    """What was brought with a claim for a leak."""
    return Evidence(bool(said["oculta"]), given(day, "reparada", said["reparada"]))


def _list(request: Request, identity: Identity, said: dict[str, str], error: str) -> Response:
    with read_session(request.app.state.engine) as session:
        found = rectifications(session, identity.utility_id)
    return render(
        request,
        "rectifications.html",
        status=422 if error else 200,
        found=found,
        given=said,
        error=error,
        causes=CAUSES,
        kinds=KINDS,
        methods=METHODS,
        may_make=allows(identity, Permission.MAKE_RUNS),
    )


def _one(request: Request, identity: Identity, rectification_id: int, error: str) -> Response:
    with read_session(request.app.state.engine) as session:
        found = rectification(session, identity.utility_id, rectification_id)
    if found is None:
        raise HTTPException(404)
    listed, previews = found
    return render(
        request,
        "rectification.html",
        status=422 if error else 200,
        found=listed,
        previews=previews,
        error=error,
        kinds=KINDS,
        methods=METHODS,
        causes=CAUSES,
        due=local_day(millis(datetime.now(UTC))) + timedelta(days=DAYS_TO_PAY),
        may_decide=allows(identity, Permission.APPROVE_RUNS) and identity.login != listed.proposed_by,
    )


def _proposal(session: Any, identity: Identity, rectification_id: int) -> Any:
    row = proposal(session, identity.utility_id, rectification_id)
    if row is None:
        raise HTTPException(404)
    return row
