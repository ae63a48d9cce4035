"""Draws a town from its seed: who lives where, which meter hangs there and what happens to it."""

import datetime as dt
import random
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from firmware_sim import consumption, people, place
from firmware_sim.clock import HOUR, MADRID, Clock, instant
from firmware_sim.consumption import Household
from firmware_sim.layouts import AXIOMA, ITRON, MADDALENA
from firmware_sim.meters import Behaviour, House, SimMeter
from firmware_sim.place import Building, Street, Utility
from firmware_sim.streams import stream
from protocols.wmbus import Address

# One in so many meters, and never fewer than one in a town.
ONE_IN = {"leak": 80, "stopped": 250, "exchanged": 200, "silent": 200, "battery": 120}
LEAK_L_H = (6, 25)
MANY_DWELLINGS = 4


@dataclass(frozen=True)
class Fates:
    """Positions of the houses to which something happens; no house gets two of the first four."""

    leak: frozenset[int]
    stopped: frozenset[int]
    exchanged: frozenset[int]
    silent: frozenset[int]
    battery: frozenset[int]

    def of(self, index: int) -> Behaviour:
        """What the meter of that house is known for."""
        if index in self.leak:
            return "leak"
        if index in self.stopped:
            return "stopped"
        return "exchanged" if index in self.exchanged else "normal"


