"""An invoice's story: the readings it rests on, the telegrams they came by, and whether it comes out the same again."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.responses import Response

from central.access import Permission
from central.api.gate import Allowed, Caller
from central.api.problems import ApiError, documented
from central.api.queries import one_of
from central.api.reads import answer
from central.api.values import Euros, Int64, Output, Utc
from central.api.values import PathId as Number
from central.invoicing.queries import BillReading, bill
from central.invoicing.rectify import recompute
from central.store import models, read_session

router = APIRouter()
Viewer = Annotated[Caller, Depends(Allowed(Permission.SEE_RUNS))]


class TelegramOut(Output):
    """The telegram a reading came by: who heard it, when, and its bytes."""

    received_at: Utc
    device: str
    receiver: str
    rssi_dbm: int | None
    hex: str


class UsedReadingOut(Output):
    """A reading and the part it plays: it opens or closes a piece of the volume."""

    piece: int
    role: str
    meter: str
    serial: str
    at: Utc
    litres: Int64
    kind: str
    reason: str
    telegram: TelegramOut | None


class RecomputedOut(Output):
    """The same invoice made again from what is stored: its total, and where it differs."""

    same: bool
    total: Euros
    fault: str


class StoryOut(BaseModel):
    """What an invoice follows from; its lines with their whys are ``/invoices/{number}/lines``."""

    number: str
    litres: Int64
    total: Euros
    fiscal_hash: str | None
    fiscal_qr: str | None
    readings: list[UsedReadingOut]
    recomputed: RecomputedOut


@router.get("/invoices/{number}/story", response_model=StoryOut, responses=documented(401, 403, 404, 422, 429))
def invoice_story(caller: Viewer, number: Number) -> Response:
    """The readings an invoice rests on, and whether it comes out the same when it is made again."""
    with read_session(caller.engine) as session:
        row = one_of(session, models.Invoice, models.Invoice.id, caller.utility_id, number)
        found = bill(session, caller.utility_id, number, customer_id=None)
        again = recompute(session, row)
    if found is None:
        raise ApiError(404, "absent", f"invoice {number}: does not exist")
    story = StoryOut(
        number=found.summary.number,
        litres=found.summary.litres,
        total=f"{found.invoice.total:.2f}",
        fiscal_hash=found.fiscal.hash if found.fiscal else None,
        fiscal_qr=found.fiscal.qr_url if found.fiscal else None,
        readings=[_reading(one) for one in found.readings],
        recomputed=RecomputedOut(same=again.same, total=f"{again.total:.2f}", fault=again.fault),
    )
    return answer(story)


def _reading(one: BillReading) -> UsedReadingOut:
    heard = TelegramOut.model_validate(one.telegram) if one.telegram else None
    return UsedReadingOut(
        piece=one.piece,
        role=one.role,
        meter=one.meter,
        serial=one.serial,
        at=one.at,
        litres=one.litres,
        kind=one.kind.name.lower(),
        reason=one.reason,
        telegram=heard,
    )
