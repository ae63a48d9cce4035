"""Columns say what the telegrams say."""

import numpy as np
import pytest

from firmware_sim.telegram import frame_format_a
from protocols import wmbus
from protocols.wmbus.columns import NOTHING, STATES
from tests.protocols.wmbus.samples import FRAMES, KEY, LAYOUTS, METER, WIRED, linked

EVERY = {**FRAMES, **LAYOUTS, **WIRED, "empty": b"", "cut": FRAMES["plain"][:20]}


@pytest.mark.parametrize("keys", [KEY, {METER: KEY}, wmbus.Keyring({METER: KEY}), None, {METER: bytes(16)}])
def test_every_row_agrees_with_its_telegram(keys: object) -> None:
    frames = list(EVERY.values())
    columns = wmbus.decode_batch(frames, keys)  # type: ignore[arg-type]
    assert len(columns) == len(frames)
    for row, frame in enumerate(frames):
        telegram = wmbus.decode(frame, keys)  # type: ignore[arg-type]
        assert (STATES[columns.state[row]] in ("ok", "no_meter")) == telegram.ok
        assert columns.litres[row] == (NOTHING if telegram.total_litres is None else telegram.total_litres)
        assert (int(columns.address[row]) == 0) == (telegram.meter is None)
        if telegram.meter is not None:
            assert columns.address_of(row) == telegram.meter
        assert columns.access_no[row] == (-1 if telegram.access_no is None else telegram.access_no)
        assert columns.status[row] == (-1 if telegram.status is None else telegram.status)
        assert bool(columns.authentic[row]) == telegram.security.authentic
        clock = telegram.meter_time
        assert np.isnat(columns.meter_time[row]) == (clock is None)
        assert clock is None or columns.meter_time[row] == np.datetime64(clock)


def test_the_meter_column_is_its_place_in_the_ring() -> None:
    other = wmbus.Address("ABC", "00000001", 1, 7)
    columns = wmbus.decode_batch([FRAMES["plain"], FRAMES["mode 5"]], wmbus.Keyring({other: KEY, METER: KEY}))
    assert list(columns.meter) == [1, 1]
    assert list(wmbus.decode_batch([FRAMES["plain"]], wmbus.Keyring({other: KEY})).meter) == [-1]


def test_a_second_key_of_a_meter_is_tried() -> None:
    ring = wmbus.Keyring({METER: bytes(16)})
    ring.add(METER, KEY)
    assert list(wmbus.decode_batch([FRAMES["mode 5"]] * 3, ring).state) == [0, 0, 0]


@pytest.mark.parametrize(
    ("text", "watt_hours"),
    [("0403 39300000", 12345), ("0406 39300000", 12345000), ("040E 40420F00", 277_777_777), ("4403 39300000", None)],
)
def test_energy_is_in_whole_watt_hours(text: str, watt_hours: int | None) -> None:
    columns = wmbus.decode_batch([linked("44E34C103254760104" + "7A01000000" + text)])
    assert columns.watt_hours[0] == (NOTHING if watt_hours is None else watt_hours)


def test_compact_frames_and_counters_work_in_batches() -> None:
    formats = wmbus.FormatStore()
    columns = wmbus.decode_batch([FRAMES["compact"], FRAMES["plain"], FRAMES["compact"]], formats=formats)
    assert [STATES[state] for state in columns.state] == ["incomplete", "ok", "ok"]


def test_a_batch_takes_the_receivers_word_for_its_form() -> None:
    frames = [FRAMES["plain"], frame_format_a(FRAMES["plain"])]
    assert [STATES[state] for state in wmbus.decode_batch(frames, link="A").state] == ["bad_frame", "ok"]
    assert [STATES[state] for state in wmbus.decode_batch(frames, link="none").state] == ["ok", "bad_frame"]
    with pytest.raises(ValueError, match="link: 'X' is none of"):
        wmbus.decode_batch(frames, link="X")


def test_a_provider_that_cannot_be_a_ring_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a Keyring, a mapping or one key"):
        wmbus.decode_batch([], 7)  # type: ignore[arg-type]
