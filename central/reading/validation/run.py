"""Runs the rules over what is new, some meters at a time, and writes verdicts and findings."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from central.reading import findings
from central.reading.findings import OPEN, Found
from central.reading.validation.asking import ask, ask_utility
from central.reading.validation.columns import HOUR
from central.reading.validation.registry import configured_rules
from central.reading.validation.rule import Over, Rule, Verdict
from central.reading.validation.series import Series, load_series
from central.store.bulk import chunks
from central.store.models import Finding, Meter, Reading, ReadingDay, ReadingStatus, Utility, ValidationMark
from central.times import DAY_MS, instant_of, local_day, millis

METERS_AT_ONCE = 100
# What rules may look back on, and how far around a new reading older verdicts are judged again.
LOOK_BACK_MS = 12 * DAY_MS
SLOW_LOOK_BACK_MS = 75 * DAY_MS
JUDGED_AGAIN_MS = 7 * DAY_MS
# An hourly series that ended longer ago than this is looked at only where everything is.
SERIES_LATE_MS = 40 * DAY_MS
# A slower writer may commit readings recorded a little before others that are validated already.
OVERLAP_MS = 10 * 60 * 1000


@dataclass(frozen=True)
class Validated:
    """What a validation looked at and changed."""

    meters: int = 0
    readings: int = 0
    verdicts: int = 0
    findings: int = 0

    def __add__(self, other: "Validated") -> "Validated":
        return Validated(
            self.meters + other.meters,
            self.readings + other.readings,
            self.verdicts + other.verdicts,
            self.findings + other.findings,
        )


@dataclass(frozen=True)
class _Stretch:
    """Meters to look at together, and from when on they have new readings (None: from the beginning)."""

    meter_ids: Sequence[int]
    new_from_ms: int | None

    def from_ms(self, look_back_ms: int) -> int:
        return 0 if self.new_from_ms is None else max(0, self.new_from_ms - look_back_ms)


def validate(session: Session, utility_id: int, since: datetime | None, now: datetime) -> Validated:
    """Ask every rule about the readings recorded since an instant (None: all) in the session's transaction."""
    connection = session.connection()
    configured = _rules_of(connection, utility_id, millis(now))
    total = Validated()
    for stretch in _stretches(connection, utility_id, None if since is None else millis(since)):
        total += _validate_stretch(connection, utility_id, configured, stretch, SLOW_LOOK_BACK_MS, millis(now))
    return total + _validate_utility(connection, utility_id, configured, millis(now))


def validate_all(engine: Engine, now: datetime) -> Validated:
    """Validate what is new in every utility, in short transactions; a later call goes on where this one began."""
    with engine.connect().execution_options(sgc_write=False) as connection:
        utilities = list(connection.scalars(select(Utility.id).order_by(Utility.id)))
    total = Validated()
    for utility_id in utilities:
        total += _validate_new(engine, utility_id, now)
    return total


@dataclass(frozen=True)
class _Round:
    """Some rules and what is new to them."""

    rules: tuple[Rule[Any], ...]
    look_back_ms: int
    stretches: list[_Stretch]


def _validate_new(engine: Engine, utility_id: int, now: datetime) -> Validated:
    with engine.connect().execution_options(sgc_write=False) as connection:
        query = select(ValidationMark.recorded_ms, ValidationMark.slow_ms, ValidationMark.slow_at)
        mark = connection.execute(query.where(ValidationMark.utility_id == utility_id)).first()
        recorded_ms, slow_ms, slow_at = mark or (None, None, None)
        newest = _newest(connection, utility_id, recorded_ms or 0)
        if newest is None:
            return Validated()
        configured = _rules_of(connection, utility_id, millis(now))
        slow_due = slow_at is None or now - slow_at >= timedelta(days=1)
        rounds = list(_rounds(connection, utility_id, configured, recorded_ms, (slow_ms,) if slow_due else None))
    total = Validated()
    for one in rounds:
        for stretch in one.stretches:
            with engine.begin() as connection:
                total += _validate_stretch(connection, utility_id, one.rules, stretch, one.look_back_ms, millis(now))
    with engine.begin() as connection:
        asked = [rule for rule in configured if slow_due or not rule.slow]
        total += _validate_utility(connection, utility_id, asked, millis(now))
        slow = {"slow_ms": newest, "slow_at": now} if slow_due else {}
        _set_mark(connection, {"utility_id": utility_id, "recorded_ms": newest, **slow})
    return total


