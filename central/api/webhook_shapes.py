"""What is told of webhooks."""

from typing import Any

from pydantic import Field

from central.api.values import Int64, Output, Utc


class EndpointOut(Output):
    """An endpoint without its secrets; ``notice`` is what failed last, and why it was disabled where it was."""

    id: Int64
    url: str
    description: str
    events: list[str]
    state: str
    created_at: Utc
    created_by: str
    failures: int
    failing_since: Utc | None
    not_before: Utc | None
    notice: str


class EndpointMade(EndpointOut):
    """An endpoint and its secret, which is null where the answer is given a second time."""

    secret: str | None


class Secret(Output):
    """A secret, null where the answer is given a second time."""

    secret: str | None


class Queued(Output):
    """How many events are owed now."""

    events: int


class EventOut(Output):
    """Something that happened; ``data`` has the shape of its type and version (docs/webhooks.md)."""

    id: Int64
    type: str
    version: int
    at: Utc
    data: dict[str, Any]


class TryOut(Output):
    """One try: the status answered, or why there was none, and the beginning of the answer."""

    number: int
    at: Utc
    milliseconds: int
    status: int | None
    body: str
    error: str


class DeliveryOut(Output):
    """An event owed to an endpoint: waiting, delivered or failed."""

    id: Int64
    endpoint_id: Int64
    event_id: Int64
    state: str
    tries: int
    due_at: Utc
    created_at: Utc
    ended_at: Utc | None
    attempts: list[TryOut] = Field(default_factory=list)
