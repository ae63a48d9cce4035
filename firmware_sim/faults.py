"""Faults with a known beginning and size, and habits that look like faults: what detectors are measured on.

A year's hourly litres of a house come from :mod:`firmware_sim.consumption`; here they become what its register shows.
Everything is drawn from streams of its own, so the towns of :class:`firmware_sim.town.Town` stay as they are.
"""

import datetime as dt
import math
import random
from dataclasses import dataclass
from typing import Literal

import numpy as np

from firmware_sim.clock import HOUR, Clock
from firmware_sim.consumption import Hours
from firmware_sim.meters import House

Kind = Literal["leak", "burst", "stopped", "slow", "backflow", "tamper", "swap"]
Shape = Literal["constant", "growing", "pressure", "cycling", ""]

# Of a thousand houses so many have the fault; the others are healthy.
IN_THOUSAND: dict[Kind, int] = {
    "leak": 200, "burst": 50, "stopped": 60, "slow": 40, "backflow": 50, "tamper": 40, "swap": 50
}  # fmt: skip
LEAK_L_H = (5, 400)
# A cistern that keeps refilling lets this much in at a time; slower than twice an hour it is no continuous flow.
CISTERN_LITRES = 6
CYCLING_L_H = (12, 60)
POOL_IN_THOUSAND, DRIP_IN_THOUSAND = 50, 60
DAY_HOURS = 24


@dataclass(frozen=True)
class Fault:
    """What is wrong with a house's water or meter, from hour ``begin`` of the axis to ``end``.

    ``litres_hour`` is the size of a leak or burst, and of a backflow; ``shape`` is a leak's.
    """

    kind: Kind
    begin: int
    end: int
    litres_hour: int = 0
    shape: Shape = ""


def drawn_fault(rng: random.Random, hours: int) -> Fault | None:
    """A house's fault, begun between a fifth and four fifths of an axis of so many hours, or None."""
    number = rng.randrange(1000)
    for kind, share in IN_THOUSAND.items():
        if number < share:
            return _fault(kind, rng, rng.randrange(hours // 5, 4 * hours // 5), hours)
        number -= share
    return None


def _fault(kind: Kind, rng: random.Random, begin: int, hours: int) -> Fault:
    if kind == "leak":
        shape: Shape = rng.choices(("constant", "growing", "pressure", "cycling"), (5, 2, 2, 1))[0]
        low, high = CYCLING_L_H if shape == "cycling" else LEAK_L_H
        return Fault(kind, begin, min(hours, begin + 24 * rng.randrange(10, 60)), _spread(rng, low, high), shape)
    if kind == "burst":
        return Fault(kind, begin, begin + rng.randrange(6, 48), rng.randrange(700, 2200))
    if kind == "backflow":
        return Fault(kind, begin, begin + rng.randrange(1, 5), rng.randrange(12, 110))
    if kind == "tamper":
        return Fault(kind, begin, begin + 24 * rng.randrange(4, 20))
    return Fault(kind, begin, hours)


def _spread(rng: random.Random, low: int, high: int) -> int:
    """As many small ones as big ones: evenly spread over the orders of magnitude."""
    return int(low * math.exp(math.log(high / low) * rng.random()))


def with_habits(litres: Hours, clock: Clock, house: House, rng: random.Random) -> Hours:
    """The same house with a pool or drip irrigation, where it has one."""
    result = litres.copy()
    if house.dwellings != 1:
        return result
    has_pool, has_drip = rng.randrange(1000) < POOL_IN_THOUSAND, rng.randrange(1000) < DRIP_IN_THOUSAND
    if has_pool:
        _pool(result, clock, rng)
    if has_drip:
        amount, at = rng.randrange(60, 350), rng.randrange(4, 8)
        summer = np.isin([day.month for day in clock.dates], (4, 5, 6, 7, 8, 9, 10))[clock.days]
        result[summer & (clock.local_hours == at)] += amount
    return result


def _pool(litres: Hours, clock: Clock, rng: random.Random) -> None:
    """Filled anew every fifth year in May or June, and topped up every week of the summer."""
    tap = rng.randrange(600, 1200)
    start = {month: _hour_of(clock, month) for month in (5, 6, 10)}
    if rng.randrange(5) == 0 and start[5] is not None:
        begin = start[5] + 24 * rng.randrange(1, 30) + 9
        litres[begin : begin + rng.randrange(20, 50)] += tap
    if start[6] is not None:
        for begin in range(start[6] + 24 * rng.randrange(7) + 19, start[10] or len(litres), 24 * 7):
            litres[begin : begin + rng.randrange(1, 4)] += tap


def _hour_of(clock: Clock, month: int) -> int | None:
    day = next((day for day in clock.dates if (day.month, day.day) == (month, 1)), None)
    return None if day is None else DAY_HOURS * (day - clock.start).days


def register_of(start_litres: int, litres: Hours, clock: Clock, fault: Fault | None, rng: random.Random) -> Hours:
    """The index at the start of each hour and at the end of the last: hours + 1 values."""
    moved = litres.copy()
    if fault is not None:
        _move(moved, clock, fault, rng)
    index: Hours = start_litres + np.concatenate(([0], np.cumsum(moved)))
    if fault is not None and fault.kind == "swap":
        other = rng.randrange(5_000, 2_000_000)
        # Another register: never near the old one by chance.
        index[fault.begin + 1 :] += other if other > int(index[fault.begin]) else -int(index[fault.begin]) + 1500
    return index


def _move(moved: Hours, clock: Clock, fault: Fault, rng: random.Random) -> None:
    during = slice(fault.begin, fault.end)
    if fault.kind in ("leak", "burst"):
        moved[during] += _leak(clock, fault)
    elif fault.kind == "stopped":
        moved[during] = 0
    elif fault.kind == "slow":
        moved[during] = moved[during] * 6 // 10
    elif fault.kind == "tamper":
        moved[during] = -moved[during]
    elif fault.kind == "backflow":
        drawn = [rng.randrange(fault.litres_hour // 2 + 6, fault.litres_hour + 7) for _ in moved[during]]
        moved[during] = -np.array(drawn)


def _leak(clock: Clock, fault: Fault) -> Hours:
    hours = np.arange(fault.end - fault.begin, dtype=np.int64)
    size = fault.litres_hour
    if fault.shape == "growing":
        # A twentieth more each day, to four times as much.
        return np.minimum(size * (20 + hours // DAY_HOURS) // 20, 4 * size)
    if fault.shape == "pressure":
        # By night, when nobody draws, the pressure is higher.
        local = clock.local_hours[fault.begin : fault.end].astype(np.int64)
        return np.where((local >= 1) & (local < 6), size * 13 // 10, size)
    if fault.shape == "cycling":
        return np.diff(np.concatenate(([0], (hours + 1) * size // CISTERN_LITRES))) * CISTERN_LITRES
    return np.full(len(hours), size, dtype=np.int64)


def year_before(end: dt.date) -> Clock:
    """The hours of the twelve months before a first of a month."""
    return Clock(end.replace(year=end.year - 1), end)


def begins_at_ms(clock: Clock, hour: int) -> int:
    """UTC epoch milliseconds at which an hour of the axis starts."""
    return 1000 * (clock.first + HOUR * hour)
