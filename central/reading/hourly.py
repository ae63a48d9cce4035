"""Hourly series: a row for each meter and day. The door for whoever wants to know what was metered when."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from central.reading.clocks import TOLERANCE_MS
from central.reading.known import KnownMeter
from central.store.models import ReadingDay
from central.store.parts import in_parts
from central.times import HOUR_MS, instant_of
from protocols.sync import HourSeries

UNKNOWN = -(2**31)
MOST_HOURS = 25
DAY_COLUMNS = ("utility_id", "start_ms", "meter_id", "litres", "deltas", "batch_id", "recorded_ms")


class DayRow(NamedTuple):
    """A row of ``reading_day``."""

    utility_id: int
    start_ms: int
    meter_id: int
    litres: int
    deltas: bytes
    batch_id: int | None
    recorded_ms: int

    @property
    def key(self) -> tuple[int, int, int]:
        """What the table keeps once."""
        return self[:3]


class Hour(NamedTuple):
    """What a meter metered in the hour that starts at ``start_ms``; ``total`` is the index when it ended."""

    start_ms: int
    litres: int
    total: int


def refusal(series: HourSeries, meter: KnownMeter | None, received_ms: int) -> str:
    """Why a series cannot be recorded; empty where it can."""
    if meter is None:
        return f"series.meter: {series.meter!r}, is not a meter of this utility"
    if series.start_ms % HOUR_MS:
        return f"series.start: {series.start_ms} ms after 1970, must be a whole hour"
    if len(series.deltas) % 4:
        return f"series.deltas: {len(series.deltas)} bytes, must be four for each hour"
    end_ms = series.start_ms + len(series.deltas) // 4 * HOUR_MS
    if end_ms > received_ms + TOLERANCE_MS:
        return (
            f"series.start: {_text(series.start_ms)}, its last hour ends later than its arrival {_text(received_ms)} "
            f"plus {TOLERANCE_MS // 1000} s"
        )
    if not 0 <= series.litres < meter.modulus_litres:
        return f"series.litres: {series.litres}, the meter shows 0 to {meter.modulus_litres - 1}"
    return ""


def hours(connection: Connection, utility_id: int, meter_id: int, from_ms: int, to_ms: int) -> list[Hour]:
    """The known hours of a meter that start in [from, to), in the order of time. An hour told twice counts once."""
    # The key is led by time, so a meter is found by asking for each hour at which a series of its may start.
    first = from_ms // HOUR_MS - MOST_HOURS + 1
    starts = [hour * HOUR_MS for hour in range(first, -(-to_ms // HOUR_MS))]
    found: dict[int, Hour] = {}
    for part in in_parts(starts):
        query = select(ReadingDay.start_ms, ReadingDay.litres, ReadingDay.deltas).where(
            ReadingDay.utility_id == utility_id, ReadingDay.meter_id == meter_id, ReadingDay.start_ms.in_(part)
        )
        for start_ms, litres, raw in connection.execute(query.order_by(ReadingDay.start_ms)):
            for hour in _spread(start_ms, litres, raw):
                if from_ms <= hour.start_ms < to_ms:
                    found.setdefault(hour.start_ms, hour)
    return [found[start] for start in sorted(found)]


def _spread(start_ms: int, litres: int, raw: bytes) -> Iterable[Hour]:
    index = litres
    for place, delta in enumerate(deltas_of(raw).tolist()):
        if delta != UNKNOWN:
            index += delta
            yield Hour(start_ms + place * HOUR_MS, delta, index)


def deltas_of(raw: bytes) -> NDArray[np.int32]:
    """The litres of each hour."""
    return np.frombuffer(raw, "<i4").astype(np.int32)


def raw_of(deltas: Sequence[int]) -> bytes:
    """The same as bytes."""
    return np.array(deltas, "<i4").tobytes()


def already(connection: Connection, rows: Sequence[DayRow]) -> dict[tuple[int, int, int], tuple[int, bytes]]:
    """Index and deltas of those of the rows' keys that are recorded."""
    found: dict[tuple[int, int, int], tuple[int, bytes]] = {}
    starts: dict[tuple[int, int], set[int]] = {}
    for row in rows:
        starts.setdefault((row.utility_id, row.start_ms), set()).add(row.meter_id)
    for (utility_id, start_ms), meters in starts.items():
        for part in in_parts(sorted(meters)):
            query = select(ReadingDay.meter_id, ReadingDay.litres, ReadingDay.deltas).where(
                ReadingDay.utility_id == utility_id, ReadingDay.start_ms == start_ms, ReadingDay.meter_id.in_(part)
            )
            for meter_id, litres, raw in connection.execute(query):
                found[utility_id, start_ms, meter_id] = (litres, bytes(raw))
    return found


def _text(ms: int) -> str:
    return instant_of(ms).isoformat(timespec="seconds")
