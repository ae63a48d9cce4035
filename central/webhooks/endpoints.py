"""Endpoints over their life: added, rotated, paused, resumed, tried out, told again, removed. Each is in the audit."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.orm import Session

from central import journal
from central.events import outbox
from central.events.kinds import TEST, Happened, Ping, unknown, wants
from central.events.outbox import ACTIVE, PAUSED, REMOVED, WAITING
from central.register.change import Change
from central.register.keys import KeyRing
from central.store import new_id, new_ids
from central.store.bulk import changed
from central.store.models import WebhookDelivery, WebhookEndpoint, WebhookEvent, WebhookSecret
from central.webhooks import signing
from central.webhooks.address import AddressError, Guard

MOST_ENDPOINTS = 50
MOST_REPLAYED = 100_000
LONGEST_OVERLAP = timedelta(days=30)
SUBJECT = "webhook_endpoint"


class WebhookError(ValueError):
    """What cannot be done with an endpoint; the text names field, value and rule."""


def add(
    session: Session,
    utility_id: int,
    url: str,
    ring: KeyRing,
    *,
    events: Sequence[str] = (),
    description: str = "",
    guard: Guard | None = None,
    by: Change,
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which is shown this once; WebhookError for an address or a type that is none."""
    _check(url, events, guard or Guard())
    held = select(func.count()).where(WebhookEndpoint.utility_id == utility_id, WebhookEndpoint.state != REMOVED)
    if (session.scalar(held) or 0) >= MOST_ENDPOINTS:
        raise WebhookError(f"webhooks: {MOST_ENDPOINTS} endpoints, must not be more; remove one")
    endpoint = WebhookEndpoint(
        utility_id=utility_id,
        id=new_id(),
        url=url,
        description=description,
        events=sorted(set(events)),
        state=ACTIVE,
        created_at=by.at,
        created_by=by.actor,
        failures=0,
        claim=0,
        notice="",
    )
    session.add(endpoint)
    session.flush()
    secret = _add_secret(session, endpoint, ring, by)
    _journal(session, endpoint, "webhook.added", by, after={"url": url, "events": endpoint.events})
    return endpoint, secret


def rotate(session: Session, endpoint: WebhookEndpoint, ring: KeyRing, overlap: timedelta, *, by: Change) -> str:
    """A new secret, shown this once; those before it go on to sign beside it for ``overlap``."""
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise WebhookError(f"overlap: {overlap}, must be between 0 and {LONGEST_OVERLAP.days} days")
    _refuse_removed(endpoint)
    ends = by.at + overlap
    earlier = update(WebhookSecret).where(
        WebhookSecret.utility_id == endpoint.utility_id,
        WebhookSecret.endpoint_id == endpoint.id,
        (WebhookSecret.expires_at.is_(None)) | (WebhookSecret.expires_at > ends),
    )
    changed(session, earlier.values(expires_at=ends))
    secret = _add_secret(session, endpoint, ring, by)
    _journal(session, endpoint, "webhook.rotated", by, after={"earlier_until": ends.isoformat()})
    return secret


def pause(session: Session, endpoint: WebhookEndpoint, *, by: Change) -> None:
    """Send nothing; what happens meanwhile is kept for it."""
    _refuse_removed(endpoint)
    _set_state(session, endpoint, PAUSED, "webhook.paused", by)


def resume(session: Session, endpoint: WebhookEndpoint, *, by: Change) -> None:
    """Send again, and at once, from where it stopped."""
    _refuse_removed(endpoint)
    endpoint.failures, endpoint.failing_since, endpoint.not_before, endpoint.notice = 0, None, None, ""
    changed(session, _waiting_of(endpoint).values(due_at=by.at))
    _set_state(session, endpoint, ACTIVE, "webhook.resumed", by)


def remove(session: Session, endpoint: WebhookEndpoint, *, by: Change) -> None:
    """Tell it nothing ever again; what is owed to it lapses and its secrets end."""
    _refuse_removed(endpoint)
    changed(session, _waiting_of(endpoint).values(state=outbox.FAILED, ended_at=by.at))
    secrets = update(WebhookSecret).where(
        WebhookSecret.utility_id == endpoint.utility_id, WebhookSecret.endpoint_id == endpoint.id
    )
    changed(session, secrets.values(expires_at=by.at))
    _set_state(session, endpoint, REMOVED, "webhook.removed", by)


def ping(session: Session, endpoint: WebhookEndpoint, *, by: Change) -> None:
    """Owe it a test message."""
    _refuse_removed(endpoint)
    happened = Happened(TEST, Ping(endpoint_id=endpoint.id), by.at)
    outbox.write(session.connection(), endpoint.utility_id, [happened], [(endpoint.id, [])])
    _journal(session, endpoint, "webhook.tested", by)


