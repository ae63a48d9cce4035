"""The billable litres of many contracts at once: their meters, readings and what earlier bills left, in bulk.

The reading that closed a supply point's last bill opens the next one, so no litre is billed twice or lost, across a
change of holder too. The pattern of past consumption is the contract's own.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from billing.volume import Installation, Note, Past, PastPeriod, Period, Piece, Policy, Reading, Volume, determine
from central.invoicing.evidence import Closing, Evidence, Source, estimate_of
from central.invoicing.leaks import had_leak, leaks_at
from central.invoicing.readings import Found, Rules, Span, in_full, nearest
from central.invoicing.tenancies import Held, held_at, tenancies
from central.store.models import Consumption, Contract, Meter, ReadingKind
from central.store.models import Installation as Hanging
from central.store.parts import in_parts
from central.times import DAY_MS, instant_of, millis

YEARS_OF_HISTORY = 4
BELOW = "reading_below_previous"
VACANT = "vacant"
NOBODY = 0
CLOSINGS_LOOKED_AT = 100
Before = tuple[dict[str, Closing], date | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Days of a contract to be billed, at its supply point.

    ``within`` is the period of the run that bills them (None: the stretch's): readings up to its end tell what was used
    before somebody else took over, and what several supplies share is worked out over all of it. ``leaves``: the days
    end because somebody leaves, though the period ends with them.
    """

    contract_id: int
    supply_point_id: int
    period: Period
    within: Period | None = None
    leaves: bool = False

    def of_run(self, stretch: "Stretch") -> Period:
        """The period of the run that bills them."""
        return self.within or stretch.period


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is measured for: a run's period, a stretch of contract ids, and the rules readings must meet.

    ``openings``, by supply point and meter, are given when a billed period is measured again: they are what closed
    the bill before it, and nothing that was billed from that period on is looked at. ``sharers``, by supply point, are
    the contracts whose bills close it where it has none of its own.
    """

    period: Period
    contracts: tuple[int, int]
    policy: Policy
    rules: Rules
    cutoff: datetime
    openings: Mapping[int, dict[str, Closing]] | None = None
    sharers: Mapping[int, Sequence[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Point:
    """All that is known of one supply point's meters; readings fill in as they are fetched."""

    installations: list[Installation] = field(default_factory=list)
    meter_ids: dict[str, int] = field(default_factory=dict)
    found: dict[str, list[Found]] = field(default_factory=dict)
    closing: dict[str, Closing] = field(default_factory=dict)
    closed_on: date | None = None
    fresh: set[str] = field(default_factory=set)  # origins of closings that no bill has stored yet

    def fill(self, by_meter: Mapping[int, list[Found]]) -> None:
        """Take over what was fetched of this point's meters."""
        for address, meter_id in self.meter_ids.items():
            if meter_id in by_meter:
                self.found[address] = by_meter[meter_id]


@dataclass(frozen=True, slots=True)
class Split:
    """Which part of a supply's ``litres`` a contract is billed, and whether its bill or its water is divided."""

    number: int
    weights: tuple[int, ...]
    litres: int
    by_amount: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """The volume of one contract and the stored row behind each reading in it.

    ``derived`` tells, step by step, how litres follow from several supplies'; ``split`` where a supply is divided.
    """

    volume: Volume
    past: Past
    sources: Mapping[str, Source]
    meter_ids: Mapping[str, int]
    installations: Sequence[Installation]
    split: Split | None = None
    derived: tuple[dict[str, Any], ...] = ()

    def noting(self, vacant: int) -> "Measured":
        """The same with a note of what ran while nobody had the place, which nobody is billed."""
        text = f"Sin contrato antes de estos días: {vacant} l que no se facturan"
        note = Note(VACANT, "", text)
        return replace(self, volume=replace(self.volume, notes=(*self.volume.notes, note)))

    def installation(self, meter: str) -> Installation:
        """Where a meter of the volume hung last."""
        return next(hung for hung in reversed(self.installations) if hung.meter == meter)

    def source(self, reading: Reading) -> Source:
        """The stored row of a reading with the index that was billed; an estimate's row is stored with its bill."""
        source = self.sources.get(reading.origin)
        if source is None or (reading.estimated and source.kind != ReadingKind.ESTIMATED):
            return estimate_of(reading, self.meter_ids[reading.meter])
        return msgspec.structs.replace(source, litres=reading.litres)

    def closings(self) -> dict[str, Closing]:
        """What opens the next bill, by meter."""
        billed = self.volume.closing.items()
        return {meter: Closing(meter, self.source(reading), reading.incidence) for meter, reading in billed}

    def ends(self, piece: Piece) -> tuple[Source | None, Source | None]:
        """The stored rows of a piece's opening and closing."""
        opening = self.source(piece.opening) if piece.opening else None
        return opening, self.source(piece.closing) if piece.closing else None


