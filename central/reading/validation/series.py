"""A stretch of readings as rules see it: its columns, and the believable course of each meter's index."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from central.reading.validation.chain import Chain, chain_of
from central.reading.validation.columns import Columns, MeterInfo, q4_of
from central.store.models import Contract, ContractTerms, Installation, Meter


class Series(Columns):
    """Readings of some meters with their chain."""

    @cached_property
    def chain(self) -> Chain:
        """The believable course of each meter's index."""
        return chain_of(self)


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
