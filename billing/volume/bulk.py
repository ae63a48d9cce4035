"""A general meter with sub-meters behind it: who is billed for the difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class BulkPolicy(StrEnum):
    """Both rules exist in Spanish by-laws."""

    DIFFERENCE = "difference"
    """General minus the sum of sub-meters is billed to the community."""
    SHARED = "shared"
    """The supplies behind it pay the difference, each its part."""
    WATCH_ONLY = "watch_only"
    """The general meter never bills; the difference only raises a warning."""


@dataclass(frozen=True, slots=True)
class BulkShare:
    """What the community is billed, and the difference behind it (general minus sub-meters)."""

    community_litres: int
    difference_litres: int
    warning: str = ""


def settle_bulk(
    general_litres: int, sub_litres: Sequence[int], policy: BulkPolicy, tolerance_percent: int = 10
) -> BulkShare:
    """Litres of the community from the general meter and its sub-meters over the same period.

    Sub-meters that count more than the general meter are never a credit: the community is billed 0 and
    the warning says so. A difference above ``tolerance_percent`` of the general meter warns too.
    """
    difference = general_litres - sum(sub_litres)
    if difference < 0:
        text = f"Los divisionarios suman {-difference} l más que el contador general"
        return BulkShare(0, difference, text)
    warning = ""
    if difference * 100 > general_litres * tolerance_percent:
        warning = f"Diferencia de {difference} l entre el contador general y los divisionarios"
    billed = difference if policy is BulkPolicy.DIFFERENCE else 0
    return BulkShare(billed, difference, warning)
