"""A utility's meters and their indices at the boundaries of months, read in bulk: one query for each boundary."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select

from central.store.models import (
    Contract,
    ContractTerms,
    Installation,
    Meter,
    Reading,
    ReadingDay,
    ReadingKind,
    ReadingStatus,
    SupplyPoint,
)
from central.times import DAY_MS, local_day, midnight_ms

# A boundary's index is the last one of so many days before it.
BOUNDARY_MS = 2 * DAY_MS


@dataclass(frozen=True)
class Hanging:
    """A meter where it hangs now."""

    meter_id: int
    address: str
    radio: bool
    supply_point_id: int
    supply_code: str
    zone: str | None
    since_ms: int
    use: str


@dataclass(frozen=True)
class Month:
    """Half-open, local days."""

    start: date
    end: date

    @classmethod
    def before(cls, now_ms: int) -> "Month":
        """The last whole month."""
        end = local_day(now_ms).replace(day=1)
        return cls(_months_later(end, -1), end)

    def earlier(self, months: int) -> "Month":
        """The month so many before."""
        return Month(_months_later(self.start, -months), _months_later(self.end, -months))

    @property
    def days(self) -> int:
        """How many it has."""
        return (self.end - self.start).days


def hanging(connection: Connection, utility_id: int) -> Iterator[Hanging]:
    """Every meter that hangs somewhere, by id."""
    use = (
        select(func.min(ContractTerms.use))
        .join(Contract, (Contract.utility_id == ContractTerms.utility_id) & (Contract.id == ContractTerms.contract_id))
        .where(
            Contract.utility_id == SupplyPoint.utility_id,
            Contract.supply_point_id == SupplyPoint.id,
            Contract.valid_to.is_(None),
            ContractTerms.retired_at.is_(None),
            ContractTerms.valid_to.is_(None),
        )
        .scalar_subquery()
    )
    query = (
        select(
            Meter.id, Meter.address, Meter.radio, SupplyPoint.id, SupplyPoint.code, SupplyPoint.zone,
            Installation.from_ms, use,
        )
        .join(Installation, (Installation.utility_id == Meter.utility_id) & (Installation.meter_id == Meter.id))
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == Installation.utility_id) & (SupplyPoint.id == Installation.supply_point_id),
        )
        .where(Meter.utility_id == utility_id, Installation.retired_at.is_(None), Installation.to_ms.is_(None))
        .order_by(Meter.id)
    )  # fmt: skip
    for meter_id, address, radio, point_id, code, zone, since_ms, of_contract in connection.execute(query):
        yield Hanging(meter_id, address, radio, point_id, code, zone, since_ms, of_contract or "")


def used(connection: Connection, utility_id: int, month: Month) -> dict[int, int]:
    """The litres of a month by meter, where its index is known at both ends and did not start again."""
    first, last = (_indices(connection, utility_id, midnight_ms(day)) for day in (month.start, month.end))
    return {meter: last[meter] - index for meter, index in first.items() if last.get(meter, -1) >= index}


def _indices(connection: Connection, utility_id: int, at_ms: int) -> dict[int, int]:
    """The index of every meter at a boundary: the highest of the days before it, because a register only counts up."""
    readings = (
        select(Reading.meter_id, func.max(Reading.litres))
        .where(
            Reading.utility_id == utility_id,
            Reading.at_ms > at_ms - BOUNDARY_MS,
            Reading.at_ms <= at_ms,
            Reading.status == int(ReadingStatus.VALID),
            Reading.kind != int(ReadingKind.ESTIMATED),
        )
        .group_by(Reading.meter_id)
    )
    series = (
        select(ReadingDay.meter_id, func.max(ReadingDay.litres))
        .where(
            ReadingDay.utility_id == utility_id, ReadingDay.start_ms > at_ms - BOUNDARY_MS, ReadingDay.start_ms <= at_ms
        )
        .group_by(ReadingDay.meter_id)
    )
    found: dict[int, int] = {}
    for query in (readings, series):
        for meter, litres in connection.execute(query):
            found[meter] = max(litres, found.get(meter, litres))
    return found


def _months_later(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)
