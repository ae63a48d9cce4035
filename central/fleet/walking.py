"""The order in which a reader walks a round: pure geometry on flat metres.

Places with coordinates are ordered by the nearest neighbour and improved by 2-opt and Or-opt moves until none helps,
never to something longer than the order they were given in. Places without coordinates take their street's, from the
nearest house number; a street without any is walked up one side and down the other.

Lengths here are metres as floats: nothing is billed by them.
"""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from central.fleet.moves import shorten

METRES_PER_E7 = 0.011131949  # a degree of latitude is 111,319.49 m (WGS 84 equator / 360), divided by 10^7
# What is walked between two doors of a street, and between two streets, where nobody knows where they lie.
DOOR_METRES, STREET_METRES = 10.0, 120.0

Coordinates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """A supply point as a walker sees it; coordinates are WGS 84 degrees times 10^7."""

    key: int
    street: str
    number: str
    detail: str = ""
    lat_e7: int | None = None
    lon_e7: int | None = None

    @property
    def house(self) -> int:
        """The house number as a number; 0 where it has none."""
        digits = re.match(r"\d+", self.number)
        return int(digits[0]) if digits else 0

    @property
    def located(self) -> bool:
        """Whether it is known where it lies."""
        return self.lat_e7 is not None and self.lon_e7 is not None


def walk(places: Sequence[Place]) -> list[Place]:
    """All the places once, in an order to walk them in that is not longer than the order they are given in."""
    located = locate(places)
    known = [place for place in located if place.located]
    order = [known[at] for at in shortest(flat(known))] + street_side([one for one in located if not one.located])
    original = {place.key: place for place in places}
    found = [original[place.key] for place in order]
    return found if length(found) <= length(places) else list(places)


def length(places: Sequence[Place]) -> float:
    """Metres walked from the first place to the last."""
    return float(steps(places).sum())


def steps(places: Sequence[Place]) -> Coordinates:
    """Metres from each place to the next; one fewer than places."""
    if len(places) < 2:
        return np.zeros(0)
    located = locate(places)
    points = flat(located)
    metres: Coordinates = np.hypot(*(points[1:] - points[:-1]).T)
    for at in np.flatnonzero(np.isnan(metres)):
        same = located[at].street == located[at + 1].street
        metres[at] = DOOR_METRES if same else STREET_METRES
    return metres


def flat(places: Sequence[Place]) -> Coordinates:
    """Metres east and north of the places' middle (equirectangular: exact enough within a town); NaN where unknown."""
    missing = math.nan
    degrees = np.array(
        [(missing, missing) if place.lat_e7 is None else (place.lon_e7, place.lat_e7) for place in places],
        dtype=np.float64,
    ).reshape(-1, 2)
    if not len(degrees) or np.isnan(degrees).all():
        return degrees
    middle = np.nanmean(degrees, axis=0)
    scale = np.array([math.cos(math.radians(middle[1] / 1e7)), 1.0]) * METRES_PER_E7
    flat_metres: Coordinates = (degrees - middle) * scale
    return flat_metres


def locate(places: Sequence[Place]) -> list[Place]:
    """The places, those without coordinates at the nearest house number of their street that has some."""
    streets: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        if place.located:
            streets[place.street].append(place)
    return [place if place.located else _borrowed(place, streets.get(place.street, [])) for place in places]


def _borrowed(place: Place, neighbours: Sequence[Place]) -> Place:
    if not neighbours:
        return place
    nearest = min(neighbours, key=lambda one: (one.house % 2 != place.house % 2, abs(one.house - place.house), one.key))
    return replace(place, lat_e7=nearest.lat_e7, lon_e7=nearest.lon_e7)


def street_side(places: Sequence[Place]) -> list[Place]:
    """Street by street: up the odd side, down the even one."""
    streets: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        streets[place.street].append(place)
    order = []
    for street in sorted(streets):
        doors = sorted(streets[street], key=lambda one: (one.house, one.number, one.detail, one.key))
        order += [one for one in doors if one.house % 2] + [one for one in reversed(doors) if not one.house % 2]
    return order


def shortest(points: Coordinates) -> list[int]:
    """The places' numbers in a short open path through them; places of one spot stay together."""
    if len(points) < 3:
        return list(range(len(points)))
    spots, spot_of = np.unique(np.round(points, 1), axis=0, return_inverse=True)
    members: dict[int, list[int]] = defaultdict(list)
    for at, spot in enumerate(spot_of.reshape(-1).tolist()):
        members[spot].append(at)
    outermost = int(np.argmax(np.abs(spots - spots.mean(axis=0)).sum(axis=1)))
    path = shorten(np.ascontiguousarray(spots), outermost)
    return [at for spot in path for at in members[spot]]
