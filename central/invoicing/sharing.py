"""Litres that several supplies or contracts settle among themselves: general meters, shared and joined supplies.

Each part is worked out by whoever needs it from the same readings and the same statements, so that the bills of a
supply add up to it whatever the partition, the run or the day on which each is made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing.money import divide
from billing.volume import BulkPolicy, Method, Note, Period, Piece, Volume, settle_bulk, share_by_days
from central.invoicing.tenancies import Held, held_at, known_at, tenancies
from central.invoicing.volume import NOBODY, Measured, Split, Stretch, Wanted, measure_places
from central.store.models import BulkMember, BulkSupply, SupplyPoint, SupplyShare
from central.store.parts import in_parts

EQUAL, WEIGHT, LITRES, AMOUNT = "equal", "weight", "litres", "amount"
SUBMETERS_ABOVE, BULK_DIFFERENCE = "submeters_above", "bulk_difference"


@dataclass(frozen=True, slots=True)
class Bulk:
    """A general meter's supply: what becomes of the difference, and the supplies under it with their weights."""

    policy: BulkPolicy
    by: str
    members: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Shares:
    """How a supply is divided: by water or by amount, and each contract's weight, by contract id."""

    by: str
    weights: tuple[tuple[int, int], ...]

    def split(self, contract_id: int, litres: int) -> Split | None:
        """A contract's part of so many litres; None where it has none."""
        for number, (contract, _) in enumerate(self.weights, 1):
            if contract == contract_id:
                weights = tuple(weight for _, weight in self.weights)
                return Split(number, weights, litres, self.by == AMOUNT)
        return None


@dataclass(frozen=True, slots=True)
class Statements:
    """What holds on a day, as known at an instant: general meters and shares, by supply point."""

    bulks: Mapping[int, Bulk]
    bulk_of: Mapping[int, int]
    shares: Mapping[int, Shares]

    def sources_of(self, contract_id: int, point: int) -> list[int]:
        """The supplies a contract is billed for, its own first."""
        others = [
            source
            for source, shares in self.shares.items()
            if source != point and any(contract == contract_id for contract, _ in shares.weights)
        ]
        own = self.shares.get(point)
        mine = own is None or any(contract == contract_id for contract, _ in own.weights)
        return [point, *sorted(others)] if mine else sorted(others)

    def concerns(self, item: Wanted) -> bool:
        """Whether anything but its own meters decides a contract's litres."""
        point = item.supply_point_id
        shared = point in self.bulk_of and self.bulks[self.bulk_of[point]].policy is BulkPolicy.SHARED
        if point in self.bulks or point in self.shares or shared:
            return True
        return self.sources_of(item.contract_id, point) != [point]

    def sharers(self) -> dict[int, tuple[int, ...]]:
        """The contracts that are billed a part of each divided supply."""
        return {source: tuple(contract for contract, _ in one.weights) for source, one in self.shares.items()}


NOTHING = Statements({}, {}, {})


def statements(session: Session, utility_id: int, on: date, cutoff: datetime) -> Statements:
    """The statements in force on a day."""

    def rows(model: Any) -> list[Any]:
        conditions = (model.valid_from <= on, or_(model.valid_to.is_(None), model.valid_to > on))
        query = select(model).where(model.utility_id == utility_id, known_at(model, cutoff), *conditions)
        return list(session.scalars(query.order_by(model.supply_point_id, model.id)))

    members: dict[int, list[tuple[int, int]]] = {}
    for row in rows(BulkMember):
        members.setdefault(row.bulk_point_id, []).append((row.supply_point_id, row.weight))
    bulks = {
        row.supply_point_id: Bulk(BulkPolicy(row.policy), row.by, tuple(members[row.supply_point_id]))
        for row in rows(BulkSupply)
        if row.supply_point_id in members
    }
    bulk_of = {point: bulk for bulk, one in bulks.items() for point, _ in one.members}
    shares: dict[int, list[Any]] = {}
    for row in rows(SupplyShare):
        shares.setdefault(row.supply_point_id, []).append(row)
    divided = {
        point: Shares(several[0].by, tuple(sorted((row.contract_id, row.weight) for row in several)))
        for point, several in shares.items()
    }
    return Statements(bulks, bulk_of, divided) if bulks or divided else NOTHING


