"""Hourly series: a row for each meter and day, recorded once, told hour by hour."""

import msgspec
import pytest
from sqlalchemy import select

from central.reading import hourly
from central.reading.hourly import UNKNOWN, hours, raw_of
from central.reading.ingest import Ingest
from central.reading.quarantine import list_open
from central.reading.retry import retry
from central.store import read_session, write_session
from central.store.models import ReadingDay
from central.times import DAY_MS, HOUR_MS
from protocols.sync import HourSeries
from tests.central.conftest import BY, NOW, Town
from tests.central.reading.support import NOW_MS, FakeDevice, kept, stamp

START = NOW_MS // DAY_MS * DAY_MS - DAY_MS
DAY = [*range(24)]


def series(device: FakeDevice, meter: str, deltas: list[int], start_ms: int = START, litres: int = 1000) -> HourSeries:
    return HourSeries(device.item_id(), stamp(NOW_MS), meter, start_ms, litres, raw_of(deltas))


def test_a_day_is_one_row_and_tells_its_hours(town: Town) -> None:
    device = FakeDevice()
    deltas = [*DAY[:5], UNKNOWN, *DAY[6:]]
    Ingest(town.engine, town.ring).apply(
        [device.arrival(series(device, town.meters[0], deltas), series(device, town.meters[1], [5] * 24))]
    )
    with town.engine.connect() as connection:
        assert len(connection.execute(select(ReadingDay.meter_id)).all()) == 2
        found = hours(connection, town.utility_id, town.meter_ids[0], START, START + DAY_MS)
        part = hours(connection, town.utility_id, town.meter_ids[1], START + 3 * HOUR_MS, START + 5 * HOUR_MS)
    assert [hour.litres for hour in found] == [*DAY[:5], *DAY[6:]]
    assert found[-1].total == 1000 + sum(DAY) - 5
    assert part == [(START + 3 * HOUR_MS, 5, 1020), (START + 4 * HOUR_MS, 5, 1025)]


def test_a_series_told_again_changes_nothing_and_another_one_is_kept_apart(town: Town) -> None:
    device = FakeDevice()
    first = device.arrival(series(device, town.meters[0], DAY), series(device, town.meters[0], DAY))
    again = device.arrival(series(device, town.meters[0], DAY), series(device, town.meters[1], DAY))
    other = device.arrival(series(device, town.meters[0], DAY[::-1]), series(device, town.meters[2], DAY))
    ingest = Ingest(town.engine, town.ring)
    for group in ([first], [again, first], [other], [other, again, first]):
        ingest.apply(group)
    with read_session(town.engine) as session:
        rows = {row.meter_id: row.deltas for row in session.scalars(select(ReadingDay))}
    assert rows == dict.fromkeys(town.meter_ids, raw_of(DAY))
    assert [kind for kind, _ in kept(town.engine)] == ["series"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"start_ms": START + 1}, "whole hour"),
        ({"start_ms": NOW_MS // HOUR_MS * HOUR_MS - HOUR_MS}, "later than its arrival"),
        ({"deltas": b"12345"}, "four for each hour"),
        ({"litres": 10**8}, "the meter shows 0 to"),
        ({"meter": "KAM-99999999-1B-16"}, "is not a meter"),
    ],
)
def test_a_series_that_cannot_be_is_kept_with_its_reason(town: Town, changes: dict[str, object], reason: str) -> None:
    device = FakeDevice()
    bad = msgspec.structs.replace(series(device, town.meters[0], DAY), **changes)
    Ingest(town.engine, town.ring).apply([device.arrival(bad, series(device, town.meters[1], DAY))])
    with read_session(town.engine) as session:
        assert session.scalars(select(ReadingDay.meter_id)).all() == [town.meter_ids[1]]
    ((kind, why),) = kept(town.engine)
    assert kind == "series"
    assert reason in why


def test_a_series_of_a_meter_that_is_registered_later_is_recorded_then(town: Town) -> None:
    from central import register

    device = FakeDevice()
    Ingest(town.engine, town.ring).apply([device.arrival(series(device, "KAM-99999999-1B-16", DAY))])
    with read_session(town.engine) as session:
        (entry,) = list_open(session)
    assert retry(town.engine, town.ring, entry.id, NOW).startswith("unchanged")
    with write_session(town.engine) as session:
        meter = register.add_meter(
            session, town.utility_id, address="KAM-99999999-1B-16", serial="K99", calibre_mm=15, q3_litres_hour=2500,
            modulus_litres=10**8, radio=True, by=BY,
        )  # fmt: skip
        meter_id = meter.id
    assert retry(town.engine, town.ring, entry.id, NOW) == "recorded: the series"
    with town.engine.connect() as connection:
        assert len(hourly.hours(connection, town.utility_id, meter_id, START, START + DAY_MS)) == 24
