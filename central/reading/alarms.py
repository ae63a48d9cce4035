"""Alarms that meters send: one finding for each meter and alarm, from the first telegram with it to the last."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, select

from central.reading import findings
from central.reading.findings import FOR_EVER_MS, Found
from central.reading.rows import Span
from central.store.models import Installation, Meter
from central.store.parts import in_parts
from central.times import instant_of

# Alarms that mean water or money is being lost now; the others wait for somebody's round.
SEVERE = frozenset({"leak", "burst", "backflow", "tamper", "removed", "magnet"})


def record_alarms(connection: Connection, alarms: Mapping[tuple[int, int, str], Span], now_ms: int) -> None:
    """Open or extend the findings of alarms by (utility, meter, alarm)."""
    for utility_id in sorted({key[0] for key in alarms}):
        spans = {key[1:]: span for key, span in alarms.items() if key[0] == utility_id}
        findings.record(connection, utility_id, list(_found(connection, utility_id, spans)), now_ms)


def rule_of(alarm: str) -> str:
    """The rule under which an alarm is found, e.g. ``alarm.leak``."""
    return f"alarm.{alarm}"


def _found(connection: Connection, utility_id: int, spans: Mapping[tuple[int, str], Span]) -> Iterator[Found]:
    meters = _meters(connection, utility_id, sorted({meter_id for meter_id, _ in spans}))
    for (meter_id, alarm), span in sorted(spans.items()):
        address, point_id = meters[meter_id]
        yield Found(
            rule=rule_of(alarm),
            severity="high" if alarm in SEVERE else "low",
            subject=address,
            since_ms=span.first_ms,
            until_ms=span.last_ms,
            text=f"meter {address}: says {alarm} since {instant_of(span.first_ms).isoformat(timespec='seconds')}",
            meter_id=meter_id,
            supply_point_id=point_id,
            numbers={"alarm": alarm},
            joins_ms=FOR_EVER_MS,
        )


def _meters(connection: Connection, utility_id: int, meter_ids: list[int]) -> dict[int, tuple[str, int | None]]:
    """Address and present supply point of meters."""
    found: dict[int, tuple[str, int | None]] = {}
    for part in in_parts(meter_ids):
        query = (
            select(Meter.id, Meter.address, Installation.supply_point_id)
            .outerjoin(
                Installation,
                (Installation.utility_id == Meter.utility_id)
                & (Installation.meter_id == Meter.id)
                & Installation.retired_at.is_(None)
                & Installation.to_ms.is_(None),
            )
            .where(Meter.utility_id == utility_id, Meter.id.in_(part))
        )
        for meter_id, address, point_id in connection.execute(query).all():
            found[meter_id] = (address, point_id)
    return found
