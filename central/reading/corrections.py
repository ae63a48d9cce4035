"""A reader's corrections: the reading of a visit that another replaces is rejected, in whichever order they came."""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.orm import aliased

from central.reading.rows import REJECTED, TYPED, VisitRow
from central.store.models import Reading, Visit


def apply_corrections(connection: Connection, visits: Sequence[VisitRow]) -> None:
    """Reject what ``visits`` (just inserted) replace, and those of them that a visit recorded before replaces."""
    for visit in visits:
        for replaced_id, at_ms, meter_id, by_item in _replaced(connection, visit):
            connection.execute(
                update(Reading)
                .where(
                    Reading.utility_id == visit.utility_id,
                    Reading.at_ms == at_ms,
                    Reading.meter_id == meter_id,
                    Reading.kind == TYPED,
                    Reading.visit_id == replaced_id,
                )
                .values(status=REJECTED, reason=f"visit: replaced by the reader's item {by_item}")
            )


def _replaced(connection: Connection, visit: VisitRow) -> Sequence[Row[int, int, int | None, int]]:
    """The replaced visit, and the item that replaces it, of every pair that ``visit`` is a part of."""
    old, new = aliased(Visit), aliased(Visit)
    return connection.execute(
        select(old.id, old.at_ms, old.meter_id, new.item)
        .join(
            new,
            (new.utility_id == old.utility_id)
            & (new.device_id == old.device_id)
            & (new.supply_point_id == old.supply_point_id)
            & (new.replaces_item == old.item),
        )
        .where(
            old.utility_id == visit.utility_id,
            old.device_id == visit.device_id,
            old.meter_id.is_not(None),
            (old.item == visit.replaces_item) | (old.item == visit.item),
        )
    ).all()
