"""Paying credits back in the office: asked for, decided by another person, sent to the bank, paid or returned."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Request
from starlette.responses import RedirectResponse, Response

from central.access import Identity, Permission, allows
from central.collection import refund_queries as queries
from central.collection import refunds as service
from central.collection.credits import NET, REFUND, credits_of, hidden
from central.register import RegisterError
from central.register.contracts import find_contract
from central.store import Session, read_session, write_session
from central.store.models import Refund
from central.times import local_day, millis
from portal.pages import render
from portal.security import may
from portal.typed import LONGEST_REASON, cents, day, given

router = APIRouter(prefix="/oficina/devoluciones")
Office = Annotated[Identity, Depends(may(Permission.SEE_RUNS))]
Maker = Annotated[Identity, Depends(may(Permission.MAKE_RUNS))]
Approver = Annotated[Identity, Depends(may(Permission.APPROVE_RUNS))]
Text = Annotated[str, Form()]
Number = Annotated[int, Path(ge=0, lt=2**63)]

HOME = "/oficina/devoluciones"
CREDITS_PAGE = 100
STATES = {
    "asked": "pedida",
    "approved": "aprobada",
    "sent": "enviada al banco",
    "paid": "pagada",
    "returned": "vuelta del banco",
    "rejected": "rechazada",
}
TONES = {"asked": "warn", "approved": "warn", "sent": "", "paid": "ok", "returned": "bad", "rejected": ""}
WORDS: dict[str, Any] = {"states": STATES, "tones": TONES}
FATES = {REFUND: "se devuelve: quien lo tiene ya no es titular", NET: "se descuenta en la próxima factura"}
NOTHING = {"contrato": "", "titular": "", "importe": "", "iban": "", "motivo": "", "desde": ""}


@router.get("")
def show_all(
    request: Request, identity: Office, estado: str = "", antes: str = "", ordenes: str = "", pedidas: str = ""
) -> Response:
    """The refunds by state, what waits to be sent, and the orders that were."""
    return _list(request, identity, estado, _number(antes), _number(ordenes), asked=_number(pedidas))


@router.post("")
def ask(
    request: Request,
    identity: Maker,
    contrato: Text = "",
    titular: Text = "",
    importe: Text = "",
    iban: Text = "",
    motivo: Text = "",
) -> Response:
    """Ask that a credit be paid back to whose it is; what forbids it is told beside the form."""
    said = NOTHING | {"contrato": contrato.strip(), "titular": titular.strip(), "importe": importe, "iban": iban}
    said["motivo"] = motivo
    try:
        with write_session(request.app.state.engine) as session:
            made = service.ask(
                session,
                identity.utility_id,
                said["contrato"],
                identity.login,
                datetime.now(UTC),
                reason=motivo[:LONGEST_REASON],
                cents=given(cents, "importe", importe),
                iban=iban.strip(),
                customer=titular,
            ).id
    except ValueError as error:
        return _credits(request, identity, said, error=str(error))
    return RedirectResponse(f"{HOME}/{made}", 303)


@router.post("/bajas")
def ask_all(request: Request, identity: Maker, desde: Text = "", motivo: Text = "") -> Response:
    """Ask for every credit of who left and whose account is known."""
    said = NOTHING | {"desde": desde, "motivo": motivo}
    try:
        with write_session(request.app.state.engine) as session:
            least = given(cents, "desde", desde) or 1
            now = datetime.now(UTC)
            made = service.ask_all(
                session, identity.utility_id, identity.login, now, reason=motivo[:LONGEST_REASON], least=least
            )
    except ValueError as error:
        return _credits(request, identity, said, error=str(error))
    return RedirectResponse(f"{HOME}?estado=asked&pedidas={len(made)}", 303)


@router.get("/saldos")
def show_credits(
    request: Request, identity: Office, contrato: str = "", titular: str = "", destino: str = REFUND, desde: str = ""
) -> Response:
    """What is owed to whom and what becomes of it, and the form that asks for it to be paid back."""
    said = NOTHING | {"contrato": contrato.strip()[:64], "titular": titular.strip()[:64]}
    return _credits(request, identity, said, fate=destino, start=_number(desde) or 0)


@router.post("/ordenes")
def export(request: Request, identity: Approver, iban: Text = "", fecha: Text = "") -> Response:
    """Put everything approved into one file for the bank."""
    try:
        with write_session(request.app.state.engine) as session:
            on, now = day("fecha", fecha), datetime.now(UTC)
            made = service.export(session, identity.utility_id, identity.login, now, iban=iban, execute_on=on).code
    except ValueError as error:
        return _list(request, identity, "", said={"iban": iban, "fecha": fecha}, error=str(error))
    return RedirectResponse(f"{HOME}/ordenes/{made}", 303)


@router.get("/ordenes/{code}")
def show_order(request: Request, identity: Office, code: str) -> Response:
    """An order with its transfers."""
    return _order(request, identity, code)


@router.get("/ordenes/{code}/fichero.xml")
def download(request: Request, identity: Approver, code: str) -> Response:
    """The file of an order, byte for byte as it was made, with whole accounts."""
    try:
        with read_session(request.app.state.engine) as session:
            content = service.order_named(session, identity.utility_id, code).content
    except service.RefundError as error:
        raise HTTPException(404) from error
    headers = {"Content-Disposition": f'attachment; filename="{code}.xml"'}
    return Response(content.encode(), media_type="application/xml", headers=headers)


@router.post("/ordenes/{code}/pagada")
def tell_paid(request: Request, identity: Maker, code: str, fecha: Text = "") -> Response:
    """The bank carried an order out."""
    try:
        with write_session(request.app.state.engine) as session:
            row = service.order_named(session, identity.utility_id, code)
            service.paid(session, row, identity.login, datetime.now(UTC), day("fecha", fecha))
    except ValueError as error:
        return _order(request, identity, code, str(error))
    return RedirectResponse(f"{HOME}/ordenes/{code}", 303)


@router.get("/{refund_id}")
def show_one(request: Request, identity: Office, refund_id: Number) -> Response:
    """A refund: whose, where to, who asked and decided, and what can be done."""
    return _one(request, identity, refund_id)


@router.post("/{refund_id}/aprobar")
def approve(request: Request, identity: Approver, refund_id: Number) -> Response:
    """Decide that it is paid back; the person who asked for it is refused."""
    now = datetime.now(UTC)
    return _act(request, identity, refund_id, lambda session, row: service.approve(session, row, identity.login, now))


@router.post("/{refund_id}/rechazar")
def reject(request: Request, identity: Approver, refund_id: Number, motivo: Text = "") -> Response:
    """Decide against it, with a reason."""
    now, why = datetime.now(UTC), motivo[:LONGEST_REASON]
    return _act(
        request, identity, refund_id, lambda session, row: service.reject(session, row, identity.login, now, why)
    )


@router.post("/{refund_id}/devuelta")
def tell_returned(
    request: Request, identity: Maker, refund_id: Number, fecha: Text = "", motivo: Text = ""
) -> Response:
    """The bank gave a transfer back: the contract has its credit again."""

    def work(session: Session, row: Refund) -> None:
        on = day("fecha", fecha)
        service.returned(session, row, identity.login, datetime.now(UTC), on, motivo[:LONGEST_REASON])

    return _act(request, identity, refund_id, work)


def _act(request: Request, identity: Identity, refund_id: int, work: Callable[[Session, Refund], None]) -> Response:
    """Do something to a refund and show it again; what is refused is told on its page."""
    try:
        with write_session(request.app.state.engine) as session:
            if queries.find(session, identity.utility_id, refund_id) is None:
                raise HTTPException(404)
            work(session, service.refund_of(session, identity.utility_id, refund_id))
    except ValueError as error:
        return _one(request, identity, refund_id, str(error))
    return RedirectResponse(f"{HOME}/{refund_id}", 303)


def _list(
    request: Request,
    identity: Identity,
    state: str,
    before: int | None = None,
    orders_before: int | None = None,
    *,
    asked: int | None = None,
    said: dict[str, str] | None = None,
    error: str = "",
) -> Response:
    if state not in ("", *STATES):
        raise HTTPException(404)
    with read_session(request.app.state.engine) as session:
        found = queries.page(session, identity.utility_id, state or None, before=before)
        counts = queries.counts(session, identity.utility_id)
        sending = queries.sending(session, identity.utility_id)
        orders = queries.orders(session, identity.utility_id, before=orders_before)
    usual = {"iban": orders[0].debtor_iban if orders else "", "fecha": _today().isoformat()}
    return render(
        request,
        "refunds.html",
        422 if error else 200,
        found=found,
        counts=counts,
        sending=sending,
        orders=orders,
        state=state,
        asked=asked,
        following=found[-1].refund.id if len(found) == queries.PAGE else None,
        earlier=orders[-1].id if len(orders) == queries.PAGE else None,
        given=said or usual,
        error=error,
        hidden=hidden,
        may_ask=allows(identity, Permission.MAKE_RUNS),
        may_export=allows(identity, Permission.APPROVE_RUNS),
        **WORDS,
    )


def _credits(
    request: Request, identity: Identity, said: dict[str, str], *, fate: str = REFUND, start: int = 0, error: str = ""
) -> Response:
    if fate not in ("", *FATES):
        raise HTTPException(404)
    with read_session(request.app.state.engine) as session:
        code = said["contrato"]
        contract = find_contract(session, identity.utility_id, code) if code else None
        if code and contract is None:
            error = error or str(RegisterError("contrato", code, "is not registered"))
        ids = [contract.id] if contract else [] if code else None
        every = credits_of(session, identity.utility_id, _today(), ids)
    found = [one for one in every if code or not fate or one.fate == fate]
    end = start + CREDITS_PAGE
    return render(
        request,
        "credits.html",
        422 if error else 200,
        found=found[start:end],
        total=len(found),
        cents=sum(one.cents for one in found),
        start=start,
        following=end if end < len(found) else None,
        fate=fate,
        fates=FATES,
        given=said,
        error=error,
        hidden=hidden,
        may_ask=allows(identity, Permission.MAKE_RUNS),
    )


def _one(request: Request, identity: Identity, refund_id: int, error: str = "") -> Response:
    with read_session(request.app.state.engine) as session:
        found = queries.find(session, identity.utility_id, refund_id)
    if found is None:
        raise HTTPException(404)
    one, order = found
    return render(
        request,
        "refund.html",
        422 if error else 200,
        found=one,
        row=one.refund,
        order=order,
        account=hidden(one.refund.iban),
        today=_today(),
        error=error,
        may_decide=allows(identity, Permission.APPROVE_RUNS) and identity.login != one.refund.asked_by,
        may_tell=allows(identity, Permission.MAKE_RUNS),
        **WORDS,
    )


def _order(request: Request, identity: Identity, code: str, error: str = "") -> Response:
    with read_session(request.app.state.engine) as session:
        found = queries.order(session, identity.utility_id, code)
    if found is None:
        raise HTTPException(404)
    order, transfers = found
    return render(
        request,
        "refund_order.html",
        422 if error else 200,
        order=order,
        transfers=transfers,
        today=_today(),
        error=error,
        hidden=hidden,
        may_download=allows(identity, Permission.APPROVE_RUNS),
        may_tell=allows(identity, Permission.MAKE_RUNS),
        **WORDS,
    )


def _number(text: str) -> int | None:
    """A place in a list as the address states it; None for anything else."""
    return int(text) if text.isdecimal() and len(text) < 20 and int(text) < 2**63 else None


def _today() -> date:
    return local_day(millis(datetime.now(UTC)))
