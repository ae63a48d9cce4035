"""A finding about a meter, put together the same way by every rule."""

from typing import Any

from central.reading.findings import Found
from central.reading.validation.columns import MeterInfo


def about(
    meter: MeterInfo,
    rule: tuple[str, str],
    span: tuple[int, int],
    text: str,
    numbers: dict[str, Any],
    joins_ms: int = 0,
) -> Found:
    """A finding of ``rule`` (name, severity) about a meter over ``span`` (first and last evidence, epoch ms)."""
    return Found(
        rule=rule[0],
        severity=rule[1],
        subject=meter.address,
        since_ms=span[0],
        until_ms=span[1],
        text=f"meter {meter.address}: {text}",
        meter_id=meter.id,
        supply_point_id=meter.supply_point_at(span[0]),
        numbers=numbers,
        joins_ms=joins_ms,
    )
