"""Whole plays through a pseudo terminal: nothing lost, nothing twice, whoever is killed."""

import datetime as dt
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from firmware_sim.town import Town

COMMAND = [sys.executable, "-c", "import typer, firmware_sim.cli as c; a = typer.Typer(); c.register(a); a()", "sim"]
ROOT = Path(__file__).parents[2]

Start = Callable[..., subprocess.Popen[str]]


class Host(Protocol):
    """The part of the fixture's host that these tests use."""

    skipped: int

    def ask(self, request: str) -> object: ...
    def write(self, request: str) -> None: ...
    def set_up(self) -> None: ...
    def digests(self, *, until: int | None = None, quiet_s: float = 1.0) -> list[bytes]: ...
    def frames(self, timeout_s: float) -> Sequence[object]: ...


OpenHost = Callable[[Path], Host]


@pytest.fixture
def town_dir(tmp_path: Path) -> Path:
    Town.build(meters=20, months=1).write(tmp_path)
    return tmp_path


@pytest.fixture
def start(town_dir: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def started(*options: str) -> subprocess.Popen[str]:
        command = [*COMMAND, "run", "--town", str(town_dir), "--link", str(town_dir / "tty"), *options]
        running.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield started
    for process in running:
        process.kill()
        process.communicate()


def truth(town_dir: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{town_dir / 'truth.sqlite'}?mode=ro", uri=True) as db:
        return db.execute(sql).fetchall()


def wait_done(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        progress: dict[str, Any] = json.loads(line)
        if progress["done"]:
            return progress
    raise AssertionError("the simulator ended before it was done")


def stopped(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert errors == ""
    return process.returncode


def test_whole_play_is_heard_and_kept(town_dir: Path, start: Start, open_host: OpenHost) -> None:
    process = start()
    host = open_host(town_dir / "tty")
    host.set_up()
    digests = host.digests()

    progress = wait_done(process)
    assert stopped(process) == 0

    rows = [row[0] for row in truth(town_dir, "SELECT digest FROM heard ORDER BY id")]
    assert digests == rows
    assert progress["heard"] == len(rows)
    assert truth(town_dir, "SELECT sum(sent), sum(heard) FROM meter") == [(progress["sent"], len(rows))]
    assert truth(town_dir, "SELECT count(*) FROM meter WHERE radio = 0 AND sent = 0") == [(1,)]
    assert len(rows) < progress["sent"]
    assert not os.path.lexists(town_dir / "tty")


def test_truth_holds_the_index_of_each_telegram(town_dir: Path, start: Start, open_host: OpenHost) -> None:
    process = start("--from", "2026-09-10", "--to", "2026-09-11")
    host = open_host(town_dir / "tty")
    host.set_up()
    host.digests()
    wait_done(process)
    stopped(process)
    town = Town.read(town_dir)

    rows = truth(town_dir, "SELECT meter, instant_ms, litres, access_no FROM heard")

    assert 100 < len(rows) < 20 * 9
    for index, instant_ms, litres, access_no in rows:
        moment = dt.datetime.fromtimestamp(instant_ms / 1000, dt.UTC)
        assert town.index_at(town.meters[index], moment) == litres
        assert 0 <= access_no < 256


def test_nothing_is_said_before_the_host_sets_the_mode(town_dir: Path, start: Start, open_host: OpenHost) -> None:
    process = start("--wait", "30")
    host = open_host(town_dir / "tty")
    host.ask("A5010100")
    with pytest.raises(TimeoutError):
        host.frames(0.5)

    host.set_up()

    assert host.frames(2.0)
    assert stopped(process) == 0


def test_host_that_never_comes_is_an_error(town_dir: Path, start: Start) -> None:
    process = start("--wait", "0.3")

    _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "no host set the module to mode T within 0.3 s" in errors
    assert len(errors.splitlines()) == 1
    assert not os.path.lexists(town_dir / "tty")


def test_killed_simulator_goes_on_where_the_truth_ends(town_dir: Path, start: Start, open_host: OpenHost) -> None:
    digests: list[bytes] = []
    for share in (600, 1500, 2600):
        process = start()
        host = open_host(town_dir / "tty")
        host.set_up()
        digests += host.digests(until=share)
        process.kill()
        process.wait()
        (town_dir / "tty").unlink()
    process = start()
    host = open_host(town_dir / "tty")
    host.set_up()
    digests += host.digests()
    wait_done(process)
    stopped(process)

    rows, certain = every_and_certain(town_dir)
    assert len(set(rows)) == len(rows)
    assert len(set(digests)) == len(digests)
    assert set(certain) <= set(digests) <= set(rows)
    assert digests == [row for row in rows if row in set(digests)]
    assert len(rows) - len(certain) < len(rows) / 2
    assert truth(town_dir, "SELECT sum(sent), sum(heard) FROM meter") == truth(town_dir, "SELECT sent, heard FROM play")


def every_and_certain(town_dir: Path) -> tuple[list[bytes], list[bytes]]:
    """Digests of all telegrams, and of those that were heard for certain, in order."""
    rows = truth(town_dir, "SELECT digest, doubtful FROM heard ORDER BY id")
    return [row[0] for row in rows], [row[0] for row in rows if not row[1]]


def test_finished_play_stays_finished(town_dir: Path, start: Start, open_host: OpenHost) -> None:
    for _ in range(2):
        process = start("--from", "2026-09-10", "--to", "2026-09-11")
        host = open_host(town_dir / "tty")
        host.set_up()
        host.digests(quiet_s=0.5)
        wait_done(process)
        stopped(process)

    rows = truth(town_dir, "SELECT digest FROM heard")
    assert len(set(rows)) == len(rows) > 100


def test_host_that_dies_and_returns_loses_only_what_it_flushed(
    town_dir: Path, start: Start, open_host: OpenHost
) -> None:
    process = start("--grace", "0.05")
    first = open_host(town_dir / "tty")
    first.set_up()
    digests = first.digests(until=500)
    time.sleep(0.3)
    second = open_host(town_dir / "tty")
    second.set_up()
    digests += second.digests()
    wait_done(process)
    stopped(process)

    rows, certain = every_and_certain(town_dir)
    sent, heard = truth(town_dir, "SELECT sent, heard FROM play")[0]
    assert digests == rows
    assert heard == len(rows)
    assert sent - len(rows) > 50
    at = rows.index(digests[499])
    assert all(row in set(rows[max(0, at - 499) : at + 60]) for row in set(rows) - set(certain))
    assert certain != rows


def test_slow_host_holds_the_simulator_back(town_dir: Path, start: Start, open_host: OpenHost) -> None:
    process = start()
    host = open_host(town_dir / "tty")
    host.set_up()
    early = host.frames(1.0)
    time.sleep(1.5)

    assert truth(town_dir, "SELECT count(*) FROM heard")[0][0] <= len(early)
    digests = host.digests()
    wait_done(process)
    stopped(process)
    rows = [row[0] for row in truth(town_dir, "SELECT digest FROM heard ORDER BY id")]
    assert digests == rows[len(early) :]


def test_garbage_and_splits_on_the_line_cost_nothing(town_dir: Path, start: Start, open_host: OpenHost) -> None:
    process = start("--from", "2026-09-10", "--to", "2026-09-14", "--garbage-one-in", "5", "--split")
    host = open_host(town_dir / "tty")
    host.set_up()
    digests = host.digests()
    wait_done(process)
    stopped(process)

    rows = [row[0] for row in truth(town_dir, "SELECT digest FROM heard ORDER BY id")]
    assert host.skipped > 100
    assert digests == rows[: len(digests)]
    assert len(rows) - len(digests) <= 3


def test_silent_module_answers_nothing_for_a_while(town_dir: Path, start: Start, open_host: OpenHost) -> None:
    process = start("--silent-after", "3", "--silent-s", "1.2")
    host = open_host(town_dir / "tty")
    host.set_up()
    before = len(host.digests(quiet_s=0.4))
    host.write("A5010100")
    with pytest.raises(TimeoutError):
        host.frames(0.3)

    assert before < 400 < len(host.digests())
    wait_done(process)
    assert stopped(process) == 0


def test_paced_play_takes_its_time(town_dir: Path, start: Start, open_host: OpenHost) -> None:
    """An hour and a half of the town in about a second: 5400 times faster than life."""
    process = start("--speed", "5400")
    host = open_host(town_dir / "tty")
    host.set_up()
    begin = time.monotonic()
    count = 0
    while time.monotonic() < begin + 2:
        count += len(host.digests(until=1, quiet_s=0.2))

    hours = 5400 * (time.monotonic() - begin) / 3600
    assert stopped(process) == 0
    assert 0.3 * hours * 20 * 0.3 < count < 3 * hours * 20 * 0.3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--speed", "fast"], "--speed: 'fast', must be max or a number above 0"),
        (["--from", "yesterday"], "--from: 'yesterday' is not a date"),
        (["--from", "2026-09-10", "--to", "2026-09-10"], "--from/--to:"),
        (["--town", "/nonexistent"], "/nonexistent/town.json"),
    ],
)
def test_wrong_options_are_one_line(town_dir: Path, start: Start, options: list[str], words: str) -> None:
    process = start(*options)

    _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert words in errors
    assert len(errors.splitlines()) == 1


def test_truth_of_another_play_is_refused(town_dir: Path, start: Start, open_host: OpenHost) -> None:
    process = start("--from", "2026-09-10")
    open_host(town_dir / "tty").set_up()
    stopped(process)

    other = start("--from", "2026-09-11")

    _, errors = other.communicate(timeout=30)
    assert other.returncode == 1
    assert "from is" in errors


def test_port_name_in_use_by_a_file_is_refused(town_dir: Path, start: Start) -> None:
    (town_dir / "tty").write_text("")

    _, errors = start().communicate(timeout=30)

    assert "exists and is not a symbolic link" in errors
    assert (town_dir / "tty").read_text() == ""


def test_town_command_writes_and_tells(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "town", "--meters", "12", "--months", "1", "--seed", "9", "--out", str(tmp_path), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    result = json.loads(done.stdout)
    assert result["houses"] == 12
    assert Town.read(tmp_path).seed == 9