def _rounds(
    connection: Connection,
    utility_id: int,
    configured: Sequence[Rule[Any]],
    mark_ms: int | None,
    slow_mark_ms: tuple[int | None] | None,
) -> Iterator[_Round]:
    """What is to be asked: everything at once the first time, later the slow rules apart, where they are due."""
    if mark_ms is None and slow_mark_ms == (None,):
        yield _Round(tuple(configured), SLOW_LOOK_BACK_MS, list(_stretches(connection, utility_id, None)))
        return
    quick = tuple(rule for rule in configured if not rule.slow)
    yield _Round(quick, LOOK_BACK_MS, list(_stretches(connection, utility_id, _overlapping(mark_ms))))
    if slow_mark_ms is not None:
        slow = tuple(rule for rule in configured if rule.slow)
        stretches = list(_stretches(connection, utility_id, _overlapping(slow_mark_ms[0])))
        yield _Round(slow, SLOW_LOOK_BACK_MS, stretches)


def _overlapping(mark_ms: int | None) -> int | None:
    return None if mark_ms is None else mark_ms - OVERLAP_MS


def _rules_of(connection: Connection, utility_id: int, now_ms: int) -> tuple[Rule[Any], ...]:
    settings = connection.scalar(select(Utility.settings).where(Utility.id == utility_id))
    return configured_rules(settings or {}, local_day(now_ms))


def _newest(connection: Connection, utility_id: int, since_ms: int) -> int | None:
    """When the newest reading or series since an instant was recorded."""
    readings = select(func.max(Reading.recorded_ms)).where(
        Reading.utility_id == utility_id, Reading.recorded_ms >= since_ms
    )
    series = select(func.max(ReadingDay.recorded_ms)).where(
        ReadingDay.utility_id == utility_id,
        ReadingDay.start_ms >= since_ms - SERIES_LATE_MS,
        ReadingDay.recorded_ms >= since_ms,
    )
    known = [found for query in (readings, series) if (found := connection.scalar(query)) is not None]
    return max(known, default=None)


def _stretches(connection: Connection, utility_id: int, since_ms: int | None) -> Iterator[_Stretch]:
    if since_ms is None:
        meters = connection.scalars(select(Meter.id).where(Meter.utility_id == utility_id).order_by(Meter.id)).all()
        for some in chunks(meters, METERS_AT_ONCE):
            yield _Stretch(some, None)
        return
    readings = (
        select(Reading.meter_id, func.min(Reading.at_ms))
        .where(Reading.utility_id == utility_id, Reading.recorded_ms >= since_ms)
        .group_by(Reading.meter_id)
    )
    series = (
        select(ReadingDay.meter_id, func.min(ReadingDay.start_ms))
        .where(
            ReadingDay.utility_id == utility_id,
            ReadingDay.start_ms >= since_ms - SERIES_LATE_MS,
            ReadingDay.recorded_ms >= since_ms,
        )
        .group_by(ReadingDay.meter_id)
    )
    first: dict[int, int] = {}
    for query in (readings, series):
        for meter_id, at_ms in connection.execute(query):
            first[meter_id] = min(at_ms, first.get(meter_id, at_ms))
    for some in chunks(sorted(first), METERS_AT_ONCE):
        yield _Stretch(some, min(first[meter_id] for meter_id in some))


