"""Each layer against values worked out by hand or by another implementation of the primitive."""

import datetime as dt
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.telegram import (
    ExtendedLink,
    Mode5,
    Mode7,
    Mode10,
    Session,
    Transport,
    afl,
    build,
    compact,
    crc,
    frame_format_a,
    frame_format_b,
    link,
    on_air_s1,
    records,
    three_of_six,
    values,
    wired,
)
from firmware_sim.telegram.records import Vif

KEY = bytes(range(16))


@dataclass(frozen=True)
class Address:
    manufacturer: str = "KAM"
    id: str = "76348799"
    version: int = 0x1B
    type: int = 0x16


METER = Address()


def test_crc_check_values() -> None:
    assert crc.wmbus(b"123456789") == 0xC2B7
    assert crc.x25(b"123456789") == 0x906E


def test_plain_short_frame_byte_by_byte() -> None:
    payload = records.payload(
        [
            records.integer(Vif.VOLUME_L, 466472),
            records.integer(Vif.VOLUME_L, 460000, storage=1),
            records.date(dt.date(2026, 12, 1), storage=1),
        ]
    )

    frame = build(METER, payload, Transport(access_no=12, status=4))

    assert frame.hex() == "1e" + "44" + "2d2c" + "99873476" + "1b16" + "7a" + "0c" + "04" + "0000" + (
        "0413281e0700" + "4413e0040700" + "426c413c"
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (records.bcd(Vif.VOLUME_L, 12345678), "0c1378563412"),
        (records.bcd(Vif.FLOW_L_H, -17, 6), "0b3b1700f0"),
        (records.integer(Vif.VOLUME_L, 5, storage=8), "8404" + "1305000000"),
        (records.integer(Vif.VOLUME_L, 5, tariff=2), "8420" + "1305000000"),
        (records.integer(Vif.VOLUME_L, 5, tariff=5, subunit=1, storage=33), "c4d011" + "1305000000"),
        (records.integer(Vif.FLOW_L_H, -2, 2, function="maximum"), "123bfeff"),
        (records.real(Vif.VOLUME_M3, 1.5), "05160000c03f"),
        (records.text(Vif.SOFTWARE_VERSION, "0.82.1"), "0dfd0f06312e32382e30"),
        (records.blob(b"\xff\x5f", bytes(32)), "0dff5ff4" + "00" * 32),
        (records.date(None, storage=1), "426cffff"),
        (records.flags(Vif.ERROR_FLAGS, 0x8001, 2), "02fd170180"),
        (records.date_time(dt.datetime(2019, 10, 30, 8, 39)), "046d27087e2a"),  # noqa: DTZ001
        (records.date_time(dt.datetime(2019, 10, 30, 8, 39), summer=True), "046d27887e2a"),  # noqa: DTZ001
    ],
)
def test_record_bytes(record: records.Record, expected: str) -> None:
    assert bytes(record).hex() == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (values.signed_bcd(-12345, 6), "d3452301"),
        (values.signed_bcd(123, 3), "c22301"),
        (values.time_j(dt.time(23, 5, 7)), "070517"),
        (values.datetime_i(dt.datetime(2026, 7, 1, 23, 5, 7), summer=True, leap=True), "c70577413700"),  # noqa: DTZ001
        (values.datetime_i(dt.datetime(2026, 7, 1, 23, 5, 7), summer=True), "470577413700"),  # noqa: DTZ001
        (values.blob(b"abc"), "e3616263"),
    ],
)
def test_value_bytes(data: bytes, expected: str) -> None:
    assert data.hex() == expected


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: values.bcd(10**8, 8), "100000000 does not fit in 8 digits"),
        (lambda: values.integer(2**31, 4), "2147483648 does not fit in 4 bytes"),
        (lambda: build(METER, bytes(300)), "L field"),
        (lambda: build(METER, b"", protection=Mode5(KEY, blocks=2)), "2 need 32 bytes"),
        (lambda: build(Address(id="1234"), b""), "'1234' is not eight digits"),
        (lambda: build(Address(manufacturer="K1M"), b""), "'K1M' is not three capital letters"),
    ],
)
def test_what_does_not_fit_is_named(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()  # type: ignore[operator]


@given(st.binary(max_size=240), st.sampled_from(["short", "long", "none"]))
def test_formats_can_be_taken_apart_again(payload: bytes, header: str) -> None:
    frame = build(METER, payload[:220], Transport(header=header))  # type: ignore[arg-type]

    assert stripped_a(frame_format_a(frame)) == frame
    assert stripped_b(frame_format_b(frame)) == frame


def stripped_a(data: bytes) -> bytes:
    out, rest, size = b"", data, 10
    while rest:
        block, rest = rest[: size + 2], rest[size + 2 :]
        assert crc.wmbus(block[:-2]).to_bytes(2, "big") == block[-2:]
        out, size = out + block[:-2], 16
    return out


def stripped_b(data: bytes) -> bytes:
    assert data[0] == len(data) - 1
    first, second = data[:128], data[128:]
    parts = [part for part in (first, second) if part]
    for part in parts:
        assert crc.wmbus(part[:-2]).to_bytes(2, "big") == part[-2:]
    body = b"".join(part[:-2] for part in parts)
    return bytes((len(body) - 1,)) + body[1:]


@given(st.binary(min_size=1, max_size=80))
def test_three_of_six_has_three_ones_in_each_symbol_and_comes_back(data: bytes) -> None:
    chips = three_of_six(data)
    bits = "".join(f"{byte:08b}" for byte in chips)[: 12 * len(data)]

    assert all(bits[at : at + 6].count("1") == 3 for at in range(0, len(bits), 6))
    assert link.from_three_of_six(chips, len(data)) == data


@given(st.binary(min_size=1, max_size=40), st.data())
def test_one_wrong_chip_is_never_taken_for_data(data: bytes, draw: st.DataObject) -> None:
    chips = bytearray(three_of_six(data))
    at = draw.draw(st.integers(0, 12 * len(data) - 1))
    chips[at // 8] ^= 0x80 >> at % 8

    assert link.from_three_of_six(bytes(chips), len(data)) is None


def test_manchester_sends_a_one_as_01() -> None:
    frame = build(METER, b"\x0f")
    chips = on_air_s1(frame)

    assert chips[:3].hex() == "547696"
    assert chips[3:5] == manchester(frame[0])
    assert len(chips) == 3 + 2 * len(frame_format_a(frame))


def manchester(byte: int) -> bytes:
    chips = "".join({"1": "01", "0": "10"}[bit] for bit in f"{byte:08b}")
    return int(chips, 2).to_bytes(2, "big")


def test_extended_links_have_their_sizes_and_fields() -> None:
    payload = b"\x04\x13\x01\x00\x00\x00"
    session = Session(minutes=1000, number=1)
    other = Address(id="11223344")
    bare = Transport(header="none")

    one = build(METER, payload, bare, ell=ExtendedLink(access_no=7))
    two = build(METER, payload, bare, ell=ExtendedLink(access_no=7, session=session))
    three = build(METER, payload, bare, ell=ExtendedLink(access_no=7, target=other))
    four = build(METER, payload, bare, ell=ExtendedLink(access_no=7, session=session, target=other))

    inner = b"\x78" + payload
    assert one[10:] == bytes.fromhex("8c2007") + inner
    assert two[10:] == bytes.fromhex("8d2007") + bytes(session) + crc.wmbus(inner).to_bytes(2, "little") + inner
    assert three[10:] == bytes.fromhex("8e20072d2c443322111b16") + inner
    assert four[10:21] == bytes.fromhex("8f20072d2c443322111b16")
    assert bytes(session) == (1 | 1000 << 4).to_bytes(4, "little")


def test_ctr_covers_the_payload_crc_and_all_after_it() -> None:
    payload = b"\x04\x13\x01\x00\x00\x00"
    bare = Transport(header="none")
    clear = build(METER, payload, bare, ell=ExtendedLink(session=Session(minutes=5)))
    hidden = build(METER, payload, bare, ell=ExtendedLink(session=Session(minutes=5, key=KEY)))

    assert len(hidden) == len(clear)
    assert hidden[:16] == clear[:16]
    assert hidden[16] == clear[16] | 0x20
    assert hidden[17:] != clear[17:]


def test_modes_announce_themselves() -> None:
    payload = b"\x04\x13\x01\x00\x00\x00"

    five = build(METER, payload, Transport(access_no=1), Mode5(KEY))
    seven = build(METER, payload, Transport(header="long"), Mode7(KEY, counter=9, with_length=True, key_info=3))
    ten = build(METER, payload, Transport(), Mode10(KEY, counter=9))

    assert five[10:15].hex() == "7a01001005"
    assert len(five) == 15 + 16
    assert seven[10:23].hex() == "9013" + "003e" + "75" + "0300" + "09000000" + "1e00"
    assert seven[31:33].hex() == "7299"
    assert ten[10:21].hex() == "7a0000" + "ff0a" + "1001" + "09000000"
    assert len(ten) == 21 + len(payload) + 8


def test_fragments_carry_the_whole_message_in_order() -> None:
    fields = afl.Fields(counter=5, mac_kind=5, length=100)
    message = bytes(range(100))

    pieces = fields.fragments(message, b"M" * 8, 40)

    heads = [piece[: 2 + piece[1]] for piece in pieces]
    controls = [int.from_bytes(head[2:4], "little") for head in heads]
    assert b"".join(piece[len(head) :] for piece, head in zip(pieces, heads, strict=True)) == message
    assert [control & 0xFF for control in controls] == [1, 2, 3]
    assert [bool(control & afl.MORE_FRAGMENTS) for control in controls] == [True, True, False]
    assert heads[2].endswith(b"M" * 8)


def test_compact_frame_names_and_proves_its_full_frame() -> None:
    parts = [records.integer(Vif.VOLUME_L, 1), records.date(dt.date(2026, 1, 1), storage=1)]

    short = compact.compact_payload(parts)
    layout = compact.format_payload(parts)

    assert short[4:] == parts[0].data + parts[1].data
    assert short[:2] == layout[1:3] == crc.wmbus(bytes.fromhex("0413426c")).to_bytes(2, "little")
    assert short[2:4] == crc.wmbus(records.payload(parts)).to_bytes(2, "little")
    assert layout[0] == len(layout) - 1


def test_wired_frames() -> None:
    assert wired.short_frame(0x5B, 1).hex() == "105b015c16"
    assert wired.long_frame(0x08, 2, b"\x72\x01").hex() == "68040468" + "08027201" + "7d16"
