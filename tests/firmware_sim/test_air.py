"""The firmware's arrays against the encoder, its schedule, its alarms, and what the channel lets through."""

import datetime as dt
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim import bulk, channel
from firmware_sim.air import Air, Window
from firmware_sim.channel import Heard
from firmware_sim.clock import MADRID
from firmware_sim.firmware import NOMINAL_S, Radio
from firmware_sim.meters import SimMeter
from firmware_sim.telegram import Mode5, Transport, build, crc, frame_format_a, records, values
from firmware_sim.telegram.records import Record, Vif
from firmware_sim.town import Town

TOWN = Town.build()
AIR = Air(TOWN)
WINDOWS = list(AIR.windows())
HEARD = [AIR.heard(window) for window in WINDOWS]
DAY_MS = 24 * 3_600_000


def all_of(name: str) -> np.ndarray:
    return np.concatenate([getattr(window, name) for window in WINDOWS])


def by_hand(meter: SimMeter, start_ms: int, access_no: int) -> bytes:
    """The telegram of a meter without alarms, built record by record."""
    moment = dt.datetime.fromtimestamp(start_ms // 1000, MADRID)
    litres = TOWN.index_at(meter, moment)
    due = moment.date().replace(day=1)
    due_moment = dt.datetime.combine(due, dt.time(), MADRID)
    due_litres = TOWN.index_at(meter, due_moment)
    local = moment.replace(tzinfo=None)
    hour = (start_ms // 1000 - TOWN.clock.first) // 3600
    flow = int(TOWN.hourly_litres(TOWN.house_index[meter.house.supply_code])[hour])
    summer = bool(moment.dst())
    content: dict[str, list[Record]] = {
        "axioma": [
            records.date_time(local, summer=summer),
            records.integer(Vif.VOLUME_L, litres),
            records.date_time(dt.datetime.combine(due, dt.time()), storage=1),
            records.integer(Vif.VOLUME_L, due_litres, storage=1),
        ],
        "maddalena": [
            records.integer(Vif.VOLUME_L, litres),
            records.date_time(local, summer=summer),
            records.flags(Vif.ERROR_FLAGS, 0, 4),
            Record(b"\x0e\x78", bytes.fromhex(meter.address.id)[::-1] + b"\x01\xff"),
            records.integer(Vif.VOLUME_L, due_litres, storage=1),
            records.date(due, storage=1),
        ],
        "itron": [
            Record(b"\x06\x6d", values.datetime_i(local, summer=summer)),
            records.bcd(Vif.VOLUME_L, litres),
            records.bcd(Vif.VOLUME_BACKWARD_L, 0),
            records.bcd(Vif.FLOW_L_H, flow, 6),
            records.bcd(Vif.VOLUME_L, due_litres, storage=1),
            records.date(due, storage=1),
            records.flags(b"\xfd\x97\x1c", 0, 3),
        ],
    }
    header = Transport(header=meter.firmware.header, access_no=access_no, synchronous=True)
    return build(meter.address, records.payload(content[meter.layout]), header, Mode5(meter.key))


def test_arrays_and_encoder_give_the_same_bytes() -> None:
    rng = random.Random(5)
    seen = set()
    for window in WINDOWS:
        for index in rng.sample(range(len(window)), 60):
            meter = TOWN.meters[window.meters[index]]
            if meter.behaviour != "normal" or meter.battery_low_from or meter.installed > TOWN.start:
                continue
            start = int(window.starts_ms[index])
            expected = by_hand(meter, start, int(window.access_no[index]))
            status = window.frame(index)[12 if meter.firmware.header == "short" else 20]
            if status:
                continue
            assert window.frame(index) == expected
            assert window.litres[index] == TOWN.index_at(meter, dt.datetime.fromtimestamp(start / 1000, dt.UTC))
            seen.add(meter.layout)
    assert seen == {"axioma", "maddalena", "itron"}


@given(st.binary(min_size=11, max_size=120), st.integers(1, 3))
def test_bulk_checks_agree_with_the_single_ones(data: bytes, copies: int) -> None:
    rows = np.frombuffer(data * copies, np.uint8).reshape(copies, -1)

    assert bulk.x25(rows).tolist() == [crc.x25(data)] * copies
    assert len(data) + 2 * len(bulk.a_blocks(len(data))) == len(frame_format_a(data))


def test_transmissions_are_in_order_and_within_each_meters_time() -> None:
    starts, meters = all_of("starts_ms"), all_of("meters")

    assert (np.diff(starts) >= 0).all()
    for index, meter in enumerate(TOWN.meters):
        own = starts[meters == index]
        if not meter.radio:
            assert len(own) == 0
            continue
        assert own[0] >= TOWN.first_instant(meter).timestamp() * 1000
        if meter.on_until is not None:
            assert own[-1] < meter.on_until.timestamp() * 1000
        else:
            assert own[-1] > (TOWN.clock.last + 43_200) * 1000


def test_intervals_follow_the_access_number() -> None:
    starts, meters, access = all_of("starts_ms"), all_of("meters"), all_of("access_no")
    own = meters == meters[0]
    gaps = np.diff(starts[own]) / 1000
    numbers = access[own]
    expected = NOMINAL_S * (1 + (np.abs(numbers[:-1] - 128) - 64) / 2048)

    assert ((np.diff(numbers) & 0xFF) == 1).all()
    assert np.abs(gaps - expected).max() < NOMINAL_S * 60e-6 + 0.05


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 400), st.integers(1, 60))
def test_radio_finds_the_same_transmissions_in_any_span(seed: int, begin_h: int, span_h: int) -> None:
    radio = Radio(seed, 3, 1_790_000_000_000)
    numbers, starts = radio.between(1_790_000_000_000, 1_790_000_000_000 + 500 * 3_600_000)
    low = 1_790_000_000_000 + begin_h * 3_600_000
    high = low + span_h * 3_600_000

    inside = (starts >= low) & (starts < high)
    part_numbers, part_starts = radio.between(low, high)

    expected = [(n, s) for n, s in zip(numbers[inside], starts[inside], strict=True)]
    found = [pair for pair in zip(part_numbers, part_starts, strict=True) if pair[1] < starts[-1]]
    assert found[: len(expected)] == expected


