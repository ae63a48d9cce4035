"""``sgc decode``: one answer a line, in order, at once, whatever comes in."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import wmbus
from protocols.wmbus import stream
from tests.protocols.wmbus.samples import FRAMES, KEY, LAYOUTS, LITRES, METER, PAYLOAD, WIRED, linked

PROGRAM = [sys.executable, "-c", "from protocols.wmbus import stream; stream.run(stream.Decoder())"]


def answers(*lines: bytes, decoder: stream.Decoder | None = None) -> list[dict[str, Any]]:
    text = (decoder or stream.Decoder()).answer(list(lines))
    assert text.endswith(b"\n")
    return [json.loads(line) for line in text.splitlines()]


def asked(frame: bytes, **more: object) -> bytes:
    return json.dumps({"telegram": frame.hex(), **more}).encode()


def test_an_answer_has_the_contracts_shape() -> None:
    (line,) = answers(asked(FRAMES["mode 5"], ref={"n": 1}, key=KEY.hex(), received_at="2026-09-01T10:30:00Z"))
    assert line == {
        "schema": 1,
        "ref": {"n": 1},
        "ok": True,
        "error": None,
        "meter": {"manufacturer": "SGC", "id": "76543210", "version": 1, "type": 7, "medium": "water"},
        "link": {
            "format": "none",
            "crc": "absent",
            "c_field": "44",
            "ci": "7A",
            "access_no": 12,
            "symbol_errors": 0,
            "air": None,
        },
        "security": {"mode": 5, "state": "decrypted", "proof": "2f2f", "authentic": False, "counter": None},
        "driver": None,
        "format_state": "full",
        "records": [
            record("volume", "m3", "466.472"),
            record("volume", "m3", "398.000", storage=1),
            record("date", None, "2026-08-31", storage=1),
            record("datetime", None, "2026-09-01T10:30:00"),
            record("error_flags", None, "257"),
            record("customer", None, "SGC-1"),
        ],
        "fields": {
            "total_m3": "466.472",
            "target_m3": "398.000",
            "target_date": "2026-08-31",
            "meter_datetime": "2026-09-01T10:30:00",
            "error_flags": "257",
            "customer": "SGC-1",
        },
        "alarms": [],
        "diagnostics": [],
    }


def record(quantity: str, unit: str | None, value: str, **place: object) -> dict[str, object]:
    plain = {"function": "instantaneous", "storage": 0, "tariff": 0, "subunit": 0, "qualifiers": []}
    return {"quantity": quantity, "unit": unit, "value": value, **plain, **place}


@pytest.mark.parametrize("frames", [FRAMES, LAYOUTS, WIRED])
def test_the_line_and_the_telegram_say_the_same(frames: dict[str, bytes]) -> None:
    for frame in frames.values():
        (line,) = answers(asked(frame, key=KEY.hex()))
        del line["ref"]
        telegram = wmbus.decode(frame, KEY)
        assert telegram.to_json() == line
        assert telegram.fields == line["fields"]
        assert list(telegram.alarms) == line["alarms"]
        assert telegram.error == line["error"]
        assert telegram.link._asdict() == line["link"]
        assert telegram.security._asdict() == line["security"]
        for shown, asked_for in zip(line["records"], telegram.records, strict=True):
            for name in ("quantity", "unit", "value", "function", "storage", "tariff", "subunit"):
                assert shown[name] == getattr(asked_for, name)
            assert shown["qualifiers"] == list(asked_for.qualifiers)
            assert shown.get("at") == asked_for.at


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"", "frame: no bytes"),
        (b"xyz", "telegram: 'xyz' is not pairs of hexadecimal digits"),
        (b"123", "telegram"),
        (b"{", "line: "),
        (b"{}", "telegram"),
        (b'{"telegram": 7}', "telegram"),
        (b'{"telegram": "00", "key": "0Z"}', "key: its text"),
        (b'{"ref": 5, "telegram": null}', "telegram"),
        (b"\xff\xfe\x00", "telegram"),
        (b"[" * 100000, "telegram"),
        (b'{"a":' * 5000, "line: "),
    ],
)
def test_a_line_that_holds_no_telegram_is_answered(line: bytes, field: str) -> None:
    (answer,) = answers(line)
    assert answer["ok"] is False
    assert field in answer["error"]
    assert answer["records"] == []
    assert [item["code"] for item in answer["diagnostics"]] == ["empty" if line == b"" else "bad_input"]


def test_a_reference_survives_a_bad_line() -> None:
    (answer,) = answers(b'{"ref": "meter 5", "telegram": 7}')
    assert answer["ref"] == "meter 5"


def test_lines_share_their_memory() -> None:
    lines = answers(
        asked(FRAMES["compact"]),
        asked(FRAMES["plain"]),
        asked(FRAMES["compact"]),
        asked(FRAMES["mode 7"], key=KEY.hex()),
        asked(FRAMES["mode 7"], key=KEY.hex()),
    )
    assert [line["format_state"] for line in lines[:3]] == ["compact_waiting", "full", "compact_known"]
    assert [item["code"] for item in lines[4]["diagnostics"]] == ["replay"]


def test_a_lines_key_comes_before_the_files() -> None:
    decoder = stream.Decoder(ring=wmbus.Keyring({METER: bytes(16)}))
    closed, opened = answers(asked(FRAMES["mode 5"]), asked(FRAMES["mode 5"], key=KEY.hex()), decoder=decoder)
    assert (closed["security"]["state"], opened["ok"]) == ("key_wrong", True)


@given(st.lists(st.binary(max_size=80).filter(lambda line: b"\n" not in line), max_size=8))
def test_any_lines_get_as_many_answers(lines: list[bytes]) -> None:
    assert len(stream.Decoder().answer(lines).splitlines()) == len(lines)


def test_the_other_shapes_are_for_people() -> None:
    table = stream.Decoder("table").answer([FRAMES["plain"].hex().encode(), b"zz"]).decode()
    assert table.splitlines()[0].startswith("SGC-76543210-01-07")
    assert "total_m3=466.472" in table
    assert table.splitlines()[1].startswith("! telegram")
    explained = stream.Decoder("explain").answer([asked(FRAMES["mode 5"], key=KEY.hex())]).decode()
    assert "466.472 m3" in explained


def test_answers_come_at_once_and_the_order_holds() -> None:
    with subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(asked(FRAMES["plain"], ref=number) + b"\n")
            process.stdin.flush()
            # Nothing else will come until this answer is here.
            assert json.loads(process.stdout.readline())["ref"] == number
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_a_line_without_end_is_not_kept() -> None:
    text = b"00" * stream.LONGEST + b"\n" + FRAMES["plain"].hex().encode()
    done = subprocess.run(PROGRAM, input=text, capture_output=True, check=True)
    first, second = map(json.loads, done.stdout.splitlines())
    assert "longer than" in first["error"]
    assert second["fields"]["total_m3"] == "466.472"
    assert done.stderr == b""


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    with subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write((FRAMES["plain"].hex().encode() + b"\n") * 2000)
            process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_key_files_are_read_from_the_command_line(tmp_path: Path) -> None:
    keys = tmp_path / "keys.csv"
    keys.write_text(f"address;key\n{METER};{KEY.hex()}\n")
    ring = stream.read_keys(keys)
    (line,) = answers(FRAMES["mode 5"].hex().encode(), decoder=stream.Decoder(ring=ring))
    assert line["fields"]["total_m3"] == f"{LITRES / 1000}"
    assert PAYLOAD


def test_a_unit_sent_as_a_long_text_is_shown_and_names_no_field() -> None:
    payload = "".join(f"017C28{letter * 40}05" for letter in ("41", "42", "43"))
    telegram = wmbus.decode(linked("44E34C102345670107" + "7A01000000" + payload))
    assert [record.unit for record in telegram.records] == ["A" * 40, "B" * 40, "C" * 40]
    assert telegram.fields == {}


def test_more_names_than_are_kept_stay_right() -> None:
    for storage in range(0, 13000, 13):
        headers = [wmbus_header(storage + more) for more in range(13)]
        payload = "".join(f"{header}13{index:02X}" for index, header in enumerate(headers))
        telegram = wmbus.decode(linked("44E34C102345670107" + "7A01000000" + payload))
        values = list(telegram.fields.values())
        assert values == [f"0.{index:03d}" for index in range(13)]
    assert wmbus.decode(FRAMES["plain"]).fields["total_m3"] == "466.472"


def wmbus_header(storage: int) -> str:
    """DIF and DIFE of a byte in a storage number."""
    dif, rest, extensions = 0x81 | (storage & 1) << 6, storage >> 1, []
    for _ in range(4):
        extensions.append(0x80 | rest & 15)
        rest >>= 4
    extensions[-1] &= 0x7F
    return bytes([dif, *extensions]).hex()
