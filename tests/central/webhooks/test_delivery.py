"""From an event to the receiver: signed so that another library agrees, in order, at least once, and never for ever."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook, WebhookVerificationError

from central import register
from central.store import read_session, write_session
from central.store.models import AuditEntry, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from central.webhooks import endpoints, queue
from central.webhooks.address import Pinned
from central.webhooks.sending import Post, Sender
from central.webhooks.worker import Courier
from tests.central.conftest import BY, Town
from tests.central.webhooks.conftest import CONFIG, Hooked, Receiver, hook


def verified(secret: str, hooked: Hooked, number: int = -1) -> dict[str, object]:
    heard = hooked.receiver.heard[number]
    told: dict[str, object] = Webhook(secret).verify(heard.body, heard.headers)
    return told


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch, hooked: Hooked) -> None:
    """Let the verifying library live in the time of the test: it refuses what is not of its present."""

    class Present(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return hooked.watch.now

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Present)


def test_a_message_is_one_that_the_specifications_own_library_accepts(hooked: Hooked) -> None:
    hooked.ping()
    assert hooked.courier.deliver() == 1
    told = verified(hooked.secret, hooked)
    event = hooked.events()[-1]
    assert told == {
        "type": "webhook.test",
        "version": 1,
        "timestamp": "2026-11-24T12:00:00Z",
        "utility": "agost",
        "data": {"endpoint_id": hooked.endpoint_id},
    }
    heard = hooked.receiver.heard[0]
    assert heard.headers["webhook-id"] == f"evt_{event.id}"
    assert heard.headers["content-type"] == "application/json"
    assert heard.path == "/hook"
    assert [row.state for row in hooked.deliveries()] == ["delivered"]


def test_one_byte_changed_and_the_signature_no_longer_holds(hooked: Hooked) -> None:
    hooked.ping()
    hooked.courier.deliver()
    heard = hooked.receiver.heard[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(hooked.secret).verify(heard.body.replace(b"test", b"tset"), heard.headers)


def test_while_a_secret_is_rotated_both_verify_and_then_the_new_one_alone(hooked: Hooked) -> None:
    with write_session(hooked.town.engine) as session:
        row = session.get_one(WebhookEndpoint, (hooked.town.utility_id, hooked.endpoint_id))
        new = endpoints.rotate(session, row, hooked.town.ring, timedelta(days=1), by=BY)
    hooked.ping()
    hooked.courier.deliver()
    assert verified(hooked.secret, hooked) == verified(new, hooked)
    hooked.watch.move(days=2)
    hooked.ping()
    hooked.courier.deliver()
    assert verified(new, hooked)
    with pytest.raises(WebhookVerificationError):
        verified(hooked.secret, hooked)


def test_an_endpoint_that_is_down_gets_everything_in_order_once_it_is_up(hooked: Hooked) -> None:
    hooked.receiver.answers = [(503, {}, b"maintenance"), (204, {}, b"")]
    hooked.ping(5)
    assert hooked.courier.deliver() == 1
    assert hooked.courier.deliver() == 0  # the others wait behind the first
    row = hooked.endpoint()
    assert (row.failures, row.notice) == (1, "HTTP 503")
    hooked.watch.move(seconds=7)
    assert hooked.courier.deliver() == 5
    expected = [f"evt_{event.id}" for event in hooked.events()]
    assert hooked.receiver.ids == [expected[0], *expected]
    with read_session(hooked.town.engine) as session:
        tries = session.scalars(select(WebhookAttempt).order_by(WebhookAttempt.delivery_id)).all()
    assert (tries[0].status, tries[0].body, tries[0].number) == (503, "maintenance", 1)
    assert hooked.endpoint().failing_since is None


def test_a_message_that_is_refused_does_not_hold_up_the_others(hooked: Hooked) -> None:
    hooked.receiver.answers = [(400, {}, b"no"), (204, {}, b"")]
    hooked.ping(3)
    assert hooked.courier.deliver() == 3
    assert [row.state for row in hooked.deliveries()] == ["waiting", "delivered", "delivered"]
    hooked.watch.move(seconds=7)
    hooked.courier.deliver()
    bodies = {heard.headers["webhook-id"]: heard.body for heard in hooked.receiver.heard}
    assert len(bodies) == 3  # the same message, byte for byte, under the same id
    assert hooked.receiver.heard[0].body == hooked.receiver.heard[3].body


def test_tries_grow_apart_for_days_and_end(hooked: Hooked) -> None:
    hooked.receiver.answers = [(500, {}, b"x" * 5000)]
    hooked.ping()
    waits = []
    while hooked.deliveries()[0].state == "waiting":
        hooked.courier.deliver()
        row = hooked.deliveries()[0]
        waits.append((row.due_at - hooked.watch.now).total_seconds())
        hooked.watch.now = max(row.due_at, hooked.endpoint().not_before or row.due_at)
    assert len(hooked.receiver.heard) == row.tries == 10
    for waited, least in zip(waits, queue.WAITS_S, strict=False):
        assert least <= waited <= 1.2 * least
    assert row.state == "failed"
    assert sum(queue.WAITS_S) > timedelta(days=3).total_seconds()
    with read_session(hooked.town.engine) as session:
        assert {len(one.body) for one in session.scalars(select(WebhookAttempt))} == {queue.KEPT_BODY}


def test_a_receiver_says_when_to_come_again(hooked: Hooked) -> None:
    hooked.receiver.answers = [(429, {"retry-after": "900"}, b""), (204, {}, b"")]
    hooked.ping()
    hooked.courier.deliver()
    hooked.watch.move(seconds=890)
    assert hooked.courier.deliver() == 0
    hooked.watch.move(seconds=11)
    assert hooked.courier.deliver() == 1


def test_an_endpoint_that_fails_for_days_is_disabled_and_the_audit_says_so(hooked: Hooked) -> None:
    hooked.receiver.answers = [(500, {}, b"")]
    hooked.ping(2)
    for _ in range(40):
        hooked.courier.deliver()
        hooked.watch.move(hours=25)
        if hooked.endpoint().state != "active":
            break
    assert hooked.endpoint().state == "disabled"
    assert hooked.courier.deliver() == 0
    with read_session(hooked.town.engine) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "webhook.disabled")).one()
    assert entry.after is not None
    assert entry.after["last"] == "HTTP 500"
    hooked.receiver.answers = [(204, {}, b"")]
    with write_session(hooked.town.engine) as session:
        row = session.get_one(WebhookEndpoint, (hooked.town.utility_id, hooked.endpoint_id))
        endpoints.resume(session, row, by=BY)
    assert hooked.courier.deliver() == 2
    assert {row.state for row in hooked.deliveries()} == {"delivered"}


def test_gone_is_believed_at_once(hooked: Hooked) -> None:
    hooked.receiver.answers = [(410, {}, b"")]
    hooked.ping()
    hooked.courier.deliver()
    assert hooked.endpoint().state == "disabled"


def test_a_redirection_is_not_followed(hooked: Hooked) -> None:
    hooked.receiver.answers = [(307, {"location": hooked.receiver.url + "/elsewhere"}, b"")]
    hooked.ping()
    hooked.courier.deliver()
    assert [heard.path for heard in hooked.receiver.heard] == ["/hook"]
    assert hooked.deliveries()[0].state == "waiting"


def test_nothing_listening_is_an_answer_too(hooked: Hooked) -> None:
    with write_session(hooked.town.engine) as session:
        row = session.get_one(WebhookEndpoint, (hooked.town.utility_id, hooked.endpoint_id))
        row.url = "http://127.0.0.1:9/hook"
    hooked.ping()
    assert hooked.courier.deliver() == 1
    assert hooked.endpoint().notice.startswith("ConnectError")


def test_what_slowly_drips_is_given_up() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            for _ in range(200):
                time.sleep(0.02)
                try:
                    connection.sendall(b"x-drop: 1\r\n")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    with Sender(0.2) as sender:
        answer = sender.send(Post(Pinned(f"http://{host}/", host, "127.0.0.1"), {}, b"{}"))
    thread.join()
    listener.close()
    assert (answer.status, answer.error) == (None, "no answer within 0.2 s")


def test_several_workers_send_each_message_once(hooked: Hooked) -> None:
    hooked.ping(60)
    couriers = [hooked.courier for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        tries = sum(pool.map(Courier.deliver, couriers))
    while hooked.courier.deliver():
        pass
    assert tries <= 60
    assert sorted(hooked.receiver.ids) == sorted(f"evt_{event.id}" for event in hooked.events())
    assert {row.state for row in hooked.deliveries()} == {"delivered"}


def test_a_worker_that_wakes_late_records_nothing(hooked: Hooked) -> None:
    hooked.ping()
    with write_session(hooked.town.engine) as session:
        late = queue.take(session, hooked.watch.now)
        assert queue.take(session, hooked.watch.now) is None
    assert late is not None
    hooked.watch.now += queue.LEASE
    assert hooked.courier.deliver() == 1
    with pytest.raises(queue.LostClaimError), write_session(hooked.town.engine) as session:
        queue.settle(session, late, late.due[0], queue.Answer(500), hooked.watch.now, timedelta(days=5))
    assert hooked.deliveries()[0].state == "delivered"


def test_without_its_key_file_nothing_is_sent_and_the_endpoint_says_why(hooked: Hooked) -> None:
    hooked.ping()
    assert Courier(hooked.town.engine, None, CONFIG, clock=hooked.watch).deliver() == 0
    assert "key file" in hooked.endpoint().notice
    hooked.watch.move(minutes=7)
    assert hooked.courier.deliver() == 1


def test_a_time_and_a_single_message_are_told_again(hooked: Hooked, town: Town, receiver: Receiver) -> None:
    every = hook(town, receiver, ("device.*",))
    with write_session(town.engine) as session:
        for name in ("tpl-2", "tpl-3"):
            register.enrol_device(session, town.utility_id, name, by=BY)
    every.ping()
    assert every.courier.deliver() == 3
    first = receiver.ids[0]
    with write_session(town.engine) as session:
        row = session.get_one(WebhookEndpoint, (town.utility_id, every.endpoint_id))
        start = BY.at - timedelta(hours=1)
        assert endpoints.replay(session, row, start, start + timedelta(hours=2), by=BY) == 2  # no test messages
        assert endpoints.replay(session, row, start, BY.at, by=BY) == 0  # half-open
        assert endpoints.replay(session, row, start, start + timedelta(hours=2), by=BY) == 0  # owed already
    assert every.courier.deliver() == 2
    assert receiver.ids[3:] == receiver.ids[:2]
    with write_session(town.engine) as session:
        endpoints.replay_one(session, every.deliveries()[0], by=BY)
    assert every.courier.deliver() == 1
    assert receiver.ids[-1] == first


def test_what_is_old_and_told_is_forgotten_and_what_is_owed_is_not(hooked: Hooked) -> None:
    hooked.ping(2)
    hooked.receiver.answers = [(204, {}, b""), (400, {}, b"")]
    hooked.courier.deliver()
    hooked.watch.move(days=CONFIG.keep_days + 1)
    assert hooked.courier.prune() == 1
    assert [row.state for row in hooked.deliveries()] == ["waiting"]


KILLED = """\
import sys, time
from pathlib import Path