def _validate_stretch(
    connection: Connection,
    utility_id: int,
    configured: Sequence[Rule[Any]],
    stretch: _Stretch,
    look_back_ms: int,
    now_ms: int,
) -> Validated:
    series = load_series(connection, utility_id, stretch.meter_ids, stretch.from_ms(look_back_ms), now_ms)
    verdicts: dict[int, Verdict] = {}
    found: list[Found] = []
    for rule in configured:
        if not rule.of_meters:
            continue
        results = list(ask(rule, series))
        for verdict in (result for result in results if isinstance(result, Verdict)):
            verdicts.setdefault(verdict.row, verdict)
        found += [result for result in results if isinstance(result, Found)]
        _close(connection, utility_id, rule.name, [result for result in results if isinstance(result, Over)], now_ms)
    names = tuple(f"{rule.name}: " for rule in configured)
    changed = _write_verdicts(connection, series, verdicts, stretch.from_ms(JUDGED_AGAIN_MS), names)
    opened = findings.record(connection, utility_id, found, now_ms)
    return Validated(len(series.meters), len(series), changed, opened)


def _validate_utility(
    connection: Connection, utility_id: int, configured: Iterable[Rule[Any]], now_ms: int
) -> Validated:
    nothing = np.zeros(0, dtype=np.int64)
    series = Series(
        connection, utility_id, now_ms, (), np.zeros(1, dtype=np.int64), nothing, nothing, nothing, nothing, nothing,
        nothing,
    )  # fmt: skip
    found: list[Found] = []
    for rule in configured:
        if rule.of_meters:
            continue
        results = list(ask_utility(rule, series))
        found += [result for result in results if isinstance(result, Found)]
        _close(connection, utility_id, rule.name, [result for result in results if isinstance(result, Over)], now_ms)
    return Validated(findings=findings.record(connection, utility_id, found, now_ms))


def _write_verdicts(
    connection: Connection, series: Series, verdicts: dict[int, Verdict], judged_from_ms: int, names: tuple[str, ...]
) -> int:
    """Write new verdicts and take back those of the rules asked that no longer stand; returns how many changed."""
    judged_before = {row for row, reason in series.reasons.items() if reason.startswith(names)}
    # The first reading of a stretch that does not begin with the meter's first lacks the one before it.
    first = set(series.starts.tolist()) if judged_from_ms else set()
    changes = []
    for row in sorted((verdicts.keys() | judged_before) - first):
        if series.at_ms[row] < judged_from_ms or series.revision[row] == HOUR:
            continue
        verdict = verdicts.get(row)
        status, reason = (int(verdict.status), verdict.reason[:200]) if verdict else (int(ReadingStatus.VALID), "")
        # Verdicts of ingest and of people stand.
        judged = row in judged_before or (series.status[row] == int(ReadingStatus.VALID) and row not in series.reasons)
        if judged and (status, reason) != (int(series.status[row]), series.reasons.get(row, "")):
            changes.append(_change(series, row, status, reason))
    if changes:
        connection.execute(_UPDATE, changes)
    return len(changes)


_UPDATE = text(
    "UPDATE reading SET status = :status, reason = :reason WHERE utility_id = :utility AND at_ms = :at_ms "
    "AND meter_id = :meter AND kind = :kind AND revision = :revision"
)


def _change(series: Series, row: int, status: int, reason: str) -> dict[str, Any]:
    return {
        "utility": series.utility_id,
        "at_ms": int(series.at_ms[row]),
        "meter": series.meters[int(series.meter_of_row[row])].id,
        "kind": int(series.kind[row]),
        "revision": int(series.revision[row]),
        "status": status,
        "reason": reason,
    }


def _close(connection: Connection, utility_id: int, rule: str, over: Sequence[Over], now_ms: int) -> None:
    """Close a rule's open findings that are over."""
    if not over:
        return
    before = {one.subject: one.before_ms for one in over}
    query = select(Finding.id, Finding.subject, Finding.since_ms).where(
        Finding.utility_id == utility_id, Finding.rule == rule, Finding.status == OPEN
    )
    closed = [
        finding_id
        for finding_id, subject, since_ms in connection.execute(query).all()
        if since_ms < before.get(subject, 0)
    ]
    for some in chunks(closed, METERS_AT_ONCE):
        findings.close(connection, utility_id, instant_of(now_ms), Finding.id.in_(some))


def _set_mark(connection: Connection, values: dict[str, Any]) -> None:
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(ValidationMark)
    connection.execute(insert.values(values).on_conflict_do_update(index_elements=["utility_id"], set_=values))
