"""Recorded telegrams down the same road: water ends as readings, everything else is kept with its reason."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.fixtures.road import sgc

pytestmark = pytest.mark.journey


def fates(file: Path) -> tuple[dict[str, int], dict[str, dict[str, object]]]:
    run = sgc("demo", "--replay", str(file), "--json")
    assert run.returncode == 0, run.stdout[:2000] + run.stderr
    told = json.loads(run.stdout)
    return told, {fate["ref"]: fate for fate in told["fates"]}


def test_every_recorded_water_telegram_with_a_standard_payload_ends_as_a_reading(shared: Path) -> None:
    file = shared / "data" / "telegrams" / "wireless.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    told, by_ref = fates(file)
    assert told["lost"] == told["wrong"] == told["refused"] == 0
    assert told["telegrams"] == len(rows) + sum(len(row.get("preceding_telegrams") or []) for row in rows)
    checked = 0
    for row in rows:
        total = (row.get("expected") or {}).get("total_m3")
        if row.get("media") == "water" and row["payload_class"] == "standard_dv" and total is not None:
            assert by_ref[row["id"]]["litres"] == int(Decimal(str(total)) * 1000), row["id"]
            checked += 1
    assert checked > 40
