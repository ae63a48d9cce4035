"""A supply point's consumption day by day, for the pages that show it.

The index at each local midnight is the newest valid reading at or before it, so the days of a closed period add up to
the index difference of that period: to the litre what was billed, where the bill used the same readings.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.store.models import Installation, Reading, ReadingKind, ReadingStatus

MADRID = ZoneInfo("Europe/Madrid")


@dataclass(frozen=True)
class DayUse:
    """One local day: litres metered, and whether a reading fell within the day.

    ``litres`` is None where nothing is known: before the first reading and after the last.
    """

    day: date
    litres: int | None
    heard: bool


@dataclass(frozen=True)
class _Series:
    """One installation's readings in time order, and the time it hangs there."""

    from_ms: int
    to_ms: int | None
    at_ms: list[int]
    litres: list[int]

    def used(self, start_ms: int, end_ms: int) -> int | None:
        if not self.at_ms or start_ms >= self.at_ms[-1]:
            return None
        first = self._index_at(start_ms)
        last = self._index_at(end_ms if self.to_ms is None else min(end_ms, self.to_ms))
        return None if first is None or last is None else last - first

    def _index_at(self, at_ms: int) -> int | None:
        position = bisect_right(self.at_ms, max(at_ms, self.from_ms)) - 1
        return self.litres[position] if position >= 0 else None

    def heard(self, start_ms: int, end_ms: int) -> bool:
        return bisect_right(self.at_ms, end_ms - 1) > bisect_right(self.at_ms, start_ms - 1)

    def hangs(self, start_ms: int, end_ms: int) -> bool:
        return self.from_ms < end_ms and (self.to_ms is None or self.to_ms > start_ms)


def midnight_ms(day: date) -> int:
    """Epoch milliseconds of the local start of ``day`` (Europe/Madrid)."""
    return int(datetime.combine(day, time(), MADRID).timestamp()) * 1000


def daily_use(session: Session, utility_id: int, supply_point_id: int, first: date, end: date) -> list[DayUse]:
    """The days of [first, end), oldest first."""
    series = list(_series(session, utility_id, supply_point_id, midnight_ms(end)))
    return [_day(series, first + timedelta(offset)) for offset in range((end - first).days)]


def _day(series: Iterable[_Series], day: date) -> DayUse:
    start, end = midnight_ms(day), midnight_ms(day + timedelta(1))
    hanging = [one for one in series if one.hangs(start, end)]
    used = [litres for one in hanging if (litres := one.used(start, end)) is not None]
    return DayUse(day, sum(used) if used else None, any(one.heard(start, end) for one in hanging))


def _series(session: Session, utility_id: int, supply_point_id: int, before_ms: int) -> Iterator[_Series]:
    hangings = session.execute(
        select(Installation.meter_id, Installation.from_ms, Installation.to_ms)
        .where(
            Installation.utility_id == utility_id,
            Installation.supply_point_id == supply_point_id,
            Installation.retired_at.is_(None),
        )
        .order_by(Installation.from_ms)
    ).all()
    for meter_id, from_ms, to_ms in hangings:
        rows = _readings(session, utility_id, meter_id, from_ms, min(before_ms, to_ms or before_ms))
        yield _Series(from_ms, to_ms, [row[0] for row in rows], [row[1] for row in rows])


def _readings(session: Session, utility_id: int, meter_id: int, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    found = session.execute(
        select(Reading.at_ms, Reading.litres)
        .where(
            Reading.utility_id == utility_id,
            Reading.meter_id == meter_id,
            Reading.at_ms.between(from_ms, to_ms),
            Reading.status == ReadingStatus.VALID,
            Reading.kind != ReadingKind.ESTIMATED,
        )
        .order_by(Reading.at_ms, Reading.litres, Reading.revision)
    )
    return [(at_ms, litres) for at_ms, litres in found]
