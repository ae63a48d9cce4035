"""A PostgreSQL server and an MQTT broker for a measurement: on free loopback ports, gone when it ends."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

POSTGRES_HOMES = Path("/usr/lib/postgresql")
START_S = 60.0
# What docs/operating.md asks of a server that bills a large utility; durability is the usual one.
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "15min"}


class ScratchError(RuntimeError):
    """A server that is not there or does not start; the text says what to install or to pass instead."""


@contextlib.contextmanager
def scratch_postgres() -> Iterator[str]:
    """The URL of an empty database on a server with its usual durability."""
    programs = max(POSTGRES_HOMES.glob("*/bin/initdb"), key=lambda path: float(path.parents[1].name), default=None)
    if programs is None:
        raise ScratchError(f"no PostgreSQL below {POSTGRES_HOMES}: install postgresql, or name a database with --db")
    user = "postgres" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="sgc-bench-"))
    try:
        if user:
            shutil.chown(home, user)
        subprocess.run(  # noqa: S603
            [programs, "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
            user=user, cwd=home, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        command: list[Path | str] = [
            programs.parent / "postgres",
            "-D",
            home / "data",
            "-k",
            home,
            "-clisten_addresses=",
            *settings,
        ]
        with _running(command, home, user) as process:
            try:
                _until_it_answers(process, home)
                yield f"postgresql+psycopg://postgres@/postgres?host={home}"
            finally:
                process.send_signal(signal.SIGINT)
                process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def scratch_broker() -> Iterator[int]:
    """The port of a Mosquitto that keeps whatever a slow subscriber has not taken yet."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise ScratchError("no mosquitto: install it")
    home = Path(tempfile.mkdtemp(prefix="sgc-bench-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (home / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n"
    )
    try:
        with _running([Path(program), "-c", home / "mosquitto.conf"], home, None) as process:
            try:
                _until_it_accepts(process, port, home)
                yield port
            finally:
                process.terminate()
                process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _running(command: list[Path | str], home: Path, user: str | None) -> "subprocess.Popen[bytes]":
    with (home / "log").open("wb") as log:
        return subprocess.Popen(command, user=user, cwd=home, stdout=log, stderr=log, start_new_session=True)  # noqa: S603


def _until_it_answers(process: "subprocess.Popen[bytes]", home: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(f"host={home} user=postgres dbname=postgres").close()
            return
        except psycopg.OperationalError:
            _still_starting(process, deadline, home)


def _until_it_accepts(process: "subprocess.Popen[bytes]", port: int, home: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            _still_starting(process, deadline, home)


def _still_starting(process: "subprocess.Popen[bytes]", deadline: float, home: Path) -> None:
    if process.poll() is not None or time.monotonic() > deadline:
        raise ScratchError(f"{process.args!r} does not start: {(home / 'log').read_text()[-300:]}")
    time.sleep(0.05)