from central.config import WebhooksConfig
from central.register import KeyRing
from central.store import open_engine
from central.webhooks.worker import Courier

url, keys = sys.argv[1:]
config = WebhooksConfig(workers=1, plain_http=True, networks=("127.0.0.0/8",))
courier = Courier(open_engine(url), KeyRing.load(Path(keys)), config)
while True:
    courier.deliver()
    time.sleep(0.01)
"""


def test_a_killed_worker_loses_nothing(hooked: Hooked, database: str, tmp_path: Path) -> None:
    hooked.ping(50)
    with write_session(hooked.town.engine) as session:  # due in the time of the other process, whenever that is
        session.execute(update(WebhookDelivery).values(due_at=datetime(2024, 1, 1, tzinfo=UTC)))
    keys = tmp_path / "town.keys"
    program = tmp_path / "courier.py"
    program.write_text(KILLED)
    for stop_after in (10, 30):
        environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
        process = subprocess.Popen([sys.executable, str(program), database, str(keys)], env=environment)
        deadline = time.monotonic() + 15
        while len(hooked.receiver.heard) < stop_after and time.monotonic() < deadline:
            time.sleep(0.005)
        assert len(hooked.receiver.heard) >= stop_after, f"exit {process.poll()}"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with write_session(hooked.town.engine) as session:  # as if its claim had run out
            row = session.get_one(WebhookEndpoint, (hooked.town.utility_id, hooked.endpoint_id))
            row.claimed_until = None
    hooked.watch.now = datetime.now(UTC) + timedelta(days=4000)
    while hooked.courier.deliver():
        pass
    expected = [f"evt_{event.id}" for event in hooked.events()]
    assert set(hooked.receiver.ids) == set(expected)
    assert len(hooked.receiver.ids) <= len(expected) + 2  # at most the one in its hands at each kill, again
    assert {row.state for row in hooked.deliveries()} == {"delivered"}
