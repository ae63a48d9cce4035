"""The ground truth of a town: which meters hang where, and the exact index of each at any instant."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from firmware_sim.clock import HOUR, Clock, instant
from firmware_sim.meters import House, SimMeter
from firmware_sim.place import Street, Utility


class TownError(ValueError):
    """A town that cannot be drawn or read; the text names the field, the value and the rule."""


@dataclass(frozen=True)
class Ground:
    """Meters and houses for whole months from ``start`` to ``end``, and what flowed through each."""

    seed: int
    months: int
    start: dt.date
    end: dt.date
    utility: Utility
    streets: list[Street]
    houses: list[House]
    meters: list[SimMeter]
    _drawn: npt.NDArray[np.int32]

    @cached_property
    def clock(self) -> Clock:
        """The hours that the town's consumption is known for."""
        return Clock(self.start, self.end)

    @cached_property
    def house_index(self) -> dict[str, int]:
        """Position of a house by its supply code."""
        return {house.supply_code: n for n, house in enumerate(self.houses)}

    def first_instant(self, meter: SimMeter) -> dt.datetime:
        """When the meter's time in this town's period begins: its ``start_litres`` belong to it."""
        return max(meter.on_from, instant(self.clock.first))

    def last_instant(self, meter: SimMeter) -> dt.datetime:
        """When the meter's time in this town's period ends: its ``end_litres`` belong to it."""
        end = instant(self.clock.last)
        return end if meter.on_until is None else min(meter.on_until, end)

    def index_at(self, meter: SimMeter, moment: dt.datetime) -> int:
        """Exact index in litres. After its removal a meter keeps its last index.

        A TownError names an instant before it was mounted or outside the town's hours.
        """
        seconds = int(moment.timestamp())
        require(moment >= meter.on_from, f"instant: {moment.isoformat()}, {meter.address} hangs from {meter.on_from}")
        require(
            self.clock.first <= seconds < self.clock.first + HOUR * self.clock.hours,
            f"instant: {moment.isoformat()}, the town is known from {instant(self.clock.first)}"
            f" until {instant(self.clock.first + HOUR * self.clock.hours)}",
        )
        return int(self.indexes_at(meter, np.array([seconds], np.int64))[0])

    def indexes_at(self, meter: SimMeter, seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Indexes in litres at many epoch seconds, all within the meter's time and the town's hours."""
        if meter.on_until is not None:
            seconds = np.minimum(seconds, int(meter.on_until.timestamp()))
        begin = np.array([int(self.first_instant(meter).timestamp())], np.int64)
        house = self.house_index[meter.house.supply_code]
        litres: npt.NDArray[np.int64] = meter.start_litres + self._through(house, seconds) - self._through(house, begin)
        return litres

    def _through(self, house: int, seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Litres since the period's start; within an hour they flow evenly, in whole litres."""
        hour, rest = np.divmod(seconds - self.clock.first, HOUR)
        row = self._drawn[house]
        before = row[hour].astype(np.int64)
        litres: npt.NDArray[np.int64] = before + (row[hour + 1] - before) * rest // HOUR
        return litres

    def hourly_litres(self, house: int) -> npt.NDArray[np.int32]:
        """Litres that a house drew in each hour of the axis."""
        litres: npt.NDArray[np.int32] = np.diff(self._drawn[house])
        return litres


def require(condition: bool, text: str) -> None:
    """A TownError with the text unless the condition holds."""
    if not condition:
        raise TownError(text)
