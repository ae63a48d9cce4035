"""A round in parts that take about the same time, each of them in an order to be walked in: pure.

All places are put into one walk first (through the whole town, or street by street), which is then cut where the time
is up: every place is in exactly one part, and what lies together stays together. A cut is made at the place nearest to
the fair share, so no part differs from it by more than the two longest steps and the way between two parts.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from central.fleet.walking import Place, flat, locate, shortest, steps, street_side, walk


@dataclass(frozen=True)
class Pace:
    """How fast a reader is: on foot, along streets instead of through houses, and at a door."""

    mm_a_second: int = 1_100
    detour_pct: int = 130
    seconds_a_stop: int = 40

    def seconds(self, places: Sequence[Place]) -> int:
        """Seconds that a walk through the places takes."""
        return sum(self.costs(places)[1:]) + (self.seconds_a_stop if places else 0)

    def costs(self, places: Sequence[Place]) -> list[int]:
        """Seconds to come to each place and read there, in order; the first is where the walk begins."""
        legs = [0, *(int(metres * 10 * self.detour_pct / self.mm_a_second) for metres in steps(places))]
        return [leg + self.seconds_a_stop for leg in legs[: len(places)]]


CLUSTERS, STREETS = "clusters", "streets"
WAYS = (CLUSTERS, STREETS)


def divide(places: Sequence[Place], parts: int, pace: Pace = Pace(), way: str = CLUSTERS) -> list[list[Place]]:
    """``parts`` walks that together have every place once; raises ValueError where there are fewer places."""
    if not 1 <= parts <= len(places):
        raise ValueError(f"round.parts: {parts}, must be 1 to the number of places, {len(places)}")
    order = walk(places) if way == CLUSTERS else by_streets(places)
    costs = pace.costs(order)
    done = [0, *accumulate(costs)]
    cuts = [0]
    for part in range(1, parts):
        share = done[-1] * part / parts
        at = bisect_left(done, share)
        at -= share - done[at - 1] < done[at] - share
        # No part without a place, however unlike the places are.
        cuts.append(min(max(at, cuts[-1] + 1), len(order) - parts + part))
    return [order[start:end] for start, end in pairwise([*cuts, len(order)])]


def by_streets(places: Sequence[Place]) -> list[Place]:
    """Whole streets one after the other, each up one side and down the other, from the end that is nearer."""
    streets: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        streets[place.street].append(place)
    names = _street_order(streets)
    order: list[Place] = []
    for name in names:
        doors = street_side(streets[name])
        if order and _starts_nearer(order[-1], doors[::-1], doors):
            doors.reverse()
        order += doors
    return order


def _street_order(streets: dict[str, list[Place]]) -> list[str]:
    """Streets that lie side by side after one another; at the end, by name, those that lie nobody knows where."""
    names = sorted(streets)
    firsts = [place for name in names for place in streets[name]]
    points = flat(locate(firsts))
    middles, at = [], 0
    for name in names:
        count = len(streets[name])
        some = points[at : at + count]
        known = some[~np.isnan(some[:, 0])]
        middles.append(known.mean(axis=0) if len(known) else np.array([np.nan, np.nan]))
        at += count
    located = [place for place, middle in enumerate(middles) if not np.isnan(middle[0])]
    walked = shortest(np.array([middles[place] for place in located]).reshape(-1, 2))
    return [names[located[place]] for place in walked] + [
        name for place, name in enumerate(names) if place not in set(located)
    ]


def _starts_nearer(last: Place, doors: Sequence[Place], others: Sequence[Place]) -> bool:
    """Whether the walk ``doors`` begins nearer to ``last`` than the walk ``others`` does."""
    if not (last.located and doors[0].located and others[0].located):
        return False
    return float(steps([last, doors[0]])[0]) < float(steps([last, others[0]])[0])
