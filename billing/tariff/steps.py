"""What a tariff comes down to for one supply and one period: a list of steps, still without the litres.

A step is what both readers of a tariff share: the explained path turns it into lines one by one, the kernel into flat
integer tables. Quantities and prices are exact fractions; limits are whole litres.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

Volume = Literal["all", "without_leak", "leak_excess"]
Why = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fixed:
    """An amount that does not depend on the water: ``quantity`` units at ``price``."""

    quantity: Fraction
    unit: str
    price: Fraction
    why: Why = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tier:
    """One block: litres above ``lower`` up to and including ``upper`` at each of ``prices`` (label, €/m³).

    A price of None is not in the published source: reaching it is an error.
    """

    number: int
    lower: int
    upper: int | None
    prices: tuple[tuple[str, Fraction | None], ...]
    why: Why = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rebate:
    """A price taken off every m³ while the billed litres stay at or under ``upto`` (None: always)."""

    name: str
    price: Fraction
    upto: int | None
    why: Why = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Water:
    """Blocks over the chosen part of the water, never billing less than ``minimum`` litres."""

    volume: Volume
    minimum: int
    tiers: tuple[Tier, ...]
    rebates: tuple[Rebate, ...] = ()
    why: Why = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Formula:
    """An amount worked out from the water by a formula: euros for m³."""

    unit: str
    text: str
    amount: Callable[[Fraction], Fraction]
    why: Why = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Percent:
    """A percentage (negative for a bonus) of earlier lines whose code matches, in the named blocks only if any."""

    of: tuple[str, ...]
    percent: Fraction
    blocks: frozenset[int] | None = None
    vat: str | None = None
    why: Why = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exempt:
    """Nothing is charged in this time, and why."""

    reason: str


Action = Fixed | Water | Formula | Percent | Exempt
