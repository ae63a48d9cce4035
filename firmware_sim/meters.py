"""The meters of a town: what a register knows of each, and how it behaves."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from firmware_sim.clock import MADRID
from firmware_sim.layouts import LAYOUTS, Layout
from firmware_sim.people import Customer
from protocols.wmbus import Address

Behaviour = Literal["normal", "leak", "stopped", "exchanged"]
Use = Literal["domestic", "commercial"]


@dataclass(frozen=True, slots=True)
class House:
    """One supply point: where it is, who pays for it, what hangs there."""

    street: str
    number: int
    door: str
    supply_code: str
    postal_code: str
    ine: str
    cadastral_reference: str
    lat: float
    lon: float
    persons: int
    dwellings: int
    use: Use
    calibre_mm: int
    customer: Customer
    contract_no: str


@dataclass(frozen=True, slots=True)
class SimMeter:
    """One meter: its address, key and place, and what its firmware does.

    ``on_from`` and ``on_until`` are the instants it was mounted and taken off (None while it hangs).
    ``start_litres`` is its index at the period's start, or when it was mounted if that is later;
    ``end_litres`` its index at the period's end, or when it was taken off.
    ``leak_rule`` says whether the firmware raises the leak alarm after 24 hours without a dry one;
    installers switch it off for a block of flats on one meter.
    ``behaves_from`` is when a leak or a standstill begins.
    """

    address: Address
    serial: str
    key: bytes
    layout: str
    calibre_mm: int
    house: House
    on_from: dt.datetime
    on_until: dt.datetime | None
    start_litres: int
    end_litres: int
    radio: bool
    leak_rule: bool
    battery_low_from: dt.datetime | None
    behaviour: Behaviour
    behaves_from: dt.datetime | None

    @property
    def installed(self) -> dt.date:
        """Madrid date on which it was mounted."""
        return self.on_from.astimezone(MADRID).date()

    @property
    def removed(self) -> dt.date | None:
        """Madrid date on which it was taken off, None while it hangs."""
        return None if self.on_until is None else self.on_until.astimezone(MADRID).date()

    @property
    def firmware(self) -> Layout:
        """How it writes its telegrams."""
        return LAYOUTS[self.layout]
