"""The framer on captured exchanges and on any bytes in any split."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.receivers.im871a import Im871aFramer, configured_mode, describe, rssi_dbm, set_mode_request
from edge.receivers.port import Garbage, Piece, RadioFrame, ReceiverError, Reply
from tests.edge.conftest import module_frame, telegram_frame

TELEGRAM = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")


def test_captured_ping_exchange() -> None:
    assert Im871aFramer().feed(bytes.fromhex("A58102004CA3")) == [Reply(1, 2, b"")]


def test_captured_answer_to_set_mode() -> None:
    assert Im871aFramer().feed(bytes.fromhex("A58104009CF7")) == [Reply(1, 4, b"")]
    # The captured request differs only in the last two bytes, which switch the attachments of level and timestamp.
    assert set_mode_request("T1").hex() == "a50103060002" + "03" + "300101"


def test_telegram_gets_its_length_back_with_level_and_time() -> None:
    pieces = Im871aFramer("C+T").feed(telegram_frame(TELEGRAM, seconds=1_790_000_123, rssi=45))
    assert pieces == [RadioFrame(TELEGRAM, "C+T", -100.0, 1_790_000_123, "im871a")]


def test_telegram_without_attachments() -> None:
    pieces = Im871aFramer().feed(telegram_frame(TELEGRAM, seconds=None, rssi=None))
    assert pieces == [RadioFrame(TELEGRAM, "T1", None, None, "im871a")]


@pytest.mark.parametrize(("raw", "dbm"), [(45, -100), (205, -20), (125, -60), (46, -99.5), (230, 0), (255, 0)])
def test_rssi(raw: int, dbm: float) -> None:
    assert rssi_dbm(raw) == dbm


def test_garbage_before_between_and_after_is_counted_with_its_place() -> None:
    good = telegram_frame(TELEGRAM)
    framer = Im871aFramer()
    pieces = framer.feed(b"\x00\x01" + good + b"noise\xa5" + good + good + b"\xff\xff")
    assert pieces == [
        Garbage(0, 2),
        pieces[1],
        Garbage(2 + len(good), 6),
        pieces[1],
        pieces[1],
    ]
    assert framer.garbage_bytes == 2 + 6 + 2


def test_wrong_crc_loses_that_frame_only() -> None:
    good, bad = telegram_frame(TELEGRAM), bytearray(telegram_frame(TELEGRAM))
    bad[10] ^= 1
    pieces = Im871aFramer().feed(good + bytes(bad) + good)
    assert [type(piece) for piece in pieces] == [RadioFrame, Garbage, RadioFrame]
    assert pieces[1] == Garbage(len(good), len(bad))


def test_half_a_frame_does_not_swallow_the_next_once_the_line_is_quiet() -> None:
    good = telegram_frame(TELEGRAM)
    framer = Im871aFramer()
    assert framer.feed(telegram_frame(bytes([250]) + bytes(250))[:40] + good) == []
    assert [type(piece) for piece in framer.line_is_quiet()] == [Garbage, RadioFrame]
    assert framer.feed(good) != []


def test_a_quiet_line_in_mid_frame_loses_nothing() -> None:
    good = telegram_frame(TELEGRAM)
    framer = Im871aFramer()
    assert framer.feed(good[:20]) == []
    assert framer.line_is_quiet() == []
    assert framer.feed(good[20:]) == Im871aFramer().feed(good)


payloads = st.binary(min_size=1, max_size=255)
frames = st.one_of(
    st.builds(
        module_frame,
        st.integers(1, 4),
        st.integers(0, 255),
        payloads,
        st.none() | st.integers(0, 2**32 - 1),
        st.none() | st.integers(0, 255),
    ),
    payloads.map(lambda data: telegram_frame(bytes([len(data)]) + data)),
)
# Without an A5 garbage cannot look like the start of a frame, so every frame behind it must come out.
harmless = st.binary(max_size=40).map(lambda data: data.replace(b"\xa5", b"\x5a"))


def fed_in_parts(stream: bytes, cuts: list[int]) -> tuple[list[Piece], int]:
    framer = Im871aFramer()
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    pieces = [piece for start, end in pairwise(edges) for piece in framer.feed(stream[start:end])]
    return pieces, framer.garbage_bytes


@given(st.lists(st.one_of(frames, st.binary(max_size=60)), max_size=6), st.lists(st.integers(0, 10_000)))
def test_any_split_gives_the_same_pieces(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    whole = Im871aFramer()
    assert fed_in_parts(stream, cuts) == (whole.feed(stream), whole.garbage_bytes)


@given(st.lists(st.tuples(harmless, frames), max_size=5), harmless)
def test_every_frame_comes_out_and_every_other_byte_is_counted(parts: list[tuple[bytes, bytes]], tail: bytes) -> None:
    framer = Im871aFramer()
    pieces = framer.feed(b"".join(noise + frame for noise, frame in parts) + tail)
    wanted = [piece for _, frame in parts for piece in Im871aFramer().feed(frame)]
    assert [piece for piece in pieces if not isinstance(piece, Garbage)] == wanted
    runs = [len(noise) for noise, _ in parts if noise]
    assert [piece.length for piece in pieces if isinstance(piece, Garbage)] == runs
    assert framer.garbage_bytes == sum(runs) + len(tail)


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_no_bytes_make_it_raise(chunks: list[bytes]) -> None:
    framer = Im871aFramer()
    for chunk in chunks:
        framer.feed(chunk)
        framer.line_is_quiet()
    assert 0 <= framer.garbage_bytes <= sum(map(len, chunks))


def test_configuration_answer_is_read_by_its_flags() -> None:
    assert configured_mode(bytes.fromhex("0300033001")) == 3
    assert configured_mode(bytes.fromhex("020A")) == 10
    assert configured_mode(bytes.fromhex("0100")) is None
    assert configured_mode(b"") is None


def test_device_information_in_words() -> None:
    assert describe(bytes.fromhex("3300141078563412")) == "iM871A firmware 0x14 id 12345678"
    with pytest.raises(ReceiverError, match="3 bytes"):
        describe(b"\x33\x00\x14")
