"""Which billed periods had a leak, as far as validation found it: they are no reference for an estimate.

EMASESA's published cascade leaves leak periods out of its means. A leak may be found, or its finding grow, after the
bill was issued, so it is looked up when a history is read instead of being kept with the bill.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.volume import Period
from central.store.models import Finding
from central.store.parts import in_parts
from central.times import millis

RULES = ("continuous_flow", "burst")
# A period counts as one with a leak where as much of its litres passed while the leak ran.
LEAST_PERCENT = 10


@dataclass(frozen=True)
class Leak:
    """When water ran without a stop, and how much passed meanwhile."""

    since_ms: int
    until_ms: int
    litres: int

    def within(self, start_ms: int, end_ms: int) -> int:
        """Its litres inside [start, end), as if they had run evenly."""
        common = min(self.until_ms, end_ms) - max(self.since_ms, start_ms)
        return 0 if common <= 0 else self.litres * common // (self.until_ms - self.since_ms)


def leaks_at(session: Session, utility_id: int, points: Iterable[int]) -> dict[int, list[Leak]]:
    """What was found at supply points, whether it is closed or not."""
    found: dict[int, list[Leak]] = {}
    for part in in_parts(sorted(set(points))):
        query = select(Finding.supply_point_id, Finding.since_ms, Finding.until_ms, Finding.numbers).where(
            Finding.utility_id == utility_id, Finding.supply_point_id.in_(part), Finding.rule.in_(RULES)
        )
        for point, since_ms, until_ms, numbers in session.execute(query):
            if point is not None and until_ms is not None:
                found.setdefault(point, []).append(Leak(since_ms, until_ms, int(numbers.get("litres", 0))))
    return found


def had_leak(leaks: Mapping[int, Sequence[Leak]], point: int, period: Period, litres: int) -> bool:
    """Whether a period's bill of so many litres is to a good part a leak's."""
    start_ms, end_ms = millis(period.opens), millis(period.closes)
    leaked = sum(leak.within(start_ms, end_ms) for leak in leaks.get(point, ()))
    return leaked > 0 and leaked * 100 >= litres * LEAST_PERCENT
