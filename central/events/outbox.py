"""The outbox: events and what is owed of them, written in the transaction of the change.

An event is kept where some endpoint of the utility wants its type; without endpoints a publication costs one query.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from central.events.kinds import KINDS, Happened, wants
from central.store import new_ids
from central.store.models import WebhookDelivery, WebhookEndpoint, WebhookEvent

WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"
ACTIVE, PAUSED, DISABLED, REMOVED = "active", "paused", "disabled", "removed"

Listener = tuple[int, list[str]]


def publish(
    connection: Connection, utility_id: int, types: Sequence[str], tell: Callable[[], Iterable[Happened]]
) -> None:
    """Write what ``tell`` gives, which is asked only where an endpoint wants one of ``types``."""
    listeners = _listeners(connection, utility_id)
    if any(wants(filters, one) for _, filters in listeners for one in types):
        write(connection, utility_id, list(tell()), listeners)


def write(connection: Connection, utility_id: int, happened: Sequence[Happened], listeners: list[Listener]) -> None:
    """Write events for the endpoints among ``listeners`` that want them, in their order."""
    events, deliveries = [], []
    for event_id, one in zip(new_ids(len(happened)), happened, strict=True):
        told = [endpoint_id for endpoint_id, filters in listeners if wants(filters, one.type)]
        if told:
            events.append(_event(utility_id, event_id, one))
            deliveries += [(endpoint_id, event_id, one.at) for endpoint_id in told]
    if not events:
        return
    connection.execute(insert(WebhookEvent), events)
    ids = new_ids(len(deliveries))
    owed = [owing(utility_id, *one, number) for number, one in zip(ids, deliveries, strict=True)]
    connection.execute(insert(WebhookDelivery), owed)


def owing(utility_id: int, endpoint_id: int, event_id: int, due_at: datetime, number: int) -> dict[str, Any]:
    """The row of an event that is owed to an endpoint from ``due_at`` on."""
    return {
        "utility_id": utility_id,
        "id": number,
        "endpoint_id": endpoint_id,
        "event_id": event_id,
        "state": WAITING,
        "tries": 0,
        "due_at": due_at,
        "created_at": due_at,
    }


def _event(utility_id: int, event_id: int, one: Happened) -> dict[str, Any]:
    kind = KINDS[one.type]
    if type(one.data) is not kind.payload:
        raise TypeError(f"event {one.type}: payload {type(one.data).__name__}, must be {kind.payload.__name__}")
    data = msgspec.to_builtins(one.data)
    return {
        "utility_id": utility_id,
        "id": event_id,
        "type": one.type,
        "version": kind.version,
        "at": one.at,
        "data": data,
    }


def _listeners(connection: Connection, utility_id: int) -> list[Listener]:
    query = select(WebhookEndpoint.id, WebhookEndpoint.events).where(
        WebhookEndpoint.utility_id == utility_id, WebhookEndpoint.state != REMOVED
    )
    return [(number, list(filters)) for number, filters in connection.execute(query)]
