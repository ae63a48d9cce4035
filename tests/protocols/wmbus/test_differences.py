"""What docs/decoder-differences.md says of public telegrams, line by line."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocols import wmbus
from protocols.wmbus.link import crc
from tests.protocols.wmbus.samples import linked

HEAD = "44E34C103254760104" + "7A01000000"


def public(shared: Path, identity: str) -> wmbus.Telegram:
    """A telegram of the shared corpus, decoded with its key."""
    row = line_of(shared, identity)
    return wmbus.decode(bytes.fromhex(row["telegram_hex"]), row.get("key"))


def line_of(shared: Path, identity: str) -> dict[str, Any]:
    rows = map(json.loads, (shared / "data" / "telegrams" / "wireless.jsonl").read_text("utf-8").splitlines())
    found: dict[str, Any] = next(row for row in rows if row["id"] == identity)
    return found


@pytest.mark.parametrize("record", ["441300000080", "8480010600000080", "440500000080"])
def test_the_most_negative_number_is_no_value(record: str) -> None:
    (found,) = wmbus.decode(linked(HEAD + record)).records
    assert (found.value, found.qualifiers) == (None, ("invalid",))


@pytest.mark.parametrize("identity", ["wm-0056", "wm-0090"])
def test_periods_that_have_not_ended_have_neither_date_nor_value(shared: Path, identity: str) -> None:
    records = public(shared, identity).records
    empty = {record.storage for record in records if record.quantity in ("energy", "volume") and record.value is None}
    assert empty
    for record in records:
        if record.storage in empty and record.quantity == "date":
            assert record.value in (None, "2000-00-00")


@pytest.mark.parametrize(
    ("data", "date"), [("0000", "2000-00-00"), ("E1F1", "--01-01"), ("E1F7", "--07-01"), ("FFFF", None)]
)
def test_dates_that_come_back_name_no_year_of_their_own(data: str, date: str | None) -> None:
    (record,) = wmbus.decode(linked(HEAD + "426C" + data)).records
    assert (record.value, record.qualifiers) == (date, ("recurring",) if date else ("invalid",))


@pytest.mark.parametrize(
    ("identity", "name", "date"),
    [
        ("wm-0107", "target_date", "2000-00-00"),
        ("wm-0139", "target_date", "2000-00-00"),
        ("wm-0157", "target_date", "--01-01"),
        ("wm-0297", "target_date", "--07-01"),
        ("wm-0474", "target_date", "--07-01"),
    ],
)
def test_public_telegrams_with_such_dates(shared: Path, identity: str, name: str, date: str) -> None:
    assert public(shared, identity).fields[name] == date


def test_a_factor_in_a_vife_counts(shared: Path) -> None:
    fields = public(shared, "wm-0086").fields
    assert (fields["total_kwh"], fields["total_kvarh"], fields["total_backward_kvarh"]) == ("229.0", "6.3", "45.8")


def test_a_history_agrees_with_its_set_date(shared: Path) -> None:
    fields = public(shared, "wm-0217").fields
    assert (fields["target_date"], fields["target_kwh"]) == ("2020-12-31", "1222")
    assert (fields["month_12_ago_date"], fields["month_12_ago_kwh"]) == ("2020-12-31", "1222")
    history = [int(str(fields[f"month_{months}_ago_kwh"])) for months in range(1, 16)]
    assert history == sorted(history, reverse=True)


def test_a_frame_of_format_a_without_its_last_byte_is_one(shared: Path) -> None:
    frame = bytes.fromhex(line_of(shared, "wm-0404")["telegram_hex"])
    for start, size in ((0, 10), (12, 16), (30, 16)):
        assert crc(frame[start : start + size]) == int.from_bytes(frame[start + size : start + size + 2], "big")
    assert "block 4 of format A" in str(wmbus.decode(frame).error)
    whole = frame[:-1] + crc(frame[48:59]).to_bytes(2, "big")
    telegram = wmbus.decode(whole)
    assert (telegram.link.format, telegram.link.crc) == ("A", "ok")
    assert telegram.fields["radiator_temperature_c"] == "25.16"
