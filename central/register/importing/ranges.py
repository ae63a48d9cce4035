"""Half-open ranges by key, to find the one that a new range would overlap."""

from collections import defaultdict
from collections.abc import Hashable
from typing import Generic, TypeVar

Point = TypeVar("Point", bound=object)


class Ranges(Generic[Point]):
    """Ranges [start, end) of each key; an end of None lies beyond everything."""

    def __init__(self) -> None:
        self._ranges: dict[Hashable, list[tuple[Point, Point | None]]] = defaultdict(list)

    def add(self, key: Hashable, start: Point, end: Point | None) -> None:
        """Take a range in."""
        self._ranges[key].append((start, end))

    def overlapped(self, key: Hashable, start: Point, end: Point | None) -> tuple[Point, Point | None] | None:
        """The range of ``key`` that [start, end) shares a point with."""
        for other in self._ranges[key]:
            if before(start, other[1]) and before(other[0], end) and before(start, end) and before(*other):
                return other
        return None


def before(start: object, end: object | None) -> bool:
    """Whether a start lies before an end, which is open where it is None."""
    return end is None or start < end  # type: ignore[operator]  # both are points of one kind
