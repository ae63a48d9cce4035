"""The durable queue: what is due at an endpoint, and what its answers change.

An endpoint is *taken* by one worker at a time, with its next deliveries in the order of their events; each answer is
*settled* in a transaction of its own, which also prolongs the claim. Killed anywhere, a worker loses nothing: its claim
runs out, and what it had not settled is sent again. One that wakes late finds its claim gone and records nothing.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Select, and_, delete, exists, or_, select
from sqlalchemy.orm import Session

from central import journal
from central.events.outbox import ACTIVE, DELIVERED, DISABLED, FAILED, WAITING
from central.register.keys import Sealed
from central.store.bulk import changed
from central.store.models import (
    Utility,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    WebhookSecret,
)

AT_ONCE = 20
LEASE = timedelta(seconds=120)
# The specification's proposal; the last wait ends about three days after the event.
WAITS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
LONGEST_ASKED_S = 86_400
KEPT_BODY = 1024
PRUNED_AT_ONCE = 1000
GONE = 410
# What says "not now" of the whole endpoint, as no answer does; any other refusal is of this one message.
_UNWELL = {408, 425, 429, *range(500, 600)}
WORKER = "webhooks"


class LostClaimError(RuntimeError):
    """Another worker took the endpoint over meanwhile; nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery to be tried now: the message's id and its body, the same at every try."""

    delivery_id: int
    message: str
    body: bytes
    tries: int