def replay(session: Session, endpoint: WebhookEndpoint, since: datetime, until: datetime, *, by: Change) -> int:
    """Owe it again what happened in [since, until) and it wants, but for what it is still owed; returns how many."""
    _refuse_removed(endpoint)
    if since >= until:
        raise WebhookError(f"until: {until.isoformat()}, must lie after {since.isoformat()}")
    owed = exists().where(
        WebhookDelivery.utility_id == WebhookEvent.utility_id,
        WebhookDelivery.event_id == WebhookEvent.id,
        WebhookDelivery.endpoint_id == endpoint.id,
        WebhookDelivery.state == WAITING,
    )
    query = select(WebhookEvent.id, WebhookEvent.type).where(
        WebhookEvent.utility_id == endpoint.utility_id, WebhookEvent.at >= since, WebhookEvent.at < until, ~owed
    )
    found = [number for number, name in session.execute(query.order_by(WebhookEvent.id)) if _told(endpoint, name)]
    if len(found) > MOST_REPLAYED:
        raise WebhookError(f"since: {since.isoformat()}, {len(found)} events, at most {MOST_REPLAYED} at once")
    _owe(session, endpoint, found, by)
    told = {"since": since.isoformat(), "until": until.isoformat(), "events": len(found)}
    _journal(session, endpoint, "webhook.replayed", by, after=told)
    return len(found)


def replay_one(session: Session, delivery: WebhookDelivery, *, by: Change) -> WebhookDelivery:
    """Owe a delivery's event again; what is still owed is tried at once instead."""
    endpoint = session.get_one(WebhookEndpoint, (delivery.utility_id, delivery.endpoint_id))
    _refuse_removed(endpoint)
    if delivery.state == WAITING:
        delivery.due_at = by.at
        endpoint.not_before = None
        session.flush()
        again = delivery
    else:
        (number,) = _owe(session, endpoint, [delivery.event_id], by)
        again = session.get_one(WebhookDelivery, (delivery.utility_id, number))
    _journal(session, endpoint, "webhook.replayed", by, after={"delivery": delivery.id})
    return again


def _told(endpoint: WebhookEndpoint, name: str) -> bool:
    return name != TEST and wants(endpoint.events, name)


def _owe(session: Session, endpoint: WebhookEndpoint, events: Sequence[int], by: Change) -> list[int]:
    numbers = new_ids(len(events))
    rows = [
        outbox.owing(endpoint.utility_id, endpoint.id, event_id, by.at, number)
        for number, event_id in zip(numbers, events, strict=True)
    ]
    if rows:
        session.execute(insert(WebhookDelivery), rows)
    return numbers


def _check(url: str, events: Sequence[str], guard: Guard) -> None:
    try:
        guard.check(url)
    except AddressError as error:
        raise WebhookError(str(error)) from error
    wrong = unknown(list(events))
    if wrong:
        raise WebhookError(f"events: {', '.join(wrong)}, must be types of events or families like invoice.*")


def _add_secret(session: Session, endpoint: WebhookEndpoint, ring: KeyRing, by: Change) -> str:
    secret = signing.new_secret()
    sealed = signing.seal(ring, endpoint.id, secret)
    row = WebhookSecret(
        utility_id=endpoint.utility_id,
        id=new_id(),
        endpoint_id=endpoint.id,
        kek=sealed.kek,
        nonce=sealed.nonce,
        sealed=sealed.sealed,
        created_at=by.at,
    )
    session.add(row)
    session.flush()
    return signing.spoken(secret)


def _waiting_of(endpoint: WebhookEndpoint) -> Any:
    return update(WebhookDelivery).where(
        WebhookDelivery.utility_id == endpoint.utility_id,
        WebhookDelivery.endpoint_id == endpoint.id,
        WebhookDelivery.state == WAITING,
    )


def _refuse_removed(endpoint: WebhookEndpoint) -> None:
    if endpoint.state == REMOVED:
        raise WebhookError(f"webhook: {endpoint.id} is removed")


def _set_state(session: Session, endpoint: WebhookEndpoint, state: str, action: str, by: Change) -> None:
    before = endpoint.state
    endpoint.state = state
    session.flush()
    _journal(session, endpoint, action, by, before={"state": before}, after={"state": state})


def _journal(session: Session, endpoint: WebhookEndpoint, action: str, by: Change, **told: Any) -> None:
    journal.record(
        session, endpoint.utility_id, by.actor, action, SUBJECT, endpoint.id, at=by.at, reason=by.reason, **told
    )
