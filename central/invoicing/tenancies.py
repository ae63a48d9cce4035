"""Who had a supply point when: contracts and their holders over time, and the days on which nobody had it.

Bills of one place follow one another, whoever they are made out to: what closes one opens the next.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from billing.volume import Period
from central.store.models import Contract, ContractHolder
from central.store.parts import in_parts


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Days of a supply point with one contract and one holder; None where there was no contract, or no holder."""

    period: Period
    contract_id: int | None
    customer_id: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """A contract at a place, with its holders' (customer, from, to) in order."""

    contract_id: int
    start: date
    end: date | None
    holders: tuple[tuple[int, date, date | None], ...]

    def during(self, period: Period) -> Iterator[Tenancy]:
        """Its days within a period, cut where another holder begins."""
        start, end = max(self.start, period.start), min(self.end or period.end, period.end)
        if start >= end:
            return
        whole = Period(start, end)
        days = {day for _, since, until in self.holders for day in (since, until) if day and start < day < end}
        edges = [start, *sorted(days), end]
        found: list[Tenancy] = []
        for opens, closes in pairwise(edges):
            holder = self._holder(opens)
            if found and found[-1].customer_id == holder:
                opens = found.pop().period.start
            found.append(Tenancy(Period(opens, closes), self.contract_id, holder))
        yield from found or [Tenancy(whole, self.contract_id, None)]

    def _holder(self, day: date) -> int | None:
        """Who holds it on a day."""
        held = [customer for customer, since, until in self.holders if since <= day < (until or date.max)]
        return held[-1] if held else None


def tenancies(held: Iterable[Held], period: Period) -> list[Tenancy]:
    """The days of a place in order, those without a contract among them; they follow one another without a gap."""
    found: list[Tenancy] = []
    reached = period.start
    every = (tenancy for one in held for tenancy in one.during(period))
    for tenancy in sorted(every, key=lambda one: one.period.start):
        if reached < tenancy.period.start:
            found.append(Tenancy(Period(reached, tenancy.period.start), None, None))
        found.append(tenancy)
        reached = tenancy.period.end
    if reached < period.end:
        found.append(Tenancy(Period(reached, period.end), None, None))
    return found


def held_at(session: Session, utility_id: int, points: Iterable[int], cutoff: datetime) -> dict[int, list[Held]]:
    """The contracts of each supply point with their holders, as known at an instant."""
    found: dict[int, list[Held]] = {}
    for part in in_parts(sorted(set(points))):
        rows = session.execute(
            select(Contract.id, Contract.supply_point_id, Contract.valid_from, Contract.valid_to)
            .where(Contract.utility_id == utility_id, Contract.supply_point_id.in_(part))
            .order_by(Contract.supply_point_id, Contract.valid_from)
        ).all()
        holders = _holders(session, utility_id, [row.id for row in rows], cutoff)
        for row in rows:
            held = Held(row.id, row.valid_from, row.valid_to, tuple(holders.get(row.id, ())))
            found.setdefault(row.supply_point_id, []).append(held)
    return found


def _holders(
    session: Session, utility_id: int, contracts: Sequence[int], cutoff: datetime
) -> Mapping[int, list[tuple[int, date, date | None]]]:
    found: dict[int, list[Any]] = {}
    for part in in_parts(contracts):
        rows = (
            select(ContractHolder)
            .where(
                ContractHolder.utility_id == utility_id,
                ContractHolder.contract_id.in_(part),
                known_at(ContractHolder, cutoff),
            )
            .order_by(ContractHolder.contract_id, ContractHolder.valid_from)
        )
        for row in session.scalars(rows):
            found.setdefault(row.contract_id, []).append((row.customer_id, row.valid_from, row.valid_to))
    return found


def known_at(model: Any, cutoff: datetime) -> Any:
    """Statements that were believed at an instant."""
    return and_(model.recorded_at <= cutoff, or_(model.retired_at.is_(None), model.retired_at > cutoff))


def without(period: Period, taken: Iterable[Period]) -> list[Period]:
    """What is left of a period once others are taken away."""
    left, start = [], period.start
    for one in sorted(taken, key=lambda item: item.start):
        if one.end <= start:
            continue
        if one.start >= period.end:
            break
        if start < one.start:
            left.append(Period(start, one.start))
        start = max(start, one.end)
    if start < period.end:
        left.append(Period(start, period.end))
    return left
