"""The reading that closes one holder's days and opens the next one's: checked against what the meter showed before."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.lifecycle.details import Closing
from central.register.change import Change
from central.register.errors import RegisterError
from central.register.indices import record_reading
from central.register.installations import installation_at
from central.store.models import Meter, Reading, ReadingKind, ReadingStatus, SupplyPoint
from central.times import DAY_MS, local_day, midnight_ms

REMOTE_DAYS = 3  # how far from the day a telegram may lie that closes it
KINDS = {"real": ReadingKind.FINAL, "self": ReadingKind.SELF, "agreed": ReadingKind.AGREED}
_MACHINE = (int(ReadingKind.RADIO), int(ReadingKind.RADIO_DUE))
_NOT_READ = (int(ReadingKind.ESTIMATED), int(ReadingKind.AGREED))
# A register that began again has passed its end by little: what looks like more is an index that is too low.
_TENTH = 10


@dataclass(frozen=True)
class Index:
    """An index of a meter that stands in the register."""

    litres: int
    at_ms: int
    kind: int
    revision: int = 0


def meter_at(session: Session, point: SupplyPoint, on: date, *, opens: bool) -> Meter | None:
    """The meter that hangs at the start of a day; with ``opens`` false the one that hung until then."""
    hung = installation_at(session, point, midnight_ms(on) - (0 if opens else 1))
    return session.get_one(Meter, (point.utility_id, hung.meter_id)) if hung else None


def check_closing(session: Session, meter: Meter | None, closing: Closing | None, on: date) -> None:
    """Raise :class:`RegisterError` where a closing cannot be, or where there is a meter and no closing."""
    if meter is None:
        if closing is not None:
            raise RegisterError("closing.source", closing.source, f"no meter hangs there on {on}")
        return
    if closing is None:
        raise RegisterError("closing.source", "", f"meter {meter.address} needs a reading at the start of {on}")
    if closing.source == "remote":
        remote_index(session, meter, on)
    else:
        _check_index(session, meter, closing.litres or 0, on)


def remote_index(session: Session, meter: Meter, on: date) -> Index:
    """The valid telegram reading nearest to the start of a day; :class:`RegisterError` where none is near."""
    at_ms = midnight_ms(on)
    rows = select(Reading.litres, Reading.at_ms, Reading.kind, Reading.revision).where(
        Reading.utility_id == meter.utility_id,
        Reading.meter_id == meter.id,
        Reading.kind.in_(_MACHINE),
        Reading.status == ReadingStatus.VALID,
        Reading.at_ms.between(at_ms - REMOTE_DAYS * DAY_MS, at_ms + REMOTE_DAYS * DAY_MS),
    )
    found = session.execute(rows.order_by(func.abs(Reading.at_ms - at_ms), Reading.kind.desc()).limit(1)).first()
    if found is None:
        rule = f"meter {meter.address} sent none within {REMOTE_DAYS} days of {on}; read it or agree on an index"
        raise RegisterError("closing.source", "remote", rule)
    return Index(*found)


def take(session: Session, meter: Meter, closing: Closing, on: date, by: Change) -> Index:
    """Record the closing reading at the start of a day, or find the telegram that is it."""
    if closing.source == "remote":
        return remote_index(session, meter, on)
    at_ms, kind, litres = midnight_ms(on), KINDS[closing.source], closing.litres or 0
    revision = _next_revision(session, meter, at_ms, kind)
    record_reading(session, meter, at_ms, kind, litres, by.at, revision=revision)
    return Index(litres, at_ms, kind, revision)


def _check_index(session: Session, meter: Meter, litres: int, on: date) -> None:
    if litres >= meter.modulus_litres:
        raise RegisterError("closing.litres", litres, f"meter {meter.address} shows at most {meter.modulus_litres - 1}")
    before = _neighbour(session, meter, midnight_ms(on), later=False)
    if before is not None and (litres - before.litres) % meter.modulus_litres > meter.modulus_litres // _TENTH:
        day = local_day(before.at_ms)
        raise RegisterError("closing.litres", litres, f"lies below the {before.litres} litres read on {day}")
    after = _neighbour(session, meter, midnight_ms(on), later=True)
    if after is not None and (after.litres - litres) % meter.modulus_litres > meter.modulus_litres // _TENTH:
        day = local_day(after.at_ms)
        raise RegisterError("closing.litres", litres, f"lies above the {after.litres} litres read on {day}")


def _neighbour(session: Session, meter: Meter, at_ms: int, *, later: bool) -> Index | None:
    """The nearest valid reading before an instant (or at it), or after it."""
    side = Reading.at_ms > at_ms if later else Reading.at_ms <= at_ms
    order = Reading.at_ms if later else Reading.at_ms.desc()
    rows = select(Reading.litres, Reading.at_ms, Reading.kind, Reading.revision).where(
        Reading.utility_id == meter.utility_id,
        Reading.meter_id == meter.id,
        Reading.kind.not_in(_NOT_READ),
        Reading.status == ReadingStatus.VALID,
        side,
    )
    found = session.execute(rows.order_by(order, Reading.revision.desc()).limit(1)).first()
    return Index(*found) if found else None


def _next_revision(session: Session, meter: Meter, at_ms: int, kind: ReadingKind) -> int:
    last = session.scalar(
        select(func.max(Reading.revision)).where(
            Reading.utility_id == meter.utility_id,
            Reading.at_ms == at_ms,
            Reading.meter_id == meter.id,
            Reading.kind == int(kind),
        )
    )
    return 0 if last is None else last + 1
