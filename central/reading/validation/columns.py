"""A stretch of readings in columns: every reading of some meters from an instant on, in the order of time.

Rules work on whole columns. Rows of one meter lie together; ``starts`` has the first row of each meter and one more
for the end. Of several revisions only the newest is here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from central.store.models import ReadingKind

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Overload flow Q4 = 1.25 Q3 (ISO 4064-1); the permanent flow of a meter that does not say it, by its calibre in mm.
Q4_PER_Q3 = (5, 4)
Q3_BY_CALIBRE = ((15, 2500), (20, 4000), (25, 6300), (30, 10_000), (40, 16_000), (50, 25_000), (65, 40_000))
Q3_BEYOND = 63_000
# The revision of a value that is an hour of a day's series and no row of its own: no verdict can be written on it.
HOUR = -1
RADIO_KINDS = (int(ReadingKind.RADIO), int(ReadingKind.RADIO_DUE))


@dataclass(frozen=True)
class MeterInfo:
    """A meter as rules need it: ``hangs`` are its installations (from ms, to ms or None, supply point).

    ``dwellings`` are those of the contract at its last place, at least one: a bulk meter has many. ``use`` is its use.
    """

    id: int
    address: str
    modulus_litres: int
    q4_litres_hour: int
    hangs: tuple[tuple[int, int | None, int], ...] = ()
    dwellings: int = 1
    use: str = ""

    def supply_point_at(self, ms: int) -> int | None:
        """Where the meter hangs at an instant."""
        return next((point for start, end, point in self.hangs if start <= ms and (end is None or ms < end)), None)


@dataclass
class Columns:
    """The columns. ``reasons`` has the reason of every row that has one."""

    connection: Connection
    utility_id: int
    now_ms: int
    meters: Sequence[MeterInfo]
    starts: Ints
    at_ms: Ints
    litres: Ints
    kind: Ints
    revision: Ints
    status: Ints
    visit_id: Ints
    reasons: dict[int, str] = field(default_factory=dict)
    only: str | None = None
    but: frozenset[str] = frozenset()

    def concerns(self, use: str) -> bool:
        """For rules asked once for a utility: whether the numbers at hand are those of a use of water."""
        return use not in self.but if self.only is None else use == self.only

    def __len__(self) -> int:
        return len(self.at_ms)

    def rows_of(self) -> Iterator[tuple[MeterInfo, slice]]:
        """Each meter with its rows."""
        for place, meter in enumerate(self.meters):
            yield meter, slice(int(self.starts[place]), int(self.starts[place + 1]))

    @cached_property
    def meter_of_row(self) -> Ints:
        """The place of each row's meter in ``meters``."""
        return np.repeat(np.arange(len(self.meters)), np.diff(self.starts))


def q4_of(calibre_mm: int, q3_litres_hour: int | None) -> int:
    """Overload flow in l/h."""
    q3 = q3_litres_hour or next((q3 for calibre, q3 in Q3_BY_CALIBRE if calibre_mm <= calibre), Q3_BEYOND)
    return q3 * Q4_PER_Q3[0] // Q4_PER_Q3[1]
