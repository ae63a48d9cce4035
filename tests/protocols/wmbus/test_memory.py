"""What a decoder remembers: formats of compact frames, fragments, and their persistence."""

import itertools

import pytest

from firmware_sim.telegram import Mode7, Transport, build, build_fragments, compact, records
from firmware_sim.telegram.records import Vif
from protocols import wmbus
from tests.protocols.wmbus.samples import DUE_LITRES, FRAMES, KEY, LITRES, METER, PAYLOAD, RECORDS


def test_a_compact_frame_waits_and_says_so() -> None:
    telegram = wmbus.decode(FRAMES["compact"], formats=wmbus.FormatStore())
    assert (telegram.ok, telegram.format_state) == (False, "compact_waiting")
    assert "signature" in str(telegram.error)
    assert telegram.records == ()


@pytest.mark.parametrize("teacher", ["plain", "no header", "ell ctr", "mode 7", "format"])
def test_a_full_or_format_frame_teaches_it(teacher: str) -> None:
    formats = wmbus.FormatStore()
    wmbus.decode(FRAMES[teacher], KEY, formats=formats)
    telegram = wmbus.decode(FRAMES["compact"], formats=formats)
    assert telegram.ok, telegram.error
    assert telegram.format_state == "compact_known"
    assert (telegram.total_litres, telegram.due_litres) == (LITRES, DUE_LITRES)


def test_formats_outlive_their_store() -> None:
    formats, later = wmbus.FormatStore(), wmbus.FormatStore()
    wmbus.decode(FRAMES["plain"], formats=formats)
    assert len(formats) == 1
    later.load(list(formats.items()))
    assert wmbus.decode(FRAMES["compact"], formats=later).total_litres == LITRES


def test_a_telegram_that_stays_shut_teaches_nothing() -> None:
    formats = wmbus.FormatStore()
    wmbus.decode(FRAMES["mode 5"], bytes(16), formats=formats)
    assert len(formats) == 0


def test_the_full_frames_crc_refuses_altered_values() -> None:
    formats = wmbus.FormatStore()
    wmbus.decode(FRAMES["plain"], formats=formats)
    frame = FRAMES["compact"]
    for at in range(13, len(frame)):
        altered = bytearray(frame)
        altered[at] ^= 0x10
        telegram = wmbus.decode(bytes(altered), formats=formats)
        assert not telegram.ok
        assert telegram.records == ()


def test_another_format_with_the_same_signature_is_not_believed() -> None:
    signature = compact.signature(RECORDS)
    formats = wmbus.FormatStore()
    formats.learn("SGC", 7, signature, bytes.fromhex("0413"))
    telegram = wmbus.decode(FRAMES["compact"], formats=formats)
    assert not telegram.ok
    assert "compact_crc" in [item.code for item in telegram.diagnostics]


def test_a_format_frame_that_lies_teaches_nothing() -> None:
    frame = bytearray(FRAMES["format"])
    frame[-1] ^= 1
    formats = wmbus.FormatStore()
    telegram = wmbus.decode(bytes(frame), formats=formats)
    assert len(formats) == 0
    assert "format_signature" in [item.code for item in telegram.diagnostics]


LONG = records.payload(
    [records.integer(Vif.VOLUME_L, LITRES), *(records.integer(Vif.VOLUME_L, 9, storage=n) for n in range(1, 30))]
)
PIECES = build_fragments(METER, LONG, Transport(), Mode7(KEY, 7), size=60)


@pytest.mark.parametrize("order", list(itertools.permutations(range(1, len(PIECES))))[:6])
def test_fragments_become_one_message_in_any_order_behind_the_first(order: tuple[int, ...]) -> None:
    fragments = wmbus.FragmentStore()
    pieces = [PIECES[0], *(PIECES[number] for number in order)]
    seen = [wmbus.decode(piece, KEY, fragments=fragments) for piece in pieces]
    assert [telegram.ok for telegram in seen] == [False] * (len(pieces) - 1) + [True]
    assert seen[-1].total_litres == LITRES
    assert seen[-1].security.proof == "mac"
    assert len(seen[-1].records) == 30
    assert len(fragments) == 0


def test_fragments_of_two_meters_do_not_mix() -> None:
    other = wmbus.Address("ABC", METER.id, METER.version, METER.type)
    theirs = build_fragments(other, LONG, Transport(), Mode7(KEY, 7), size=60)
    fragments = wmbus.FragmentStore()
    for piece in [*PIECES[:-1], *theirs[1:]]:
        assert not wmbus.decode(piece, KEY, fragments=fragments).ok
    assert wmbus.decode(PIECES[-1], KEY, fragments=fragments).total_litres == LITRES


def test_a_fragment_alone_says_what_it_is() -> None:
    telegram = wmbus.decode(PIECES[0], KEY)
    assert "fragment 1 of a longer message" in str(telegram.error)


def test_open_messages_are_bounded() -> None:
    fragments = wmbus.FragmentStore()
    for number in range(fragments.METERS + 50):
        fragments.add(number, 1, True, 0, b"", b"")
    assert len(fragments) == fragments.METERS


def test_counters_never_go_back() -> None:
    counters = wmbus.CounterStore()
    counters.load([(METER, 9), (METER, 4)])
    assert list(counters.items()) == [(METER, 9)]
    frame = build(METER, PAYLOAD, Transport(), Mode7(KEY, 9))
    assert "replay" in [item.code for item in wmbus.decode(frame, KEY, counters=counters).diagnostics]
