"""Where a register fell, or rose by more than can have passed, and went on from there.

A single wrong reading is followed by one that agrees with those before it; that is the rules backwards' and spike's. A
shift is kept by the readings after it, so it happened to the register: water ran back through it, somebody turned it
round, or another meter hangs there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from central.reading.validation.columns import RADIO_KINDS, Ints, MeterInfo
from central.reading.validation.series import Series
from central.times import HOUR_MS

# So many readings must agree on either side.
KEPT = 3
SLACK_LITRES = 50


@dataclass(frozen=True)
class Shift:
    """From ``before_litres`` at ``from_ms`` to ``after_litres`` at ``to_ms``.

    ``most_litres`` can have passed in that time at the overload flow, in either direction.
    """

    meter: MeterInfo
    from_ms: int
    to_ms: int
    before_litres: int
    after_litres: int
    most_litres: int

    @property
    def litres(self) -> int:
        """How far it moved, upwards positive."""
        return self.after_litres - self.before_litres

    @property
    def possible(self) -> bool:
        """Whether water can have moved it."""
        return abs(self.litres) <= self.most_litres


def shifts(series: Series) -> list[Shift]:
    """The shifts of every meter of a series."""
    rows = np.flatnonzero(series.chain.considered & np.isin(series.kind, RADIO_KINDS))
    meter, litres, at_ms = series.meter_of_row[rows], series.litres[rows], series.at_ms[rows]
    q4 = np.array([info.q4_litres_hour for info in series.meters], dtype=np.int64)
    most = q4[meter[1:]] * np.diff(at_ms) // HOUR_MS + SLACK_LITRES + 2 * series.chain.resolution[meter[1:]]
    # A register that starts again at its modulus did not fall.
    turned = series.chain.value[rows] != litres
    step = np.diff(litres)
    odd = ((step < 0) | (step > most)) & (meter[1:] == meter[:-1]) & (turned[1:] == turned[:-1])
    found: list[Shift] = []
    for place in np.unique(meter[1:][odd]).tolist():
        begin, end = np.searchsorted(meter, [place, place + 1]).tolist()
        found += _of_meter(series.meters[place], at_ms[begin:end], litres[begin:end], most[begin : end - 1])
    return found


def _of_meter(meter: MeterInfo, at_ms: Ints, litres: Ints, most: Ints) -> Iterator[Shift]:
    step = np.diff(litres)
    place = 0
    while place < len(step):
        if not (step[place] < 0 or step[place] > most[place]):
            place += 1
            continue
        last = place
        # Water that runs back does so for a while, with still hours in between.
        while step[place] < 0 and last + 1 < len(step) and step[last + 1] <= 0:
            last += 1
        while step[last] == 0:
            last -= 1
        if _kept(litres, place, last + 1):
            allowed = int(most[place : last + 1].sum())
            yield Shift(
                meter, int(at_ms[place]), int(at_ms[last + 1]), int(litres[place]), int(litres[last + 1]), allowed
            )
        place = last + 1


def _kept(litres: Ints, before: int, after: int) -> bool:
    """Whether the readings up to ``before`` are on one side of those from ``after`` on."""
    old, new = litres[max(0, before + 1 - KEPT) : before + 1], litres[after : after + KEPT]
    if len(old) < KEPT or len(new) < KEPT:
        return False
    if litres[after] < litres[before]:
        return bool(old.min() > litres[after] and new.max() < litres[before] and (np.diff(new) >= 0).all())
    return bool(old.max() < litres[after] and (np.diff(new) >= 0).all() and (np.diff(old) >= 0).all())