@dataclass(frozen=True, slots=True)
class Work:
    """An endpoint that was taken, with what is due at it; ``claim`` is the right to record the answers."""

    utility_id: int
    endpoint_id: int
    url: str
    claim: int
    secrets: tuple[Sealed, ...]
    due: tuple[Due, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try: a status with the beginning of its body, or why there was none."""

    status: int | None
    body: str = ""
    error: str = ""
    milliseconds: int = 0
    wait_s: int | None = None

    @property
    def taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def unwell(self) -> bool:
        """Whether the endpoint takes nothing at present, so that the next message can wait as well."""
        return self.status is None or self.status in _UNWELL


def ready(session: Session, now: datetime, most: int) -> int:
    """How many endpoints could be taken now, at most ``most``; takes none and waits for nobody."""
    return len(session.scalars(_ready(now, most)).all())


def take(session: Session, now: datetime) -> Work | None:
    """The endpoint that has waited longest among those with something due; None where none has."""
    query = _ready(now, 1).with_for_update(skip_locked=True).execution_options(populate_existing=True)
    endpoint = session.scalars(query).first()
    if endpoint is None:
        return None
    endpoint.claim += 1
    endpoint.claimed_until = now + LEASE
    endpoint.served_at = now
    session.flush()
    due = _due(session, endpoint, now)
    secrets = _secrets(session, endpoint, now)
    return Work(endpoint.utility_id, endpoint.id, endpoint.url, endpoint.claim, secrets, due)


def settle(session: Session, work: Work, due: Due, answer: Answer, now: datetime, disable_after: timedelta) -> bool:
    """Record one try; returns whether the next message may go to the endpoint at once."""
    endpoint = _held(session, work)
    delivery = session.get_one(WebhookDelivery, (work.utility_id, due.delivery_id))
    delivery.tries = due.tries + 1
    session.add(_attempt(work, due, answer, now))
    if answer.taken:
        delivery.state, delivery.ended_at = DELIVERED, now
        endpoint.failures, endpoint.failing_since, endpoint.not_before, endpoint.notice = 0, None, None, ""
    else:
        _put_back(session, endpoint, delivery, answer, now, disable_after)
    endpoint.claimed_until = now + LEASE
    session.flush()
    return endpoint.state == ACTIVE and endpoint.not_before is None


def release(session: Session, work: Work) -> None:
    """Let the endpoint go."""
    _held(session, work).claimed_until = None


def postpone(session: Session, work: Work, error: str, now: datetime) -> None:
    """Let the endpoint go untried: what is needed to send to it (its secret's key) is not here."""
    endpoint = _held(session, work)
    endpoint.notice, endpoint.claimed_until = error, None
    endpoint.not_before = now + timedelta(seconds=_wait_s(2))


def _wait_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row, never in step with others."""
    seconds = WAITS_S[min(failures, len(WAITS_S)) - 1]
    return seconds * (1 + random.random() / 5)  # noqa: S311 - spreads retries, guards nothing


def _ready(now: datetime, most: int) -> Select[WebhookEndpoint]:
    owed = exists().where(
        WebhookDelivery.utility_id == WebhookEndpoint.utility_id,
        WebhookDelivery.endpoint_id == WebhookEndpoint.id,
        WebhookDelivery.state == WAITING,
        WebhookDelivery.due_at <= now,
    )
    return (
        select(WebhookEndpoint)
        .where(
            WebhookEndpoint.state == ACTIVE,
            or_(WebhookEndpoint.not_before.is_(None), WebhookEndpoint.not_before <= now),
            or_(WebhookEndpoint.claimed_until.is_(None), WebhookEndpoint.claimed_until <= now),
            owed,
        )
        .order_by(WebhookEndpoint.served_at.asc().nulls_first(), WebhookEndpoint.id)
        .limit(most)
    )


def _due(session: Session, endpoint: WebhookEndpoint, now: datetime) -> tuple[Due, ...]:
    its_event = and_(WebhookEvent.utility_id == WebhookDelivery.utility_id, WebhookEvent.id == WebhookDelivery.event_id)
    query = (
        select(WebhookDelivery.id, WebhookDelivery.tries, WebhookEvent, Utility.code)
        .join(WebhookEvent, its_event)
        .join(Utility, Utility.id == WebhookDelivery.utility_id)
        .where(
            WebhookDelivery.utility_id == endpoint.utility_id,
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.state == WAITING,
            WebhookDelivery.due_at <= now,
        )
        .order_by(WebhookDelivery.id)
        .limit(AT_ONCE)
    )
    return tuple(
        Due(number, message_id(event), body_of(event, code), tries)
        for number, tries, event, code in session.execute(query)
    )


def message_id(event: WebhookEvent) -> str:
    """The ``webhook-id`` of an event: the same at every try and every replay, so that receivers know it again."""
    return f"evt_{event.id}"


def body_of(event: WebhookEvent, utility: str) -> bytes:
    """The message's body, byte for byte the same at every try."""
    at = event.at.isoformat().replace("+00:00", "Z")
    said = {"type": event.type, "version": event.version, "timestamp": at, "utility": utility, "data": event.data}
    return msgspec.json.encode(said, order="deterministic")


def _secrets(session: Session, endpoint: WebhookEndpoint, now: datetime) -> tuple[Sealed, ...]:
    rows = select(WebhookSecret).where(
        WebhookSecret.utility_id == endpoint.utility_id,
        WebhookSecret.endpoint_id == endpoint.id,
        or_(WebhookSecret.expires_at.is_(None), WebhookSecret.expires_at > now),
    )
    found: Sequence[WebhookSecret] = session.scalars(rows.order_by(WebhookSecret.id.desc())).all()
    return tuple(Sealed(row.kek, row.nonce, row.sealed) for row in found)


def _held(session: Session, work: Work) -> WebhookEndpoint:
    query = select(WebhookEndpoint).where(
        WebhookEndpoint.utility_id == work.utility_id, WebhookEndpoint.id == work.endpoint_id
    )
    endpoint = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()
    if endpoint.claim != work.claim:
        raise LostClaimError(f"webhook {work.endpoint_id}: claim {work.claim} is now {endpoint.claim}")
    return endpoint


def _attempt(work: Work, due: Due, answer: Answer, now: datetime) -> WebhookAttempt:
    return WebhookAttempt(
        utility_id=work.utility_id,
        delivery_id=due.delivery_id,
        number=due.tries + 1,
        at=now,
        milliseconds=answer.milliseconds,
        status=answer.status,
        body=answer.body[:KEPT_BODY].replace("\x00", "\N{REPLACEMENT CHARACTER}"),
        error=answer.error,
    )


def _put_back(
    session: Session,
    endpoint: WebhookEndpoint,
    delivery: WebhookDelivery,
    answer: Answer,
    now: datetime,
    disable_after: timedelta,
) -> None:
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    endpoint.notice = (answer.error or f"HTTP {answer.status}")[:1000]
    waits = [min(answer.wait_s or 0, LONGEST_ASKED_S), _wait_s(delivery.tries)]
    if answer.unwell:
        waits.append(_wait_s(endpoint.failures))
    due_at = now + timedelta(seconds=max(waits))
    if answer.unwell:
        endpoint.not_before = due_at  # the others wait behind this one, in their order
    if delivery.tries > len(WAITS_S):
        delivery.state, delivery.ended_at = FAILED, now
    else:
        delivery.due_at = due_at
    if answer.status == GONE or now - endpoint.failing_since >= disable_after:
        _disable(session, endpoint, now)


def _disable(session: Session, endpoint: WebhookEndpoint, now: datetime) -> None:
    """Send nothing more until somebody resumes it; what is owed stays owed. The audit is where it is noticed."""
    since = endpoint.failing_since.isoformat() if endpoint.failing_since else now.isoformat()
    endpoint.state = DISABLED
    session.flush()
    told = {"failing_since": since, "last": endpoint.notice}
    journal.record(
        session, endpoint.utility_id, WORKER, "webhook.disabled", "webhook_endpoint", endpoint.id, at=now, after=told
    )


def prune(session: Session, before: datetime) -> int:
    """Delete some events of before an instant of which nothing is owed any more; returns how many."""
    owed = exists().where(
        WebhookDelivery.utility_id == WebhookEvent.utility_id,
        WebhookDelivery.event_id == WebhookEvent.id,
        WebhookDelivery.state == WAITING,
    )
    rows = select(WebhookEvent.utility_id, WebhookEvent.id).where(WebhookEvent.at < before, ~owed)
    old = session.execute(rows.order_by(WebhookEvent.at).limit(PRUNED_AT_ONCE)).all()
    for utility_id, event_id in old:
        of_event = and_(WebhookDelivery.utility_id == utility_id, WebhookDelivery.event_id == event_id)
        tried = WebhookAttempt.delivery_id.in_(select(WebhookDelivery.id).where(of_event))
        changed(session, delete(WebhookAttempt).where(WebhookAttempt.utility_id == utility_id, tried))
        changed(session, delete(WebhookDelivery).where(of_event))
        changed(session, delete(WebhookEvent).where(WebhookEvent.utility_id == utility_id, WebhookEvent.id == event_id))
    return len(old)