def test_leak_alarm_rises_a_day_after_the_leak_and_stopped_after_thirty() -> None:
    starts, meters = all_of("starts_ms"), all_of("meters")
    status = np.concatenate([statuses(window) for window in WINDOWS])
    for behaviour, days, bits in (("leak", 1, 0x30), ("stopped", 30, 0x10)):
        index, meter = next((n, m) for n, m in enumerate(TOWN.meters) if m.behaviour == behaviour)
        assert meter.behaves_from is not None
        begin = meter.behaves_from.timestamp() * 1000
        own = meters == index
        before = status[own & (starts < begin - 30 * DAY_MS)]
        late = status[own & (starts > begin + (days + 1) * DAY_MS)]
        assert len(late) > 5
        assert not before.any()
        assert (late & bits == bits).all()


def statuses(window: Window) -> np.ndarray:
    at = [12 if TOWN.meters[m].firmware.header == "short" else 20 for m in window.meters]
    return np.array([window.frame(n)[position] for n, position in enumerate(at)])


def test_new_meter_sends_the_invalid_due_date_until_a_month_ends() -> None:
    """Its first telegrams are as long as the others and say 0 litres at no date."""
    index = len(TOWN.meters) - 1
    meter = TOWN.meters[index]
    batch = AIR.fleet.sent_between(index, 1000 * TOWN.clock.first, 1000 * TOWN.clock.air_end)
    due_litres, due_dates = AIR.fleet._due(meter)

    assert len(batch) > 100
    assert due_litres.tolist()[:2] == [0, 0]
    assert due_dates[0].tolist() == [255, 255]
    assert due_litres[-1] == meter.end_litres
    assert due_dates[-1].tobytes() == values.date_g(dt.date(2026, 10, 1))


def test_every_radio_meter_is_heard_six_times_a_day_and_after_the_end() -> None:
    heard = np.concatenate([h.handed_on for h in HEARD])
    starts, meters = all_of("starts_ms"), all_of("meters")
    assert heard.mean() < 0.999
    for index, meter in enumerate(TOWN.meters):
        if meter.radio:
            own = starts[heard & (meters == index)]
            days = (own[-1] - own[0]) / DAY_MS
            assert len(own) / days >= 6
            if meter.on_until is None:
                assert own[-1] >= 1000 * TOWN.clock.last


def test_windows_do_not_depend_on_where_they_are_entered() -> None:
    later = next(Air(TOWN).windows(int(WINDOWS[3].starts_ms[10])))

    assert later.starts_ms.tolist() == WINDOWS[3].starts_ms.tolist()
    assert later.frame(7) == WINDOWS[3].frame(7)
    assert AIR.heard(later).handed_on.tolist() == HEARD[3].handed_on.tolist()


def test_transmissions_of_the_town_are_whole_frames_in_a_span() -> None:
    since = dt.datetime(2026, 8, 10, tzinfo=dt.UTC)
    until = dt.datetime(2026, 8, 11, tzinfo=dt.UTC)

    sent = list(TOWN.transmissions(since=since, until=until))

    assert 380 < len(sent) < 480
    assert all(since <= moment < until for moment, _, _ in sent)
    assert all(frame[0] + 1 + 2 * (1 + -(-(frame[0] - 9) // 16)) == len(frame) for _, _, frame in sent)


FRAME = build(TOWN.meters[0].address, bytes(32))
CHIPS = 12 * len(frame_format_a(FRAME))


@given(st.sets(st.integers(0, CHIPS - 1), min_size=1, max_size=8))
def test_wrong_chips_never_reach_the_host(wrong: set[int]) -> None:
    """Symbols and CRCs refuse them; what gets through by chance would have to differ from what was sent."""
    assert channel.receive(FRAME, sorted(wrong)) is None
    assert channel.receive(FRAME, []) == FRAME


def test_weak_meters_are_heard_less() -> None:
    strong, weak = heard_share(-8000), heard_share(-10300)

    assert strong > 0.98
    assert 0.05 < weak < strong - 0.1
    assert heard_share(-11000) < 0.01


def heard_share(level: int) -> float:
    air = channel.Channel(1, TOWN.meters[:1], channel.Receiver(38.44, -0.639))
    air.levels[:] = level
    count = 400
    starts = np.arange(count, dtype=np.int64) * 60_000
    nobody = np.zeros(count, np.int64)
    heard: Heard = air.listen(nobody, starts, np.full(count, 60, np.int64), lambda _: FRAME)
    return float(heard.handed_on.mean())


def test_overlapping_transmissions_leave_the_stronger() -> None:
    starts = np.array([0, 3, 100, 103, 200], np.int64)
    level = np.array([-5000, -9000, -7000, -7100, -9000], np.int64)

    lost = channel.collided(starts, level, np.full(5, 700, np.int64))

    assert lost.tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("span", [1, 5])
def test_smaller_windows_send_the_same(span: int) -> None:
    first = next(Air(TOWN, window_days=span).windows())
    count = len(first)

    assert first.starts_ms.tolist() == WINDOWS[0].starts_ms[:count].tolist()
    assert first.litres.tolist() == WINDOWS[0].litres[:count].tolist()
