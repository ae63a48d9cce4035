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
from pathlib import Path
from typing import Any

from firmware_sim import build, place
from firmware_sim.air import Sent, transmissions
from firmware_sim.clock import Clock, month_later
from firmware_sim.ground import Ground, TownError, require
from firmware_sim.meters import SimMeter

SCHEMA = 1
FILE = "town.json"
DEFAULT_END = dt.date(2026, 10, 1)


@dataclass(frozen=True)
class Town(Ground):
    """A municipality drawn from a seed."""

    @classmethod
    def build(cls, meters: int = 60, months: int = 3, seed: int = 1, end: dt.date | None = None) -> "Town":
        """Draws the town: ``meters`` supply points, ``months`` whole months before ``end`` (a first of a month)."""
        end = end or DEFAULT_END
        require(months >= 1, f"months: {months}, at least 1")
        require(end.day == 1, f"end: {end}, must be the first of a month")
        require(12 <= meters <= 99_000, f"meters: {meters}, from 12 to 99000")
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

    def transmissions(self, *, since: dt.datetime | None = None, until: dt.datetime | None = None) -> Iterator[Sent]:
        """Every transmission in order of time: (instant, meter, link frame of format A as sent).

        ``firmware_sim.telegram.three_of_six`` turns such a frame into the chips of mode T.
        """
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
        require(isinstance(found, dict) and found.get("schema") == SCHEMA, f"{path}: schema must be {SCHEMA}")
        try:
            town = cls.build(found["meters"], found["months"], found["seed"], dt.date.fromisoformat(found["end"]))
        except (KeyError, TypeError) as error:
            raise TownError(f"{path}: {error!r} while reading meters, months, seed and end") from None
        for name, value in town.document().items():
            require(found.get(name) == value, f"{path}: {name} is not what seed {town.seed} draws")
        return town


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
