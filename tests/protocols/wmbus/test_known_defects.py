"""Where decoders in use have stumbled: each defect that is known of one is a test here or named below.

Elsewhere: long frames of format B (test_corpora), compact frames' CRC and counters (test_memory), MACs and muted
meters (test_security), content that arrives opened (test_opened_before), dates (test_records).
"""

import itertools
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.telegram import Mode10, Transport, build, frame_format_a, frame_format_b
from protocols import wmbus
from protocols.wmbus import stream
from tests.protocols.wmbus.samples import DUE_LITRES, FRAMES, KEY, LITRES, METER, PAYLOAD, linked

HEAD = "44E34C103254760107" + "7A01000000"


def rows(shared: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a corpus."""
    text = (shared / "data" / "telegrams" / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_meters_that_share_their_digits_disturb_each_other_in_no_order(shared: Path) -> None:
    by_digits = defaultdict(list)
    for row in rows(shared, "wireless"):
        by_digits[row["meter_id"]].append(row["telegram_hex"])
    pairs = [pair for frames in by_digits.values() for pair in itertools.permutations(dict.fromkeys(frames), 2)]
    assert len(pairs) > 20
    for first, second in pairs:
        alone = stream.Decoder().answer([second.encode()])
        lines = stream.Decoder().answer([first.encode(), second.encode()]).splitlines(keepends=True)
        # A compact frame may take its format from the full one before it.
        assert lines[1] == alone or b"compact" in alone


def test_what_is_sealed_shows_nothing_without_its_key(shared: Path) -> None:
    sealed = [row for row in rows(shared, "encrypted") if row.get("key")]
    assert len(sealed) > 100
    for row in sealed:
        telegram = wmbus.decode(bytes.fromhex(row["telegram_hex"]))
        # Diehl's published keys open their own.
        if telegram.security.state != "decrypted":
            assert not telegram.ok, row["id"]
            assert telegram.records == ()
            assert telegram.fields == {}


def test_no_mode_passes_for_plain() -> None:
    telegram = wmbus.decode(build(METER, PAYLOAD, Transport(), Mode10(KEY, 1)))
    assert (telegram.security.mode, telegram.security.state, telegram.fields) == (10, "key_missing", {})


def test_two_bytes_that_happen_to_be_a_crc_stay_data() -> None:
    """A frame without CRCs whose first twelve bytes look like block 1 of format A."""
    frame = bytearray(FRAMES["plain"])
    whole = wmbus.decode(bytes(frame))
    for number in range(0x10000):
        frame[4:6] = number.to_bytes(2, "little")
        if frame_format_a(bytes(frame))[10:12] == frame[10:12]:
            telegram = wmbus.decode(bytes(frame))
            assert telegram.fields == whole.fields
            break
    else:
        raise AssertionError("no such frame")


@pytest.mark.parametrize("record", ["04FF13 39300000", "0493FF75 39300000", "04937F 39300000"])
def test_nothing_behind_the_manufacturers_escape_is_read_by_the_standard(record: str) -> None:
    (found,) = wmbus.decode(linked(HEAD + record)).records
    assert "manufacturer_specific" in found.qualifiers
    assert found.value in ("12345", "12.345")
    assert wmbus.decode(linked(HEAD + record)).total_litres is None


@pytest.mark.parametrize("control", range(256))
def test_every_control_field_is_told_and_none_refused(control: int) -> None:
    frame = bytearray(FRAMES["plain"])
    frame[1] = control
    telegram = wmbus.decode(frame_format_b(bytes(frame)))
    assert telegram.link.c_field == f"{control:02X}"
    assert (telegram.total_litres, telegram.due_litres) == (LITRES, DUE_LITRES)


@pytest.mark.parametrize("data", ["0000C07F", "0000807F", "000080FF"])
def test_floats_that_are_no_numbers_leave_the_line_valid(data: str) -> None:
    answer = stream.Decoder().answer([linked(HEAD + "0513" + data).hex().encode()])
    (line,) = [json.loads(one, parse_constant=pytest.fail) for one in answer.splitlines()]
    assert line["records"][0]["value"] is None
    assert line["fields"] == {"total_m3": None}
