"""Meters hanging at supply points: installed, removed, exchanged, each with the index read on the spot."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from central.register.change import Change, journalled, succeed
from central.register.errors import RegisterError
from central.register.indices import record_reading
from central.store import new_id
from central.store.models import Installation, Meter, ReadingKind, SupplyPoint
from central.times import instant_of, millis


def install_meter(
    session: Session, point: SupplyPoint, meter: Meter, at: datetime, litres: int | None, *, by: Change
) -> Installation:
    """Hang a meter at a supply point from ``at``; ``litres`` is its index then, where it was read."""
    at_ms = millis(at)
    _refuse_overlap(session, point, meter, at_ms)
    installation = Installation(
        utility_id=point.utility_id,
        id=new_id(),
        meter_id=meter.id,
        supply_point_id=point.id,
        from_ms=at_ms,
        recorded_at=by.at,
        recorded_by=by.actor,
    )
    if litres is not None:
        record_reading(session, meter, at_ms, ReadingKind.INSTALLATION, litres, by.at)
    session.add(installation)
    session.flush()
    after = {"meter": meter.address, "supply_point": point.code, "at_ms": at_ms, "litres": litres}
    journalled(session, point.utility_id, by, "install", "installation", installation.id, after=after)
    return installation


def remove_meter(
    session: Session, point: SupplyPoint, at: datetime, litres: int | None, *, by: Change
) -> tuple[Installation, Meter]:
    """Take down the meter hanging at a supply point; ``litres`` is its last index, where it could be read."""
    at_ms = millis(at)
    current = installation_at(session, point, at_ms)
    if current is None:
        raise RegisterError("installation.supply_point", point.code, f"no meter hangs there at {at.isoformat()}")
    meter = session.get_one(Meter, (point.utility_id, current.meter_id))
    if litres is not None:
        record_reading(session, meter, at_ms, ReadingKind.REMOVAL, litres, by.at)
    closed = succeed(session, current, by, to_ms=at_ms)
    after = {"meter": meter.address, "supply_point": point.code, "at_ms": at_ms, "litres": litres}
    journalled(session, point.utility_id, by, "remove", "installation", closed.id, after=after)
    return closed, meter


def exchange_meter(
    session: Session,
    point: SupplyPoint,
    new_meter: Meter,
    at: datetime,
    *,
    removal_litres: int | None,
    installation_litres: int,
    by: Change,
) -> Installation:
    """Replace the meter of a supply point at one instant, with the last index of the old and the first of the new."""
    remove_meter(session, point, at, removal_litres, by=by)
    return install_meter(session, point, new_meter, at, installation_litres, by=by)


def installation_at(session: Session, point: SupplyPoint, at_ms: int) -> Installation | None:
    """What hangs at a supply point at an instant."""
    return session.scalar(
        select(Installation).where(
            Installation.utility_id == point.utility_id,
            Installation.supply_point_id == point.id,
            Installation.retired_at.is_(None),
            Installation.from_ms <= at_ms,
            or_(Installation.to_ms.is_(None), Installation.to_ms > at_ms),
        )
    )


def _refuse_overlap(session: Session, point: SupplyPoint, meter: Meter, at_ms: int) -> None:
    other = session.scalar(
        select(Installation)
        .where(
            Installation.utility_id == point.utility_id,
            or_(Installation.supply_point_id == point.id, Installation.meter_id == meter.id),
            Installation.retired_at.is_(None),
            or_(Installation.to_ms.is_(None), Installation.to_ms > at_ms),
        )
        # Of two reasons the meter's is told: it is the nearer mistake.
        .order_by(Installation.meter_id != meter.id)
    )
    if other is None:
        return
    since = instant_of(other.from_ms).isoformat()
    if other.supply_point_id == point.id:
        raise RegisterError("installation.supply_point", point.code, f"another meter hangs there since {since}")
    raise RegisterError("installation.meter", meter.address, f"hangs at another supply point since {since}")