def fates(seed: int, houses: list[House]) -> Fates:
    """Draws the houses with a leak, a standstill, an exchange, a silent radio and a weak battery.

    Only homes with one dwelling leak or stop, so that the alarm stands out from the use.
    """
    rng = stream(seed, "fates")
    order = [n for n, house in enumerate(houses) if house.dwellings == 1 and house.use == "domestic"]
    rng.shuffle(order)
    if len(order) < len(ONE_IN):
        raise ValueError(f"meters: a town of {len(houses)} is too small, at least 12 are needed")
    picked = {}
    for name, one_in in ONE_IN.items():
        count = max(1, len(houses) // one_in)
        picked[name], order = frozenset(order[:count]), order[count:]
    return Fates(**picked)


def houses_of(seed: int, utility: Utility, meters: int) -> tuple[list[Street], list[House]]:
    """The streets and one house (supply point) for each meter that hangs at a time."""
    rows, buildings = place.buildings(utility, meters, stream(seed, "buildings"))
    houses: list[House] = []
    for building in buildings:
        for unit in range(building.meters):
            houses.append(_house(seed, utility, building, unit, len(houses) + 1))
    return rows, houses


def _house(seed: int, utility: Utility, building: Building, unit: int, serial: int) -> House:
    rng = stream(seed, "house", serial)
    commercial = unit == 0 and rng.random() < 0.06
    shared = building.meters == 1 and not commercial and rng.random() < 0.03
    dwellings = 0 if commercial else rng.randrange(4, 9) if shared else 1
    persons = sum(_persons(rng) for _ in range(dwellings))
    return House(
        street=building.street.full_name,
        number=building.number,
        door="" if building.meters == 1 else _door(unit),
        supply_code=f"AG{serial:06d}",
        postal_code=utility.postal_code,
        ine=utility.ine,
        cadastral_reference=place.cadastral_reference(building, unit + 1),
        lat=building.lat,
        lon=building.lon,
        persons=persons,
        dwellings=dwellings,
        use="commercial" if commercial else "domestic",
        calibre_mm=_calibre(rng, dwellings, commercial=commercial),
        customer=people.customer(rng, serial, business=commercial),
        contract_no=f"{rng.randrange(2004, 2025)}-{serial:06d}",
    )


def _door(unit: int) -> str:
    floor, letter = unit // 2, "AB"[unit % 2]
    return f"{floor}º {letter}" if floor else f"Bajo {letter}"


def _persons(rng: random.Random) -> int:
    return rng.choices((1, 2, 3, 4, 5, 6), (27, 31, 19, 17, 5, 1))[0]


def _calibre(rng: random.Random, dwellings: int, *, commercial: bool) -> int:
    if dwellings >= MANY_DWELLINGS:
        return 30
    return rng.choices((13, 15, 20), (20, 45, 35) if commercial else (72, 23, 5))[0]


def household(seed: int, clock: Clock, index: int, house: House) -> Household:
    """How the people of a house use water, and when they are away."""
    rng = stream(seed, "household", index)
    if house.use == "commercial":
        return Household(rng.randrange(250, 2400), business=True, use_factor=1 + rng.randrange(3))
    litres = 45 * max(1, house.dwellings) + house.persons * rng.randrange(66, 118)
    factor = 2 if house.dwellings >= MANY_DWELLINGS else 1
    return Household(litres, use_factor=factor, away=_absences(rng, clock, house))


def _absences(rng: random.Random, clock: Clock, house: House) -> tuple[tuple[dt.date, dt.date], ...]:
    """Summer holidays, weekends away, and second homes that stand empty most of the time."""
    if house.dwellings != 1:
        return ()
    out = []
    second_home = rng.random() < 0.06
    summer_start, summer_days = rng.randrange(0, 50), rng.randrange(6, 19) * (rng.random() < 0.5)
    for year in range(clock.start.year, clock.end.year + 1):
        first = dt.date(year, 7, 1) + dt.timedelta(days=summer_start)
        if summer_days and not second_home:
            out.append((first, first + dt.timedelta(days=summer_days)))
    for day in clock.dates:
        if day.weekday() == 0 and second_home and rng.random() < 0.7:
            out.append((day, day + dt.timedelta(days=5 + 2 * (rng.random() < 0.5))))
        elif day.weekday() == 5 and rng.random() < 0.07:
            out.append((day, day + dt.timedelta(days=2)))
    return tuple(out)


def drawn_litres(seed: int, clock: Clock, houses: list[House], doomed: Fates) -> npt.NDArray[np.int32]:
    """Litres through each house's meter up to the start of each hour: (houses, hours + 1)."""
    total = np.zeros((len(houses), clock.hours + 1), np.int32)
    for index, house in enumerate(houses):
        litres = consumption.hourly(clock, household(seed, clock, index, house), stream(seed, "water", index))
        begin = event_hour(seed, clock, index)
        if index in doomed.leak:
            litres[begin:] += stream(seed, "leak", index).randrange(*LEAK_L_H)
        if index in doomed.stopped:
            litres[begin:] = 0
        np.cumsum(litres, out=total[index, 1:])
    return total


def event_hour(seed: int, clock: Clock, index: int) -> int:
    """The hour of the axis in which a house's leak or standstill begins: between a third and two thirds."""
    hours = (clock.last - clock.first) // HOUR
    return stream(seed, "event", index).randrange(hours // 3, 2 * hours // 3)


def exchange_instant(seed: int, clock: Clock, index: int) -> dt.datetime:
    """When a house's meter is exchanged: a working hour in the middle of the period, to the minute."""
    rng = stream(seed, "exchange", index)
    days = (clock.end - clock.start).days
    day = clock.start + dt.timedelta(days=days // 2 - 3 + rng.randrange(7))
    moment = dt.time(9 + rng.randrange(4), rng.randrange(60))
    return dt.datetime.combine(day, moment, MADRID).astimezone(dt.UTC)


def meter_of(seed: int, clock: Clock, index: int, house: House, doomed: Fates) -> SimMeter:
    """The meter that hangs in a house when the period starts; its end index is filled in later."""
    rng = stream(seed, "meter", index)
    age_days = rng.randrange(200, 3900)
    behaviour = doomed.of(index)
    begins = clock.first + HOUR * event_hour(seed, clock, index)
    battery = clock.first + rng.randrange(clock.last - clock.first)
    identity = _identity(rng, index, leak=behaviour == "leak")
    return SimMeter(
        address=identity.address,
        serial=identity.serial,
        key=identity.key,
        layout=identity.layout,
        calibre_mm=house.calibre_mm,
        house=house,
        on_from=instant(clock.first - age_days * 24 * HOUR + 10 * HOUR),
        on_until=exchange_instant(seed, clock, index) if behaviour == "exchanged" else None,
        start_litres=age_days * rng.randrange(90, 400) * max(1, house.dwellings) + rng.randrange(1000),
        end_litres=0,
        radio=index not in doomed.silent,
        leak_rule=house.dwellings < MANY_DWELLINGS,
        battery_low_from=instant(battery) if index in doomed.battery else None,
        behaviour=behaviour,
        behaves_from=instant(begins) if behaviour in ("leak", "stopped") else None,
    )


def successor_of(seed: int, old: SimMeter, index: int, number: int) -> SimMeter:
    """The new meter that replaces an exchanged one, with its own address, key and start reading."""
    rng = stream(seed, "successor", index)
    identity = _identity(rng, number, leak=False)
    return replace(
        old,
        address=identity.address,
        serial=identity.serial,
        key=identity.key,
        layout=identity.layout,
        on_from=old.on_until or old.on_from,
        on_until=None,
        start_litres=rng.randrange(1, 20),
        battery_low_from=None,
        behaviour="normal",
    )


class Identity(NamedTuple):
    """What tells a meter from every other."""

    address: Address
    serial: str
    key: bytes
    layout: str


def _identity(rng: random.Random, number: int, *, leak: bool) -> Identity:
    """Address, serial and key. The number keeps identifications unique; ultrasonic meters name their leaks."""
    layout = AXIOMA if leak else rng.choices((AXIOMA, MADDALENA, ITRON), (4, 3, 3))[0]
    identification = f"{rng.randrange(10, 90):02d}{number:06d}"
    address = Address(layout.manufacturer, identification, layout.version, layout.type)
    serial = f"{layout.manufacturer}{rng.randrange(15, 26)}{identification}"
    return Identity(address, serial, rng.randbytes(16), layout.name)
