"""A town drawn from a seed: its register, its meters and the exact index of each at any instant.

``Town.build(meters=60, months=3, seed=1)`` is the same town on every machine. ``write`` keeps the
register side as ``town.json`` (below); the truth is not written, ``read`` draws it again from the seed.

``town.json``::

    {"schema": 1, "seed": 1, "meters": 60, "months": 3, "start": "2026-07-01", "end": "2026-10-01",
     "utility": {name, nif, ine, place, province, postal_code, lat, lon},
     "streets": [{kind, name, from_lat, from_lon, to_lat, to_lon}],
     "houses": [{street, number, door, supply_code, postal_code, ine, cadastral_reference, lat, lon, persons,
                 dwellings, use: "domestic"|"commercial", calibre_mm, contract_no,
                 customer: {name, nif, email, phone, iban}}],
     "meters_installed": [{address: "AXI-12000001-10-07", serial, key (hex), layout, calibre_mm, house (supply code),
                 on_from, on_until (ISO instants, UTC), installed, removed (Madrid dates), start_litres, end_litres,
                 radio, leak_rule, battery_low_from, behaviour: "normal"|"leak"|"stopped"|"exchanged", behaves_from}]}
"""

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_sim import build, place
from firmware_sim.clock import HOUR, Clock, month_later
from firmware_sim.meters import House, SimMeter
from firmware_sim.place import Street, Utility

SCHEMA = 1
FILE = "town.json"
DEFAULT_END = dt.date(2026, 10, 1)


class TownError(ValueError):
    """A town that cannot be drawn or read; the text names the field, the value and the rule."""


@dataclass(frozen=True)
class Town:
    """A municipality's meters and who lives behind them, for whole months from ``start`` to ``end``."""

    seed: int
    months: int
    start: dt.date
    end: dt.date
    utility: Utility
    streets: list[Street]
    houses: list[House]
    meters: list[SimMeter]
    _drawn: npt.NDArray[np.int32]

    @classmethod
    def build(cls, meters: int = 60, months: int = 3, seed: int = 1, end: dt.date | None = None) -> "Town":
        """Draws the town: ``meters`` supply points, ``months`` whole months before ``end`` (a first of a month)."""
        end = end or DEFAULT_END
        _require(months >= 1, f"months: {months}, at least 1")
        _require(end.day == 1, f"end: {end}, must be the first of a month")
        _require(12 <= meters <= 99_000, f"meters: {meters}, from 12 to 99000")
        clock = Clock(month_later(end, -months), end)
        streets, houses = build.houses_of(seed, place.AGOST, meters)
        doomed = build.fates(seed, houses)
        drawn = build.drawn_litres(seed, clock, houses, doomed)
        hung = [build.meter_of(seed, clock, n, house, doomed) for n, house in enumerate(houses)]
        fresh = [
            build.successor_of(seed, hung[index], index, meters + turn)
            for turn, index in enumerate(sorted(doomed.exchanged))
        ]
        town = cls(seed, months, clock.start, end, place.AGOST, streets, houses, hung + fresh, drawn)
        ended = [dataclasses.replace(m, end_litres=town.index_at(m, town.last_instant(m))) for m in town.meters]
        return dataclasses.replace(town, meters=ended)

    @cached_property
    def clock(self) -> Clock:
        """The hours that the town's consumption is known for."""
        return Clock(self.start, self.end)

    @cached_property
    def house_index(self) -> dict[str, int]:
        """Position of a house by its supply code."""
        return {house.supply_code: n for n, house in enumerate(self.houses)}

    def meter(self, address: str) -> SimMeter:
        """The meter with that address text."""
        return self._by_address[address]

    @cached_property
    def _by_address(self) -> dict[str, SimMeter]:
        return {str(meter.address): meter for meter in self.meters}

    def first_instant(self, meter: SimMeter) -> dt.datetime:
        """When the meter's time in this town's period begins: its ``start_litres`` belong to it."""
        return max(meter.on_from, build.instant(self.clock.first))

    def last_instant(self, meter: SimMeter) -> dt.datetime:
        """When the meter's time in this town's period ends: its ``end_litres`` belong to it."""
        end = build.instant(self.clock.last)
        return end if meter.on_until is None else min(meter.on_until, end)

    def index_at(self, meter: SimMeter, instant: dt.datetime) -> int:
        """Exact index in litres. After its removal a meter keeps its last index.

        A TownError names an instant before it was mounted or outside the town's hours.
        """
        seconds = int(instant.timestamp())
        _require(
            instant >= meter.on_from, f"instant: {instant.isoformat()}, {meter.address} hangs from {meter.on_from}"
        )
        _require(
            self.clock.first <= seconds < self.clock.first + HOUR * self.clock.hours,
            f"instant: {instant.isoformat()}, the town is known from {build.instant(self.clock.first)}"
            f" until {build.instant(self.clock.first + HOUR * self.clock.hours)}",
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

    def transmissions(self, *, since: dt.datetime | None = None, until: dt.datetime | None = None) -> "Iterator[Sent]":
        """Every transmission in order of time: (instant, meter, link frame of format A as sent).

        ``firmware_sim.telegram.three_of_six`` turns such a frame into the chips of mode T.
        """
        from firmware_sim.air import transmissions

        return transmissions(self, since=since, until=until)

    def document(self) -> dict[str, Any]:
        """What ``town.json`` holds."""
        return {
            "schema": SCHEMA,
            "seed": self.seed,
            "meters": len(self.houses),
            "months": self.months,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "utility": dataclasses.asdict(self.utility),
            "streets": [dataclasses.asdict(street) for street in self.streets],
            "houses": [dataclasses.asdict(house) for house in self.houses],
            "meters_installed": [_meter_document(meter) for meter in self.meters],
        }

    def write(self, directory: Path) -> Path:
        """Writes ``town.json`` into the directory, making it where needed."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / FILE
        path.write_text(json.dumps(self.document(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return path

    @classmethod
    def read(cls, directory: Path) -> "Town":
        """Draws the town of ``town.json`` again; a TownError says where the file differs from its seed."""
        path = directory / FILE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TownError(f"{path}: {error}") from None
        _require(isinstance(found, dict) and found.get("schema") == SCHEMA, f"{path}: schema must be {SCHEMA}")
        try:
            town = cls.build(found["meters"], found["months"], found["seed"], dt.date.fromisoformat(found["end"]))
        except (KeyError, TypeError) as error:
            raise TownError(f"{path}: {error!r} while reading meters, months, seed and end") from None
        for name, value in town.document().items():
            _require(found.get(name) == value, f"{path}: {name} is not what seed {town.seed} draws")
        return town


Sent = tuple[dt.datetime, SimMeter, bytes]


def _meter_document(meter: SimMeter) -> dict[str, Any]:
    document = {field.name: getattr(meter, field.name) for field in dataclasses.fields(meter)}
    document |= {
        "address": str(meter.address),
        "key": meter.key.hex(),
        "house": meter.house.supply_code,
        "installed": meter.installed,
        "removed": meter.removed,
    }
    return {name: _plain(value) for name, value in document.items()}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.date) else value


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise TownError(text)
