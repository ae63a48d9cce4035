"""A stretch of readings in columns: every reading of some meters from an instant on, in the order of time.

Rules work on whole columns. Rows of one meter lie together; ``starts`` has the first row of each meter and one more
for the end. Of several revisions only the newest is here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, func, select

from central.store.models import Contract, ContractTerms, Installation, Meter, ReadingKind
from central.times import HOUR_MS

if TYPE_CHECKING:
    from central.reading.validation.chain import Chain

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Overload flow Q4 = 1.25 Q3 (ISO 4064-1); the permanent flow of a meter that does not say it, by its calibre in mm.
Q4_PER_Q3 = (5, 4)
Q3_BY_CALIBRE = ((15, 2500), (20, 4000), (25, 6300), (30, 10_000), (40, 16_000), (50, 25_000), (65, 40_000))
Q3_BEYOND = 63_000
RADIO_KINDS = (int(ReadingKind.RADIO), int(ReadingKind.RADIO_DUE))


@dataclass(frozen=True)
class MeterInfo:
    """A meter as rules need it: ``hangs`` are its installations (from ms, to ms or None, supply point).

    ``dwellings`` are those of the contract at its last place, at least one: a bulk meter has many.
    """

    id: int
    address: str
    modulus_litres: int
    q4_litres_hour: int
    hangs: tuple[tuple[int, int | None, int], ...] = ()
    dwellings: int = 1

    def supply_point_at(self, ms: int) -> int | None:
        """Where the meter hangs at an instant."""
        return next((point for start, end, point in self.hangs if start <= ms and (end is None or ms < end)), None)


@dataclass
class Series:
    """The columns. ``reasons`` has the reason of every row that has one."""

    connection: Connection
    utility_id: int
    now_ms: int
    meters: Sequence[MeterInfo]
    starts: Ints
    at_ms: Ints
    litres: Ints
    kind: Ints
    revision: Ints
    status: Ints
    visit_id: Ints
    reasons: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.at_ms)

    def rows_of(self) -> Iterator[tuple[MeterInfo, slice]]:
        """Each meter with its rows."""
        for place, meter in enumerate(self.meters):
            yield meter, slice(int(self.starts[place]), int(self.starts[place + 1]))

    @cached_property
    def chain(self) -> "Chain":
        """The believable course of each meter's index."""
        from central.reading.validation.chain import chain_of

        return chain_of(self)

    @cached_property
    def meter_of_row(self) -> Ints:
        """The place of each row's meter in ``meters``."""
        return np.repeat(np.arange(len(self.meters)), np.diff(self.starts))


def q4_of(calibre_mm: int, q3_litres_hour: int | None) -> int:
    """Overload flow in l/h."""
    q3 = q3_litres_hour or next((q3 for calibre, q3 in Q3_BY_CALIBRE if calibre_mm <= calibre), Q3_BEYOND)
    return q3 * Q4_PER_Q3[0] // Q4_PER_Q3[1]


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
    dwellings = _dwellings(connection, utility_id, {places[-1][2] for places in hangs.values()})
    found = connection.execute(
        select(Meter.id, Meter.address, Meter.modulus_litres, Meter.calibre_mm, Meter.q3_litres_hour)
        .where(Meter.utility_id == utility_id, Meter.id.in_(meter_ids))
        .order_by(Meter.id)
    )
    return [
        MeterInfo(
            meter_id, address, modulus, q4_of(calibre, q3), tuple(places := hangs.get(meter_id, [])),
            dwellings.get(places[-1][2], 1) if places else 1,
        )
        for meter_id, address, modulus, calibre, q3 in found
    ]  # fmt: skip


def _dwellings(connection: Connection, utility_id: int, points: set[int]) -> dict[int, int]:
    """How many dwellings the present contracts of supply points serve."""
    query = (
        select(Contract.supply_point_id, func.max(ContractTerms.dwellings))
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
    return {point: max(1, dwellings) for point, dwellings in connection.execute(query)}


def load_series(connection: Connection, utility_id: int, meter_ids: Sequence[int], from_ms: int, now_ms: int) -> Series:
    """Every reading of the meters from ``from_ms`` on."""
    meters = load_meters(connection, utility_id, meter_ids)
    ids = ", ".join(map(str, meter_ids))
    rows = connection.exec_driver_sql(
        "SELECT meter_id, at_ms, kind, revision, litres, status, visit_id, "  # noqa: S608 - whole numbers
        f"CASE WHEN reason = '' THEN NULL ELSE reason END FROM reading WHERE utility_id = {utility_id} "
        f"AND meter_id IN ({ids}) AND at_ms >= {from_ms} ORDER BY meter_id, at_ms"
    ).fetchall()
    return _series(connection, utility_id, now_ms, meters, rows)


def _series(
    connection: Connection, utility_id: int, now_ms: int, meters: Sequence[MeterInfo], rows: Sequence[Any]
) -> Series:
    columns = list(zip(*rows, strict=True)) or [()] * 8
    meter, at_ms, kind, revision, litres, status = (np.array(columns[place], dtype=np.int64) for place in range(6))
    visit = np.array([value or 0 for value in columns[6]], dtype=np.int64)
    # The index gives meters and instants in order; within one instant the rest is cheaper to sort here.
    order = np.lexsort((revision, kind, at_ms, meter))
    newest = np.ones(len(rows), dtype=bool)
    if len(rows) > 1:
        one, next_one = order[:-1], order[1:]
        newest[:-1] = (meter[one] != meter[next_one]) | (at_ms[one] != at_ms[next_one]) | (kind[one] != kind[next_one])
    kept = order[newest]
    reasons = {place: columns[7][row] for place, row in enumerate(kept.tolist()) if columns[7][row]}
    bounds = np.searchsorted(meter[kept], [info.id for info in meters] + [np.iinfo(np.int64).max])
    return Series(
        connection, utility_id, now_ms, meters, bounds, at_ms[kept], litres[kept], kind[kept], revision[kept],
        status[kept], visit[kept], reasons,
    )  # fmt: skip


def hours_between(earlier_ms: Ints, later_ms: Ints) -> npt.NDArray[np.float64]:
    """Hours, as a fraction."""
    return (later_ms - earlier_ms) / HOUR_MS
