"""A stretch of readings as rules see it: its columns, and the believable course of each meter's index."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from central.reading.hourly import UNKNOWN, deltas_of
from central.reading.validation.chain import Chain, chain_of
from central.reading.validation.columns import HOUR, Columns, Ints, MeterInfo, q4_of
from central.store.models import Contract, ContractTerms, Installation, Meter, ReadingDay, ReadingKind, ReadingStatus
from central.times import DAY_MS, HOUR_MS


class Series(Columns):
    """Readings of some meters with their chain."""

    @cached_property
    def chain(self) -> Chain:
        """The believable course of each meter's index."""
        return chain_of(self)

    def part(self, places: Sequence[int]) -> tuple["Series", Ints]:
        """The series of some meters, by their ascending places, and the row here of each of its rows."""
        rows = np.flatnonzero(np.isin(self.meter_of_row, places))
        lengths = np.diff(self.starts)[list(places)]
        new_of = {old: new for new, old in enumerate(rows.tolist())}
        reasons = {new_of[row]: reason for row, reason in self.reasons.items() if row in new_of}
        series = Series(
            self.connection, self.utility_id, self.now_ms, [self.meters[place] for place in places],
            np.concatenate(([0], np.cumsum(lengths))), self.at_ms[rows], self.litres[rows], self.kind[rows],
            self.revision[rows], self.status[rows], self.visit_id[rows], reasons,
        )  # fmt: skip
        return series, rows


def load_meters(connection: Connection, utility_id: int, meter_ids: Sequence[int]) -> list[MeterInfo]:
    """Meters by ascending id, with where they hung."""
    hangs: dict[int, list[tuple[int, int | None, int]]] = {}
    for meter_id, start, end, point in connection.execute(
        select(Installation.meter_id, Installation.from_ms, Installation.to_ms, Installation.supply_point_id)
        .where(
            Installation.utility_id == utility_id,
            Installation.retired_at.is_(None),
            Installation.meter_id.in_(meter_ids),
        )
        .order_by(Installation.from_ms)
    ):
        hangs.setdefault(meter_id, []).append((start, end, point))
    terms = _terms(connection, utility_id, {places[-1][2] for places in hangs.values()})
    found = connection.execute(
        select(Meter.id, Meter.address, Meter.modulus_litres, Meter.calibre_mm, Meter.q3_litres_hour)
        .where(Meter.utility_id == utility_id, Meter.id.in_(meter_ids))
        .order_by(Meter.id)
    )
    return [
        MeterInfo(meter_id, address, modulus, q4_of(calibre, q3), *_place(hangs.get(meter_id, []), terms))
        for meter_id, address, modulus, calibre, q3 in found
    ]


def _place(
    hangs: list[tuple[int, int | None, int]], terms: dict[int, tuple[int, str]]
) -> tuple[tuple[tuple[int, int | None, int], ...], int, str]:
    """Where a meter hung, and dwellings and use of its last place."""
    return (tuple(hangs), *(terms.get(hangs[-1][2], (1, "")) if hangs else (1, "")))


def _terms(connection: Connection, utility_id: int, points: set[int]) -> dict[int, tuple[int, str]]:
    """How many dwellings the present contracts of supply points serve, and for what use."""
    query = (
        select(Contract.supply_point_id, func.max(ContractTerms.dwellings), func.min(ContractTerms.use))
        .join(
            ContractTerms,
            (ContractTerms.utility_id == Contract.utility_id) & (ContractTerms.contract_id == Contract.id),
        )
        .where(
            Contract.utility_id == utility_id,
            Contract.supply_point_id.in_(points),
            ContractTerms.retired_at.is_(None),
            ContractTerms.valid_to.is_(None),
        )
        .group_by(Contract.supply_point_id)
    )
    return {point: (max(1, dwellings), use) for point, dwellings, use in connection.execute(query)}


