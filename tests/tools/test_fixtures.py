"""The test infrastructure itself: each service really runs, and each test has its own."""

import asyncio
import contextlib
import io
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import paho.mqtt.client as mqtt
import psycopg
import pytest
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Page, expect
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Engine, make_url

from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.postgres import Postgres

GOOD_PAGE = """<!doctype html><html lang="es"><title>Prueba</title><main><h1>Agua</h1>
<button onclick="this.textContent = 'Leído'">Leer</button></main></html>"""
BAD_PAGE = '<!doctype html><html><title></title><main><h1>Agua</h1><img src="data:,"></main></html>'
POLICY = "default-src 'none'; script-src 'unsafe-inline'; img-src data:"


@contextlib.contextmanager
def page_server(html: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.mark.browser
def test_browser_runs_a_page_in_spanish(page: Page) -> None:
    with page_server(GOOD_PAGE) as url:
        page.goto(url)
        page.get_by_role("button", name="Leer").click()
        expect(page.get_by_role("button")).to_have_text("Leído")
    assert page.evaluate("[navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone]") == [
        "es-ES",
        "Europe/Madrid",
    ]


@pytest.mark.browser
def test_axe_passes_a_good_page_and_names_the_faults_of_a_bad_one(page: Page, axe: Callable[[Page], None]) -> None:
    with page_server(GOOD_PAGE) as url:
        page.goto(url)
        axe(page)
    with page_server(BAD_PAGE) as url:
        page.goto(url)
        with pytest.raises(AssertionError, match="image-alt") as failure:
            axe(page)
    assert "html-has-lang" in str(failure.value)


@pytest.mark.browser
async def test_coroutine_after_a_browser_test_has_a_loop_of_its_own() -> None:
    await asyncio.sleep(0)


@pytest.mark.postgres
def test_postgres_databases_are_separate_and_vanish(postgres: Postgres) -> None:
    first = postgres.create()
    with psycopg.connect(first.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE mark (litres bigint)")
    clone = postgres.create(make_url(first).database or "")
    other = postgres.create()
    tables = {}
    for url in (clone, other):
        with engine_of(url) as engine:
            tables[url] = inspect(engine).get_table_names()
    assert tables == {clone: ["mark"], other: []}
    for url in (first, clone, other):
        postgres.drop(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(first.replace("+psycopg", ""))


def test_database_is_migrated_and_its_own(database: str) -> None:
    with engine_of(database) as engine, engine.begin() as connection:
        assert inspect(connection).get_table_names()
        connection.execute(text("CREATE TABLE only_here (litres bigint)"))


def test_database_of_the_next_test_knows_nothing_of_the_last(database: str) -> None:
    with engine_of(database) as engine:
        assert "only_here" not in inspect(engine).get_table_names()


def test_empty_database_has_no_table(empty_database: str) -> None:
    with engine_of(empty_database) as engine:
        assert inspect(engine).get_table_names() == []


@pytest.mark.mosquitto
def test_mosquitto_keeps_more_than_its_default_queue_for_a_slow_subscriber(mosquitto: Mosquitto) -> None:
    messages = 1500
    topic = "sgc/test"
    listener = _client(mosquitto, "listener", clean=False)
    listener.subscribe(topic, qos=1)
    _run_until(listener, "on_subscribe", 1)
    listener.disconnect()
    publisher = _client(mosquitto, "publisher")
    publisher.loop_start()
    for number in range(messages):
        publisher.publish(topic, number.to_bytes(2, "big"), qos=1)
    publisher.publish(topic + "/end", b"", qos=1).wait_for_publish(60)
    publisher.disconnect()
    publisher.loop_stop()

    received: list[bytes] = []
    returned = _client(mosquitto, "listener", clean=False)
    returned.on_message = lambda client, data, message: received.append(bytes(message.payload))
    while len(received) < messages and returned.loop(timeout=5.0) == mqtt.MQTT_ERR_SUCCESS:
        pass
    returned.disconnect()
    assert received == [number.to_bytes(2, "big") for number in range(messages)]


@pytest.mark.mosquitto
def test_mosquitto_comes_back_on_its_port_after_a_kill(mosquitto: Mosquitto) -> None:
    port = mosquitto.port
    mosquitto.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((mosquitto.host, port), timeout=5)
    mosquitto.start()
    assert mosquitto.port == port
    socket.create_connection((mosquitto.host, port), timeout=5).close()


def _client(broker: Mosquitto, name: str, *, clean: bool = True) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean)
    client.max_inflight_messages_set(100)
    client.connect(broker.host, broker.port)
    return client


def _run_until(client: mqtt.Client, callback: str, times: int) -> None:
    seen: list[object] = []
    setattr(client, callback, lambda *arguments: seen.append(arguments))
    while len(seen) < times:
        assert client.loop(timeout=5.0) == mqtt.MQTT_ERR_SUCCESS


SERVED = """
import os, signal, subprocess, sys, time
from tests.fixtures.tether import ends_with_us
child = subprocess.Popen(["sleep", "600"], preexec_fn=ends_with_us(signal.SIGKILL), start_new_session=True)
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_servers_end_with_a_killed_test_run() -> None:
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", SERVED], capture_output=True, text=True, check=False, cwd=root)
    status = Path("/proc", killed.stdout.strip(), "status")
    # Gone, or a zombie where nobody in a container collects orphans.
    while status.exists() and "State:\tZ" not in status.read_text():
        time.sleep(0.05)


def test_shared_folder_has_its_readme(shared: Path) -> None:
    assert (shared / "README.md").is_file()


LOG = structlog.get_logger()


@pytest.mark.parametrize("turn", [1, 2])
def test_logging_set_up_by_a_test_ends_with_it(turn: int) -> None:
    assert not isinstance(structlog.get_config()["logger_factory"], structlog.WriteLoggerFactory)
    stream = io.StringIO()
    structlog.configure(
        logger_factory=structlog.WriteLoggerFactory(stream),
        processors=[structlog.processors.JSONRenderer()],
        cache_logger_on_first_use=True,
    )
    LOG.info("heard", turn=turn)
    assert f'"turn": {turn}' in stream.getvalue()
    stream.close()


def test_no_test_reaches_another_machine() -> None:
    with socket.socket() as outgoing, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        outgoing.connect(("192.0.2.1", 80))


@pytest.mark.parametrize(("ci", "outcome"), [("", "skipped"), ("true", "failed")])
def test_missing_service_skips_here_and_fails_in_ci(tmp_path: Path, ci: str, outcome: str) -> None:
    test = tmp_path / "test_missing.py"
    test.write_text(
        "from tests.fixtures.availability import unavailable\ndef test_it():\n    unavailable('Nada', 'run: nothing')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "--rootdir", tmp_path, test],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "CI": ci, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert f"1 {outcome}" in done.stdout
    assert "Nada is not available; run: nothing" in done.stdout