def measure(session: Session, stretch: Stretch, wanted: Sequence[Wanted]) -> dict[Wanted, Measured]:
    """The volume of everything wanted."""
    points = _points(session, stretch)
    history = _history(session, stretch)
    by_meter, doubtful = nearest(session, stretch.rules, _span(stretch.period, stretch.policy), stretch.contracts)
    for point in points.values():
        point.fill(by_meter)
    linked = _linked(wanted, points, stretch)
    alone = [item for item in wanted if item not in linked]
    special = {item for item in alone if _is_special(item, points, stretch, doubtful)}
    _fetch_in_full(session, stretch, special, points)
    measured = {item: _measured(item, points, history, stretch.policy) for item in alone}
    again = [item for item in alone if item not in special and _refused_nearest(measured[item])]
    _fetch_in_full(session, stretch, again, points)
    measured |= {item: _measured(item, points, history, stretch.policy) for item in again}
    return measured | _one_after_the_other(session, stretch, linked, points, history)


def measure_places(session: Session, stretch: Stretch, wanted: Sequence[Wanted]) -> dict[Wanted, Measured]:
    """The volume of days of any places, each after what came before it there; contracts outside the stretch too."""
    points = _points(session, stretch, Hanging.supply_point_id.in_({item.supply_point_id for item in wanted}))
    return _one_after_the_other(session, stretch, dict.fromkeys(wanted), points, {})


# ---- places that pass from one to another ----------------------------------------------------------------------------


def _linked(wanted: Sequence[Wanted], points: Mapping[int, Point], stretch: Stretch) -> dict[Wanted, None]:
    """What is measured after what came before it at its place: somebody else had it, or has it afterwards."""
    places = Counter(item.supply_point_id for item in wanted)
    return dict.fromkeys(
        item
        for item in wanted
        if places[item.supply_point_id] > 1
        or item.period != stretch.period
        or item.within is not None
        or item.leaves
        or _passed_on(item, points.get(item.supply_point_id), stretch)
    )


def _passed_on(item: Wanted, point: Point | None, stretch: Stretch) -> bool:
    if point is None or point.closed_on is None or stretch.openings is not None:
        return False
    return point.closed_on != item.period.start


def _one_after_the_other(
    session: Session,
    stretch: Stretch,
    linked: Iterable[Wanted],
    points: dict[int, Point],
    history: dict[int, dict[Period, PastPeriod]],
) -> dict[Wanted, Measured]:
    """Each place's days in order: what closes one opens the next, whether it is billed now, later or never."""
    items = sorted(linked, key=lambda item: (item.supply_point_id, item.period.start))
    if not items:
        return {}
    held = held_at(session, stretch.rules.utility_id, {item.supply_point_id for item in items}, stretch.cutoff)
    others = {one.contract_id for several in held.values() for one in several}
    _add_history(session, stretch, others - history.keys(), history)
    measured: dict[Wanted, Measured] = {}
    for item in items:
        point = points.setdefault(item.supply_point_id, Point())
        closing, closed_on = _closing_before(session, stretch, item, point.meter_ids)
        chain = _before(item, held.get(item.supply_point_id, []), closed_on, stretch)
        first = chain[0] if chain else item
        _fetch_in_full(
            session,
            stretch,
            [replace(item, period=Period(first.period.start, max(item.of_run(stretch).end, item.period.end)))],
            points,
        )
        for one in (*chain, item):
            point.closing = closing
            if one not in measured:
                measured[one] = _measured(one, points, history, stretch.policy, _handover(one, stretch))
            closing = measured[one].closings()
            point.fresh.update(end.source.origin for end in closing.values() if _is_new(end, measured[one]))
        vacant = sum(measured[one].volume.litres for one in chain if one.contract_id == NOBODY)
        if vacant:
            measured[item] = measured[item].noting(vacant)
    return {item: measured[item] for item in items}


def _is_new(closing: Closing, measured: Measured) -> bool:
    """Whether a closing is an estimate that is only stored with the bill it closes."""
    return closing.source.kind == ReadingKind.ESTIMATED and closing.source.origin not in measured.sources


def _handover(item: Wanted, stretch: Stretch) -> datetime | None:
    """How far to look for the reading after a day on which somebody leaves."""
    until = max(item.of_run(stretch).end, item.period.end)
    if until <= item.period.end and not item.leaves:
        return None
    return Period(item.period.start, until).closes + timedelta(days=stretch.policy.window_after_days)


