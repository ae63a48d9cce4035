"""To a checked address under the name's own certificate: what another name was proved for is not used."""

import ssl
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from central.webhooks.address import Guard
from central.webhooks.sending import Post, Sender
from tests.central.fiscal.test_line import certificate
from tests.central.webhooks.conftest import CONFIG, Receiver, handler


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Receiver, list[str | None], ssl.SSLContext]]:
    """A receiver with a certificate for ``localhost``, the names it was asked for, and who believes it."""
    certified, *_ = certificate(tmp_path, "receiver")
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(receiver))
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a handshake that is broken off
    server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.url = f"https://localhost:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiver, asked, ssl.create_default_context(cafile=str(certified))
    server.shutdown()
    server.server_close()
    thread.join()


def post(url: str) -> Post:
    return Post(Guard.of(CONFIG).pin(url, lambda *_: ["127.0.0.1"]), {}, b"{}")


def test_the_name_is_asked_for_and_proved_though_the_address_is_called(
    secure: tuple[Receiver, list[str | None], ssl.SSLContext],
) -> None:
    receiver, asked, trusted = secure
    with Sender(5.0, trusted) as sender:
        assert sender.send(post(receiver.url)).status == 204
        assert sender.send(post(receiver.url)).status == 204
    assert asked == ["localhost"]  # one connection for both
    assert receiver.heard[0].headers["host"] == receiver.url.split("/")[2]


def test_another_name_at_the_same_address_must_prove_itself(
    secure: tuple[Receiver, list[str | None], ssl.SSLContext],
) -> None:
    receiver, asked, trusted = secure
    with Sender(5.0, trusted) as sender:
        assert sender.send(post(receiver.url)).status == 204
        answer = sender.send(post(receiver.url.replace("localhost", "other.example")))
    assert answer.status is None
    assert "certificate" in answer.error.lower()
    assert asked == ["localhost", "other.example"]
    assert len(receiver.heard) == 1


def test_a_certificate_nobody_vouches_for_gets_no_message(
    secure: tuple[Receiver, list[str | None], ssl.SSLContext],
) -> None:
    receiver, _, _ = secure
    with Sender(5.0) as sender:
        assert sender.send(post(receiver.url)).status is None
    assert receiver.heard == []
