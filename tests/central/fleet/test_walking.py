"""The order of a walk and the parts of a round: every place once, never longer, in equal shares."""

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.fleet.dividing import STREETS, WAYS, Pace, divide
from central.fleet.moves import shorten
from central.fleet.walking import Place, length, locate, shortest, steps, street_side, walk
from tests.fixtures.callgrind import instructions

coordinates = st.tuples(st.integers(384_000_000, 384_090_000), st.integers(-6_000_000, -5_880_000))


@st.composite
def towns(draw: st.DrawFn, least: int = 1, most: int = 60) -> list[Place]:
    """Places on a few streets, some of them without coordinates, in any order."""
    count = draw(st.integers(least, most))
    found = []
    for key in range(count):
        lat, lon = draw(st.one_of(coordinates, st.just((None, None)))) if draw(st.booleans()) else (None, None)
        street = draw(st.sampled_from(["Carrer Major", "Plaça", "Calle del Río"]))
        found.append(Place(key, street, draw(st.sampled_from(["", "1", "2", "3 bis", "10", "11"])), "", lat, lon))
    return draw(st.permutations(found))


@given(towns())
def test_a_walk_has_every_place_once_and_is_never_longer_than_what_it_was_given(places: list[Place]) -> None:
    order = walk(places)
    assert sorted(place.key for place in order) == list(range(len(places)))
    assert length(order) <= length(places) + 1e-6


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=120), st.randoms(use_true_random=False))
def test_a_short_path_has_every_spot_once(spots: list[tuple[int, int]], rng: random.Random) -> None:
    points = np.array(spots, dtype=np.float64).reshape(-1, 2)
    assert sorted(shortest(points)) == list(range(len(spots)))
    if spots:
        first = rng.randrange(len(spots))
        assert sorted(shorten(np.ascontiguousarray(points), first)) == list(range(len(spots)))


@given(towns(), st.data(), st.sampled_from(WAYS))
def test_a_round_has_every_place_in_one_part_and_no_part_is_empty(
    places: list[Place], data: st.DataObject, way: str
) -> None:
    parts = divide(places, data.draw(st.integers(1, len(places))), way=way)
    assert all(parts)
    assert sorted(place.key for part in parts for place in part) == list(range(len(places)))


def town(count: int, seed: int = 1) -> list[Place]:
    """A town of even streets, seeded."""
    rng = random.Random(seed)
    return [
        Place(
            n, f"Calle {n // 40}", str(n % 40 + 1), "", 384_000_000 + rng.randrange(90_000),
            -6_000_000 + rng.randrange(120_000),
        )
        for n in range(count)
    ]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.sampled_from(WAYS))
def test_parts_differ_by_no_more_than_their_longest_steps(seed: int, parts: int, way: str) -> None:
    pace = Pace()
    divided = divide(town(400, seed), parts, pace, way)
    seconds = [pace.seconds(part) for part in divided]
    longest = max(max(pace.costs(part)) for part in divided)
    joints = max(int(steps([a[-1], b[0]])[0] * 13 / 11) + 1 for a, b in pairwise(divided))
    assert max(seconds) - min(seconds) <= 2 * max(longest, joints) + joints + pace.seconds_a_stop


def test_a_walk_is_near_what_chance_allows() -> None:
    """Beardwood, Halton and Hammersley: the shortest through n random spots tends to 0.7124 √(nA)."""
    rng = np.random.default_rng(7)
    points = rng.random((20_000, 2)) * 10_000
    order = points[shortest(points)]
    walked = float(np.hypot(*np.diff(order, axis=0).T).sum())
    assert walked < 1.10 * 0.7124 * (20_000 * 10_000**2) ** 0.5


def test_places_of_one_spot_stay_together() -> None:
    flats = [Place(n, "Torre", "1", str(n), 384_000_000 + 900 * (n % 3), -6_000_000) for n in range(30)]
    spots = [place.lat_e7 for place in walk(flats)]
    assert sum(a != b for a, b in pairwise(spots)) == 2


def test_without_coordinates_a_street_is_walked_up_one_side_and_down_the_other() -> None:
    doors = [Place(n, "Calle Mayor", number) for n, number in enumerate(["1", "2", "3", "4", "5", "6", "10", "S/N"])]
    assert [place.number for place in street_side(doors)] == ["1", "3", "5", "10", "6", "4", "2", "S/N"]
    mixed = [*doors, Place(20, "Avenida", "1")]
    (part,) = divide(mixed, 1, way=STREETS)
    assert [place.street for place in part][:1] == ["Avenida"]


def test_a_door_without_coordinates_is_where_its_neighbour_of_the_same_side_is() -> None:
    known = Place(1, "Calle Mayor", "5", "", 384_000_000, -6_000_000)
    across = Place(2, "Calle Mayor", "6", "", 384_000_900, -6_000_000)
    (found, *_) = locate([Place(0, "Calle Mayor", "7"), known, across])
    assert (found.lat_e7, found.lon_e7) == (known.lat_e7, known.lon_e7)
    (elsewhere, *_) = locate([Place(0, "Plaça", "7"), known])
    assert not elsewhere.located


@pytest.mark.parametrize("parts", [0, 4])
def test_more_parts_than_places_are_refused(parts: int) -> None:
    with pytest.raises(ValueError, match=f"round.parts: {parts}, must be 1 to the number of places, 3"):
        divide(town(3), parts)


SHORTENED = """
import random, sys
import numpy as np
from central.fleet.moves import shorten

rng = random.Random(1)
shorten(np.array([(rng.randrange(9_000), rng.randrange(9_000)) for _ in range(int(sys.argv[1]))], dtype=np.float64), 0)
"""


def test_a_path_of_twenty_thousand_spots_costs_little_more_than_twenty_of_a_thousand(tmp_path: Path) -> None:
    """Near linear: the work for each spot hardly grows with the town."""
    few, many = (instructions(SHORTENED, "*moves_1shorten", tmp_path / count, count) for count in ("1000", "20000"))
    assert many < 20 * few * 2