def _before(item: Wanted, held: Sequence[Held], closed_on: date | None, stretch: Stretch) -> list[Wanted]:
    """What came between the last bill of the place and these days, and is measured to know where they begin."""
    if stretch.openings is not None:
        return []
    since = min(stretch.period.start, item.period.start) if closed_on is None else closed_on
    if since >= item.period.start:
        return []
    found = tenancies(held, Period(since, item.period.end))
    mine = next((one for one in found if one.period.start <= item.period.start < one.period.end), None)
    before = [one for one in found if one.period.start < item.period.start]
    # A stretch of one's own that was never billed is billed now.
    while before and mine and (before[-1].contract_id, before[-1].customer_id) == (mine.contract_id, mine.customer_id):
        before.pop()
    if closed_on is None:
        # A place that was never billed: those who left before the period do not count.
        before = [one for one in before if one.contract_id is not None]
    return [Wanted(one.contract_id or NOBODY, item.supply_point_id, one.period, item.within) for one in before]


def _closing_before(session: Session, stretch: Stretch, item: Wanted, meters: Collection[str]) -> Before:
    """What closed the place's last bill before some days, and on which day."""
    if stretch.openings is not None:
        return dict(stretch.openings.get(item.supply_point_id, {})), None
    sharers = stretch.sharers.get(item.supply_point_id, ())
    rows = (
        select(Consumption.evidence, Consumption.period_to)
        .where(
            Consumption.utility_id == stretch.rules.utility_id,
            or_(Consumption.supply_point_id == item.supply_point_id, Consumption.contract_id.in_(sharers)),
            Consumption.period_to <= item.period.start,
        )
        .order_by(Consumption.period_to.desc(), Consumption.generation.desc())
        .limit(CLOSINGS_LOOKED_AT if sharers else 1)
    )
    for row in session.execute(rows):
        closing = Evidence.of(row.evidence).closing
        if not sharers or any(meter in closing for meter in meters):
            return closing, row.period_to
    return {}, None


def _refused_nearest(measured: Measured) -> bool:
    """Whether the nearest reading would not do, so that the others must be looked at."""
    return any(note.code == BELOW for note in measured.volume.notes)


def _span(period: Period, policy: Policy) -> Span:
    before, after = policy.window_before_days * DAY_MS, policy.window_after_days * DAY_MS
    return Span(millis(period.opens), millis(period.closes), before, after)


# ---- meters and what earlier bills left ------------------------------------------------------------------------------


def _points(session: Session, stretch: Stretch, which: ColumnElement[bool] | None = None) -> dict[int, Point]:
    """The places of the stretch's contracts with what closed each; or those of ``which``, without."""
    points: dict[int, Point] = {}
    of_stretch = _of_stretch(Hanging.supply_point_id, stretch)
    for row in session.execute(_hangings(stretch, of_stretch if which is None else which)):
        point = points.setdefault(row.supply_point_id, Point())
        end = None if row.to_ms is None else instant_of(row.to_ms)
        point.installations.append(
            Installation(
                row.address, instant_of(row.from_ms), end, row.modulus_litres, row.calibre_mm, row.q3_litres_hour
            )
        )
        point.meter_ids[row.address] = row.meter_id
    if which is not None:
        return points
    if stretch.openings is not None:
        for supply_point_id, closing in stretch.openings.items():
            points.setdefault(supply_point_id, Point()).closing = closing
        return points
    for supply_point_id, closing, closed_on in _closings(session, stretch):
        point = points.setdefault(supply_point_id, Point())
        point.closing, point.closed_on = closing, closed_on
    return points


def _hangings(stretch: Stretch, which: ColumnElement[bool]) -> Any:
    columns = (
        Hanging.supply_point_id,
        Hanging.meter_id,
        Hanging.from_ms,
        Hanging.to_ms,
        Meter.address,
        Meter.modulus_litres,
        Meter.calibre_mm,
        Meter.q3_litres_hour,
    )
    return (
        select(*columns)
        .join(Meter, and_(Meter.utility_id == Hanging.utility_id, Meter.id == Hanging.meter_id))
        .where(
            Hanging.utility_id == stretch.rules.utility_id,
            which,
            Hanging.recorded_at <= stretch.cutoff,
            or_(Hanging.retired_at.is_(None), Hanging.retired_at > stretch.cutoff),
        )
        .order_by(Hanging.supply_point_id, Hanging.from_ms)
    )


def _of_stretch(supply_point: InstrumentedAttribute[int], stretch: Stretch) -> ColumnElement[bool]:
    return supply_point.in_(
        select(Contract.supply_point_id).where(
            Contract.utility_id == stretch.rules.utility_id, Contract.id.between(*stretch.contracts)
        )
    )


