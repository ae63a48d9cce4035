"""The road as a user walks it: the command, its report, its files, its refusals."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fixtures.road import METERS, ROOT, WalkedRoad, sgc

pytestmark = pytest.mark.journey

REPORT = {
    "meters", "telegrams_sent", "telegrams_heard", "readings_stored_edge", "readings_stored_central", "lost",
    "duplicates", "supply_points_billed", "estimated", "invoices", "total_eur", "ground_truth_litres_matched", "audit",
    "seconds",
}  # fmt: skip


def test_the_report_closes_on_ground_truth(walked_road: WalkedRoad) -> None:
    report = walked_road.report
    assert set(report) >= REPORT
    assert report["meters"] == report["supply_points_billed"] == report["invoices"] == METERS
    assert report["telegrams_sent"] > report["telegrams_heard"] > METERS * 30 * 6
    assert report["readings_stored_central"] == report["readings_stored_edge"]
    assert report["lost"] == report["duplicates"] == report["estimated"] == 0
    assert report["billed_litres"] == report["metered_litres"] > 0
    assert report["ground_truth_litres_matched"] is True
    assert report["differences"] == []
    assert report["audit"] == "ok"


def test_a_walked_road_passes_the_audit_command(walked_road: WalkedRoad) -> None:
    keys = walked_road.folder / "central" / "kek"
    run = sgc("audit", "--db", walked_road.database, "--keys", str(keys), "--json")
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_audit_command_names_a_breach(walked_road: WalkedRoad, tmp_path: Path) -> None:
    copy = tmp_path / "sgc.db"
    with sqlite3.connect(walked_road.folder / "central" / "sgc.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
    shutil.copy(walked_road.folder / "central" / "kek", tmp_path / "kek")
    with sqlite3.connect(copy) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        db.execute("UPDATE ledger_entry SET amount_cents = amount_cents + 1 WHERE position = 1")
    run = sgc("audit", "--db", f"sqlite:///{copy}", "--keys", str(tmp_path / "kek"))
    assert run.returncode == 1
    assert "ledger" in run.stdout


def test_a_kept_folder_is_never_written_over(walked_road: WalkedRoad) -> None:
    run = sgc("demo", "--headless", "--json", "--keep", str(walked_road.folder))
    assert run.returncode == 1
    assert run.stderr.startswith(f"sgc demo: --keep {walked_road.folder}: is not empty")
    assert run.stderr.count("\n") == 1


def test_the_same_seed_is_the_same_town_and_the_same_money(walked_road: WalkedRoad) -> None:
    run = sgc("demo", "--meters", str(METERS), "--months", "1", "--headless", "--json")
    again = json.loads(run.stdout)
    for name in ("telegrams_sent", "telegrams_heard", "total_eur", "billed_litres", "invoices"):
        assert again[name] == walked_road.report[name]


def test_ctrl_c_ends_everything_cleanly(tmp_path: Path) -> None:
    folder, said = tmp_path / "kept", tmp_path / "said.txt"
    arguments = ["demo", "--meters", "12", "--months", "1", "--port", "0", "--keep", str(folder)]
    with said.open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "sgc", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=err, text=True
        )
    for _ in range(3000):
        if "Ctrl-C" in said.read_text() or process.poll() is not None:
            break
        time.sleep(0.1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    shown = said.read_text()
    assert process.returncode == 130
    assert "abonado" in shown
    assert "http://127.0.0.1:" in shown
    assert "Traceback" not in shown
    assert "Litros" in out
    assert not _left_running(folder)


def _left_running(folder: Path) -> list[str]:
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = command.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in text:
            found.append(text)
    return found
