"""Forms of frames: found, checked, stripped; a hit bit or a cut end never becomes a value."""

import pytest

from firmware_sim.telegram import frame_format_a, frame_format_b
from protocols import wmbus
from protocols.wmbus.link import crc
from tests.protocols.wmbus.samples import (
    DUE_LITRES,
    FORMS,
    FRAMES,
    KEY,
    LITRES,
    READABLE,
    WIRED,
    formed,
)


def test_crc_has_its_published_check_value() -> None:
    assert crc(b"123456789") == 0xC2B7


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", READABLE)
def test_every_form_of_every_telegram_says_the_same(name: str, form: str) -> None:
    plain = wmbus.decode(FRAMES[name], KEY)
    telegram = wmbus.decode(formed(form, FRAMES[name]), KEY)
    assert telegram.ok, telegram.error
    assert telegram.link.crc == "ok"
    assert telegram.link.format == ("B" if form in ("B", "C1B") else "A")
    assert telegram.link.air == (form if len(form) > 1 else None)
    assert telegram.total_litres == LITRES
    assert telegram.due_litres == DUE_LITRES
    assert telegram.to_json()["records"] == plain.to_json()["records"]
    told = wmbus.decode(formed(form, FRAMES[name]), KEY, link=form)
    assert told.to_json() == telegram.to_json()


@pytest.mark.parametrize("form", FORMS)
def test_one_flipped_bit_never_becomes_a_value(form: str) -> None:
    for name in READABLE:
        frame = formed(form, FRAMES[name])
        # The last byte of 3-of-6 is filled with a postamble that belongs to no telegram.
        for bit in range(8 * len(frame) - (4 if form == "T1" else 0)):
            hit = bytearray(frame)
            hit[bit // 8] ^= 0x80 >> bit % 8
            telegram = wmbus.decode(bytes(hit), KEY)
            assert not telegram.ok
            assert all(record.value is None for record in telegram.records), (name, bit)


@pytest.mark.parametrize("form", ["A", "B", "none", "T1", "C1A", "C1B", "S1"])
def test_a_form_that_was_told_is_not_doubted(form: str) -> None:
    other = frame_format_b(FRAMES["plain"]) if form == "A" else frame_format_a(FRAMES["plain"])
    telegram = wmbus.decode(other, link=form)
    assert not telegram.ok
    assert telegram.error
    assert telegram.records == ()


def test_an_unknown_form_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="link: 'X' is none of auto, none, A, B"):
        wmbus.decode(FRAMES["plain"], link="X")


@pytest.mark.parametrize("form", ["A", "B", "T1", "S1", "C1A", "C1B"])
def test_every_truncation_is_refused_by_name(form: str) -> None:
    frame = formed(form, FRAMES["mode 5"])
    whole = len(frame) - (1 if form == "T1" else 0)
    for size in range(whole):
        telegram = wmbus.decode(frame[:size], KEY)
        assert not telegram.ok
        assert telegram.error
        assert telegram.records == ()


def test_every_truncation_without_crcs_is_refused_by_its_length() -> None:
    for name in READABLE:
        for size in range(len(FRAMES[name])):
            telegram = wmbus.decode(FRAMES[name][:size], KEY)
            assert not telegram.ok
            assert telegram.error


@pytest.mark.parametrize("name", READABLE)
def test_a_frame_cut_with_its_length_mended_says_at_most_what_is_there(name: str) -> None:
    for size in range(10, len(FRAMES[name])):
        cut = bytes([size - 1]) + FRAMES[name][1:size]
        telegram = wmbus.decode(cut, KEY)
        assert telegram.total_litres in (None, LITRES)
        assert set(telegram.due_litres) <= set(DUE_LITRES)


def test_a_receivers_bytes_behind_a_frame_are_told() -> None:
    telegram = wmbus.decode(frame_format_a(FRAMES["plain"]) + b"\x5a\x80", KEY)
    assert telegram.total_litres == LITRES
    assert [item.code for item in telegram.diagnostics] == ["trailing_bytes"]


@pytest.mark.parametrize("name", ["long", "fixed"])
def test_a_wired_frame_survives_no_flipped_bit(name: str) -> None:
    frame = WIRED[name]
    for bit in range(8 * len(frame)):
        hit = bytearray(frame)
        hit[bit // 8] ^= 0x80 >> bit % 8
        telegram = wmbus.decode(bytes(hit), link="wired")
        assert not telegram.ok
        assert telegram.records == ()


@pytest.mark.parametrize(
    "text", ["5A", "E500", "E5000000000000", "1040014116", "10400141001641", "1040010041004116", "68"]
)
def test_what_only_starts_like_a_wired_frame_is_none(text: str) -> None:
    telegram = wmbus.decode(bytes.fromhex(text), link="wired")
    assert telegram.ok == (text == "1040014116")
    assert telegram.records == ()


def test_wired_control_frames_are_told_apart() -> None:
    short, acknowledge = wmbus.decode(WIRED["short"]), wmbus.decode(WIRED["acknowledge"])
    assert (short.ok, short.meter, short.link.format, short.link.c_field) == (True, None, "wired", "40")
    assert (acknowledge.ok, acknowledge.link.format, acknowledge.link.crc) == (True, "wired", "ok")


def test_a_meters_error_report_is_an_error() -> None:
    assert wmbus.decode(WIRED["error"]).error == "application error 03 reported by the meter"


def test_the_fixed_structure_gives_both_counters() -> None:
    records = wmbus.decode(WIRED["fixed"]).records
    assert [(record.value, record.unit, record.storage) for record in records] == [
        ("0.001", "m3", 0),
        ("0.135", "m3", 1),
    ]


def test_invalid_symbols_are_counted_and_refuse_the_telegram() -> None:
    air = bytearray(formed("T1", FRAMES["plain"]))
    air[20] = 0xFF
    telegram = wmbus.decode(bytes(air))
    assert telegram.link.symbol_errors > 0
    assert "3-of-6" in str(telegram.error)


@pytest.mark.parametrize("size", [0, 1, 2, 9, 300, 5000])
def test_any_length_is_answered(size: int) -> None:
    for value in (0x00, 0x2F, 0x68, 0xFF):
        telegram = wmbus.decode(bytes([value]) * size)
        assert not telegram.ok
        assert telegram.error