def load_series(connection: Connection, utility_id: int, meter_ids: Sequence[int], from_ms: int, now_ms: int) -> Series:
    """Every reading of the meters from ``from_ms`` on, those of hourly series among them."""
    meters = load_meters(connection, utility_id, meter_ids)
    ids = ", ".join(map(str, meter_ids))
    rows = connection.exec_driver_sql(
        "SELECT meter_id, at_ms, kind, revision, litres, status, visit_id, "  # noqa: S608 - whole numbers
        f"CASE WHEN reason = '' THEN NULL ELSE reason END FROM reading WHERE utility_id = {utility_id} "
        f"AND meter_id IN ({ids}) AND at_ms >= {from_ms} ORDER BY meter_id, at_ms"
    ).fetchall()
    hours = _hours(connection, utility_id, meter_ids, from_ms)
    return _series(connection, utility_id, now_ms, meters, rows, hours)


def _hours(connection: Connection, utility_id: int, meter_ids: Sequence[int], from_ms: int) -> Ints:
    """Meter, instant and index at the start of each known hour of the meters' series and at the end of each series."""
    query = select(ReadingDay.meter_id, ReadingDay.start_ms, ReadingDay.litres, ReadingDay.deltas).where(
        ReadingDay.utility_id == utility_id, ReadingDay.meter_id.in_(meter_ids), ReadingDay.start_ms >= from_ms - DAY_MS
    )
    by_length: dict[int, list[Any]] = {}
    for row in connection.execute(query):
        by_length.setdefault(len(row.deltas), []).append(row)
    parts = [_hours_of(rows) for rows in by_length.values()]
    if not parts:
        return np.zeros((3, 0), dtype=np.int64)
    found: Ints = np.concatenate(parts, axis=1)
    return found[:, found[1] >= from_ms]


def _hours_of(rows: Sequence[Any]) -> Ints:
    """The same of series of equal length."""
    deltas = deltas_of(b"".join(row.deltas for row in rows)).astype(np.int64).reshape(len(rows), -1)
    known = deltas != UNKNOWN
    first = np.array([[row.litres] for row in rows], dtype=np.int64)
    index = np.concatenate((first, first + np.cumsum(np.where(known, deltas, 0), axis=1)), axis=1)
    at_ms = np.array([[row.start_ms] for row in rows], dtype=np.int64) + HOUR_MS * np.arange(index.shape[1])
    meter = np.broadcast_to(np.array([[row.meter_id] for row in rows], dtype=np.int64), index.shape)
    # What follows an unknown hour begins lower than the register showed: only its differences count.
    kept = np.concatenate((known, known[:, -1:]), axis=1)
    return np.stack([meter[kept], at_ms[kept], index[kept]])


def _series(
    connection: Connection,
    utility_id: int,
    now_ms: int,
    meters: Sequence[MeterInfo],
    rows: Sequence[Any],
    hours: Ints,
) -> Series:
    columns = list(zip(*rows, strict=True)) or [()] * 8
    meter, at_ms, kind, revision, litres, status = (np.array(columns[place], dtype=np.int64) for place in range(6))
    visit = np.array([value or 0 for value in columns[6]], dtype=np.int64)
    meter, at_ms, litres = (np.concatenate(pair) for pair in zip((meter, at_ms, litres), hours, strict=True))
    kind, revision, status, visit = (
        np.concatenate((column, np.full(hours.shape[1], value, dtype=np.int64)))
        for column, value in (
            (kind, int(ReadingKind.RADIO)),
            (revision, HOUR),
            (status, int(ReadingStatus.VALID)),
            (visit, 0),
        )
    )
    # The index gives meters and instants in order; within one instant the rest is cheaper to sort here.
    order = np.lexsort((revision, kind, at_ms, meter))
    newest = np.ones(len(meter), dtype=bool)
    if len(meter) > 1:
        one, next_one = order[:-1], order[1:]
        newest[:-1] = (meter[one] != meter[next_one]) | (at_ms[one] != at_ms[next_one]) | (kind[one] != kind[next_one])
    kept = order[newest]
    told = np.fromiter((bool(reason) for reason in columns[7]), dtype=bool, count=len(rows))
    single = np.flatnonzero(kept < len(rows))
    reasons = {place: columns[7][kept[place]] for place in single[told[kept[single]]].tolist()}
    bounds = np.searchsorted(meter[kept], [info.id for info in meters] + [np.iinfo(np.int64).max])
    return Series(
        connection, utility_id, now_ms, meters, bounds, at_ms[kept], litres[kept], kind[kept], revision[kept],
        status[kept], visit[kept], reasons,
    )  # fmt: skip