def settle(
    session: Session, stretch: Stretch, measured: Mapping[Wanted, Measured], tolerance_percent: int = 10
) -> dict[Wanted, Measured]:
    """What each contract is billed once supplies that belong together are settled."""
    known: dict[date, Statements] = {}
    settled = dict(measured)
    tables: dict[date, Settling] = {}
    for item, own in measured.items():
        day = item.of_run(stretch).last_day
        if day not in known:
            known[day] = statements(session, stretch.rules.utility_id, day, stretch.cutoff)
        if not known[day].concerns(item):
            continue
        if day not in tables:
            # A bill made again opens where it did; the others of its kind open where their own last bills closed.
            plain = replace(stretch, openings=None, sharers=known[day].sharers())
            tables[day] = Settling(session, plain, known[day], tolerance_percent)
        settled[item] = tables[day].billed(item, own, stretch)
    return settled


@dataclass(slots=True)
class Settling:
    """The settling of one run's supplies; what was measured once is not measured again."""

    session: Session
    stretch: Stretch
    known: Statements
    tolerance_percent: int
    _held: dict[int, list[Held]] = field(default_factory=dict)
    _measured: dict[tuple[int, Period, Period], Measured] = field(default_factory=dict)
    _codes: dict[int, str] = field(default_factory=dict)

    def billed(self, item: Wanted, own: Measured, stretch: Stretch) -> Measured:
        """One contract's litres from all supplies it is billed for."""
        run, parts = item.of_run(stretch), []
        for source in self.known.sources_of(item.contract_id, item.supply_point_id):
            base = own if source == item.supply_point_id else self.over(source, item.period, run)
            base = self._with_bulk(source, item.period, run, base)
            parts.append(self._part(source, item.contract_id, base))
        return _joined(own, parts)

    # ---- general meters ----------------------------------------------------------------------------------------------

    def _with_bulk(self, point: int, period: Period, run: Period, base: Measured) -> Measured:
        bulk = self.known.bulks.get(point)
        if bulk is not None:
            return self._general(point, period, run, bulk, base)
        over = self.known.bulk_of.get(point)
        if over is not None and self.known.bulks[over].policy is BulkPolicy.SHARED:
            return self._member(point, period, run, over, base)
        return base

    def _general(self, point: int, period: Period, run: Period, bulk: Bulk, base: Measured) -> Measured:
        """What a general meter's own contract pays: the difference, or nothing."""
        general = base.volume.litres
        used = [self.over(member, period, run).volume.litres for member, _ in bulk.members]
        share = settle_bulk(max(0, general), used, bulk.policy, self.tolerance_percent)
        told = {
            "kind": "bulk",
            "policy": bulk.policy.value,
            "supply": self._code(point),
            "general_litres": general,
            "submeters": {self._code(member): litres for (member, _), litres in zip(bulk.members, used, strict=True)},
            "difference_litres": share.difference_litres,
            "litres": share.community_litres,
        }
        text = f"{len(used)} divisionarios, {sum(used)} l"
        notes = [Note(_warned(share.difference_litres), "", share.warning)] if share.warning else []
        taken = _derived(share.community_litres - general, Method.SUBMETERS, text, estimated=False)
        return _with(base, [taken], notes, [told])

    def _member(self, point: int, period: Period, run: Period, over: int, base: Measured) -> Measured:
        """What a supply under a general meter pays: its own litres and its part of the difference over the run."""
        bulk = self.known.bulks[over]
        general = self.over(over, run, run).volume.litres
        used = [self.over(member, run, run).volume.litres for member, _ in bulk.members]
        share = settle_bulk(max(0, general), used, bulk.policy, self.tolerance_percent)
        weights = _weights(bulk, used)
        number = next(at for at, (member, _) in enumerate(bulk.members) if member == point)
        whole = share_by_days(max(0, share.difference_litres), weights)[number]
        mine = _days_of(whole, period, run)
        told = {
            "kind": "bulk",
            "policy": bulk.policy.value,
            "by": bulk.by,
            "supply": self._code(over),
            "general_litres": general,
            "submeters": {self._code(member): litres for (member, _), litres in zip(bulk.members, used, strict=True)},
            "difference_litres": share.difference_litres,
            "part": _fraction(weights[number], sum(weights)),
            "litres": mine,
        }
        text = f"{_fraction(weights[number], sum(weights))} de {max(0, share.difference_litres)} l"
        notes = [Note(SUBMETERS_ABOVE, "", share.warning)] if share.difference_litres < 0 else []
        added = [_derived(mine, Method.BULK_SHARE, text, estimated=False)] if mine else []
        return _with(base, added, notes, [told])

    # ---- shares ------------------------------------------------------------------------------------------------------

    def _part(self, source: int, contract_id: int, base: Measured) -> Measured:
        """A contract's part of a supply."""
        shares = self.known.shares.get(source)
        split = shares.split(contract_id, base.volume.litres) if shares else None
        if split is None or len(split.weights) == 1:
            return base
        litres = share_by_days(split.litres, split.weights)[split.number - 1]
        part = _fraction(split.weights[split.number - 1], sum(split.weights))
        told = {
            "kind": "share",
            "by": AMOUNT if split.by_amount else LITRES,
            "supply": self._code(source),
            "part": part,
            "whole_litres": split.litres,
            "litres": litres,
        }
        text = f"{part} de {split.litres} l"
        others = _derived(litres - split.litres, Method.SHARE, text, estimated=base.volume.estimated)
        return replace(_with(base, [others], [], [told]), split=split)

    # ---- what places used --------------------------------------------------------------------------------------------

    def over(self, point: int, period: Period, run: Period) -> Measured:
        """What a place used in a period, whoever had it on which days."""
        key = (point, period, run)
        if key not in self._measured:
            if point not in self._held:
                self._held |= held_at(self.session, self.stretch.rules.utility_id, [point], self.stretch.cutoff)
            wanted = [
                Wanted(one.contract_id or NOBODY, point, one.period, run)
                for one in tenancies(self._held.setdefault(point, []), run)
                if one.period.start < period.end and one.period.end > period.start
            ]
            wanted = [replace(one, period=_common(one.period, period)) for one in wanted]
            found = measure_places(self.session, self.stretch, wanted)
            several = [found[one] for one in wanted]
            self._measured[key] = _joined(several[0], several)
        return self._measured[key]

    def _code(self, point: int) -> str:
        if point not in self._codes:
            ids = {*self.known.bulks, *self.known.bulk_of, *self.known.shares, point}
            for part in in_parts(sorted(ids)):
                rows = select(SupplyPoint.id, SupplyPoint.code).where(
                    SupplyPoint.utility_id == self.stretch.rules.utility_id, SupplyPoint.id.in_(part)
                )
                self._codes |= {row.id: row.code for row in self.session.execute(rows)}
        return self._codes[point]


