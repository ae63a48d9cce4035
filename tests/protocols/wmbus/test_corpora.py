"""The public telegrams of the shared folder in every form of the air, and on the wire record by record."""

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.telegram import on_air_s1
from firmware_sim.telegram.link import without_crcs
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


def flipped(frame: bytes, bit: int) -> bytes:
    """The frame with one bit turned."""
    hit = bytearray(frame)
    hit[bit // 8] ^= 0x80 >> bit % 8
    return bytes(hit)


@pytest.mark.parametrize("form", [*FORMS, "S1"])
def test_no_flipped_bit_of_any_public_telegram_becomes_a_value(shared: Path, form: str) -> None:
    flips, values = 0, []
    for row in [*rows(shared, "wireless"), *rows(shared, "encrypted")]:
        if not row.get("ota_frame_a_hex" if form == "S1" else form):
            continue
        blocks = bytes.fromhex(row["ota_frame_a_hex"])
        frame = on_air_s1(without_crcs(blocks)) if form == "S1" else bytes.fromhex(row[form])
        # The last symbol of 3-of-6 may be filled with a postamble that belongs to no telegram.
        for bit in range(8 * len(frame) - (4 if "3of6" in form and len(blocks) % 2 else 0)):
            flips += 1
            telegram = wmbus.decode(flipped(frame, bit), row.get("key"))
            if any(record.value is not None for record in telegram.records) or telegram.fields:
                values.append((row["id"], bit))
    assert flips > 200_000
    assert values == []


def test_frames_without_crcs_are_not_refused_for_what_might_have_been_format_b(shared: Path) -> None:
    """Public frames with other digits in their address: so many chances for a CRC to look like a hit one."""
    tried = refused = 0
    for row in [*rows(shared, "wireless"), *rows(shared, "encrypted")]:
        frame = bytearray.fromhex(row["telegram_hex"])
        if wmbus.decode(bytes(frame)).link.format != "none":
            continue
        for number in range(600):
            frame[4], frame[5] = number % 251, number % 253
            tried += 1
            refused += "one bit wrong" in str(wmbus.decode(bytes(frame)).error)
            assert wmbus.decode(bytes(frame), link="none").link.crc == "absent"
    assert tried > 200_000
    assert 0 < refused < tried / 3000


@pytest.mark.parametrize("form", [*FORMS, "telegram_hex"])
def test_no_truncation_of_any_public_telegram_becomes_a_value(shared: Path, form: str) -> None:
    cuts, values = 0, []
    for row in [*rows(shared, "wireless"), *rows(shared, "encrypted"), *rows(shared, "wired")]:
        frame = bytes.fromhex(row.get(form) or "")
        if not wmbus.decode(frame, row.get("key")).ok:
            continue
        # The last byte of 3-of-6 may be half a postamble, and behind an L field's end there may be a receiver's bytes.
        whole = (
            len(frame) - 1
            if "3of6" in form
            else frame[0] + 1
            if form == "telegram_hex" and frame[0] < len(frame)
            else len(frame)
        )
        for size in range(min(whole, len(frame))):
            cuts += 1
            telegram = wmbus.decode(frame[:size], row.get("key"))
            if telegram.ok and (telegram.records or telegram.fields):
                values.append((row["id"], size))
    assert cuts > 20_000
    assert values == []
