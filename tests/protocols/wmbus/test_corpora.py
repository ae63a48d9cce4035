"""The public telegrams of the shared folder in every form of the air, and on the wire record by record."""

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from protocols import wmbus

FORMS = ("ota_frame_a_hex", "ota_frame_b_hex", "ota_t1_3of6_hex", "ota_c1a_hex", "ota_c1b_hex")
# What one of our units is in the unit of the wired corpus.
FACTORS = {"kWh": 1000, "kW": 1000, "MJ": 1_000_000}
LONG_TIMES = {"s": 1, "min": 60, "h": 3600, "d": 86400}
NOT_RECORDS = ("Manufacturer specific", "More records follow")


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a corpus."""
    text = (folder / "data" / "telegrams" / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def outcome(telegram: wmbus.Telegram) -> dict[str, Any]:
    """What a telegram says, without how it came."""
    line = telegram.to_json()
    del line["link"]
    line["diagnostics"] = [item for item in line["diagnostics"] if item["code"] != "reception"]
    return line


@pytest.mark.parametrize("form", FORMS)
def test_a_telegram_says_the_same_in_every_form(shared: Path, form: str) -> None:
    seen = 0
    for row in [*rows(shared, "wireless"), *rows(shared, "encrypted")]:
        if not row.get(form) or not row.get("length_ok"):
            continue
        key = bytes.fromhex(row["key"]) if row.get("key") else None
        bare = wmbus.decode(bytes.fromhex(row["telegram_hex"]), key)
        formed = wmbus.decode(bytes.fromhex(row[form]), key)
        assert outcome(formed) == outcome(bare), row["id"]
        assert (formed.link.crc, formed.link.symbol_errors) == ("ok", 0)
        seen += 1
    assert seen > 200


def told(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The records a wired row expects."""
    return [item for item in row["expected_norm"]["records"] if item.get("Function") not in NOT_RECORDS]


def same(record: wmbus.Record, item: dict[str, Any]) -> bool:
    """Whether a record has the value it should have."""
    text = str(item.get("Value") or "").strip()
    if record.value is None:
        return False
    try:
        value = Decimal(record.value) * FACTORS.get(record.unit or "", 1)
        if item.get("Unit") == "s":
            value *= LONG_TIMES.get(record.unit or "", 1)
        return abs(value - Decimal(text)) <= max(Decimal(1), abs(value)) / 1_000_000
    except InvalidOperation:
        return record.value.strip() == text.rstrip("Z")


def has_no_value(record: wmbus.Record, item: dict[str, Any]) -> bool:
    """What must not become a number although the corpus shows one: in error state, invalid, every year."""
    return record.value is None or record.function == "error" or "recurring" in record.qualifiers


def test_wired_records_have_their_values(shared: Path) -> None:
    compared, different = 0, {}
    for row in rows(shared, "wired"):
        if not row.get("expected_norm"):
            continue
        records = wmbus.decode(bytes.fromhex(row["telegram_hex"])).records
        expected = told(row)
        # What profiles and drivers add stands behind what was sent.
        for place, (record, item) in enumerate(zip(records[: len(expected)], expected, strict=True)):
            compared += 1
            if not same(record, item) and not has_no_value(record, item):
                different[row["id"], place] = (record.value, record.unit, item)
    assert compared > 600
    # Bytes shown in another order, litres of a fixed structure shown without their unit, an unknown VIF.
    assert set(different) == {("wired-0034", 0), ("wired-0067", 0), ("wired-0067", 1), ("wired-0068", 2)}


def test_wired_frames_that_are_damaged_say_so(shared: Path) -> None:
    damaged = [row for row in rows(shared, "wired") if row["category"] == "error-frames"]
    assert len(damaged) > 10
    for row in damaged:
        telegram = wmbus.decode(bytes.fromhex(row["telegram_hex"]))
        assert telegram.diagnostics, row["id"]
        assert telegram.ok or telegram.records == ()
