"""One reading that somebody states: at an installation, a removal, the counter of an office."""

from datetime import datetime

from sqlalchemy.orm import Session

from central.register.errors import RegisterError
from central.store.models import Meter, Reading, ReadingKind, ReadingStatus
from central.store.partitions import ensure_partitions
from central.times import millis


def record_reading(
    session: Session,
    meter: Meter,
    at_ms: int,
    kind: ReadingKind,
    litres: int,
    recorded_at: datetime,
    *,
    revision: int = 0,
) -> Reading:
    """Add a reading; raises RegisterError where the index is not one the meter can show."""
    if not 0 <= litres < meter.modulus_litres:
        raise RegisterError(
            "reading.litres", litres, f"meter {meter.address} shows 0 to {meter.modulus_litres - 1} litres"
        )
    ensure_partitions(session.connection(), [at_ms], ["reading"])
    reading = Reading(
        utility_id=meter.utility_id,
        at_ms=at_ms,
        meter_id=meter.id,
        kind=kind,
        revision=revision,
        litres=litres,
        status=ReadingStatus.VALID,
        reason="",
        recorded_ms=millis(recorded_at),
    )
    session.add(reading)
    session.flush()
    return reading
