"""Contracts grouped by what the register knows of them and by how much water they use."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billing.whatif.compare import Comparison, summed

# Litres a day and contract: about 0, 5, 10, 15, 25 and 50 m3 a month.
BANDS = (0, 166, 333, 500, 833, 1666)
BAND_NAMES = ("0", "0-5", "5-10", "10-15", "15-25", "25-50", "> 50")
BAND = "m3_month"
NOT_SAID = "-"


@dataclass(frozen=True, slots=True)
class Group:
    """What the change means to the contracts of one group, in cents."""

    name: str
    contracts: int
    before: int
    after: int
    winners: int
    losers: int


def groupings(comparison: Comparison) -> Iterator[tuple[str, list[Group]]]:
    """Each way to group, with its groups: by fact of the supply first, by use of water last."""
    for fact, value_of in FACTS.items():
        values = [value_of(case.get("supply", {})) for case in comparison.register.classes]
        names = sorted({values[klass] for klass in np.unique(comparison.klass)}, key=_by_number)
        if len(names) > 1:
            place = {name: number for number, name in enumerate(names)}
            of_class = np.array([place.get(value, 0) for value in values], np.int64)
            yield fact, _groups(comparison, of_class[comparison.klass], names)
    yield BAND, _groups(comparison, bands(comparison), BAND_NAMES)


def bands(comparison: Comparison) -> NDArray[np.int64]:
    """The band of each contract's water per day of its last bill's length."""
    days = np.array([_days(case["period"]) for case in comparison.register.classes], np.int64)
    bills = np.bincount(np.searchsorted(comparison.contract, comparison.register.contract))
    daily = comparison.litres // np.maximum(days[comparison.klass] * bills, 1)
    found = np.searchsorted(BANDS, daily, "left")
    # A few litres in a quarter are not "none at all".
    return np.where((found == 0) & (comparison.litres > 0), 1, found).astype(np.int64)


def _groups(comparison: Comparison, group: NDArray[np.int64], names: "list[str] | tuple[str, ...]") -> list[Group]:
    size, difference = len(names), comparison.difference
    counts = np.bincount(group, minlength=size)
    winners = np.bincount(group[difference < 0], minlength=size)
    losers = np.bincount(group[difference > 0], minlength=size)
    before, after = summed(group, comparison.before, size), summed(group, comparison.after, size)
    rows = zip(names, counts, before, after, winners, losers, strict=True)
    return [Group(row[0], *(int(value) for value in row[1:])) for row in rows if row[1]]


def _plain(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda supply: str(supply.get(name, NOT_SAID))


def _social(supply: Mapping[str, Any]) -> str:
    return ", ".join(sorted(supply.get("groups") or ())) or NOT_SAID


FACTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    **{name: _plain(name) for name in ("use", "calibre_mm", "q3_m3h", "dwellings", "persons", "zone")},
    "groups": _social,
}


def _by_number(name: str) -> tuple[int, int, str]:
    return (0, int(name), "") if name.isdecimal() else (1, 0, name)


def _days(period: Mapping[str, Any]) -> int:
    if "from" in period:
        return (date.fromisoformat(period["to"]) - date.fromisoformat(period["from"])).days
    return int(period.get("days") or int(period["months"]) * 30)