def _closings(session: Session, stretch: Stretch) -> Iterator[tuple[int, dict[str, Closing], date]]:
    """The closing readings of each supply point's last bill before the period's end, the newest generation last."""
    other = aliased(Consumption)
    last = (
        select(func.max(other.period_to))
        .where(
            other.utility_id == Consumption.utility_id,
            other.supply_point_id == Consumption.supply_point_id,
            other.period_from < stretch.period.end,
        )
        .scalar_subquery()
    )
    rows = (
        select(Consumption.supply_point_id, Consumption.evidence, Consumption.period_to)
        .where(
            Consumption.utility_id == stretch.rules.utility_id,
            _of_stretch(Consumption.supply_point_id, stretch),
            Consumption.period_to == last,
        )
        .order_by(Consumption.supply_point_id, Consumption.generation)
    )
    for supply_point_id, evidence, closed_on in session.execute(rows):
        yield supply_point_id, Evidence.of(evidence).closing, closed_on


def _history(session: Session, stretch: Stretch) -> dict[int, dict[Period, PastPeriod]]:
    """What each contract was billed before, by period; the newest generation of each stays."""
    return _history_of(session, stretch, Consumption.contract_id.between(*stretch.contracts))


def _add_history(
    session: Session, stretch: Stretch, contracts: Iterable[int], history: dict[int, dict[Period, PastPeriod]]
) -> None:
    """The history of contracts outside the stretch."""
    for part in in_parts(sorted(contracts)):
        history |= _history_of(session, stretch, Consumption.contract_id.in_(part))


def _history_of(session: Session, stretch: Stretch, which: ColumnElement[bool]) -> dict[int, dict[Period, PastPeriod]]:
    until = stretch.period.end if stretch.openings is None else stretch.period.start
    rows = (
        select(
            Consumption.contract_id,
            Consumption.supply_point_id,
            Consumption.period_from,
            Consumption.period_to,
            Consumption.litres,
            Consumption.estimated_litres,
            Consumption.leak,
        )
        .where(
            Consumption.utility_id == stretch.rules.utility_id,
            which,
            Consumption.period_from >= stretch.period.years_before(YEARS_OF_HISTORY).start,
            Consumption.period_from < until,
        )
        .order_by(Consumption.contract_id, Consumption.period_from, Consumption.generation)
    )
    found: dict[int, dict[Period, PastPeriod]] = {}
    bills = session.execute(rows).all()
    leaks = leaks_at(session, stretch.rules.utility_id, (row.supply_point_id for row in bills))
    for row in bills:
        period = Period(row.period_from, row.period_to)
        leak = row.leak or had_leak(leaks, row.supply_point_id, period, row.litres)
        past = PastPeriod(period, row.litres, estimated=row.estimated_litres > 0, leak=leak)
        found.setdefault(row.contract_id, {})[period] = past
    return found


# ---- readings --------------------------------------------------------------------------------------------------------


def _is_special(item: Wanted, points: Mapping[int, Point], stretch: Stretch, doubtful: set[int]) -> bool:
    """Whether the nearest readings are not enough: other bounds, a meter hung or taken down, an unusable row."""
    point = points.get(item.supply_point_id)
    if point is None:
        return False
    if item.period != stretch.period or doubtful.intersection(point.meter_ids.values()):
        return True
    span = _span(stretch.period, stretch.policy)
    first, last = instant_of(span.opens - span.before), instant_of(span.closes + span.after)
    return any(
        hung.start > first or (hung.end is not None and (hung.end < last or _unsettled(hung.meter, point)))
        for hung in point.installations
    )


def _unsettled(meter: str, point: Point) -> bool:
    closing = point.closing.get(meter)
    return closing is not None and closing.source.kind == ReadingKind.ESTIMATED


def _fetch_in_full(session: Session, stretch: Stretch, wanted: Iterable[Wanted], points: Mapping[int, Point]) -> None:
    spans = []
    for item in wanted:
        span = _span(item.period, stretch.policy)
        point = points.get(item.supply_point_id, Point())
        spans += [(meter, span.opens - span.before, span.closes + span.after) for meter in point.meter_ids.values()]
    by_meter = in_full(session, stretch.rules, spans)
    for item in wanted:
        points[item.supply_point_id].fill(by_meter)


def _measured(
    item: Wanted,
    points: Mapping[int, Point],
    history: Mapping[int, Mapping[Period, PastPeriod]],
    policy: Policy,
    handover: datetime | None = None,
) -> Measured:
    point = points.get(item.supply_point_id, Point())
    sources: dict[str, Source] = {}
    readings = []
    for address, several in point.found.items():
        for one in several:
            sources[one.source.origin] = one.source
            readings.append(one.source.reading(address, one.incidence))
    for closing in point.closing.values():
        if closing.source.origin not in point.fresh:
            sources.setdefault(closing.source.origin, closing.source)
    past = Past(
        closing={meter: closing.reading() for meter, closing in point.closing.items()},
        periods=tuple(history.get(item.contract_id, {}).values()),
    )
    volume = determine(readings, point.installations, item.period, policy, past, handover)
    return Measured(volume, past, sources, point.meter_ids, point.installations)
