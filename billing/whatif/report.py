"""A comparison as the figures people ask for: one JSON object, amounts as exact euros in strings."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billing.money import euros
from billing.whatif.compare import Comparison
from billing.whatif.groups import Group, groupings

PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
MOST = 10
BINS = 20


def report(comparison: Comparison) -> dict[str, Any]:
    """Total, distribution, groups with their winners and losers, revenue by component, the ten most affected."""
    difference = comparison.difference
    return {
        "contracts": len(comparison.contract),
        "bills": comparison.register.count,
        "left_out": comparison.faults,
        "billed_otherwise": comparison.differs,
        "litres": int(comparison.litres.sum()),
        "total": money(int(comparison.before.sum()), int(comparison.after.sum())),
        "winners": int((difference < 0).sum()),
        "losers": int((difference > 0).sum()),
        "same": int((difference == 0).sum()),
        "distribution": {
            "before_eur": percentiles(comparison.before),
            "after_eur": percentiles(comparison.after),
            "difference_eur": percentiles(difference),
            "histogram": histogram(difference),
        },
        "groups": {by: [_group(item) for item in groups] for by, groups in groupings(comparison)},
        "components": _components(comparison),
        "most_affected": [_contract(comparison, index) for index in most_affected(difference)],
    }


def money(before: int, after: int) -> dict[str, str | None]:
    """Cents before and after, as euros and as the percentage of change (None where there was nothing before)."""
    return {
        "before_eur": str(euros(before)),
        "after_eur": str(euros(after)),
        "difference_eur": str(euros(after - before)),
        "difference_pct": percent(after - before, before),
    }


def percent(part: int, whole: int) -> str | None:
    """``part`` of ``whole`` in percent with one decimal."""
    if whole == 0:
        return None
    return str((Decimal(part) * 100 / Decimal(whole)).quantize(Decimal("0.1"), ROUND_HALF_UP))


def percentiles(cents: NDArray[np.int64]) -> dict[str, str]:
    """The nearest-rank percentiles: each is an amount that somebody really pays."""
    if not len(cents):
        return {}
    ordered = np.sort(cents)
    rank = {share: max(-(-share * len(ordered) // 100) - 1, 0) for share in PERCENTILES}
    return {f"p{share}": str(euros(int(ordered[place]))) for share, place in rank.items()}


def histogram(cents: NDArray[np.int64]) -> list[dict[str, Any]]:
    """How many contracts pay [from, to) more, in bins of one round width; the first and last are open."""
    if not len(cents):
        return []
    ordered = np.sort(cents)
    low, high = int(ordered[len(ordered) // 100]), int(ordered[-1 - len(ordered) // 100])
    width = _round_width(max(high - low, 1))
    first = low // width
    count = high // width - first + 1
    place = np.clip(cents // width - first, 0, count - 1)
    return [
        {
            "from_eur": None if number == 0 else str(euros((first + number) * width)),
            "to_eur": None if number == count - 1 else str(euros((first + number + 1) * width)),
            "contracts": contracts,
        }
        for number, contracts in enumerate(np.bincount(place, minlength=count).tolist())
    ]


def _round_width(span: int) -> int:
    """The smallest of 1, 2, 5 times a power of ten cents that covers ``span`` in at most BINS steps."""
    least, width = -(-span // BINS), 1
    while True:
        for factor in (1, 2, 5):
            if width * factor >= least:
                return width * factor
        width *= 10


def most_affected(difference: NDArray[np.int64]) -> list[int]:
    """The positions of the largest changes, whichever way, largest first."""
    size = min(MOST, int((difference != 0).sum()))
    found = np.argpartition(-np.abs(difference), max(size - 1, 0))[:size] if size else np.array([], np.int64)
    return sorted(found.tolist(), key=lambda index: (-abs(int(difference[index])), index))


def _contract(comparison: Comparison, index: int) -> dict[str, Any]:
    supply = comparison.register.classes[comparison.klass[index]].get("supply", {})
    return {
        "contract": comparison.register.contracts[comparison.contract[index]],
        "litres": int(comparison.litres[index]),
        "use": supply.get("use"),
        **money(int(comparison.before[index]), int(comparison.after[index])),
    }


def _group(group: Group) -> dict[str, Any]:
    same = group.contracts - group.winners - group.losers
    mean = (group.after - group.before) * 2 // group.contracts
    return {
        "group": group.name,
        "contracts": group.contracts,
        "winners": group.winners,
        "losers": group.losers,
        "same": same,
        **money(group.before, group.after),
        "mean_difference_eur": str(euros((mean + 1) // 2)),
    }


def _components(comparison: Comparison) -> list[dict[str, Any]]:
    old, new = comparison.components
    return [
        {
            "code": code,
            "before_eur": str(old.get(code, Decimal(0))),
            "after_eur": str(new.get(code, Decimal(0))),
            "difference_eur": str(new.get(code, Decimal(0)) - old.get(code, Decimal(0))),
        }
        for code in dict.fromkeys([*old, *new])
    ]
