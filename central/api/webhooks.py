"""Endpoints that are told what happens, and what became of each telling."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from central.access import Permission
from central.api.gate import Allowed, Caller
from central.api.keys import ring_of
from central.api.once import Key, once
from central.api.problems import documented
from central.api.queries import one_of, page_of
from central.api.reads import answer
from central.api.register import Reasoned, by
from central.api.values import Code, IsoInstant, Page, Paging, PathId, Text
from central.api.values import PathId as Number
from central.api.webhook_shapes import DeliveryOut, EndpointMade, EndpointOut, Queued, Secret, TryOut
from central.store import Session, models, read_session
from central.webhooks import endpoints, queries

router = APIRouter()
Manager = Annotated[Caller, Depends(Allowed(Permission.MANAGE_WEBHOOKS))]
READ = documented(401, 403, 422, 429)
REFUSALS = documented(400, 401, 403, 409, 422, 429)
MISSING = REFUSALS | documented(404)
SHOWN_ONCE = frozenset({"secret"})


class NewEndpoint(Reasoned):
    """An address over https; ``events`` are types or families like ``invoice.*``, all where it is empty."""

    url: Annotated[str, Field(min_length=9, max_length=2000, pattern=r"^https://[\x21-\x7e]+$")]
    events: Annotated[
        list[Annotated[str, Field(max_length=64, pattern=r"^[a-z_]+\.(\*|[a-z_]+)$")]],
        Field(max_length=50, default_factory=list),
    ]
    description: Text = ""


class Rotation(Reasoned):
    """For how many days the secrets before go on to sign beside the new one."""

    overlap_days: Annotated[int, Field(ge=0, le=30)] = 1


class Stretch(Reasoned):
    """What happened in [since, until)."""

    since: IsoInstant
    until: IsoInstant


class DeliveriesQuery(Paging):
    """Deliveries of an endpoint, of a state, of an event."""

    endpoint_id: PathId | None = None
    event_id: PathId | None = None
    state: Code | None = None


@router.post("/webhooks", status_code=201, response_model=EndpointMade, responses=REFUSALS)
def add_webhook(request: Request, caller: Manager, key: Key, body: NewEndpoint) -> Response:
    """Add an endpoint. Its secret is in this answer alone: the same request sent again is answered with null."""

    def work(session: Session) -> EndpointMade:
        row, secret = endpoints.add(
            session,
            caller.utility_id,
            body.url,
            ring_of(request),
            events=body.events,
            description=body.description,
            by=by(caller, body),
        )
        return EndpointMade(secret=secret, **EndpointOut.model_validate(row).model_dump())

    return once(request, caller, key, body, work, untold=SHOWN_ONCE)


@router.post("/webhooks/{number}/rotation", response_model=Secret, responses=MISSING)
def rotate_webhook(request: Request, caller: Manager, key: Key, number: Number, body: Rotation) -> Response:
    """Give an endpoint a new secret, told in this answer alone."""

    def work(session: Session) -> Secret:
        row, ring = _endpoint(session, caller, number), ring_of(request)
        overlap = timedelta(days=body.overlap_days)
        return Secret(secret=endpoints.rotate(session, row, ring, overlap, by=by(caller, body)))

    return once(request, caller, key, body, work, 200, untold=SHOWN_ONCE)


@router.post("/webhooks/{number}/pause", response_model=EndpointOut, responses=MISSING)
def pause_webhook(request: Request, caller: Manager, key: Key, number: Number, body: Reasoned) -> Response:
    """Send nothing to it; what happens meanwhile is kept for it."""

    def work(session: Session) -> EndpointOut:
        row = _endpoint(session, caller, number)
        endpoints.pause(session, row, by=by(caller, body))
        return EndpointOut.model_validate(row)

    return once(request, caller, key, body, work, 200)


@router.post("/webhooks/{number}/resumption", response_model=EndpointOut, responses=MISSING)
def resume_webhook(request: Request, caller: Manager, key: Key, number: Number, body: Reasoned) -> Response:
    """Send again, from where it stopped: after a pause, or after it was disabled."""

    def work(session: Session) -> EndpointOut:
        row = _endpoint(session, caller, number)
        endpoints.resume(session, row, by=by(caller, body))
        return EndpointOut.model_validate(row)

    return once(request, caller, key, body, work, 200)


@router.post("/webhooks/{number}/removal", response_model=EndpointOut, responses=MISSING)
def remove_webhook(request: Request, caller: Manager, key: Key, number: Number, body: Reasoned) -> Response:
    """Never tell it anything again."""

    def work(session: Session) -> EndpointOut:
        row = _endpoint(session, caller, number)
        endpoints.remove(session, row, by=by(caller, body))
        return EndpointOut.model_validate(row)

    return once(request, caller, key, body, work, 200)


@router.post("/webhooks/{number}/test", status_code=201, response_model=Queued, responses=MISSING)
def test_webhook(request: Request, caller: Manager, key: Key, number: Number, body: Reasoned) -> Response:
    """Owe it a test message."""

    def work(session: Session) -> Queued:
        endpoints.ping(session, _endpoint(session, caller, number), by=by(caller, body))
        return Queued(events=1)

    return once(request, caller, key, body, work)


@router.post("/webhooks/{number}/replay", status_code=201, response_model=Queued, responses=MISSING)
def replay_webhook(request: Request, caller: Manager, key: Key, number: Number, body: Stretch) -> Response:
    """Tell it again what happened in a time."""

    def work(session: Session) -> Queued:
        row = _endpoint(session, caller, number)
        return Queued(events=endpoints.replay(session, row, body.since, body.until, by=by(caller, body)))

    return once(request, caller, key, body, work)


@router.get("/webhook-deliveries", response_model=Page[DeliveryOut], responses=READ)
def list_webhook_deliveries(caller: Manager, asked: Annotated[DeliveriesQuery, Query()]) -> Response:
    """A page of deliveries with their tries, the oldest first."""
    narrowed = asked.model_dump(exclude={"limit", "after"}, exclude_none=True)
    model = models.WebhookDelivery
    with read_session(caller.engine) as session:
        rows, following = page_of(session, model, [model.id], caller.utility_id, narrowed, asked.after, asked.limit)
        return answer(Page[DeliveryOut](items=_told(session, caller, rows), next=following))


@router.get("/webhook-deliveries/{number}", response_model=DeliveryOut, responses=READ | documented(404))
def get_webhook_deliveries(caller: Manager, number: Number) -> Response:
    """One delivery with its tries."""
    with read_session(caller.engine) as session:
        return answer(_told(session, caller, [_delivery(session, caller, number)])[0])


@router.post("/webhook-deliveries/{number}/replay", status_code=201, response_model=DeliveryOut, responses=MISSING)
def replay_webhook_delivery(request: Request, caller: Manager, key: Key, number: Number, body: Reasoned) -> Response:
    """Send one delivery's event again; what is still owed is tried at once."""

    def work(session: Session) -> DeliveryOut:
        again = endpoints.replay_one(session, _delivery(session, caller, number), by=by(caller, body))
        return _told(session, caller, [again])[0]

    return once(request, caller, key, body, work)


def _told(session: Session, caller: Caller, rows: Sequence[models.WebhookDelivery]) -> list[DeliveryOut]:
    tries = queries.attempts(session, caller.utility_id, [row.id for row in rows])
    out = [DeliveryOut.model_validate(row) for row in rows]
    for one in out:
        one.attempts = [TryOut.model_validate(row) for row in tries.get(one.id, ())]
    return out


def _endpoint(session: Session, caller: Caller, number: int) -> models.WebhookEndpoint:
    return one_of(session, models.WebhookEndpoint, models.WebhookEndpoint.id, caller.utility_id, number)


def _delivery(session: Session, caller: Caller, number: int) -> models.WebhookDelivery:
    return one_of(session, models.WebhookDelivery, models.WebhookDelivery.id, caller.utility_id, number)
