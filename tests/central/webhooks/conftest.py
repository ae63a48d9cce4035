"""A receiver that listens, a town with an endpoint, and a courier that may go to this machine."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import select

from central.config import WebhooksConfig
from central.store import read_session, write_session
from central.store.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from central.webhooks import endpoints
from central.webhooks.address import Guard
from central.webhooks.worker import Courier
from tests.central.conftest import BY, NOW, Town

CONFIG = WebhooksConfig(workers=2, timeout_s=5.0, plain_http=True, networks=("127.0.0.0/8",))


@dataclass
class Heard:
    """One message as it came."""

    headers: dict[str, str]
    body: bytes
    path: str


@dataclass
class Receiver:
    """What listens; ``answers`` are given in turn, the last one for ever."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=lambda: [(204, {}, b"")])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, heard: Heard) -> tuple[int, dict[str, str], bytes]:
        """Keep a message and say what to answer."""
        with self.lock:
            self.heard.append(heard)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def ids(self) -> list[str]:
        """The ids of what was heard, in order."""
        return [one.headers["webhook-id"] for one in self.heard]


def handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, extra, content = receiver.take(Heard(headers, body, self.path))
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a port of this machine."""
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(receiver))
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Watch:
    """A clock that stands still until it is moved."""

    now: datetime = NOW + timedelta(minutes=1)

    def __call__(self) -> datetime:
        """The present instant."""
        return self.now

    def move(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)


@dataclass
class Hooked:
    """A town that tells a receiver."""

    town: Town
    receiver: Receiver
    endpoint_id: int
    secret: str
    watch: Watch

    @property
    def courier(self) -> Courier:
        """Another worker."""
        return Courier(self.town.engine, self.town.ring, CONFIG, clock=self.watch)

    def endpoint(self) -> WebhookEndpoint:
        """The endpoint as it is now."""
        with read_session(self.town.engine) as session:
            return session.get_one(WebhookEndpoint, (self.town.utility_id, self.endpoint_id))

    def events(self) -> list[WebhookEvent]:
        """What was told, in order."""
        with read_session(self.town.engine) as session:
            return list(session.scalars(select(WebhookEvent).order_by(WebhookEvent.id)))

    def deliveries(self) -> list[WebhookDelivery]:
        """What is or was owed, in order."""
        with read_session(self.town.engine) as session:
            return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))

    def ping(self, times: int = 1) -> None:
        """Owe the endpoint some test messages; what the audit tells of them is dropped by its filter."""
        for _ in range(times):
            with write_session(self.town.engine) as session:
                row = session.get_one(WebhookEndpoint, (self.town.utility_id, self.endpoint_id))
                endpoints.ping(session, row, by=BY)


def hook(town: Town, receiver: Receiver, events: tuple[str, ...] = ("webhook.test",)) -> Hooked:
    """Let a town tell a receiver."""
    with write_session(town.engine) as session:
        row, secret = endpoints.add(
            session, town.utility_id, receiver.url, town.ring, events=events, guard=Guard.of(CONFIG), by=BY
        )
        return Hooked(town, receiver, row.id, secret, Watch())


@pytest.fixture
def hooked(town: Town, receiver: Receiver) -> Hooked:
    """A town whose endpoint wants test messages only."""
    return hook(town, receiver)


def utc(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
