"""Webhooks: what is told to other programs, to whom, and what became of each telling.

Events are the outbox: written with the change they tell of, never changed. A delivery is one event owed to one
endpoint; its tries are kept beside it.
"""

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Code, Data, DataList, Id, Instant, LongText, Name, Ref, Small, UtilityId
from central.store.models.register import InUtility


class WebhookEndpoint(InUtility, Base):
    """An address events are posted to. ``events`` are the types it wants, all where it is empty.

    ``state``: active, paused (by somebody), disabled (it failed for too long) or removed. ``claim`` is a fencing
    token: one worker at a time serves an endpoint, and one that wakes late with an older token records nothing.
    """

    __tablename__ = "webhook_endpoint"
    url: Mapped[LongText]
    description: Mapped[Name]
    events: Mapped[DataList]
    state: Mapped[Code]
    created_at: Mapped[Instant]
    created_by: Mapped[Name]
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    failing_since: Mapped[Instant | None]
    not_before: Mapped[Instant | None]
    notice: Mapped[LongText] = mapped_column(default="")  # why it was disabled, or what failed last
    claim: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[Instant | None]
    served_at: Mapped[Instant | None]


class WebhookSecret(InUtility, Base):
    """A signing secret, sealed under the key file; while two hold, messages carry a signature of each."""

    __tablename__ = "webhook_secret"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "endpoint_id"], ["webhook_endpoint.utility_id", "webhook_endpoint.id"]),
        Index("ix_webhook_secret_endpoint", "utility_id", "endpoint_id"),
    )
    endpoint_id: Mapped[Ref]
    kek: Mapped[Code]
    nonce: Mapped[bytes] = mapped_column(LargeBinary(12))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant | None]


class WebhookEvent(InUtility, Base):
    """Something that happened: its type, the version of its payload, and the payload, which holds ids and figures."""

    __tablename__ = "webhook_event"
    __table_args__ = (Index("ix_webhook_event_at", "utility_id", "at"),)
    type: Mapped[Code]
    version: Mapped[Small]
    at: Mapped[Instant]
    data: Mapped[Data]


class WebhookDelivery(InUtility, Base):
    """An event owed to an endpoint. ``state``: waiting, delivered or failed (given up); ``due_at`` is its next try."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "endpoint_id"], ["webhook_endpoint.utility_id", "webhook_endpoint.id"]),
        ForeignKeyConstraint(["utility_id", "event_id"], ["webhook_event.utility_id", "webhook_event.id"]),
        Index("ix_webhook_delivery_queue", "utility_id", "endpoint_id", "state", "due_at"),
        Index("ix_webhook_delivery_event", "utility_id", "event_id"),
    )
    endpoint_id: Mapped[Ref]
    event_id: Mapped[Ref]
    state: Mapped[Code]
    tries: Mapped[Small] = mapped_column(default=0)
    due_at: Mapped[Instant]
    created_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]


class WebhookAttempt(Base):
    """One try of a delivery: the status answered or why there was none, and the beginning of the answer."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "delivery_id"], ["webhook_delivery.utility_id", "webhook_delivery.id"]),
    )
    utility_id: Mapped[UtilityId]
    delivery_id: Mapped[Id]
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    at: Mapped[Instant]
    milliseconds: Mapped[int]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    body: Mapped[LongText]
    error: Mapped[LongText]
