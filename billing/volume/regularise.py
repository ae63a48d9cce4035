"""Redistribution of estimated bills once a real reading shows what was metered in all."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from billing.volume.period import Period
from billing.volume.readings import PastPeriod, VolumeError
from billing.volume.share import share_by_days


@dataclass(frozen=True, slots=True)
class Correction:
    """One estimated period: what was billed and what it should have been."""

    period: Period
    billed_litres: int
    litres: int

    @property
    def difference(self) -> int:
        """Litres to add to (positive) or take from (negative) what was billed."""
        return self.litres - self.billed_litres


@dataclass(frozen=True, slots=True)
class Redistribution:
    """Corrections of the estimated periods and the litres of the period that closes them."""

    corrections: tuple[Correction, ...]
    litres: int


def redistribute(estimated: Sequence[PastPeriod], latest: Period, metered_litres: int) -> Redistribution:
    """Spread what was metered over the estimated periods and the latest one, by days.

    ``metered_litres`` is the index difference from the last real reading before the first estimated period
    to the real reading that closes ``latest``. The parts add up to it exactly. Periods must follow on.
    """
    spans = [item.period for item in estimated] + [latest]
    for before, after in pairwise(spans):
        if before.end != after.start:
            raise VolumeError(f"period {after.start}: must start where the one before ends ({before.end})")
    if metered_litres < 0:
        raise VolumeError(f"metered_litres {metered_litres}: must not be negative")
    parts = share_by_days(metered_litres, [span.days for span in spans])
    corrections = [Correction(item.period, item.litres, litres) for item, litres in zip(estimated, parts, strict=False)]
    return Redistribution(tuple(corrections), parts[-1])
