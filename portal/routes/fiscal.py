"""Fiscal records at the office: how far each is on its way to the tax agency, and what to do where it was refused."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from billing.fiscal import FiscalError
from billing.fiscal.answers import DUPLICATE
from billing.invoice import ForeignId, Party
from central.access import Identity, Permission, allows
from central.config import ConfigError
from central.fiscal import queries, supply
from central.fiscal.bodies import signed_invoice
from central.fiscal.desk import correct
from central.fiscal.systems import SII
from central.invoicing import regimes
from central.invoicing.states import RunError
from central.store import read_session, write_session
from central.times import local_day, millis
from portal.pages import render
from portal.security import may

router = APIRouter(prefix="/oficina/fiscal")
Office = Annotated[Identity, Depends(may(Permission.SEE_RUNS))]
Maker = Annotated[Identity, Depends(may(Permission.MAKE_RUNS))]
Decider = Annotated[Identity, Depends(may(Permission.APPROVE_RUNS))]
SYSTEMS = {
    "verifactu": "VERI*FACTU",
    "no_verifactu": "VERI*FACTU sin remisión (registros firmados y registro de eventos)",
    "sii": "SII, suministro inmediato de información",
    "none": "ninguno (exento)",
}
NAMES: dict[queries.State, str] = {
    "waiting": "pendiente de respuesta",
    "accepted": "aceptado",
    "accepted_with_errors": "aceptado con errores",
    "rejected": "rechazado",
    "mended": "subsanado",
}


@router.get("")
def list_records(
    request: Request, identity: Office, estado: str = "", antes: int | None = None, sistema: str = ""
) -> Response:
    """One system's records, the newest first, filtered by the URL, page by page; and which system holds since when."""
    state = next((known for known in queries.STATES if known == estado), None)
    if estado and state is None:
        raise HTTPException(404)
    with read_session(request.app.state.engine) as session:
        owner, today = identity.utility_id, local_day(millis(datetime.now(UTC)))
        spans, used = regimes.spans(session, owner), queries.systems(session, owner)
        now = [span for span in spans if span.start <= today][-1].fiscal.system
        system = sistema or (now if now in used or not used else used[-1])
        if system not in SYSTEMS:
            raise HTTPException(404)
        counts = queries.counts(session, owner, system=system)
        rows = queries.records(session, owner, state, before=antes, system=system)
        lines = [one for one in queries.troubled(session) if (one.utility_id, one.system) == (owner, system)]
        open_changes = [row for row in regimes.regimes(session, owner) if row.decision is None]
        due = list(supply.open_entries(session, owner)) if system == SII and SII in used else []
    shown: dict[str, Any] = {
        "rows": rows,
        "counts": counts,
        "names": NAMES,
        "state": state,
        "line": lines[0] if lines else None,
        "following": rows[-1].position if len(rows) == queries.PAGE else None,
        "system": system,
        "systems": SYSTEMS,
        "used": used,
        "spans": [None if span.start == regimes.EVER else span.start for span in spans],
        "held": [span.fiscal.system for span in spans],
        "changes": open_changes,
        "first_due": min((one.due for one in due), default=None),
        "due": len(due),
        "today": today,
        "may_decide": allows(identity, Permission.APPROVE_RUNS),
        "me": identity.login,
    }
    return render(request, "fiscal.html", **shown)


@router.post("/sistemas/{change_id}/confirmar")
def confirm(request: Request, identity: Decider, change_id: int) -> Response:
    """Put a change of system in force that another person proposed."""
    try:
        with write_session(request.app.state.engine) as session:
            row = regimes.regime(session, identity.utility_id, change_id)
            regimes.confirm(session, row, identity.login, datetime.now(UTC))
    except RunError as refused:
        return render(request, "fiscal_refused.html", 409, error=str(refused))
    return RedirectResponse("/oficina/fiscal", 303)


