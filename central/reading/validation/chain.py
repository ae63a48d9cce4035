"""The believable course of an index: which readings follow one another upwards, and their values without rollover.

A register only counts up, and starts again at its modulus. Where a reading is lower than one before it, one of the two
is wrong: the longest non-decreasing sequence is believed, because a wrong reading stands alone and right ones do not.
Of equally long ones the earliest is believed. An index typed in whole cubic metres stands for any of its 1,000 litres.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from central.reading.validation.columns import Bools, Columns, Ints, MeterInfo
from central.store.models import ReadingKind, ReadingStatus
from central.times import HOUR_MS

SLACK_LITRES = 1000
_HUMAN = (int(ReadingKind.TYPED), int(ReadingKind.SELF), int(ReadingKind.THIRD_PARTY))
_COARSE = 1000


@dataclass(frozen=True)
class Chain:
    """For each row of a series: whether it was ``considered``, whether it is ``believed``, and its ``value`` unrolled.

    ``coarse`` marks whole cubic metres; ``resolution`` is the step of each meter's index, by its place.
    """

    considered: Bools
    believed: Bools
    value: Ints
    coarse: Bools
    resolution: Ints

    def rows(self, kinds: Sequence[int] | None = None, kind: Ints | None = None) -> Ints:
        """The believed rows, of some kinds if said."""
        mask = self.believed if kinds is None or kind is None else self.believed & np.isin(kind, kinds)
        return np.flatnonzero(mask)


def chain_of(series: Columns) -> Chain:
    """The chain of every meter of a series."""
    considered = (series.kind != int(ReadingKind.ESTIMATED)) & (series.status != int(ReadingStatus.REJECTED))
    coarse = np.isin(series.kind, _HUMAN) & (series.litres % _COARSE == 0)
    believed = considered.copy()
    value = series.litres.copy()
    rows = np.flatnonzero(considered)
    meter = series.meter_of_row[rows]
    falls = (np.diff(series.litres[rows]) < 0) & (meter[1:] == meter[:-1])
    for place in np.unique(meter[1:][falls]):
        of_meter = rows[meter == place]
        course = _unrolled(series, series.meters[place], of_meter)
        course = _within_coarse(course, coarse[of_meter])
        value[of_meter] = course
        believed[of_meter] = longest_rise(course.tolist())
    return Chain(considered, believed, value, coarse, _resolution(series, rows))


def longest_rise(values: Sequence[int]) -> list[bool]:
    """Which values are on the longest non-decreasing subsequence, the earliest of several."""
    # lengths[i]: the longest one that starts at i. tops[k]: minus the greatest start of one of length k + 1.
    lengths = [0] * len(values)
    tops: list[int] = []
    for place in range(len(values) - 1, -1, -1):
        at = bisect_right(tops, -values[place])
        tops[at : at + 1] = [-values[place]]
        lengths[place] = at + 1
    wanted, least = len(tops), None
    on = [False] * len(values)
    for place, number in enumerate(values):
        if lengths[place] == wanted and (least is None or number >= least):
            on[place], least, wanted = True, number, wanted - 1
    return on


def _unrolled(series: Columns, meter: MeterInfo, rows: Ints) -> Ints:
    """The index as if the register had no end: a fall by most of the modulus that the flow allows is a rollover."""
    litres, modulus = series.litres[rows], meter.modulus_litres
    step = np.diff(litres)
    most = meter.q4_litres_hour * np.diff(series.at_ms[rows]) // HOUR_MS + SLACK_LITRES
    over = (step < -modulus // 2) & (step + modulus <= most)
    # A single low reading near the end of the register looks like a rollover and is followed by its opposite.
    back = (step > modulus // 2) & (np.cumsum(over) > 0)
    turns = np.maximum(np.cumsum(over.astype(np.int64) - back.astype(np.int64)), 0)
    result: Ints = litres + modulus * np.concatenate(([0], turns))
    return result


def _within_coarse(values: Ints, coarse: Bools) -> Ints:
    """Whole cubic metres read as the litre that fits best behind the finer reading before them."""
    if not coarse.any():
        return values
    result = values.copy()
    last: int | None = None
    for place, number in enumerate(values.tolist()):
        if coarse[place] and last is not None:
            result[place] = min(max(number, last), number + _COARSE - 1)
        last = int(result[place])
    return result


def _resolution(series: Columns, rows: Ints) -> Ints:
    """The steps of a meter's index: the greatest power of ten, up to a cubic metre, that divides every difference."""
    result = np.ones(len(series.meters), dtype=np.int64)
    meter = series.meter_of_row[rows]
    differences = np.abs(np.diff(series.litres[rows]))
    inside = meter[1:] == meter[:-1]
    for place, steps in _grouped(meter[1:][inside], differences[inside]):
        divisor = int(np.gcd.reduce(steps))
        result[place] = next((step for step in (1000, 100, 10) if divisor and divisor % step == 0), 1)
    return result


def _grouped(keys: Ints, values: Ints) -> list[tuple[int, Ints]]:
    if not len(keys):
        return []
    edges = np.flatnonzero(np.diff(keys)) + 1
    return list(zip(keys[np.concatenate(([0], edges))].tolist(), np.split(values, edges), strict=True))
