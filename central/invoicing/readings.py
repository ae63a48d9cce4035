"""The stored readings that can bound the bills of a partition, fetched in a few queries.

For most contracts a few rows are enough: the nearest ones on each side of the period's two ends. Where a meter was
hung or taken down meanwhile, or a nearest row turned out unusable, every row of its span is fetched.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ScalarSelect, Subquery, and_, or_, select, union
from sqlalchemy.orm import Session, aliased

from central.invoicing.evidence import Source
from central.store.bulk import chunks
from central.store.models import Contract, Installation, Reading, ReadingKind, ReadingStatus, Visit

METERS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class Span:
    """Epoch milliseconds: the two ends of a period and how far around each a reading may lie."""

    opens: int
    closes: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Found:
    """A usable reading and the reader's incidence code noted with it."""

    source: Source
    incidence: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Which rows count: of this utility, known at the cut-off, with an accepted verdict."""

    utility_id: int
    cutoff_ms: int
    accept_suspect: bool

    def accepts(self, status: int) -> bool:
        """Whether the validation's verdict lets a reading into a bill."""
        return status == ReadingStatus.VALID or (self.accept_suspect and status == ReadingStatus.SUSPECT)


def nearest(
    session: Session, rules: Rules, span: Span, contracts: tuple[int, int]
) -> tuple[dict[int, list[Found]], set[int]]:
    """The nearest readings of every meter of a stretch of contracts, by meter, and the meters to look at in full."""
    meters = _meters(rules, contracts)
    seeks = union(*(select(meters.c.meter_id, seek.label("at_ms")) for seek in _seeks(meters, rules, span))).subquery()
    at = and_(Reading.meter_id == seeks.c.meter_id, Reading.at_ms == seeks.c.at_ms)
    rows = session.execute(_rows(rules).join(seeks, at)).all()
    found = _usable(rows, rules)
    usable = {(meter, one.source.at_ms) for meter, several in found.items() for one in several}
    return found, {row.meter_id for row in rows if (row.meter_id, row.at_ms) not in usable}


def in_full(session: Session, rules: Rules, spans: Sequence[tuple[int, int, int]]) -> dict[int, list[Found]]:
    """Every usable reading of each (meter, from ms, to ms), both ends included, by meter."""
    found: dict[int, list[Found]] = {}
    for some in chunks(spans, METERS_A_QUERY):
        keys = _keys(rules, some)
        same = and_(
            Reading.at_ms == keys.c.at_ms,
            Reading.meter_id == keys.c.meter_id,
            Reading.kind == keys.c.kind,
            Reading.revision == keys.c.revision,
        )
        found |= _usable(session.execute(_rows(rules).join(keys, same)), rules)
    return found


def _keys(rules: Rules, spans: Sequence[tuple[int, int, int]]) -> Subquery:
    """The keys of every reading in the spans.

    Only columns of the index by meter and time are touched: without statistics SQLite would walk the primary key,
    which is led by time, through everybody's readings.
    """
    reading = aliased(Reading)
    wanted = [and_(reading.meter_id == meter, reading.at_ms.between(first, last)) for meter, first, last in spans]
    return (
        select(reading.at_ms, reading.meter_id, reading.kind, reading.revision)
        .where(reading.utility_id == rules.utility_id, or_(*wanted))
        .subquery()
    )


def _meters(rules: Rules, contracts: tuple[int, int]) -> Subquery:
    hangs = and_(
        Installation.utility_id == Contract.utility_id, Installation.supply_point_id == Contract.supply_point_id
    )
    return (
        select(Installation.meter_id)
        .distinct()
        .join(Contract, hangs)
        .where(
            Contract.utility_id == rules.utility_id,
            Contract.id.between(*contracts),
            Installation.retired_at.is_(None),
        )
        .subquery()
    )


def _seeks(meters: Subquery, rules: Rules, span: Span) -> Iterator[ScalarSelect[int]]:
    """Instants on either side of the two ends; each is one step in the index by meter and time."""
    yield _seek(meters, rules, span.opens - span.before, span.opens, latest=True)
    yield _seek(meters, rules, span.opens, span.closes - 1, latest=False)
    yield _seek(meters, rules, span.opens, span.closes, latest=True)
    yield _seek(meters, rules, span.closes, span.closes + span.after, latest=False)


def _seek(meters: Subquery, rules: Rules, first: int, last: int, *, latest: bool) -> ScalarSelect[int]:
    reading = aliased(Reading)
    # Columns of the index only, see _keys; a row whose verdict or revision does not count sends its meter to in_full.
    return (
        select(reading.at_ms)
        .where(
            reading.utility_id == rules.utility_id,
            reading.meter_id == meters.c.meter_id,
            reading.at_ms.between(first, last),
            reading.kind != ReadingKind.ESTIMATED,
        )
        .order_by(reading.at_ms.desc() if latest else reading.at_ms)
        .limit(1)
        .correlate(meters)
        .scalar_subquery()
    )


def _rows(rules: Rules) -> Any:
    columns = (
        Reading.meter_id,
        Reading.at_ms,
        Reading.kind,
        Reading.revision,
        Reading.litres,
        Reading.telegram_ms,
        Reading.telegram_id,
        Reading.status,
        Reading.recorded_ms,
        Visit.code,
    )
    visit = and_(Visit.utility_id == Reading.utility_id, Visit.id == Reading.visit_id)
    return select(*columns).select_from(Reading).outerjoin(Visit, visit).where(Reading.utility_id == rules.utility_id)


def _usable(rows: Iterable[Any], rules: Rules) -> dict[int, list[Found]]:
    """By meter, what was known of each reading at the cut-off, where its verdict is accepted; never an estimate."""
    newest: dict[tuple[int, int, int], Any] = {}
    for row in rows:
        if row.kind == ReadingKind.ESTIMATED or row.recorded_ms > rules.cutoff_ms:
            continue
        key = (row.meter_id, row.at_ms, row.kind)
        if key not in newest or newest[key].revision < row.revision:
            newest[key] = row
    found: dict[int, list[Found]] = {}
    for row in newest.values():
        if rules.accepts(row.status):
            found.setdefault(row.meter_id, []).append(Found(Source(*row[:7]), row.code or "00"))
    return found