def _warned(difference: int) -> str:
    return SUBMETERS_ABOVE if difference < 0 else BULK_DIFFERENCE


def _weights(bulk: Bulk, used: Sequence[int]) -> list[int]:
    """The weight of each supply under a general meter; by litres only where somebody used any."""
    if bulk.by == WEIGHT:
        return [weight for _, weight in bulk.members]
    if bulk.by == LITRES and any(litres > 0 for litres in used):
        return [max(0, litres) for litres in used]
    return [1] * len(bulk.members)


def _days_of(litres: int, period: Period, run: Period) -> int:
    """The part of a run's litres that falls on some of its days; running sums, so that any cut adds up."""
    first, last = (period.start - run.start).days, (period.end - run.start).days
    return divide(litres * last, run.days) - divide(litres * first, run.days)


def _common(one: Period, other: Period) -> Period:
    return Period(max(one.start, other.start), min(one.end, other.end))


def _fraction(part: int, whole: int) -> str:
    ratio = Fraction(part, whole)
    return f"{ratio.numerator}/{ratio.denominator}"


def _derived(litres: int, method: Method, basis: str, *, estimated: bool) -> Piece:
    return Piece("", 0, None, None, litres, 0, method, estimated, basis)


def _with(base: Measured, pieces: Iterable[Piece], notes: Iterable[Note], told: Iterable[dict[str, Any]]) -> Measured:
    """A volume with further pieces, notes and steps of its story."""
    volume = base.volume
    every = (*volume.pieces, *pieces)
    changed = replace(volume, litres=sum(piece.litres for piece in every), pieces=every, notes=(*volume.notes, *notes))
    return replace(base, volume=changed, derived=(*base.derived, *told))


def _joined(own: Measured, parts: Sequence[Measured]) -> Measured:
    """Several volumes as one; what closed each is kept, that of a contract's own supply without a part as it was."""
    pieces = tuple(piece for part in parts for piece in part.volume.pieces)
    closing = dict(own.volume.closing)
    for part in parts:
        closing |= part.volume.closing
    volume = Volume(
        litres=sum(piece.litres for piece in pieces),
        pieces=pieces,
        estimated=any(piece.estimated for piece in pieces),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.volume.notes)),
        closing=closing,
    )
    every = (own, *parts)
    return Measured(
        volume,
        own.past,
        {name: source for part in every for name, source in part.sources.items()},
        {name: meter for part in every for name, meter in part.meter_ids.items()},
        tuple(dict.fromkeys(hung for part in every for hung in part.installations)),
        next((part.split for part in parts if part.split is not None), None),
        tuple(step for part in parts for step in part.derived),
    )
