"""Days without meter between two at one supply point, while a contract was in force: an exchange entered wrongly."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import func, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Contract, Installation, SupplyPoint
from central.store.parts import in_parts
from central.times import DAY_MS, local_day


def _find(asked: Asked) -> Iterator[Hit]:
    order: dict[str, Any] = {"partition_by": Installation.supply_point_id, "order_by": Installation.from_ms}
    hung = (
        select(
            Installation.supply_point_id,
            Installation.to_ms,
            func.lead(Installation.from_ms).over(**order).label("next_ms"),
        )
        .where(Installation.utility_id == asked.utility_id, Installation.retired_at.is_(None))
        .subquery()
    )
    rows = asked.session.execute(
        select(SupplyPoint.id, SupplyPoint.code, hung.c.to_ms, hung.c.next_ms)
        .join(hung, hung.c.supply_point_id == SupplyPoint.id)
        .where(
            SupplyPoint.utility_id == asked.utility_id,
            hung.c.next_ms - hung.c.to_ms >= asked.numbers["days"] * DAY_MS,
        )
        .order_by(SupplyPoint.code, hung.c.to_ms)
    ).all()
    contracted = _contracts(asked, {row[0] for row in rows})
    for point, code, off_ms, on_ms in rows:
        off, on = local_day(off_ms), local_day(on_ms)
        if any(since < on and (until is None or until > off) for since, until in contracted.get(point, ())):
            yield Hit(code, f"sin contador del {off:%d/%m/%Y} al {on:%d/%m/%Y}, con contrato en vigor")


def _contracts(asked: Asked, points: set[int]) -> dict[int, list[tuple[date, date | None]]]:
    found: dict[int, list[tuple[date, date | None]]] = {}
    query = select(Contract.supply_point_id, Contract.valid_from, Contract.valid_to).where(
        Contract.utility_id == asked.utility_id
    )
    for part in in_parts(sorted(points)):
        for point, since, until in asked.session.execute(query.where(Contract.supply_point_id.in_(part))):
            found.setdefault(point, []).append((since, until))
    return found


RULE = Rule(
    "gap_without_meter",
    "Días sin contador entre dos contadores",
    "warning",
    "clerk",
    _find,
    about="supply_point",
    advice="Corrija la fecha de retirada o la de instalación: un cambio es un solo instante.",
    numbers={"days": 1},
)
