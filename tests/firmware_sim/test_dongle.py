"""The module's host protocol against documented exchanges, and its stream under every cut."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.dongle import Dongle, raw_levels, response
from firmware_sim.line import Faults
from firmware_sim.telegram import crc


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        ("A5010100", "A58102004CA3"),
        ("A5010306000206300101", "A58104009CF7"),
    ],
)
def test_documented_exchanges(request_hex: str, answer_hex: str) -> None:
    assert Dongle().feed(bytes.fromhex(request_hex)).hex().upper() == answer_hex


def test_device_info_says_what_it_is() -> None:
    answer = Dongle(identity=0x12345678).feed(bytes.fromhex("A5010F00"))

    assert answer[:4].hex() == "a5811008"
    assert answer[4] == 0x33
    assert answer[6] >= 0x14
    assert answer[8:12].hex() == "78563412"


def test_set_mode_is_seen_in_the_configuration_and_gone_after_a_reset() -> None:
    dongle = Dongle()
    heard = [dongle.hears_t]

    dongle.feed(bytes.fromhex("A5010306000203300101"))
    heard.append(dongle.hears_t)
    assert dongle.config["rssi"] == dongle.config["timestamp"] == 1
    groups = dongle.feed(bytes.fromhex("A5010500"))[4:-2]
    assert groups[:3].hex() == "ff0003"
    assert len(groups) == 1 + 12 + 1 + 8

    assert dongle.feed(bytes.fromhex("A5010700"))[2] == 8
    heard.append(dongle.hears_t)
    assert heard == [False, True, False]


def test_several_fields_of_both_groups_are_taken_in_order() -> None:
    dongle = Dongle()
    payload = bytes.fromhex("00" + "1b" + "01" + "0a" + "2d2c" + "99873476" + "01" + "05")

    answer = dongle.feed(b"\xa5\x01\x03" + bytes((len(payload),)) + payload)

    assert answer[2] == 4
    assert dongle.config["device_mode"] == 1
    assert dongle.config["link_mode"] == 10
    assert dongle.config["manufacturer"] == 0x2C2D
    assert dongle.config["device_id"] == 0x76348799
    assert dongle.config["power"] == 5


@pytest.mark.parametrize("bad", ["A501030400020630", "A5010300", "A5017700", "A5020100", "A58101000000"])
def test_requests_that_make_no_sense_get_no_answer_and_change_nothing(bad: str) -> None:
    dongle = Dongle()
    before = dongle.config.copy()

    assert dongle.feed(bytes.fromhex(bad)) == b""
    assert dongle.refused == 1
    assert dongle.config == before
    assert dongle.feed(bytes.fromhex("A5010100")).hex().upper() == "A58102004CA3"


REQUESTS = [bytes.fromhex(text) for text in ("A5010100", "A5010F00", "A5010306000203300101", "A5010500")]
NOISE = st.binary(max_size=12).map(lambda data: data.replace(b"\xa5", b""))


@given(st.lists(st.tuples(NOISE, st.sampled_from(REQUESTS)), min_size=1, max_size=8), st.data())
def test_any_split_and_noise_between_requests_gives_the_same_answers(
    parts: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(noise + request for noise, request in parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=10)) | {0, len(stream)})
    whole, pieces = Dongle(), Dongle()

    expected = whole.feed(stream)
    answers = b"".join(pieces.feed(stream[a:b]) for a, b in itertools.pairwise(cuts))

    assert answers == expected
    assert whole.requests == len(parts)


@given(
    st.lists(st.binary(min_size=12, max_size=12), min_size=1, max_size=5),
    st.booleans(),
    st.booleans(),
)
def test_indications_are_framed_as_documented(bodies: list[bytes], stamped: bool, levelled: bool) -> None:
    dongle = Dongle()
    dongle.config |= {"timestamp": int(stamped), "rssi": int(levelled)}
    frames = np.array([list(bytes((11,)) + body[1:]) for body in bodies], np.uint8)
    seconds = np.arange(len(bodies), dtype=np.int64) + 1_790_000_000
    levels = np.arange(len(bodies), dtype=np.uint8) + 77

    made = dongle.indications(frames, seconds, levels)

    for index, raw in enumerate(made):
        packet = raw.tobytes()
        expected = bytes((0xA5, 0x82 | 0x20 * stamped | 0x40 * levelled, 3, 11)) + bodies[index][1:]
        if stamped:
            expected += (1_790_000_000 + index).to_bytes(4, "little")
        if levelled:
            expected += bytes((77 + index,))
        assert packet[:-2] == expected
        assert packet[-2:] == crc.x25(packet[1:-2]).to_bytes(2, "little")


def test_level_bytes_follow_the_documented_line() -> None:
    levels = np.array([-10_000, -2_000, -6_000, -20_000, 5_000], np.int64)

    assert raw_levels(levels).tolist() == [45, 205, 125, 0, 229]


def test_responses_carry_their_crc() -> None:
    assert response(2).hex().upper() == "A58102004CA3"


@given(st.binary(min_size=1, max_size=60), st.integers(0, 2**32))
def test_faults_keep_the_bytes_of_a_frame_in_order(data: bytes, seed: int) -> None:
    faults = Faults(garbage_one_in=2, split=True, rng=random.Random(seed))

    joined = b"".join(faults.pieces(data))

    assert joined.endswith(data)
    assert len(joined) < len(data) + 24