@router.post("/sistemas/{change_id}/rechazar")
def reject(request: Request, identity: Decider, change_id: int, motivo: Annotated[str, Form()] = "") -> Response:
    """Decide against a change of system."""
    try:
        with write_session(request.app.state.engine) as session:
            row = regimes.regime(session, identity.utility_id, change_id)
            regimes.reject(session, row, identity.login, datetime.now(UTC), motivo)
    except RunError as refused:
        return render(request, "fiscal_refused.html", 409, error=str(refused))
    return RedirectResponse("/oficina/fiscal", 303)


@router.get("/{record_id}")
def show_record(request: Request, identity: Office, record_id: int) -> Response:
    """One record, what the agency said of it, and what can be done."""
    return _page(request, identity, record_id)


@router.post("/{record_id}/subsanar")
def mend(
    request: Request,
    identity: Maker,
    record_id: int,
    motivo: Annotated[str, Form()] = "",
    nombre: Annotated[str, Form()] = "",
    nif: Annotated[str, Form()] = "",
    otra: Annotated[str, Form()] = "",
) -> Response:
    """Chain a record that mends this one; it goes with the next message."""
    try:
        recipient = _recipient(nombre.strip(), nif.strip(), otra.strip())
        with write_session(request.app.state.engine) as session:
            made = correct(
                session, identity.utility_id, record_id, recipient, identity.login, datetime.now(UTC), motivo
            )
    except FiscalError as refused:
        return _page(request, identity, record_id, status=422, error=str(refused))
    return RedirectResponse(f"/oficina/fiscal/{made.record_id}", 303)


@router.get("/{record_id}/facturae.xsig")
def download(request: Request, identity: Office, record_id: int) -> Response:
    """The record's invoice as FACe takes it, signed."""
    config = request.app.state.config.facturae
    found = _found(request, identity, record_id)
    if config is None:
        return _page(request, identity, record_id, status=422, error="El portal no tiene certificado para firmar.")
    try:
        with read_session(request.app.state.engine) as session:
            content = signed_invoice(session, identity.utility_id, found.number, config)
    except (FiscalError, ConfigError) as refused:
        return _page(request, identity, record_id, status=422, error=str(refused))
    name = quote(found.number.replace("/", "-"))
    headers = {"Content-Disposition": f'attachment; filename="{name}.xsig"'}
    return Response(content, media_type="application/xml", headers=headers)


def _page(request: Request, identity: Identity, record_id: int, status: int = 200, error: str = "") -> Response:
    found = _found(request, identity, record_id)
    return render(request, "fiscal_record.html", status, record=found, names=NAMES, error=error, advice=_advice(found))


def _found(request: Request, identity: Identity, record_id: int) -> queries.Shown:
    with read_session(request.app.state.engine) as session:
        found = queries.find(session, identity.utility_id, record_id)
    if found is None:
        raise HTTPException(404)
    return found


def _advice(found: queries.Shown) -> str:
    """What to do, in words; empty where nothing is to be done."""
    if found.state not in ("rejected", "accepted_with_errors"):
        return ""
    if found.code == DUPLICATE:
        return (
            "La Agencia ya tenía un registro de esta factura que no salió de aquí. Compruebe quién lo remitió antes "
            "de subsanar."
        )
    if "NIF" in found.text or "censo" in found.text:
        return (
            "Compruebe nombre y NIF del titular. Si no está en el censo, indique su otra identificación; después, "
            "subsane el registro."
        )
    return (
        "Corrija la causa y subsane el registro. Si son los importes los que están mal, no se subsana: emita una "
        "factura rectificativa."
    )


def _recipient(name: str, nif: str, other: str) -> Party | None:
    """The corrected recipient, or None where the form's fields are empty."""
    if not (name or nif or other):
        return None
    if not name or bool(nif) == bool(other):
        raise FiscalError("nombre: escriba el nombre y, o bien el NIF, o bien la otra identificación")
    return Party(name, nif, foreign_id=ForeignId("07", other, "ES") if other else None)
