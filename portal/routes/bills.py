"""A subscriber's bills: the list, one bill, the story of each line, the document."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import Response

from central.access import Identity, Permission
from central.invoicing.queries import Bill, bill, bills_of_customer, document, history
from central.invoicing.rectify.queries import links_of
from central.store import read_session
from portal.pages import render
from portal.qr import qr_svg
from portal.security import may

router = APIRouter()
Subscriber = Annotated[Identity, Depends(may(Permission.OWN_BILLS))]


@router.get("/facturas")
def list_bills(request: Request, identity: Subscriber) -> Response:
    """The subscriber's bills, the newest first."""
    with read_session(request.app.state.engine) as session:
        found = bills_of_customer(session, identity.utility_id, _customer(identity))
    return render(request, "bills.html", bills=found)


@router.get("/facturas/{invoice_id}")
def show_bill(request: Request, identity: Subscriber, invoice_id: int) -> Response:
    """One bill."""
    found = _own_bill(request, identity, invoice_id)
    with read_session(request.app.state.engine) as session:
        used = history(
            session,
            identity.utility_id,
            found.summary.contract_id,
            found.summary.period_to,
            customer_id=_customer(identity),
        )
        links = links_of(session, identity.utility_id, invoice_id)
    qr = qr_svg(found.fiscal.qr_url) if found.fiscal is not None and found.fiscal.qr_url else None
    return render(request, "bill.html", bill=found, used=used, per_m3=price_per_m3(found), qr=qr, links=links)


@router.get("/facturas/{invoice_id}/lineas/{position}")
def explain_line(request: Request, identity: Subscriber, invoice_id: int, position: int) -> Response:
    """Why a line is what it is: price, quantity, limits, tariff, readings, telegrams."""
    found = _own_bill(request, identity, invoice_id)
    line = next((one for one in found.lines if one.position == position), None)
    if line is None:
        raise HTTPException(404)
    return render(request, "line.html", bill=found, line=line)


@router.get("/facturas/{invoice_id}/factura.pdf")
def download(request: Request, identity: Subscriber, invoice_id: int) -> Response:
    """The document as it was delivered."""
    with read_session(request.app.state.engine) as session:
        found = document(session, identity.utility_id, invoice_id, customer_id=_customer(identity))
    if found is None:
        raise HTTPException(404)
    headers = {"Content-Disposition": f'inline; filename="{found.name}"'}
    return Response(found.content, media_type=found.media_type, headers=headers)


def price_per_m3(found: Bill) -> Decimal | None:
    """Euros per m3 of the whole bill, to the cent (Directive (EU) 2020/2184 art. 17.2.b); None where none was used."""
    if found.summary.litres <= 0:
        return None
    return (found.invoice.total * 1000 / found.summary.litres).quantize(Decimal("0.01"))


def _own_bill(request: Request, identity: Identity, invoice_id: int) -> Bill:
    with read_session(request.app.state.engine) as session:
        found = bill(session, identity.utility_id, invoice_id, customer_id=_customer(identity))
    if found is None:
        raise HTTPException(404)
    return found


def _customer(identity: Identity) -> int:
    if identity.customer_id is None:
        raise HTTPException(404)
    return identity.customer_id
