"""What is looked at: endpoints with what they are owed, deliveries with their tries, the depth of the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.events.outbox import DISABLED, REMOVED, WAITING
from central.store.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent


@dataclass(frozen=True, slots=True)
class Depth:
    """Deliveries that wait, since when the oldest does, and endpoints that were disabled; of all utilities."""

    waiting: int
    oldest: datetime | None
    disabled: int


@dataclass(frozen=True, slots=True)
class Told:
    """A delivery with the event it carries."""

    delivery: WebhookDelivery
    event: WebhookEvent
    tries: Sequence[WebhookAttempt] = ()


def endpoints(session: Session, utility_id: int) -> Sequence[WebhookEndpoint]:
    """Those that are not removed, the oldest first."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.utility_id == utility_id, WebhookEndpoint.state != REMOVED)
    return session.scalars(query.order_by(WebhookEndpoint.id)).all()


def endpoint(session: Session, utility_id: int, number: int) -> WebhookEndpoint | None:
    """One, removed or not."""
    return session.get(WebhookEndpoint, (utility_id, number))


def delivery(session: Session, utility_id: int, number: int) -> WebhookDelivery | None:
    """One delivery."""
    return session.get(WebhookDelivery, (utility_id, number))


def waiting(session: Session, utility_id: int) -> dict[int, int]:
    """How much is owed to each endpoint that is owed anything."""
    query = select(WebhookDelivery.endpoint_id, func.count()).where(
        WebhookDelivery.utility_id == utility_id, WebhookDelivery.state == WAITING
    )
    return dict(session.execute(query.group_by(WebhookDelivery.endpoint_id)).all())


def deliveries(session: Session, utility_id: int, endpoint_id: int, *, limit: int = 50) -> list[Told]:
    """The newest deliveries of an endpoint, each with its event and its tries."""
    query = (
        select(WebhookDelivery, WebhookEvent)
        .join(
            WebhookEvent,
            (WebhookEvent.utility_id == WebhookDelivery.utility_id) & (WebhookEvent.id == WebhookDelivery.event_id),
        )
        .where(WebhookDelivery.utility_id == utility_id, WebhookDelivery.endpoint_id == endpoint_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
    )
    rows = session.execute(query).all()
    tries = attempts(session, utility_id, [row.id for row, _ in rows])
    return [Told(row, event, tries.get(row.id, ())) for row, event in rows]


def attempts(session: Session, utility_id: int, delivery_ids: Sequence[int]) -> dict[int, list[WebhookAttempt]]:
    """The tries of deliveries, in their order."""
    query = select(WebhookAttempt).where(
        WebhookAttempt.utility_id == utility_id, WebhookAttempt.delivery_id.in_(delivery_ids)
    )
    found: dict[int, list[WebhookAttempt]] = {}
    for row in session.scalars(query.order_by(WebhookAttempt.delivery_id, WebhookAttempt.number)):
        found.setdefault(row.delivery_id, []).append(row)
    return found


def depth(session: Session) -> Depth:
    """How much waits, and how long already."""
    count, oldest = session.execute(
        select(func.count(), func.min(WebhookDelivery.created_at)).where(WebhookDelivery.state == WAITING)
    ).one()
    disabled = session.scalar(select(func.count()).where(WebhookEndpoint.state == DISABLED))
    return Depth(int(count), oldest, int(disabled or 0))
