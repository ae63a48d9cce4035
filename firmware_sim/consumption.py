"""How much water a home or a business draws each hour: people's days, in whole litres.

A tap opens a random number of times in an hour (Poisson, its mean following the hour of the day, the kind of
day, the season and how many live there) and each time a few litres run: hands, a flush, a shower, a
washing machine. Nights are near zero, mornings and evenings have their peaks, free days start late, in
summer more is drawn and people go away.
"""

import datetime as dt
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_sim.clock import FREE_DAY, SATURDAY, WORKDAY, Clock

Hours = npt.NDArray[np.int64]

# Thousandths of a day's water in each hour of the local day.
HOME_SHAPE = {
    WORKDAY: (8, 5, 3, 2, 3, 12, 42, 88, 78, 46, 36, 34, 38, 52, 62, 44, 32, 32, 42, 56, 78, 92, 74, 41),
    SATURDAY: (12, 7, 4, 3, 3, 6, 16, 36, 62, 82, 84, 70, 58, 60, 64, 46, 34, 34, 42, 54, 70, 76, 58, 19),
    FREE_DAY: (14, 8, 5, 3, 3, 5, 10, 24, 50, 82, 92, 80, 66, 66, 68, 46, 34, 34, 42, 54, 66, 70, 56, 22),
}
SHOP_SHAPE = {
    WORKDAY: (2, 1, 1, 1, 1, 3, 20, 60, 80, 90, 90, 90, 95, 85, 60, 40, 50, 60, 60, 50, 35, 15, 8, 3),
    SATURDAY: (2, 1, 1, 1, 1, 3, 15, 50, 70, 80, 80, 80, 70, 50, 20, 10, 10, 10, 10, 8, 5, 3, 2, 2),
    FREE_DAY: (1, 1, 1, 1, 1, 1, 2, 5, 8, 8, 8, 8, 8, 6, 4, 3, 3, 3, 3, 2, 2, 1, 1, 1),
}
# Percent of an average month, January first.
SEASON = (92, 92, 95, 98, 102, 109, 116, 114, 105, 98, 93, 93)

# Litres of one use; picked with equal chance, so that the mean is 12.
USES = (1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 6, 6, 6, 6, 7, 8, 9, 9, 9, 9, 10, 12, 14, 22, 34, 38, 42, 47, 28, 26)
MEAN_USE = sum(USES) // len(USES)
_USE_TABLE = np.array(USES, np.int64)

# Poisson by table: thresholds of 16 bits for means in steps of 1/64 up to the largest that occurs.
_STEPS_PER_UNIT = 64
_LARGEST_MEAN = 12
_MOST_USES = 30


def _poisson_thresholds() -> npt.NDArray[np.int64]:
    rows = []
    for step in range(_LARGEST_MEAN * _STEPS_PER_UNIT + 1):
        mean = step / _STEPS_PER_UNIT
        term = total = math.exp(-mean)
        row = []
        for count in range(1, _MOST_USES + 1):
            row.append(min(65536, round(total * 65536)))
            term *= mean / count
            total += term
        rows.append(row)
    return np.array(rows, np.int64).T


_THRESHOLDS = _poisson_thresholds()


@dataclass(frozen=True, slots=True)
class Household:
    """Who draws water behind one meter: mean litres a day, its shape over the day, and when nobody is there."""

    daily_litres: int
    business: bool = False
    use_factor: int = 1
    away: tuple[tuple[dt.date, dt.date], ...] = ()


def hourly(clock: Clock, household: Household, rng: random.Random) -> Hours:
    """Litres drawn in each hour of the axis."""
    means = _means(clock, household)
    counts = _poisson(means, rng)
    ends = np.cumsum(counts)
    picks = np.frombuffer(rng.randbytes(int(ends[-1])), np.uint8) & 31
    drawn = np.concatenate(([0], np.cumsum(_USE_TABLE[picks])))
    litres: Hours = household.use_factor * (drawn[ends] - drawn[ends - counts])
    return litres


def _means(clock: Clock, household: Household) -> Hours:
    """Expected uses of each hour, in sixty-fourths."""
    shape = np.array([_shape(household)[kind] for kind in (WORKDAY, SATURDAY, FREE_DAY)], np.int64)
    season = np.array([SEASON[day.month - 1] * _present(household, day) for day in clock.dates], np.int64)
    litres = shape[clock.day_kinds[clock.days], clock.local_hours] * season[clock.days] * household.daily_litres
    scale = 1000 * 100 * MEAN_USE * household.use_factor
    means: Hours = np.minimum((_STEPS_PER_UNIT * litres + scale // 2) // scale, _LARGEST_MEAN * _STEPS_PER_UNIT)
    return means


def _shape(household: Household) -> Mapping[int, tuple[int, ...]]:
    return SHOP_SHAPE if household.business else HOME_SHAPE


def _present(household: Household, day: dt.date) -> int:
    return int(not any(first <= day < last for first, last in household.away))


def _poisson(means: Hours, rng: random.Random) -> Hours:
    """Number of uses of each hour: how many thresholds of its mean a 16-bit draw reaches."""
    draws = np.frombuffer(rng.randbytes(2 * len(means)), "<u2").astype(np.int64)
    counts = np.zeros(len(means), np.int64)
    for row in _THRESHOLDS[: 4 + 3 * (int(means.max()) // _STEPS_PER_UNIT + 1)]:
        counts += draws >= row[means]
    return counts
